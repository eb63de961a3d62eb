//! Statements beside an open conflict on a unique value: about other values all goes on as in plain
//! SQLite, and a value in conflict is given to no other row.

use rusqlite::Connection;
use tandem_protocol::conflict::ConflictKind;

use super::conflicts::{open, resolve};
use super::{Site, pull, sync};
use crate::WriteError;

const SCHEMA: &str = "
CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, a INTEGER, b TEXT, n INTEGER DEFAULT 0, UNIQUE (a, b));
CREATE TABLE prices (id INTEGER PRIMARY KEY, p DECIMAL(9,2) UNIQUE, r REAL UNIQUE, k BLOB UNIQUE);
";

/// Two sites with one conflict open on each rule of `t`, on values that only its rows 90 and up hold.
fn in_conflict() -> (Site, Site) {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    pull(&b, &a);
    a.write("INSERT INTO t (id, u, a, b) VALUES (90, 'K''é', 1, 'x'), (91, 'nul' || char(0), 2, 'y')");
    b.write("INSERT INTO t (id, u, a, b) VALUES (92, 'K''é', 1, 'x'), (93, 'nul' || char(0), 3, 'y')");
    sync(&a, &b);
    assert_eq!(open(&a, &b).len(), 3);
    (a, b)
}

/// One statement after the other, in tandem and in plain SQLite: what each does, and what is there.
fn beside_plain_sqlite(statements: &[&str]) {
    let (a, b) = in_conflict();
    crate::view::heap::count();
    let plain = Connection::open_in_memory().unwrap();
    plain.execute_batch(SCHEMA).unwrap();
    for sql in statements {
        let ours = match a.try_write(&[(sql, vec![])]) {
            Ok(written) => Ok(written.results[0].affected),
            Err(WriteError::Refused(refusal)) => Err(refusal.code),
            Err(error) => panic!("{sql}: {error}"),
        };
        let theirs = plain.execute(sql, []).map(|affected| affected as u64).map_err(|error| {
            let text = error.to_string();
            assert!(text.starts_with("UNIQUE"), "{sql}: {text}");
            if text.ends_with("t.id") { "constraint_primary_key" } else { "constraint_unique" }
        });
        assert_eq!(ours, theirs, "{sql}");
        let select = "SELECT id || '|' || coalesce(u, '-') || '|' || coalesce(a, '-') || '|' || coalesce(b, '-') || '|' || n FROM t WHERE id < 90 ORDER BY id";
        let mut statement = plain.prepare(select).unwrap();
        let there: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(a.rows(select), there, "{sql}");
    }
    assert_eq!(open(&a, &b).len(), 3);
    a.verify();
}

#[test]
fn other_values_go_on_as_in_plain_sqlite() {
    beside_plain_sqlite(&[
        "INSERT INTO t (id, u) VALUES (1, 'A'), (2, 'B')",
        "INSERT INTO t (id, u) VALUES (3, 'A')",
        "INSERT INTO t (id, u) VALUES (3, 'A') ON CONFLICT (u) DO UPDATE SET n = n + 1",
        "INSERT INTO t (id, u) VALUES (3, 'C') ON CONFLICT (u) DO UPDATE SET n = n + 1",
        "INSERT INTO t (id, u, n) VALUES (4, 'C', 9), (5, 'D', 9) ON CONFLICT(\"U\") DO UPDATE SET n = excluded.n WHERE t.n < 5",
        "INSERT INTO t (id, u) VALUES (6, 'C'), (7, 'E') ON CONFLICT (u) DO NOTHING",
        "INSERT INTO t (id, u) VALUES (8, 'C') ON CONFLICT DO NOTHING",
        "INSERT INTO t (id, u) VALUES (8, 'C') ON CONFLICT DO UPDATE SET n = 7",
        "INSERT INTO t (id, u) VALUES (1, 'Z') ON CONFLICT (u) DO UPDATE SET n = 1 ON CONFLICT (id) DO UPDATE SET n = 2",
        "INSERT OR IGNORE INTO t (id, u) VALUES (8, 'C'), (9, 'F')",
        "INSERT OR REPLACE INTO t (id, u) VALUES (10, 'C')",
        "REPLACE INTO t (id, u, n) VALUES (10, 'C', 3)",
        "UPDATE OR IGNORE t SET u = 'C' WHERE id IN (1, 2)",
        "UPDATE OR REPLACE t SET u = 'C' WHERE id = 1",
        "UPDATE t SET u = 'B' WHERE id = 1",
        "UPDATE t SET u = u || '2' WHERE id < 90",
        "INSERT INTO t (id, a, b) VALUES (20, 1, 'y'), (21, 5, 'x')",
        "INSERT INTO t (id, a, b) VALUES (22, 5, 'x') ON CONFLICT (b, a) DO UPDATE SET n = 4",
        "INSERT INTO t (id, a, b) VALUES (22, 5, 'x') ON CONFLICT (a, b) DO NOTHING",
        "INSERT INTO t (id, a, b) VALUES (22, 5, 'z') ON CONFLICT (a, b) DO NOTHING",
        "INSERT OR REPLACE INTO t (id, a, b) VALUES (23, 5, 'z')",
        "INSERT OR IGNORE INTO t (id, a, b) VALUES (24, 5, 'z'), (25, NULL, 'z'), (26, NULL, 'z')",
        "WITH new(i, v) AS (VALUES (30, 'F'), (31, 'G2')) INSERT INTO main.t (id, u) SELECT i, v FROM new WHERE 1 ON CONFLICT (u) DO NOTHING",
        "INSERT INTO t (id, u) VALUES (32, 'A') ON CONFLICT (u) WHERE n > 3 DO NOTHING",
        "DELETE FROM t WHERE u = 'G2'",
    ]);
}

#[test]
fn a_value_in_conflict_is_given_to_no_other_row() {
    let (a, b) = in_conflict();
    for sql in [
        "INSERT INTO t (id, u) VALUES (1, 'K''é')",
        "INSERT OR IGNORE INTO t (id, u) VALUES (1, 'K''é')",
        "INSERT OR REPLACE INTO t (id, u) VALUES (1, 'K''é')",
        "INSERT INTO t (id, u) VALUES (1, 'K''é') ON CONFLICT (u) DO UPDATE SET n = 1",
        "INSERT INTO t (id, u) VALUES (1, 'K''é') ON CONFLICT (u) DO NOTHING",
        "INSERT INTO t (id, a, b) VALUES (1, 1, 'x')",
        "UPDATE t SET u = 'nul' || char(0) WHERE id = 90",
    ] {
        let refusal = a.refused(sql);
        assert_eq!(refusal.code, "constraint_unique", "{sql}");
        assert!(refusal.to_string().contains("rows: id=9"), "{refusal}");
    }
    // Nor one that the same transaction gave to another row, whoever notices first.
    let twice = ["INSERT INTO t (id, u) VALUES (1, 'Z')", "INSERT INTO t (id, u) VALUES (2, 'Z')"];
    for last in ["INSERT OR IGNORE INTO t (id, u) VALUES (3, 'Y')", "UPDATE t SET n = 9"] {
        let all: Vec<_> = twice.iter().chain([&last]).map(|sql| (*sql, vec![])).collect();
        match a.try_write(&all) {
            Err(WriteError::Refused(refusal)) => assert_eq!(refusal.code, "constraint_unique"),
            other => panic!("{last}: {other:?}"),
        }
    }
    // The rows in conflict are open to all that does not give the value to yet another one.
    for sql in [
        "UPDATE t SET n = 1 WHERE u = 'K''é'",
        "UPDATE t SET u = u, n = 2",
        "INSERT OR REPLACE INTO t (id, u, a, b, n) VALUES (90, 'K''é', 1, 'x', 3)",
        "INSERT INTO t (id, u) VALUES (92, 'K''é') ON CONFLICT (id) DO UPDATE SET n = 4",
        "UPDATE t SET a = 7 WHERE id = 90",
        "UPDATE t SET u = NULL WHERE id = 93",
        "DELETE FROM t WHERE id = 92",
    ] {
        assert!(a.write(sql).dot.is_some(), "{sql}");
    }
    assert_eq!(open(&a, &b), [""; 0]);
    // Then the rule is whole again.
    a.write("INSERT INTO t (id, u) VALUES (5, 'K''é') ON CONFLICT (u) DO UPDATE SET n = 8");
    assert_eq!(a.rows("SELECT id, n FROM t WHERE u = 'K''é'"), ["90|8"]);
}

#[test]
fn conflicts_come_and_go_under_statements_that_lean_on_the_rule() {
    let (a, b) = in_conflict();
    let upsert = |site: &Site, u: &str| {
        let sql = format!("INSERT INTO t (u) VALUES ('{u}') ON CONFLICT (u) DO UPDATE SET n = n + 1");
        site.write(&sql);
    };
    upsert(&a, "A");
    upsert(&b, "A");
    upsert(&b, "B");
    assert_eq!(open(&a, &b).len(), 4, "A is held twice now");
    upsert(&a, "B");
    // Settled on the other site, while the index over the rest is here.
    let conflict = b
        .space
        .conflicts()
        .all()
        .unwrap()
        .into_iter()
        .find(|one| one.kind == ConflictKind::Unique && one.key_values()[0].to_string() == "A");
    let conflict = conflict.unwrap();
    resolve(&b, &conflict, crate::Choice::Use(conflict.versions[0].dot()));
    assert_eq!(open(&a, &b).len(), 3);
    upsert(&a, "A");
    let (a, b) = (a.reopen(), b.reopen());
    upsert(&a, "A");
    upsert(&a, "B");
    assert_eq!(a.rows("SELECT u, n FROM t WHERE u IN ('A', 'B') ORDER BY u"), ["A|2", "B|2"]);
    a.space.rebuild_view().unwrap();
    upsert(&a, "A");
    assert_eq!(open(&a, &b).len(), 3);
}

#[test]
fn values_of_every_type_are_told_apart() {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    pull(&b, &a);
    for (site, id) in [(&a, 1), (&b, 2)] {
        site.write(&format!("INSERT INTO prices VALUES ({id}, 12.35, 0.1 + 0.2, x'00ff')"));
        site.write(&format!("INSERT INTO prices VALUES ({id}0, 1234567.89, 1.0e300 / 3, x'')"));
    }
    assert_eq!(open(&a, &b).len(), 6);
    for (column, value) in [("p", "12.36"), ("r", "0.3"), ("k", "x'00'")] {
        let upsert = format!(
            "INSERT INTO prices (id, {column}) VALUES (5, {value}) ON CONFLICT ({column}) DO UPDATE SET {column} = excluded.{column}"
        );
        a.write(&upsert);
        a.write(&upsert.replace("(5,", "(6,"));
        a.write("DELETE FROM prices WHERE id = 5");
    }
    for (column, value) in [("p", "12.35"), ("r", "0.1 + 0.2"), ("k", "x''")] {
        let sql = format!(
            "INSERT INTO prices (id, {column}) VALUES (5, {value}) ON CONFLICT ({column}) DO NOTHING"
        );
        assert_eq!(a.refused(&sql).code, "constraint_unique", "{sql}");
    }
}
