//! References: judged when the transaction ends, and only what it newly breaks.

use tandem_protocol::value::Value;

use super::{Site, pull, sync};
use crate::{Params, Statement, Write, WriteError};

const SCHEMA: &str = "
CREATE TABLE parents (id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT);
CREATE TABLE plain (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents);
CREATE TABLE emptied (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents ON DELETE SET NULL,
  other INTEGER REFERENCES parents ON DELETE SET NULL, stock COUNTER DEFAULT 0);
CREATE TABLE gone (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents ON DELETE CASCADE);
CREATE TABLE below (id INTEGER PRIMARY KEY, gone INTEGER REFERENCES gone ON DELETE CASCADE);
CREATE TABLE staff (id INTEGER PRIMARY KEY, boss INTEGER NOT NULL REFERENCES staff);
CREATE TABLE eggs (id INTEGER PRIMARY KEY, hen INTEGER NOT NULL REFERENCES hens);
CREATE TABLE hens (id INTEGER PRIMARY KEY, egg INTEGER NOT NULL REFERENCES eggs DEFERRABLE INITIALLY DEFERRED);
";

fn site() -> Site {
    Site::founder(SCHEMA)
}

fn try_all(site: &Site, statements: &[&str]) -> Result<(), WriteError> {
    let statements: Vec<_> = statements.iter().map(|sql| (*sql, vec![])).collect();
    site.try_write(&statements).map(|_| ())
}

/// The refusal of a transaction: its code and what it says.
fn refusal(site: &Site, statements: &[&str]) -> (String, String) {
    match try_all(site, statements) {
        Err(WriteError::Refused(refusal)) => (refusal.code.to_owned(), refusal.to_string()),
        other => panic!("{statements:?}: {other:?}"),
    }
}

#[test]
fn in_one_transaction_rows_come_and_go_in_any_order() {
    for (name, before, statements) in [
        (
            "child before parent",
            "",
            &["INSERT INTO plain VALUES (1, 7)", "INSERT INTO parents (id) VALUES (7)"][..],
        ),
        (
            "boss after subordinate",
            "",
            &["INSERT INTO staff VALUES (1, 2)", "INSERT INTO staff VALUES (2, 2)"],
        ),
        (
            "a circle that may not be empty",
            "",
            &["INSERT INTO eggs VALUES (1, 2)", "INSERT INTO hens VALUES (2, 1)"],
        ),
        (
            "parent deleted before child",
            "INSERT INTO parents (id) VALUES (7); INSERT INTO plain VALUES (1, 7)",
            &["DELETE FROM parents", "DELETE FROM plain"],
        ),
        (
            "parent replaced by another",
            "INSERT INTO parents (id) VALUES (7); INSERT INTO plain VALUES (1, 7)",
            &["DELETE FROM parents", "INSERT INTO parents (id) VALUES (8)", "UPDATE plain SET parent = 8"],
        ),
        (
            "parent deleted and there again",
            "INSERT INTO parents (id) VALUES (7); INSERT INTO plain VALUES (1, 7)",
            &["DELETE FROM parents", "INSERT INTO parents (id, name) VALUES (7, 'again')"],
        ),
        (
            "parent replaced under its key",
            "INSERT INTO parents (id) VALUES (7); INSERT INTO plain VALUES (1, 7)",
            &["REPLACE INTO parents (id, name) VALUES (7, 'again')"],
        ),
        ("one statement, many rows", "", &["INSERT INTO staff VALUES (1, 3), (2, 1), (3, 2)"]),
        ("a circle goes at once", "INSERT INTO staff VALUES (1, 2), (2, 1)", &["DELETE FROM staff"]),
    ] {
        let site = site();
        before.split("; ").filter(|sql| !sql.is_empty()).for_each(|sql| site.space_write(sql));
        try_all(&site, statements).unwrap_or_else(|error| panic!("{name}: {error}"));
        site.verify();
    }
}

#[test]
fn what_leads_nowhere_at_the_end_is_refused_and_says_what_and_where() {
    let site = site();
    site.write("INSERT INTO parents (id, code) VALUES (7, 'a'), (8, 'b')");
    site.write("INSERT INTO plain VALUES (1, 7), (2, 7)");
    let nothing = "constraint_foreign_key";
    let referred = "constraint_referenced";
    for (statements, code, parts) in [
        (
            &["INSERT INTO plain VALUES (5, 99)"][..],
            nothing,
            ["column: parent", "id=5", "value: 99", "parents", "key: id"],
        ),
        (
            &["UPDATE plain SET parent = 98 WHERE id = 2"],
            nothing,
            ["column: parent", "id=2", "value: 98", "parents", "id"],
        ),
        (&["DELETE FROM parents WHERE id = 7"], referred, ["id=7", "parents", "plain", "parent", "2"]),
        (
            &["INSERT INTO plain VALUES (5, 8)", "DELETE FROM parents WHERE id = 8"],
            nothing,
            ["column: parent", "id=5", "8", "parents", "id"],
        ),
        (&["INSERT INTO hens VALUES (1, 1)"], nothing, ["column: egg", "id=1", "value: 1", "eggs", "id"]),
        // The row of another key that it replaces is gone.
        (
            &["REPLACE INTO parents (id, code) VALUES (9, 'a')"],
            referred,
            ["id=7", "parents", "plain", "parent", "2"],
        ),
    ] {
        let (found, message) = refusal(&site, statements);
        assert_eq!(found, code, "{statements:?}: {message}");
        parts.iter().for_each(|part| assert!(message.contains(part), "{message}: {part}"));
    }
    assert_eq!(site.rows("SELECT * FROM plain"), ["1|7", "2|7"]);
    // Both kinds of refusal leave the rest of a group alone.
    site.write("INSERT INTO plain VALUES (3, 8)");
    site.verify();
}

#[test]
fn what_on_delete_does_travels_with_the_transaction() {
    let a = site();
    let b = Site::member(&a, "b");
    a.write("INSERT INTO parents (id) VALUES (1), (2), (3)");
    a.write("INSERT INTO emptied VALUES (1, 1, 2, 5), (2, 3, 1, 5)");
    a.write("INSERT INTO gone VALUES (1, 1), (2, 1), (3, 3)");
    a.write("INSERT INTO below VALUES (1, 1), (2, 2), (3, 3)");
    pull(&b, &a);
    let end = a.space.end();
    // Two references of one row lead to rows that go at once.
    let written = a.write("DELETE FROM parents WHERE id < 3");
    assert_eq!(a.space.end(), end + 1);
    assert_eq!(written.results[0].affected, 2, "as SQLite counts: without what followed");
    sync(&a, &b);
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT * FROM emptied"), ["1|NULL|NULL|5", "2|3|NULL|5"]);
        assert_eq!(site.rows("SELECT * FROM gone"), ["3|3"]);
        assert_eq!(site.rows("SELECT * FROM below"), ["3|3"]);
        site.verify();
    }
    // The next statement finds what followed from the one before.
    let statements: [(&str, Vec<Value>); 2] = [
        ("DELETE FROM parents", vec![]),
        ("INSERT INTO gone SELECT 9, NULL WHERE NOT EXISTS (SELECT 1 FROM gone)", vec![]),
    ];
    b.try_write(&statements).unwrap();
    sync(&a, &b);
    assert_eq!(a.rows("SELECT * FROM gone"), ["9|NULL"]);
}

#[test]
fn on_delete_acts_between_the_parameter_sets_of_one_statement() {
    let site = site();
    site.write("INSERT INTO parents (id) VALUES (1), (2), (3)");
    site.write("INSERT INTO gone VALUES (1, 1), (2, 2), (3, 3)");
    let sets = (1..=3).map(|id| vec![Value::Integer(id)]).collect();
    let statement = Statement { sql: "DELETE FROM parents WHERE id = ?".into(), params: Params::Many(sets) };
    let write = Write { edits: vec![statement].into(), ..Write::default() };
    let written = site.space.wait(|reply| site.space.write(write, reply)).unwrap();
    assert_eq!(written.results[0].affected, 3);
    assert_eq!(site.rows("SELECT * FROM gone"), [""; 0]);
}

#[test]
fn a_chain_longer_than_any_stack_follows() {
    let site =
        Site::founder("CREATE TABLE t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES t ON DELETE CASCADE)");
    site.write(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO t SELECT i, nullif(i - 1, 0) FROM n",
    );
    site.write("DELETE FROM t WHERE id = 1");
    assert_eq!(site.rows("SELECT count(*) FROM t"), ["0"]);
    site.verify();
}
