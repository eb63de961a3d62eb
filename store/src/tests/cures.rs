//! The cure is never blocked: a row that breaks a rule because of a merge can be changed in every way
//! that does not make it worse, and what is chosen in a conflict is refused by no rule.

use tandem_protocol::conflict::ConflictKind;
use tandem_protocol::op::{Action, CellColumn, Mode, Op, RowGroup};
use tandem_protocol::value::Value;

use super::conflicts::{open, resolve, version};
use super::{Site, pull, sync};
use crate::writer::LocalWork;
use crate::{Choice, WriteError, Written};

const SCHEMA: &str = "
CREATE TABLE up (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE t (id INTEGER PRIMARY KEY, phone TEXT, must TEXT NOT NULL DEFAULT '-', low INTEGER DEFAULT 0,
  high INTEGER DEFAULT 9, code TEXT UNIQUE, up INTEGER REFERENCES up, due COUNTER(5,2) DEFAULT 0,
  stock COUNTER DEFAULT 5, price DECIMAL(5,2), extra TEXT, CHECK (low <= high), CHECK (stock >= 0),
  CHECK (extra IS NULL OR json_extract(extra, '$.a') <> 'x'));
";

/// Sets a cell of row 1 as another version of the program could, by no rule of this one.
fn record(site: &Site, column: &str, value: Value) {
    let schema = site.space.schema();
    let table = &schema.table("t").unwrap().shown;
    let column = table.column(column).unwrap();
    let op = Op::Rows(RowGroup {
        table: table.name.clone(),
        table_id: table.id(),
        action: Action::Update,
        columns: vec![CellColumn { name: column.name.clone(), id: column.id(), mode: Mode::Set }],
        keys: vec![vec![Value::Integer(1)]],
        cells: vec![vec![value]],
        times: vec![],
    });
    let _written: Written =
        site.space.wait(|reply| site.space.local(LocalWork::Ops(vec![op]), reply)).unwrap();
}

/// How a rule comes to be broken by row 1, and statements that mend it or come nearer.
struct Breach {
    name: &'static str,
    a: fn(&Site),
    b: fn(&Site),
    cures: &'static [&'static str],
    /// What makes it worse, or breaks it anew once it is whole.
    refused: &'static [&'static str],
}

const BREACHES: &[Breach] = &[
    Breach {
        name: "NOT NULL",
        a: |a| record(a, "must", Value::Null),
        b: |_| {},
        cures: &["UPDATE t SET must = 'x' WHERE id = 1"],
        refused: &["UPDATE t SET must = NULL WHERE id = 1"],
    },
    Breach {
        name: "CHECK of two cells",
        a: |a| a.space_write("UPDATE t SET low = 8 WHERE id = 1"),
        b: |b| b.space_write("UPDATE t SET high = 3 WHERE id = 1"),
        cures: &["UPDATE t SET low = 6 WHERE id = 1", "UPDATE t SET high = 7 WHERE id = 1"],
        refused: &["UPDATE t SET low = 20 WHERE id = 1"],
    },
    Breach {
        name: "CHECK of a counter",
        a: |a| a.space_write("UPDATE t SET stock = stock - 4 WHERE id = 1"),
        b: |b| b.space_write("UPDATE t SET stock = stock - 3 WHERE id = 1"),
        cures: &[
            "UPDATE t SET stock = stock + 1 WHERE id = 1",
            "UPDATE t SET stock = exactly(2) WHERE id = 1",
        ],
        refused: &["UPDATE t SET stock = stock - 9 WHERE id = 1"],
    },
    Breach {
        name: "CHECK that cannot be evaluated",
        a: |a| record(a, "extra", Value::Text("no JSON".into())),
        b: |_| {},
        cures: &["UPDATE t SET extra = '{}' WHERE id = 1"],
        refused: &["UPDATE t SET extra = '{\"a\": \"x\"}' WHERE id = 1"],
    },
    Breach {
        name: "digits",
        a: |a| a.space_write("UPDATE t SET due = due + 600 WHERE id = 1"),
        b: |b| b.space_write("UPDATE t SET due = due + 900 WHERE id = 1"),
        cures: &["UPDATE t SET due = due - 30 WHERE id = 1", "UPDATE t SET due = due - 900.50 WHERE id = 1"],
        refused: &["UPDATE t SET due = due + 4000 WHERE id = 1"],
    },
    Breach {
        name: "UNIQUE",
        a: |a| a.space_write("UPDATE t SET code = 'K' WHERE id = 1"),
        b: |b| b.space_write("UPDATE t SET code = 'K' WHERE id = 2"),
        cures: &["UPDATE t SET code = 'L' WHERE id = 1"],
        refused: &["UPDATE t SET code = 'K' WHERE id = 3", "UPDATE t SET code = 'L' WHERE id = 3"],
    },
    Breach {
        name: "a reference that leads nowhere",
        a: |a| record(a, "up", Value::Integer(99)),
        b: |_| {},
        cures: &["UPDATE t SET up = 1 WHERE id = 1"],
        refused: &["UPDATE t SET up = 98 WHERE id = 1"],
    },
    Breach {
        name: "a reference to a deleted row",
        a: |a| a.space_write("DELETE FROM up WHERE id = 2"),
        b: |b| b.space_write("UPDATE t SET up = 2 WHERE id = 1"),
        cures: &["UPDATE t SET up = 1 WHERE id = 1"],
        refused: &["UPDATE t SET up = 98 WHERE id = 1"],
    },
];

/// What has nothing to do with the rule.
const EDITS: &[&str] = &[
    "UPDATE t SET phone = 'new' WHERE id = 1",
    "UPDATE t SET phone = 'all'",
    "UPDATE t SET must = must, low = low, high = high, code = code, up = up, due = due, stock = stock, extra = extra, phone = 'same'",
    "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET phone = 'upsert'",
    "UPDATE OR IGNORE t SET phone = 'ignore' WHERE id = 1",
    "INSERT INTO t (id, code) VALUES (1, 'free') ON CONFLICT (id) DO UPDATE SET price = 3.25",
    "UPDATE OR REPLACE t SET phone = 'replace' WHERE id = 1",
];

fn broken(breach: &Breach) -> (Site, Site) {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    a.space_write("INSERT INTO up VALUES (1, 'x'), (2, 'y')");
    a.space_write("INSERT INTO t (id) VALUES (1), (2), (3)");
    pull(&b, &a);
    (breach.a)(&a);
    (breach.b)(&b);
    sync(&a, &b);
    (a, b)
}

#[test]
fn a_row_that_breaks_a_rule_can_be_changed_in_every_way_that_makes_it_no_worse() {
    for breach in BREACHES {
        let (a, b) = broken(breach);
        for sql in EDITS.iter().chain(breach.cures) {
            let written = a.try_write(&[(sql, vec![])]);
            let written = written.unwrap_or_else(|error| panic!("{}: {sql}: {error}", breach.name));
            assert!(written.dot.is_some(), "{}: {sql}", breach.name);
        }
        for sql in breach.refused {
            match a.try_write(&[(sql, vec![])]) {
                Err(WriteError::Refused(_)) => {}
                other => panic!("{}: {sql}: {other:?}", breach.name),
            }
        }
        sync(&a, &b);
        assert_eq!(open(&a, &b), [""; 0], "{}", breach.name);
        // And it can always be deleted.
        let (a, b) = broken(breach);
        a.write("DELETE FROM t WHERE id = 1");
        assert_eq!(open(&a, &b), [""; 0], "{}", breach.name);
    }
}

#[test]
fn the_deletion_of_a_row_that_others_refer_to_can_be_chosen() {
    for (action, lines, rest) in [
        ("", "1|7", &["reference items. 7"][..]),
        ("ON DELETE CASCADE", "", &[]),
        ("ON DELETE SET NULL", "1|NULL", &[]),
    ] {
        let a = Site::founder(&format!(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE lines (id INTEGER PRIMARY KEY, item INTEGER REFERENCES items {action});"
        ));
        let b = Site::member(&a, "b");
        a.write("INSERT INTO items VALUES (7, 'x')");
        pull(&b, &a);
        a.write("DELETE FROM items");
        let statements = [
            ("UPDATE items SET name = 'y' WHERE id = 7", vec![]),
            ("INSERT INTO lines VALUES (1, 7)", vec![]),
        ];
        b.try_write(&statements).unwrap();
        assert_eq!(open(&a, &b), ["deleted items. 7"]);
        let conflict = super::conflicts::only(&a);
        resolve(&a, &conflict, version(&conflict, "deleted"));
        assert_eq!(open(&a, &b), rest, "{action}");
        let lines: Vec<String> = (!lines.is_empty()).then(|| lines.to_owned()).into_iter().collect();
        assert_eq!(b.rows("SELECT * FROM lines"), lines, "{action}");
        assert_eq!(b.rows("SELECT id FROM items").len(), rest.len(), "{action}");
        // To have it gone all the same is refused with the reason, and to keep it ends it.
        if !rest.is_empty() {
            let conflict = super::conflicts::only(&b);
            assert_eq!(conflict.kind, ConflictKind::Reference);
            let refused = super::conflicts::refused(&b, &conflict, version(&conflict, "deleted"));
            assert_eq!(refused.code, "constraint_referenced");
            resolve(&b, &conflict, Choice::KeepAll);
            assert_eq!(open(&a, &b), [""; 0]);
        }
    }
}

#[test]
fn a_choice_is_refused_by_no_rule_and_what_it_breaks_is_listed() {
    let a = Site::founder(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE, low INTEGER, high INTEGER, stock COUNTER,
           CHECK (low <= high), CHECK (code IS NOT NULL), CHECK (stock >= 0))",
    );
    let b = Site::member(&a, "b");
    a.write("INSERT INTO t VALUES (1, 'A', 1, 9, 0)");
    pull(&b, &a);
    // One value breaks a CHECK with what was written since.
    a.write("UPDATE t SET low = 8");
    b.write("UPDATE t SET low = 2");
    b.write("UPDATE t SET high = 3");
    assert_eq!(open(&a, &b), ["register t.low 1"]);
    let conflict = super::conflicts::only(&a);
    let typed = super::conflicts::refused(&a, &conflict, Choice::Value(Value::Integer(8)));
    assert_eq!(typed.code, "constraint_check");
    resolve(&a, &conflict, version(&conflict, "8"));
    assert_eq!(open(&a, &b), ["check t.low <= high 1"]);
    a.write("UPDATE t SET low = 1");
    // To empty the other row's unique value breaks a CHECK.
    a.write("INSERT INTO t VALUES (2, 'B', 1, 9, 0)");
    b.write("INSERT INTO t VALUES (3, 'B', 1, 9, 0)");
    assert_eq!(open(&a, &b), ["unique t.code B"]);
    let conflict = super::conflicts::only(&b);
    resolve(&b, &conflict, version(&conflict, "2"));
    assert_eq!(open(&a, &b), ["check t.code IS NOT NULL 3"]);
    b.write("UPDATE t SET code = 'C' WHERE id = 3");
    assert_eq!(open(&a, &b), [""; 0]);
}
