//! Ops that this program or schema does not understand: kept, relayed, and applied once they are.

use tandem_protocol::op::{Action, CellColumn, Mode, Op, RowGroup};
use tandem_protocol::schema::{Schema, SchemaOp, ddl};
use tandem_protocol::value::Value;

use super::{Site, pull, two};
use crate::Written;
use crate::writer::LocalWork;

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);";

/// Records ops as another version of the program could.
fn record(site: &Site, ops: Vec<Op>) {
    let _written: Written = site.space.wait(|reply| site.space.local(LocalWork::Ops(ops), reply)).unwrap();
}

/// The schema op that adds `sql` to what a site has.
fn planned(site: &Site, sql: &str) -> Vec<SchemaOp> {
    ddl::plan(sql, &site.space.schema()).unwrap()
}

/// An insert of one row that names a column by its definition in `schema`.
fn insert(schema: &Schema, table: &str, id: i64, column: &str, value: Value) -> Op {
    let table = &schema.table(table).unwrap().shown;
    let column = table.column(column).unwrap();
    Op::Rows(RowGroup {
        table: table.name.clone(),
        table_id: table.id(),
        action: Action::Insert,
        columns: vec![CellColumn { name: column.name.clone(), id: column.id(), mode: Mode::Set }],
        keys: vec![vec![Value::Integer(id)]],
        cells: vec![vec![value]],
        times: vec![],
    })
}

/// The schema of a site once it has taken in more.
fn grown(site: &Site, ops: &[SchemaOp]) -> Schema {
    let mut schema = (*site.space.schema()).clone();
    schema.add_next(ops);
    schema.rejudge();
    schema
}

#[test]
fn an_op_of_an_unknown_kind_is_kept_and_relayed_and_stops_nothing() {
    let (a, b) = two(SCHEMA);
    let c = Site::member(&a, "c");
    record(&a, vec![Op::Unknown { kind: 999, body: b"from the future".to_vec() }]);
    // Known kinds that say what cannot be read yet.
    record(&a, vec![Op::Unknown { kind: 1, body: vec![9; 40] }, Op::Unknown { kind: 2, body: vec![200; 9] }]);
    a.write("INSERT INTO items (id, name) VALUES (1, 'after it')");
    pull(&b, &a);
    pull(&c, &b);
    for site in [&a, &b, &c] {
        assert_eq!(site.rows("SELECT name FROM items"), ["after it"]);
        assert_eq!(site.space.status().parked, 3);
        assert_eq!(site.space.vector(), a.space.vector());
        site.verify();
    }
    let c = c.reopen();
    assert_eq!(c.space.status().parked, 3);
}

#[test]
fn what_a_newer_schema_explains_is_applied_then() {
    let (a, b) = two(SCHEMA);
    let added = planned(
        &a,
        "ALTER TABLE items ADD COLUMN price DECIMAL(9,2); CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT)",
    );
    let schema = grown(&a, &added);
    let price = Value::Decimal(tandem_protocol::decimal::Decimal { mantissa: 1250, scale: 2 });
    // The rows come first: what explains them was not understood where they were written.
    record(
        &a,
        vec![
            insert(&schema, "items", 5, "price", price),
            insert(&schema, "rooms", 6, "name", Value::Text("12".into())),
        ],
    );
    a.write("INSERT INTO items (id, name) VALUES (1, 'known')");
    pull(&b, &a);
    assert_eq!(b.rows("SELECT * FROM items"), ["1|known"]);
    assert_eq!(b.space.status().parked, 2);
    record(&a, added.into_iter().map(Op::Schema).collect());
    pull(&b, &a);
    for site in [&a, &b] {
        assert_eq!(
            site.rows("SELECT id, name, price FROM items ORDER BY id"),
            ["1|known|NULL", "5|NULL|12.5"]
        );
        assert_eq!(site.rows("SELECT id, name FROM rooms"), ["6|12"]);
        assert_eq!(site.space.status().parked, 0);
        site.verify();
    }
    assert_eq!(a.space.status().tables, b.space.status().tables);
}

#[test]
fn a_value_that_its_column_cannot_hold_is_parked_alone() {
    let (a, b) = two(SCHEMA);
    let schema = (*a.space.schema()).clone();
    record(
        &a,
        vec![
            insert(&schema, "items", 7, "name", Value::Integer(3)),
            insert(&schema, "items", 8, "name", Value::Text("fits".into())),
        ],
    );
    pull(&b, &a);
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT id FROM items"), ["8"]);
        assert_eq!(site.space.status().parked, 1);
        site.verify();
    }
}
