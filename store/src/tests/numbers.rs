//! DECIMAL, COUNTER, REAL and generated ids: exact at their limits, and one form for one value.

use tandem_protocol::decimal::Decimal;
use tandem_protocol::op::{Action, CellColumn, Mode, Op, RowGroup};
use tandem_protocol::value::Value;

use super::{Site, assert_equal, pull, sync, two};
use crate::Written;
use crate::writer::LocalWork;

/// Both sites show these rows, and would from the log alone.
fn both_show(a: &Site, b: &Site, sql: &str, rows: &[&str]) {
    sync(a, b);
    for site in [a, b] {
        assert_eq!(site.rows(sql), rows);
        site.verify();
        site.space.rebuild_view().unwrap();
        assert_eq!(site.rows(sql), rows, "made anew");
    }
    assert_equal(a, b);
}

fn kinds(site: &Site) -> Vec<String> {
    let of = |conflict: tandem_protocol::conflict::Conflict| {
        format!("{} {}", conflict.kind.name(), conflict.columns.join(","))
    };
    site.space.conflicts().all().unwrap().into_iter().map(of).collect()
}

const STOCK: &str = "CREATE TABLE stock (id INTEGER PRIMARY KEY, n COUNTER, phone TEXT,
  due COUNTER(5,2), debt COUNTER(20,2))";

#[test]
fn a_counter_is_exact_beyond_what_it_can_show() {
    for (start, away, back, shown) in [
        ("9223372036854775800", "n + 7", "n - 10", "9223372036854775804"),
        ("-9223372036854775801", "n - 7", "n + 10", "-9223372036854775805"),
    ] {
        let (a, b) = two(STOCK);
        a.write(&format!("INSERT INTO stock (id, n) VALUES (1, {start})"));
        sync(&a, &b);
        a.write(&format!("UPDATE stock SET n = {away}"));
        b.write(&format!("UPDATE stock SET n = {away}"));
        sync(&a, &b);
        assert_eq!(kinds(&a), ["check n COUNTER"]);
        a.write(&format!("UPDATE stock SET n = {back}"));
        both_show(&a, &b, "SELECT n FROM stock", &[shown]);
        assert!(kinds(&b).is_empty());
    }
}

#[test]
fn a_stock_take_shows_what_was_counted_also_after_saturation() {
    let (a, b) = two(STOCK);
    a.write("INSERT INTO stock (id, n, debt) VALUES (1, -9223372036854775808, 0)");
    sync(&a, &b);
    for site in [&a, &b] {
        site.write("UPDATE stock SET n = exactly(9223372036854775807)");
        site.write("UPDATE stock SET n = -9223372036854775808");
        site.write("UPDATE stock SET n = 9223372036854775807");
    }
    sync(&a, &b);
    b.write("UPDATE stock SET n = exactly(7)");
    both_show(&a, &b, "SELECT n FROM stock", &["7"]);
    a.write("UPDATE stock SET n = exactly(-9223372036854775808)");
    both_show(&a, &b, "SELECT n FROM stock", &["-9223372036854775808"]);
}

#[test]
fn null_remembers_what_was_counted_before_it() {
    let (a, b) = two(STOCK);
    a.write("INSERT INTO stock (id, n) VALUES (1, 5)");
    a.write("UPDATE stock SET n = n - 7");
    sync(&a, &b);
    a.write("UPDATE stock SET n = NULL");
    both_show(&a, &b, "SELECT n FROM stock", &["NULL"]);
    // What did not know of the NULL still counts.
    b.write("UPDATE stock SET n = 4");
    sync(&a, &b);
    a.write("UPDATE stock SET n = NULL");
    b.write("UPDATE stock SET n = n + 2");
    both_show(&a, &b, "SELECT n FROM stock", &["2"]);
    a.write("DELETE FROM stock");
    a.write("INSERT INTO stock (id) VALUES (1)");
    both_show(&a, &b, "SELECT n FROM stock", &["NULL"]);
}

#[test]
fn an_insert_without_a_value_is_zero_where_the_column_says_so() {
    let (a, b) = two("CREATE TABLE t (id INTEGER PRIMARY KEY, x COUNTER, y COUNTER DEFAULT 0,
        z COUNTER NOT NULL, m COUNTER(9,2) NOT NULL, d COUNTER(20,2) NOT NULL)");
    a.write("INSERT INTO t (id) VALUES (1)");
    b.write("INSERT INTO t (id) VALUES (2)");
    both_show(&a, &b, "SELECT * FROM t ORDER BY id", &["1|NULL|0|0|0|0.00", "2|NULL|0|0|0|0.00"]);
    a.write("UPDATE t SET z = z + 1, m = m + 0.5, d = decimal_add(d, '0.25') WHERE id = 1");
    both_show(&a, &b, "SELECT z, m, d FROM t WHERE id = 1", &["1|0.5|0.25"]);
    assert_eq!(a.refused("UPDATE t SET z = NULL").code, "constraint_not_null");
}

#[test]
fn digits_broken_by_a_merge_are_listed_and_never_block_the_cure() {
    let (a, b) = two(STOCK);
    a.write("INSERT INTO stock (id, due) VALUES (1, 900)");
    sync(&a, &b);
    a.write("UPDATE stock SET due = due + 60");
    b.write("UPDATE stock SET due = due + 80");
    both_show(&a, &b, "SELECT due FROM stock", &["1040"]);
    assert_eq!((kinds(&a), kinds(&b)), (vec!["check due COUNTER(5,2)".into()], kinds(&a)));
    a.write("UPDATE stock SET phone = '0123'");
    assert_eq!(a.refused("UPDATE stock SET due = due + 1").code, "type_mismatch");
    assert_eq!(a.refused("UPDATE stock SET due = -1041").code, "type_mismatch");
    b.write("UPDATE stock SET due = due - 30");
    both_show(&a, &b, "SELECT due, phone FROM stock", &["1010|0123"]);
    assert_eq!(kinds(&a), ["check due COUNTER(5,2)"]);
    a.write("UPDATE stock SET due = due - 30");
    both_show(&a, &b, "SELECT due FROM stock", &["980"]);
    assert!(kinds(&a).is_empty());
    assert_eq!(a.refused("UPDATE stock SET due = 1000").code, "type_mismatch");
}

#[test]
fn thirty_eight_digits_are_kept() {
    let (a, b) =
        two("CREATE TABLE t (id INTEGER PRIMARY KEY, d DECIMAL(38,2), i DECIMAL(18,0), c COUNTER(38,0),
        j COUNTER(18,0))");
    let nines = "9".repeat(36);
    a.write(&format!(
        "INSERT INTO t VALUES (1, '{nines}.985', 123456789012345678, '{nines}', 999999999999999999)"
    ));
    sync(&a, &b);
    a.write("UPDATE t SET c = decimal_add(c, 1), j = j - 1");
    b.write("UPDATE t SET c = decimal_add(c, '-3'), j = j - 1, i = i + 1");
    let shown = format!("{nines}.98|text|123456789012345679|integer|{}7|999999999999999997", "9".repeat(35));
    both_show(&a, &b, "SELECT d, typeof(d), i, typeof(i), c, j FROM t", &[&shown]);
    // Floating point would lose digits, unseen.
    for sql in ["UPDATE t SET c = c - 1", "UPDATE t SET d = 12345678901234567890.5"] {
        let refusal = a.refused(sql);
        assert!(refusal.code == "type_mismatch" && refusal.is_by(&["value_imprecise"]), "{refusal:?}");
    }
    a.write("UPDATE t SET d = 12.345");
    both_show(&a, &b, "SELECT d FROM t", &["12.34"]);
    let sum = "SELECT decimal_sum(c), max(decimal_key(c)) = decimal_key(max(c)) FROM t";
    assert_eq!(a.rows(sum), [format!("{}7|1", "9".repeat(35))]);
}

#[test]
fn a_check_sees_long_decimals_as_numbers() {
    let (a, b) = two("CREATE TABLE t (id INTEGER PRIMARY KEY, d DECIMAL(20,2) CHECK (d >= 0 AND d < 100))");
    a.write("INSERT INTO t VALUES (1, 5), (2, '20.5')");
    assert_eq!(a.refused("UPDATE t SET d = -0.5").code, "constraint_check");
    assert_eq!(a.refused("UPDATE t SET d = '100'").code, "constraint_check");
    both_show(&a, &b, "SELECT d FROM t", &["5.00", "20.50"]);
    assert!(kinds(&b).is_empty());
}

#[test]
fn a_decimal_in_a_key_has_one_form() {
    let (a, b) = two("CREATE TABLE rate (p DECIMAL(5,2) PRIMARY KEY, v TEXT);
        CREATE TABLE long (p DECIMAL(20,2) PRIMARY KEY, v TEXT);
        CREATE TABLE both (p DECIMAL(5,2), q DECIMAL(17,0), r TEXT, v TEXT, PRIMARY KEY (p, q, r));
        CREATE TABLE kid (id INTEGER PRIMARY KEY, rate DECIMAL(5,2) REFERENCES rate, long DECIMAL(20,2) REFERENCES long)");
    a.write("INSERT INTO rate VALUES (1.5, 'a'), (2, 'b'), (0.1 + 0.2, 'c'), ('7.125', 'd')");
    a.write("INSERT INTO long VALUES (1.5, 'a'), ('123456789012345678.9', 'b')");
    a.write("INSERT INTO both VALUES (1.5, 17, 'x', 'a'), (1.5, 18, 'x', 'b')");
    a.write("INSERT INTO kid VALUES (1, 1.5, '1.50'), (2, 7.12, '123456789012345678.90')");
    both_show(&a, &b, "SELECT p, v FROM rate ORDER BY p", &["0.3|c", "1.5|a", "2|b", "7.12|d"]);
    b.write("UPDATE rate SET v = 'z' WHERE p = 1.5");
    a.write("DELETE FROM rate WHERE p = 2");
    b.write("UPDATE both SET v = 'z' WHERE q = 17");
    a.write("DELETE FROM both WHERE q = 18");
    b.write("UPDATE long SET v = 'z' WHERE p = '1.50'");
    both_show(&a, &b, "SELECT p, v FROM rate ORDER BY p", &["0.3|c", "1.5|z", "7.12|d"]);
    both_show(&a, &b, "SELECT * FROM both", &["1.5|17|x|z"]);
    both_show(&a, &b, "SELECT * FROM long ORDER BY decimal_key(p)", &["1.50|z", "123456789012345678.90|b"]);
    assert_eq!(
        a.refused("INSERT INTO rate VALUES (0.30000000000000004, 'again')").code,
        "constraint_primary_key"
    );
    // The child keeps its parent, whoever deletes it.
    assert!(a.refused("DELETE FROM long").code.starts_with("constraint"));
}

#[test]
fn a_row_deleted_and_inserted_in_one_transaction_is_a_new_row() {
    let (a, b) =
        two("CREATE TABLE t (p DECIMAL(5,2) PRIMARY KEY, n COUNTER, x TEXT DEFAULT 'new', note RICHTEXT)");
    a.write("INSERT INTO t VALUES (1, 10, 'old', 'note')");
    a.write("UPDATE t SET n = n + 5");
    sync(&a, &b);
    for key in ["1", "'1.004'"] {
        // One that does not know of it edits the old row.
        b.write("UPDATE t SET n = n + 1, note = note || ' edited'");
        a.try_write(&[
            ("DELETE FROM t", vec![]),
            (&format!("INSERT INTO t (p, n, note) VALUES ({key}, 3, 'note')"), vec![]),
        ])
        .unwrap();
        both_show(&a, &b, "SELECT p, n, x, note FROM t", &["1|4|new|note"]);
    }
    // The same values are written anew all the same.
    let before = a.space.end();
    a.try_write(&[("DELETE FROM t", vec![]), ("INSERT INTO t (p, n, note) VALUES (1, 4, 'note')", vec![])])
        .unwrap();
    assert_eq!(a.space.end(), before + 1);
    both_show(&a, &b, "SELECT p, n, x, note FROM t", &["1|4|new|note"]);
}

#[test]
fn infinities_are_refused_as_nan_is() {
    let (a, _) = two("CREATE TABLE t (id INTEGER PRIMARY KEY, r REAL)");
    for number in ["1e309", "-1e309", "1e308 * 10"] {
        assert_eq!(a.refused(&format!("INSERT INTO t VALUES (1, {number})")).code, "type_mismatch");
    }
    a.write("INSERT INTO t VALUES (1, 1.7976931348623157e308)");
}

#[test]
fn what_is_not_in_the_form_of_its_column_is_not_understood() {
    let (a, b) = two("CREATE TABLE t (p DECIMAL(5,2) PRIMARY KEY, r REAL, d DATE, n COUNTER(5,2))");
    let decimal = |mantissa, scale| Value::Decimal(Decimal { mantissa, scale });
    let row = |key: Value, column: &str, value: Value| {
        let table = &a.space.schema().table("t").unwrap().shown.clone();
        let id = table.column(column).unwrap().id();
        Op::Rows(RowGroup {
            table: table.name.clone(),
            table_id: table.id(),
            action: Action::Insert,
            columns: vec![CellColumn { name: column.to_owned(), id, mode: Mode::Set }],
            keys: vec![vec![key]],
            cells: vec![vec![value]],
            times: vec![],
        })
    };
    let ops = [
        row(Value::Real(1.5), "r", Value::Real(1.0)),
        row(decimal(15, 1), "r", Value::Real(1.0)),
        row(decimal(100_000, 2), "r", Value::Real(1.0)),
        row(decimal(1, 2), "r", Value::Real(f64::INFINITY)),
        row(decimal(2, 2), "d", Value::Text("2025-1-1".into())),
        row(decimal(3, 2), "n", Value::Blob(vec![0, 2, 0])),
    ];
    let count = ops.len();
    for op in ops {
        let work = LocalWork::Ops(vec![op]);
        let _written: Written = a.space.wait(|reply| a.space.local(work, reply)).unwrap();
    }
    pull(&b, &a);
    for site in [&a, &b] {
        assert_eq!((site.space.status().parked, site.rows("SELECT * FROM t").len()), (count as u64, 0));
    }
}

#[test]
fn ids_are_never_given_twice() {
    let (a, b) = two("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
    let next = |site: &Site| {
        site.write("INSERT INTO t (x) VALUES ('n')");
        site.rows("SELECT id FROM t WHERE x = 'n' ORDER BY id DESC LIMIT 1").remove(0).parse::<i64>().unwrap()
    };
    for typed in ["4503599627370495", "4006381333931", "9223372036854775807", "-5", "4503599627370496"] {
        a.write(&format!("INSERT INTO t VALUES ({typed}, 'typed')"));
    }
    let (first, second) = (next(&a), next(&a));
    assert!(first < 4096 && first < second && second < 4096, "{first} {second}");
    // A typed one that would come up, whether it is still there or not, also after a restart.
    let typed: Vec<i64> = [3, 4].map(|ahead| second + ahead * 1024 * 1024).to_vec();
    typed.iter().for_each(|id| {
        a.write(&format!("INSERT INTO t VALUES ({id}, 'typed')"));
    });
    a.write(&format!("DELETE FROM t WHERE id = {}", typed[0]));
    let a = a.reopen();
    let ids = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
        INSERT INTO t (x) SELECT 'many' FROM n";
    a.write(ids);
    let given = |id: i64| a.rows(&format!("SELECT x FROM t WHERE id = {id}"));
    assert_eq!((given(typed[0]), given(typed[1])), (vec![], vec!["typed".to_owned()]));
    assert_eq!(a.rows("SELECT count(*) FROM t WHERE x = 'many'"), ["5000"]);
    sync(&a, &b);
    assert!(next(&b) < 100_000_000);
}

/// A row that is older than a column shows its default. To change something else in it changes nothing of
/// that, in the log, in the view and in what is compared with other sites.
#[test]
fn a_column_added_later_is_not_changed_by_changes_of_others() {
    let numbers = ["0", "5", "-5", "1.5", "-0.5", "1000000"];
    let of = |kind: &'static str, defaults: &[&'static str]| -> Vec<String> {
        defaults.iter().map(|default| format!("{kind} NOT NULL DEFAULT {default}")).collect()
    };
    let whole = ["0", "5", "-5"];
    let texts = ["''", "'5'", "'5.0'", "'n'"];
    let mut columns = vec!["COUNTER NOT NULL".to_owned(), "COUNTER(9,2) NOT NULL".into(), "TEXT".into()];
    columns.extend(of("REAL", &numbers));
    columns.extend(of("DECIMAL(9,2)", &numbers));
    columns.extend(of("DECIMAL(38,4)", &numbers));
    columns.extend(of("COUNTER(9,2)", &numbers));
    columns.extend(of("COUNTER(30,2)", &numbers));
    columns.extend(of("COUNTER", &whole));
    columns.extend(of("INTEGER", &whole));
    columns.extend(of("BOOLEAN", &["0", "1"]));
    columns.extend(of("TEXT", &texts));
    columns.extend(of("QUIET", &texts));
    columns.extend(of("BLOB", &["x''", "x'00ff'"]));
    columns.extend(of("DATE", &["'2026-01-31'"]));
    columns.extend(of("TIMESTAMP", &["'2026-01-31 08:00:00'", "'2026-01-31 08:00:00.5'"]));
    columns.extend(of("JSON", &["'{\"a\":1}'"]));
    let (a, b) = two("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
    a.write("INSERT INTO t VALUES (1, 'one'), (2, NULL)");
    b.write("INSERT INTO t VALUES (3, NULL)");
    sync(&a, &b);
    for (at, column) in columns.iter().enumerate() {
        let sql = format!("ALTER TABLE t ADD COLUMN c{at} {column}");
        let _declared: Written = a.space.wait(|reply| a.space.apply_schema(&sql, reply)).unwrap();
        sync(&a, &b);
        b.write(&format!("UPDATE t SET x = '{at}' WHERE id < 3"));
        let entry = b.space.log().entry(b.space.end() - 1).unwrap().unwrap();
        let [Op::Rows(group)] = entry.transaction.ops.as_slice() else { panic!("{column}: {entry:?}") };
        let written: Vec<&str> = group.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(written, ["x"], "{column}");
        sync(&a, &b);
        assert_equal(&a, &b);
    }
    for site in [&a, &b] {
        site.verify();
    }
}
