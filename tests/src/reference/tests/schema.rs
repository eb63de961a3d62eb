//! Schemas that grew apart, and ops that nobody understands.

use tandem_protocol::op::{Action, Mode, Op, RowGroup};
use tandem_protocol::schema::{SchemaOp, TableId};
use tandem_protocol::value::Value;

use super::log::{TestLog, add, cents, set};

const T: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, n COUNTER, d DECIMAL(9,2))";

fn group(op: Op) -> RowGroup {
    let Op::Rows(group) = op else { unreachable!() };
    group
}

/// A log like `log`, declared by somebody who knew only the first transaction.
fn apart(log: &TestLog, sql: &str) -> Vec<Op> {
    let mut alone = TestLog::new(T);
    assert_eq!(alone.schema.tables().count(), 1);
    alone.declare('a', sql);
    assert_eq!(log.transactions[0].ops, alone.transactions[0].ops);
    alone.transactions[1].ops.clone()
}

#[test]
fn of_two_definitions_the_first_is_shown_until_somebody_chooses() {
    let mut log = TestLog::new(T);
    let (text, number) =
        (apart(&log, "ALTER TABLE t ADD COLUMN y TEXT"), apart(&log, "ALTER TABLE t ADD COLUMN y INTEGER"));
    let [Op::Schema(SchemaOp::AddColumn { column, .. })] = &number[..] else { panic!("{number:?}") };
    let of_number = column.id();
    log.at(2001).write('b', text);
    log.insert('b', "t", 1, [set("y", "text")]);
    assert_eq!(log.shown("t"), ["1|NULL|NULL|NULL|text"]);
    log.at(2000).write('c', number);
    let mut of_c = group(log.row(Action::Insert, "t", 2, [set("y", 7)]));
    of_c.columns[0].id = of_number;
    log.write('c', vec![Op::Rows(of_c)]);
    // As many wrote by the one as by the other. What was written to the other is understood, and not
    // shown.
    assert_eq!(log.shown("t"), ["1|NULL|NULL|NULL|NULL", "2|NULL|NULL|NULL|7"]);
    assert_eq!(log.conflicts(), ["schema t().y: c=INTEGER b=TEXT"]);
    assert_eq!(log.fold().parked, 0);
    let table = log.schema.table("t").unwrap();
    let looked_at = table.columns_named("y");
    let choice = SchemaOp::ChooseColumn {
        table: "t".into(),
        table_id: table.id(),
        name: "y".into(),
        column: looked_at[1],
        looked_at,
    };
    log.tell_all();
    log.write('d', vec![Op::Schema(choice)]);
    assert_eq!(log.shown("t"), ["1|NULL|NULL|NULL|text", "2|NULL|NULL|NULL|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn two_tables_of_one_name_are_shown_side_by_side() {
    let mut log = TestLog::new(T);
    let (first, second) = (
        apart(&log, "CREATE TABLE u (id INTEGER PRIMARY KEY, x TEXT)"),
        apart(&log, "CREATE TABLE u (id TEXT PRIMARY KEY, x TEXT)"),
    );
    log.at(2000).write('b', first);
    let of_b = log.row(Action::Insert, "u", 1, [set("x", "x")]);
    log.write('b', vec![of_b]);
    log.at(1999).write('c', second);
    // Somebody wrote by the one, nobody by the other, which is the first by the clock.
    assert_eq!((log.shown("u"), log.shown("u (2)")), (vec!["1|x".to_owned()], vec![]));
    log.insert('c', "u (2)", "one", [set("x", "x")]);
    assert_eq!((log.shown("u"), log.shown("u (2)")), (vec!["one|x".to_owned()], vec!["1|x".to_owned()]));
    assert_eq!(log.fold().parked, 0);
    assert_eq!(log.conflicts(), ["schema u(): c=PRIMARY KEY (id TEXT) b=PRIMARY KEY (id INTEGER)"]);
    let looked_at = log.schema.tables_named("u");
    log.tell_all();
    log.write(
        'd',
        vec![Op::Schema(SchemaOp::ChooseTable { name: "u".into(), table_id: looked_at[1], looked_at })],
    );
    assert_eq!((log.shown("u"), log.shown("u (2)")), (vec!["1|x".to_owned()], vec!["one|x".to_owned()]));
    assert!(log.conflicts().is_empty());
}

#[test]
fn what_is_not_understood_is_parked_whole() {
    let mut log = TestLog::new(T);
    log.insert('a', "t", 1, [set("x", "x")]);
    let op = |cell| group(log.row(Action::Update, "t", 1, [set("x", "parked"), cell]));
    let good = op(set("n", 1));
    let mut no_table = good.clone();
    no_table.table_id = TableId([7; 16]);
    let mut no_column = good.clone();
    no_column.columns[1].id.0[0] ^= 1;
    let mut long_key = good.clone();
    long_key.keys.push(vec![Value::Integer(1)]);
    let mut text_key = good.clone();
    text_key.keys = vec![vec![Value::Text("1".into())]];
    let mut null_key = good.clone();
    null_key.keys = vec![vec![Value::Null]];
    let mut two_rows = good.clone();
    two_rows.keys[0].push(Value::Integer(2));
    two_rows.cells[0].push(Value::Text("parked too".into()));
    two_rows.cells[1].push(Value::Text("no number".into()));
    let bad = [
        no_table,
        no_column,
        long_key,
        text_key,
        null_key,
        two_rows,
        op(set("n", "text")),
        op(add("n", Value::Null)),
        op(add("d", cents(1))),
        op(set("d", 1)),
        op(set("d", cents(1_000_000_000_000_000))),
        op(("n", Mode::Change, Value::Blob(vec![0; 16]))),
        op(("n", Mode::Fresh, Value::Integer(1))),
    ];
    for (at, group) in bad.into_iter().enumerate() {
        log.write('a', vec![Op::Rows(group)]);
        assert_eq!(log.fold().parked, at + 1);
    }
    assert_eq!(log.shown("t"), ["1|x|NULL|NULL"]);
    let parked = log.fold().parked;
    log.write('a', vec![Op::Unknown { kind: 99, body: vec![1] }, Op::Rows(good)]);
    assert_eq!(log.shown("t"), ["1|parked|1|NULL"], "the other ops of a transaction count");
    assert_eq!(log.fold().parked, parked + 1);
}

#[test]
fn what_comes_before_its_schema_is_understood_with_it() {
    let mut log = TestLog::new(T);
    let column = apart(&log, "ALTER TABLE t ADD COLUMN y TEXT");
    log.write('b', column.clone());
    log.insert('b', "t", 1, [set("y", "y")]);
    let declared = log.transactions.remove(1);
    assert_eq!(log.transactions.len(), 2);
    assert_eq!(log.fold().parked, 1);
    log.transactions.push(declared);
    assert_eq!(log.fold().parked, 0);
    assert_eq!(log.shown("t"), ["1|NULL|NULL|NULL|y"]);
}

#[test]
fn an_empty_table_is_shown_as_such() {
    let log = TestLog::new(T);
    let expected = log.fold();
    assert!(expected.tables["t"].is_empty());
    assert_eq!(expected.fingerprints["t"].0, 0);
    assert_eq!(expected.conflict_fingerprint.0, 0);
}
