//! Views: queries that travel, and are evaluated where they are read.

use tandem_protocol::bounds;
use tandem_protocol::schema::{NamedQuery, SchemaOp};

use super::schemas::{apply, equal_and_open, refused, smuggle};
use super::{Site, pull, sync, two};

const BASE: &str = "CREATE TABLE student (id INTEGER PRIMARY KEY, name TEXT NOT NULL, due DECIMAL(9,2));
    CREATE TABLE payment (id INTEGER PRIMARY KEY, student INTEGER REFERENCES student, amount DECIMAL(9,2));";

fn query(name: &str, sql: &str) -> SchemaOp {
    SchemaOp::SetQuery(NamedQuery { name: name.into(), columns: Vec::new(), sql: Some(sql.into()) })
}

/// What of a site's views is not laid out, and why.
fn unread(site: &Site) -> Vec<String> {
    site.space.unread_queries().iter().map(|(name, cause)| format!("{name}: {cause}")).collect()
}

#[test]
fn a_view_is_read_on_every_site_and_says_what_the_rows_say_now() {
    let (a, b) = two(BASE);
    // One reads another that is declared below it.
    apply(
        &a,
        "CREATE VIEW late (who, open) AS SELECT name, balance FROM balance WHERE balance > 0 ORDER BY 1;
         CREATE VIEW balance AS SELECT s.name, s.due - coalesce(sum(p.amount), 0) AS balance
             FROM student s LEFT JOIN payment p ON p.student = s.id GROUP BY s.id",
    );
    a.write("INSERT INTO student (id, name, due) VALUES (1, 'Awa', 100), (2, 'Benoît', 50)");
    pull(&b, &a);
    assert_eq!(b.rows("SELECT * FROM late"), ["Awa|100", "Benoît|50"]);
    b.write("INSERT INTO payment (student, amount) VALUES (1, 100)");
    assert_eq!(b.rows("SELECT who, open FROM late"), ["Benoît|50"]);
    // A statement reads one; no row is written to it.
    b.write("INSERT INTO student (id, name) SELECT 3, 'as ' || who FROM late");
    assert!(b.refused("INSERT INTO late VALUES ('x', 1)").is_by(&["sqlite_view"]));
    assert!(b.refused("DELETE FROM late").is_by(&["sqlite_view"]));
    let (a, b) = equal_and_open(a, b);
    // It outlives that its table is made anew.
    apply(&a, "ALTER TABLE student ADD COLUMN since TEXT NOT NULL DEFAULT (current_date)");
    apply(&a, "ALTER TABLE student ADD CHECK (due >= 0)");
    sync(&a, &b);
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT who FROM late"), ["Benoît"]);
        assert_eq!(unread(site), Vec::<String>::new());
    }
    equal_and_open(a, b);
}

#[test]
fn the_last_word_counts_and_the_same_again_is_none() {
    let (a, b) = two(BASE);
    apply(&a, "CREATE VIEW v AS SELECT 1 AS n");
    let end = a.space.end();
    apply(&a, "CREATE VIEW V AS SELECT 1 AS n; CREATE VIEW IF NOT EXISTS v AS SELECT 2");
    assert_eq!(a.space.end(), end, "what is there already is passed over");
    let said = refused(&a, "CREATE VIEW v AS SELECT 2 AS n");
    assert!(said.contains("schema_view_differs"), "{said}");
    pull(&b, &a);
    // Apart: both see in the end what was said last.
    apply(&a, "CREATE OR REPLACE VIEW v AS SELECT 'a' AS n");
    apply(&b, "CREATE OR REPLACE VIEW v AS SELECT 'b' AS n");
    sync(&a, &b);
    assert_eq!(a.rows("SELECT n FROM v"), b.rows("SELECT n FROM v"));
    apply(&b, "DROP VIEW v");
    sync(&a, &b);
    assert!(a.space.query("SELECT * FROM v", &[]).is_err());
    assert!(refused(&a, "DROP VIEW v").contains("schema_no_view"));
    apply(&a, "DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 3 AS n");
    sync(&a, &b);
    assert_eq!(b.rows("SELECT n FROM v"), ["3"]);
    equal_and_open(a, b);
}

#[test]
fn what_is_typed_must_do_with_the_tables() {
    let (a, b) = two(BASE);
    for (sql, code) in [
        ("CREATE VIEW v AS SELECT nope FROM student", "sqlite_no_column"),
        ("CREATE VIEW v AS SELECT * FROM nope", "sqlite_no_table"),
        ("CREATE VIEW v (a, b) AS SELECT 1", "schema_view_broken"),
        ("CREATE VIEW v AS SELECT * FROM v", "sqlite_no_table"),
        ("CREATE VIEW v AS SELECT * FROM w; CREATE VIEW w AS SELECT * FROM v", "sqlite_no_table"),
        ("CREATE VIEW v AS SELECT * FROM _tandem_rows", "schema_view_signs"),
        ("CREATE VIEW v AS SELECT tandem_next('x')", "schema_view_signs"),
        ("CREATE VIEW v AS SELECT ?", "schema_view_broken"),
        ("CREATE VIEW student AS SELECT 1", "schema_view_table"),
        ("CREATE TEMPORARY VIEW v AS SELECT 1", "schema_view_option"),
        ("CREATE VIEW sqlite_v AS SELECT 1", "schema_name"),
        ("CREATE VIEW v AS SELECT 1; CREATE TABLE v (id INTEGER PRIMARY KEY)", "waits_name"),
    ] {
        let said = refused(&a, sql);
        assert!(said.contains(code), "{sql}: {said}");
    }
    // What a view reads may not be taken from it.
    apply(&a, "CREATE VIEW v AS SELECT name, since FROM student, (SELECT 1 AS since)");
    let said = refused(&a, "ALTER TABLE student ADD COLUMN since DATE");
    assert!(said.contains("schema_view_broken") && said.contains("sqlite_ambiguous"), "{said}");
    equal_and_open(a, b);
}

#[test]
fn a_view_that_does_not_do_here_waits_and_is_told_and_stops_nothing() {
    let (a, b) = two(BASE);
    apply(&a, "CREATE VIEW v AS SELECT name, since FROM student, (SELECT 1 AS since)");
    apply(&b, "ALTER TABLE student ADD COLUMN since DATE; CREATE TABLE taken (id INTEGER PRIMARY KEY)");
    apply(&a, "CREATE VIEW taken AS SELECT 2 AS n");
    sync(&a, &b);
    for site in [&a, &b] {
        assert_eq!(unread(site), ["v: sqlite_ambiguous (name: since)"]);
        let waiting: Vec<String> =
            site.space.schema().waiting().iter().map(|one| format!("{}: {}", one.what, one.reason)).collect();
        assert_eq!(waiting, ["view taken: its name: a table is called so"]);
        assert_eq!(site.space.status().waiting, 2);
    }
    // It does not stop what has nothing to do with it, and is mended by another.
    apply(&b, "CREATE TABLE more (id INTEGER PRIMARY KEY)");
    let (a, b) = equal_and_open(a, b);
    assert_eq!(unread(&a), ["v: sqlite_ambiguous (name: since)"]);
    apply(&b, "CREATE OR REPLACE VIEW v AS SELECT name, since FROM student");
    sync(&a, &b);
    assert_eq!((unread(&a), unread(&b)), (vec![], vec![]));
    equal_and_open(a, b);
}

#[test]
fn what_a_member_signs_as_a_view_runs_nothing_and_takes_little() {
    let (a, b) = two(BASE);
    let file = a.path().join("made.db");
    a.write("INSERT INTO student (id, name) VALUES (1, 'Awa')");
    let long = format!("SELECT '{}'", "x".repeat(bounds::QUERY_BYTES));
    let void =
        [query("long", &long), query("none", ""), query("nul", "SELECT 1\0"), query("a\u{202e}", "SELECT 1")];
    let count = void.len();
    void.into_iter().for_each(|op| smuggle(&a, op));
    // Each names the one before it twice: to read the last would be to read the first 2^60 times.
    let mut doubled = vec![query("d0", "SELECT 1 AS n")];
    doubled.extend(
        (1..60).map(|at| query(&format!("d{at}"), &format!("SELECT x.n FROM d{0} x, d{0} y", at - 1))),
    );
    let within = (1..60).map(|at| format!("c{at}(n) AS (SELECT x.n FROM c{0} x, c{0} y)", at - 1));
    let within: Vec<String> = std::iter::once("c0(n) AS (SELECT 1)".to_owned()).chain(within).collect();
    let within = format!("WITH {} SELECT * FROM c59", within.join(", "));
    let deep = format!("SELECT {}1{}", "(".repeat(7_000), ")".repeat(7_000));
    let hostile = [
        query("w1", "SELECT 1; DROP TABLE student"),
        query("w2", "SELECT 1 FROM student) ; DELETE FROM student; --"),
        query("w3", "INSERT INTO student VALUES (2, 'x') RETURNING id"),
        query("w4", "PRAGMA writable_schema = 1"),
        query("w5", "SELECT load_extension('x')"),
        query("w6", "SELECT \"tandem_next\"('x')"),
        query("w7", "SELECT * FROM sqlite_schema"),
        query("w8", "ATTACH DATABASE 'x.db' AS p"),
        query("w9", "SELECT 1 /* never closed"),
        query("x1", "SELECT 'never closed"),
        query("x2", "SELECT * FROM pragma_table_info('student') WHERE exactly(1)"),
        query("x3", "CREATE TABLE t(a)"),
        query(
            "attach",
            &format!("SELECT 1; ATTACH DATABASE '{}' AS p; CREATE TABLE p.t (a)", file.display()),
        ),
        query("x4", &within),
        query("x5", &deep),
    ];
    hostile.into_iter().chain(doubled).for_each(|op| smuggle(&a, op));
    let (a, b) = equal_and_open(a, b);
    for site in [&a, &b] {
        assert_eq!(site.space.schema().void().count(), count);
        let unread = site.space.unread_queries();
        for name in ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "x1", "x2", "x3", "x4", "x5", "d59"] {
            assert!(unread.contains_key(name), "{name}");
        }
        assert_eq!(site.rows("SELECT name FROM student"), ["Awa"]);
        assert_eq!(site.rows("SELECT * FROM d3"), ["1"]);
        // Programs that ask which tables there are get an answer, and nothing runs by it.
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        assert_eq!(site.rows(tables), ["payment", "student"]);
        assert_eq!(site.rows("SELECT count(*) FROM pragma_table_xinfo('student')"), ["3"]);
        assert!(!file.exists(), "a view attached a file");
        site.write("INSERT INTO student (name) VALUES ('goes on')");
    }
    equal_and_open(a, b);
}
