//! `rowid` and `last_insert_rowid()`: what programs written for SQLite expect of them, or a refusal.

use tandem_protocol::value::Value;

use super::Site;
use crate::{Params, Statement, Write};

const SCHEMA: &str = "
CREATE TABLE ev (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE kid (id INTEGER PRIMARY KEY, e INTEGER REFERENCES ev);
CREATE TABLE note (code TEXT PRIMARY KEY, e INTEGER REFERENCES ev);
";

const INSERT_KID: &str = "INSERT INTO kid (e) VALUES (last_insert_rowid())";

/// Statements of one transaction, and the id that they find; `0`: the one that was generated.
const LAST_IDS: &[(&str, &[&str], &str)] = &[
    ("a generated id", &["INSERT INTO ev (name) VALUES ('par')", INSERT_KID], "0"),
    ("a given one", &["INSERT INTO ev (id, name) VALUES (7, 'par')", INSERT_KID], "7"),
    (
        "of the last of several rows",
        &["INSERT INTO ev (id, name) VALUES (7, 'a'), (9, 'b')", INSERT_KID],
        "9",
    ),
    (
        "a table keyed by text has none",
        &[
            "INSERT INTO ev (id, name) VALUES (7, 'par')",
            "INSERT INTO note VALUES ('x', last_insert_rowid())",
            INSERT_KID,
        ],
        "7",
    ),
    (
        "an upsert that updates inserts nothing",
        &[
            "INSERT INTO ev (id, name) VALUES (3, 'b')",
            "INSERT INTO ev (id, name) VALUES (7, 'par')",
            "INSERT INTO ev (id, name) VALUES (8, 'b') ON CONFLICT (name) DO UPDATE SET name = 'c'",
            INSERT_KID,
        ],
        "7",
    ),
    (
        "nor one that is ignored",
        &[
            "INSERT INTO ev (id, name) VALUES (7, 'par')",
            "INSERT OR IGNORE INTO ev (id, name) VALUES (8, 'par')",
            INSERT_KID,
        ],
        "7",
    ),
    (
        "several rows that ask in one statement get one answer",
        &[
            "INSERT INTO ev (id, name) VALUES (7, 'par')",
            "INSERT INTO kid (e) VALUES (last_insert_rowid()), (last_insert_rowid())",
        ],
        "7",
    ),
];

#[test]
fn the_last_id_is_fixed_while_a_statement_runs() {
    let site = Site::founder(SCHEMA);
    for (what, statements, kids) in LAST_IDS {
        let all: Vec<_> = statements.iter().map(|sql| (*sql, vec![])).collect();
        site.try_write(&all).unwrap_or_else(|error| panic!("{what}: {error}"));
        let generated = site.rows("SELECT max(id) FROM ev").remove(0);
        let parent = if *kids == "0" { generated } else { (*kids).to_owned() };
        assert_eq!(site.rows("SELECT DISTINCT e FROM kid"), [parent], "{what}");
        site.write("DELETE FROM note");
        site.write("DELETE FROM kid");
        site.write("DELETE FROM ev");
    }
    // Whoever comes next is not told another one's id.
    site.write("INSERT INTO ev (id, name) VALUES (7, 'par')");
    assert_eq!(site.refused(INSERT_KID).code, "constraint_foreign_key");
}

#[test]
fn each_set_of_parameters_is_a_statement_of_its_own() {
    let site = Site::founder("CREATE TABLE t (id INTEGER PRIMARY KEY, before INTEGER)");
    let sets = (1..=3).map(|id| vec![Value::Integer(id)]).collect();
    let sql = "INSERT INTO t VALUES (?, last_insert_rowid())".to_owned();
    let write =
        Write { edits: vec![Statement { sql, params: Params::Many(sets) }].into(), ..Write::default() };
    site.space.wait(|reply| site.space.write(write, reply)).unwrap();
    assert_eq!(site.rows("SELECT * FROM t"), ["1|0", "2|1", "3|2"]);
}

#[test]
fn the_rowid_is_refused_wherever_it_is_named() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO ev (id, name) VALUES (7, 'x')");
    for name in ["rowid", "oid", "_rowid_", "RowId", "\"rowid\"", "[oid]"] {
        for sql in [
            format!("INSERT INTO ev ({name}, name) VALUES (5, 'y')"),
            format!("INSERT INTO ev (name, {name}) SELECT 'y', 5"),
            format!("UPDATE ev SET name = 'y' WHERE {name} = 1"),
            format!("UPDATE ev SET {name} = 5"),
            format!("DELETE FROM ev WHERE ev.{name} = 1"),
            format!("INSERT INTO ev (name) VALUES ('y') RETURNING {name}"),
            format!(
                "INSERT INTO ev (id, name) VALUES (7, 'y') ON CONFLICT (id) DO UPDATE SET id = excluded.{name}"
            ),
        ] {
            assert_eq!(site.refused(&sql).code, "rowid", "{sql}");
        }
        for sql in [
            format!("SELECT {name} FROM ev"),
            format!("SELECT * FROM ev WHERE {name} = 7"),
            format!("SELECT * FROM ev ORDER BY {name}"),
            format!("SELECT count(*) FROM ev AS e WHERE e.{name} > 0"),
            format!("SELECT max({name}) FROM ev"),
        ] {
            assert_eq!(site.space.query(&sql, &[]).unwrap_err().code, "rowid", "{sql}");
        }
    }
    assert_eq!(site.rows("SELECT id AS rowid FROM ev"), ["7"]);
    assert_eq!(site.rows("SELECT count(*), count(name) FROM ev"), ["1|1"]);
    // A column of that name is an ordinary one.
    let site = Site::founder("CREATE TABLE t (id INTEGER PRIMARY KEY, oid TEXT)");
    site.write("INSERT INTO t (id, oid) VALUES (1, 'x') RETURNING oid");
    site.write("UPDATE t SET oid = 'y' WHERE oid = 'x'");
    assert_eq!(site.rows("SELECT oid FROM t WHERE oid = 'y'"), ["y"]);
    assert_eq!(site.space.query("SELECT rowid FROM t", &[]).unwrap_err().code, "rowid");
}
