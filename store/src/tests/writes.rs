use tandem_protocol::value::Value;

use super::Site;
use crate::{OpenError, Params, Statement, Store, Write, WriteError};

const SCHEMA: &str = "
CREATE TABLE levels (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE students (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, level INTEGER REFERENCES levels (id) ON DELETE SET NULL,
  born DATE, paid DECIMAL(12,2) DEFAULT 0 CHECK (paid >= 0), stock COUNTER NOT NULL DEFAULT 0,
  uid UUID DEFAULT (uuid7()), active BOOLEAN DEFAULT TRUE, photo BLOB, updated_at STAMP);
CREATE TABLE pairs (a TEXT, b INTEGER, note TEXT, PRIMARY KEY (a, b));
";

#[test]
fn what_is_written_is_read_and_survives_reopening() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO levels (name) VALUES ('N5'), ('N4')");
    let written = site
        .write("INSERT INTO students (name, level, born, paid) VALUES ('Amel', 1025, '2001-02-03', 12.5)");
    assert_eq!(written.changes[0].inserted, 1);
    assert_eq!(written.dot.unwrap().seq, 3);
    site.write("INSERT INTO pairs VALUES ('x', 1, 'n'), ('x', 2, NULL)");
    site.write("UPDATE students SET paid = paid + 0.1, stock = stock - 3 WHERE name = 'Amel'");
    site.write("DELETE FROM pairs WHERE b = 1");
    let expected = ["1025|Amel|1025|2001-02-03|12.6|-3|1"];
    let sql = "SELECT id, name, level, born, paid, stock, active FROM students";
    assert_eq!(site.rows(sql), expected);
    site.verify();
    let before = site.space.status().tables;
    let site = site.reopen();
    assert_eq!(site.rows(sql), expected);
    assert_eq!(site.rows("SELECT * FROM pairs"), ["x|2|NULL"]);
    assert_eq!(site.space.status().tables, before);
    site.write("INSERT INTO students (name) VALUES ('Bilal')");
    assert_eq!(site.rows("SELECT id FROM students WHERE name = 'Bilal'"), ["2049"]);
    site.verify();
}

#[test]
fn values_become_canonical_in_the_view_too() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO students (id, name, uid, updated_at, paid) VALUES (7, 'A', '{0190F5E27C3A7ABC8DEF0123456789AB}', '2025-01-31 08:00', 2.675)");
    assert_eq!(
        site.rows("SELECT uid, updated_at, paid FROM students"),
        ["0190f5e2-7c3a-7abc-8def-0123456789ab|2025-01-31 08:00:00|2.68"],
    );
    site.verify();
}

#[test]
fn a_transaction_that_changes_nothing_is_not_recorded() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO levels (id, name) VALUES (1, 'N5')");
    let end = site.space.end();
    for sql in [
        "UPDATE levels SET name = 'N5'",
        "UPDATE levels SET name = 'x' WHERE id = 9",
        "INSERT OR REPLACE INTO levels (id, name) VALUES (1, 'N5')",
        "INSERT OR IGNORE INTO levels (id, name) VALUES (1, 'other')",
        "SELECT * FROM levels",
    ] {
        assert_eq!(site.write(sql).dot, None, "{sql}");
    }
    site.try_write(&[
        ("INSERT INTO levels (id, name) VALUES (2, 'x')", vec![]),
        ("DELETE FROM levels WHERE id = 2", vec![]),
    ])
    .unwrap();
    assert_eq!(site.space.end(), end);
    site.write("INSERT OR REPLACE INTO levels (id, name) VALUES (1, 'N4')");
    site.write(
        "INSERT INTO levels (id, name) VALUES (1, 'N3') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    );
    assert_eq!(site.rows("SELECT name FROM levels"), ["N3"]);
    site.verify();
}

#[test]
fn refusals_say_why_and_change_nothing() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO levels (id, name) VALUES (1, 'N5')");
    site.write("INSERT INTO students (id, name, level) VALUES (1, 'Amel', 1)");
    for (sql, code) in [
        ("INSERT INTO levels (id, name) VALUES (1, 'N4')", "constraint_primary_key"),
        ("INSERT INTO levels (id, name) VALUES (2, 'N5')", "constraint_unique"),
        ("INSERT INTO levels (id, name) VALUES (2, NULL)", "constraint_not_null"),
        ("UPDATE students SET name = NULL", "constraint_not_null"),
        ("UPDATE students SET paid = -1", "constraint_check"),
        ("INSERT INTO students (name, level) VALUES ('B', 99)", "constraint_foreign_key"),
        ("UPDATE students SET id = 5", "key_changed"),
        ("UPDATE students SET born = 'demain'", "type_mismatch"),
        ("UPDATE students SET stock = 'many'", "type_mismatch"),
        ("UPDATE students SET name = CAST(x'ff' AS TEXT)", "invalid_utf8"),
        ("INSERT INTO pairs VALUES (NULL, 1, 'x')", "constraint_not_null"),
        ("INSERT INTO pairs VALUES (CAST(x'ff' AS TEXT), 1, 'x')", "invalid_utf8"),
        ("CREATE TABLE x (a INTEGER PRIMARY KEY)", "sql_not_allowed"),
        ("DROP TABLE students", "sql_not_allowed"),
        ("PRAGMA journal_mode = DELETE", "sql_not_allowed"),
        ("ATTACH 'x' AS y", "sql_not_allowed"),
        ("COMMIT", "sql_not_allowed"),
        ("DELETE FROM _tandem_rows", "sql_not_allowed"),
        ("SELECT * FROM _tandem_state", "sql_not_allowed"),
        ("UPDATE sqlite_schema SET sql = ''", "sql_error"),
        ("SELEC 1", "sql_error"),
        ("INSERT INTO nowhere VALUES (1)", "sql_error"),
        ("DELETE FROM levels; DELETE FROM students", "multiple_statements"),
        ("INSERT OR ROLLBACK INTO levels (id, name) VALUES (1, 'x')", "transaction_control"),
    ] {
        let refusal = site.refused(sql);
        assert_eq!(refusal.code, code, "{sql}: {refusal}");
    }
    assert_eq!(site.rows("SELECT * FROM levels"), ["1|N5"]);
    site.verify();
}

#[test]
fn one_failing_statement_takes_its_whole_transaction_back() {
    let site = Site::founder(SCHEMA);
    let insert = "INSERT INTO levels (id, name) VALUES (?1, ?2)";
    let row = |id: i64, name: &str| (insert, vec![Value::Integer(id), Value::Text(name.into())]);
    assert!(site.try_write(&[row(1, "N5"), row(2, "N4"), row(1, "again")]).is_err());
    assert_eq!(site.rows("SELECT * FROM levels"), Vec::<String>::new());
    site.try_write(&[row(1, "N5"), row(2, "N4")]).unwrap();
    assert_eq!(site.rows("SELECT * FROM levels"), ["1|N5", "2|N4"]);
    site.verify();
}

/// None of the writes depends on another: one that is held up for long runs aside, behind those after it.
#[test]
fn writes_of_one_group_do_not_disturb_each_other() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO levels (id, name) VALUES (1000, 'taken')");
    let (answer, answers) = std::sync::mpsc::channel();
    for number in 0..300i64 {
        let sql = match number % 3 {
            0 => "INSERT INTO levels (id, name) VALUES (?1, 'level ' || ?1)",
            1 => "INSERT INTO nowhere VALUES (?1)",
            _ => "INSERT OR ROLLBACK INTO levels (id, name) VALUES (1000, 'again ' || ?1)",
        };
        let statement = Statement { sql: sql.into(), params: Params::One(vec![Value::Integer(number)]) };
        let write = Write { edits: vec![statement].into(), ..Write::default() };
        let answer = answer.clone();
        site.space.write(write, move |result| answer.send((number, result)).unwrap());
    }
    drop(answer);
    let mut accepted = 0;
    for (number, result) in answers {
        assert_eq!(result.is_ok(), number % 3 == 0, "{number}: {result:?}");
        accepted += u64::from(result.is_ok());
    }
    assert_eq!(accepted, 100);
    assert_eq!(site.rows("SELECT count(*) FROM levels"), ["101"]);
    assert_eq!(site.rows("SELECT name FROM levels WHERE id = 1000"), ["taken"]);
    assert_eq!(site.space.end(), 102);
    site.verify();
}

#[test]
fn a_repeated_request_is_answered_with_the_first() {
    let site = Site::founder(SCHEMA);
    let send = || {
        let statement =
            Statement { sql: "INSERT INTO levels (name) VALUES ('N1')".into(), params: Params::One(vec![]) };
        let key = Some("sale-1".to_owned());
        site.space.wait(|reply| {
            site.space.write(
                Write { edits: vec![statement].into(), idempotency_key: key, ..Write::default() },
                reply,
            );
        })
    };
    let first: crate::Written = send().unwrap();
    let second: crate::Written = send().unwrap();
    assert_eq!((first.repeated, second.repeated), (false, true));
    assert_eq!(first.dot, second.dot);
    assert_eq!(site.rows("SELECT count(*) FROM levels"), ["1"]);
}

#[test]
fn a_transaction_over_the_limit_is_refused() {
    let site = Site::founder(SCHEMA);
    let noise = |seed: u64| -> Vec<u8> {
        let mut state = seed;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(9 << 20)
        .collect()
    };
    let insert = "INSERT INTO students (name, photo) VALUES ('x', ?1)";
    let one = site.try_write(&[(insert, vec![Value::Blob(noise(1))])]).unwrap();
    assert!(one.dot.is_some());
    match site.try_write(&[(insert, vec![Value::Blob(noise(2))]), (insert, vec![Value::Blob(noise(3))])]) {
        Err(WriteError::Refused(refusal)) => assert_eq!(refusal.code, "transaction_too_large"),
        other => panic!("{:?}", other.map(|written| written.dot)),
    }
    assert_eq!(site.rows("SELECT count(*) FROM students"), ["1"]);
    let blobs = site.path().join("log").join("blobs");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0, "sled would never sync these files");
}

#[test]
fn schema_changes_add_and_never_take_away() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO levels (id, name) VALUES (1, 'N5')");
    let apply = |sql: &str| -> Result<crate::Written, WriteError> {
        site.space.wait(|reply| site.space.apply_schema(sql, reply))
    };
    let fingerprint = site.space.status().fingerprint;
    apply("ALTER TABLE levels ADD COLUMN rank INTEGER DEFAULT 3").unwrap();
    apply("CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT CHECK (length(name) < 9))").unwrap();
    assert_ne!(site.space.status().fingerprint, fingerprint);
    assert_eq!(site.rows("SELECT * FROM levels"), ["1|N5|3"]);
    site.write("UPDATE levels SET rank = 4");
    site.write("INSERT INTO rooms (name) VALUES ('Sakura')");
    assert!(apply("CREATE TABLE bad (id INTEGER PRIMARY KEY, x TEXT CHECK (nosuch(x)))").is_err());
    assert!(apply("ALTER TABLE levels DROP COLUMN rank").is_err());
    assert_eq!(site.refused("INSERT INTO rooms (name) VALUES ('a long name')").code, "constraint_check");
    apply("ALTER TABLE rooms ADD COLUMN code UUID DEFAULT (uuid7())").unwrap();
    assert_eq!(site.rows("SELECT name, code FROM rooms"), ["Sakura|NULL"]);
    site.write("INSERT INTO rooms (name) VALUES ('Fuji')");
    assert_eq!(site.rows("SELECT count(*) FROM rooms WHERE length(code) = 36"), ["1"]);
    site.verify();
    let site = site.reopen();
    assert_eq!(site.rows("SELECT * FROM levels"), ["1|N5|4"]);
}

#[test]
fn a_folder_is_held_by_one_process() {
    let site = Site::founder(SCHEMA);
    match Store::open(site.path(), "another") {
        Err(OpenError::Held { holder, .. }) => assert_eq!(holder, "a test"),
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn rows_inserted_where_deleted_ones_were_keep_their_own_history() {
    let site = Site::founder(SCHEMA);
    for round in 0..6 {
        site.write(&format!("INSERT INTO levels (id, name) SELECT value, 'r{round}-' || value FROM (SELECT 1 AS value UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) WHERE value NOT IN (SELECT id FROM levels)"));
        site.write(&format!("DELETE FROM levels WHERE id > {}", round % 3));
        site.write(&format!("UPDATE levels SET name = 'u{round}-' || id WHERE id = 1"));
        site.verify();
    }
    site.space.rebuild_view().unwrap();
    site.verify();
}

#[test]
fn a_row_in_breach_of_a_rule_can_be_mended_in_steps() {
    let a = Site::founder(
        "CREATE TABLE spans (id INTEGER PRIMARY KEY, low INTEGER, high INTEGER, CHECK (low <= high))",
    );
    let b = Site::member(&a, "b");
    a.write("INSERT INTO spans VALUES (1, 3, 6)");
    super::sync(&a, &b);
    a.write("UPDATE spans SET low = 6");
    b.write("UPDATE spans SET high = 3");
    super::sync(&a, &b);
    assert_eq!(a.rows("SELECT low, high FROM spans"), ["6|3"], "a rule never stops a merge");
    a.write("UPDATE spans SET high = 4");
    a.write("UPDATE spans SET low = 1");
    assert_eq!(a.refused("UPDATE spans SET low = 9").code, "constraint_check");
    a.verify();
}

#[test]
fn a_replacement_by_the_same_values_leaves_no_trace_among_other_writes() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO levels (id, name) VALUES (1, 'N5'), (2, 'N4')");
    let (answer, answers) = std::sync::mpsc::channel();
    for number in 0..60 {
        let sql = match number % 3 {
            0 => "INSERT OR REPLACE INTO levels (id, name) VALUES (1, 'N5')".to_owned(),
            1 => format!("INSERT INTO levels (name) VALUES ('level {number}')"),
            _ => format!("UPDATE levels SET name = 'N4 {number}' WHERE id = 2"),
        };
        let statement = Statement { sql, params: Params::One(vec![]) };
        let answer = answer.clone();
        site.space.write(Write { edits: vec![statement].into(), ..Write::default() }, move |result| {
            answer.send(result.map(|written| written.dot.is_some())).unwrap();
        });
    }
    drop(answer);
    let recorded = answers.iter().filter(|result| *result.as_ref().unwrap()).count();
    assert_eq!(recorded, 40);
    site.write("UPDATE levels SET name = 'N3' WHERE id = 1");
    site.verify();
}

#[test]
fn the_view_s_own_tables_and_functions_are_out_of_reach_whatever_is_named_like_them() {
    let site = Site::founder("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    site.write("INSERT INTO t (v) VALUES ('x')");
    let reading = [
        "WITH _tandem_x AS (SELECT * FROM _tandem_authors) SELECT * FROM _tandem_x",
        "WITH x AS (SELECT * FROM _tandem_authors) SELECT * FROM x",
        "WITH RECURSIVE _tandem_authors AS (SELECT 1) SELECT * FROM main._tandem_authors",
        "WITH _tandem_x AS MATERIALIZED (SELECT 1 FROM _tandem_authors) SELECT count(*) FROM _tandem_x",
        "SELECT 1 FROM _TANDEM_authors",
        "SELECT count(*) FROM [_tandem_authors]",
        "SELECT * FROM main.\"_tandem_state\"",
        "SELECT (SELECT count(*) FROM _tandem_state)",
        "SELECT * FROM t, _tandem_state",
        "SELECT * FROM t NATURAL JOIN _tandem_state",
        "SELECT * FROM t WHERE EXISTS (SELECT 1 FROM _tandem_state)",
        "SELECT * FROM t ORDER BY (SELECT max(value) FROM _tandem_state)",
        "SELECT v FROM t UNION SELECT name FROM _tandem_state",
        "SELECT tandem_next('t')",
        "SELECT tandem_local(1)",
        "SELECT v FROM t ORDER BY tandem_local(id)",
        "WITH tandem_next AS (SELECT tandem_next('t')) SELECT * FROM tandem_next",
    ];
    for sql in reading {
        let refusal = site.space.query(sql, &[]).unwrap_err();
        assert!(matches!(refusal.code, "sql_not_allowed" | "sql_error"), "{sql}: {refusal:?}");
        site.refused(sql);
    }
    for sql in [
        "INSERT INTO t (v) WITH _tandem_x AS (SELECT * FROM _tandem_authors) SELECT 'p' FROM _tandem_x",
        "INSERT INTO t (v) SELECT name FROM _tandem_state",
        "INSERT INTO t (v) VALUES ('q') RETURNING (SELECT count(*) FROM _tandem_state)",
        "INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET v = (SELECT max(name) FROM _tandem_state)",
        "UPDATE t SET v = (SELECT max(value) FROM _tandem_state)",
        "UPDATE t SET v = s.name FROM _tandem_state s",
        "UPDATE _tandem_state SET value = 0",
        "INSERT INTO _tandem_state VALUES ('x', 1)",
        "DELETE FROM _tandem_state",
        "DELETE FROM t WHERE id IN (SELECT number FROM _tandem_authors)",
        "INSERT INTO t (id) VALUES (tandem_next/**/('t'))",
        "INSERT INTO t (id) VALUES ([tandem_next]('t'))",
        "INSERT INTO t (v) VALUES ((SELECT \"tandem_next\" ( 't' )))",
        "UPDATE t SET v = tandem_local(1)",
    ] {
        site.refused(sql);
    }
    assert_eq!(site.rows("SELECT v FROM t"), ["x"]);
    site.verify();
}

#[test]
fn what_tandem_calls_for_itself_is_not_for_statements_but_works_behind_every_insert() {
    let site =
        Site::founder("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE o (v TEXT PRIMARY KEY)");
    site.write("INSERT INTO o VALUES ('x')");
    site.write("INSERT INTO t (v) WITH s AS (SELECT v FROM o) SELECT v FROM s");
    assert_eq!(site.rows("SELECT v FROM t"), ["x"]);
    for sql in ["INSERT INTO t (id) VALUES (tandem_next('t'))", "SELECT TANDEM_NEXT ('t')"] {
        assert_eq!(site.refused(sql).code, "sql_not_allowed", "{sql}");
    }
    // As text it is nothing.
    site.write("INSERT INTO t (v) VALUES ('tandem_next(1)')");
    // However deep a statement is, nothing overflows.
    let sum = vec!["1"; 40_000].join("+");
    let deep = format!("UPDATE t SET v = exactly({sum})");
    assert!(site.try_write(&[(&deep, vec![])]).is_err());
    site.write("INSERT INTO t (v) VALUES ('goes on')");
}
