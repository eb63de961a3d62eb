//! Programs that ask which tables there are get the answer that plain SQLite gives of what was declared.

use rusqlite::Connection;
use tandem_protocol::value::Value;

use super::Site;
use crate::{Refusal, Written};

const SCHEMA: &str = "
CREATE TABLE shelves (code TEXT PRIMARY KEY, room INTEGER NOT NULL DEFAULT 3);
CREATE TABLE articles (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, shelf TEXT REFERENCES shelves ON DELETE CASCADE,
  stock COUNTER NOT NULL DEFAULT 0, price DECIMAL(8,2), bought TIMESTAMP DEFAULT (current_timestamp), uid UUID UNIQUE,
  CHECK (price >= 0), UNIQUE (name, shelf));
CREATE TABLE \"odd table\" (a INTEGER, b TEXT, PRIMARY KEY (b, a));
CREATE INDEX by_price ON articles (price, name);
CREATE VIEW dear AS SELECT a.name, price, room FROM articles AS a JOIN shelves ON code = shelf WHERE price > 10";

/// What Django's `inspectdb` and its introspection ask.
const DJANGO: &[&str] = &[
    "SELECT name, type FROM sqlite_master WHERE type in ('table', 'view') AND NOT name='sqlite_sequence' ORDER BY name",
    "PRAGMA table_info(\"articles\")",
    "PRAGMA table_xinfo(\"articles\")",
    "PRAGMA foreign_key_list(\"articles\")",
    "PRAGMA index_list(\"articles\")",
    "PRAGMA index_info(\"by_price\")",
    "PRAGMA index_xinfo(\"by_price\")",
    "SELECT sql FROM sqlite_master WHERE type='table' and name='articles'",
    "SELECT sql FROM sqlite_master WHERE type='index' AND name='by_price'",
];

/// What SQLAlchemy's reflection asks.
const SQLALCHEMY: &[&str] = &[
    "PRAGMA database_list",
    "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name",
    "SELECT name FROM sqlite_temp_master WHERE type='table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name",
    "SELECT name FROM \"main\".sqlite_master WHERE type='view' ORDER BY name",
    "PRAGMA main.table_info(\"articles\")",
    "PRAGMA main.table_xinfo(\"odd table\")",
    "PRAGMA main.table_xinfo(\"dear\")",
    "PRAGMA main.foreign_key_list(\"articles\")",
    "PRAGMA temp.foreign_key_list(\"articles\")",
    "PRAGMA main.index_list(\"articles\")",
    "PRAGMA main.index_info(\"sqlite_autoindex_articles_1\")",
    "SELECT sql FROM (SELECT * FROM sqlite_master UNION ALL SELECT * FROM sqlite_temp_master) \
     WHERE name = 'articles' AND type in ('table', 'view')",
];

const OTHERS: &[&str] = &[
    "PRAGMA table_list",
    "PRAGMA table_info(nobody)",
    "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk FROM sqlite_schema m, pragma_table_info(m.name) c \
     WHERE m.type = 'table' ORDER BY m.name, c.cid",
    "SELECT \"table\", \"from\", on_delete FROM pragma_foreign_key_list('articles')",
    "SELECT i.name, i.\"unique\", c.name FROM pragma_index_list('articles') i, pragma_index_xinfo(i.name) c ORDER BY 1, 3",
    "-- which?\nSELECT count(*) FROM pragma_table_list",
];

fn apply(site: &Site, sql: &str) {
    let _written: Written = site.space.wait(|reply| site.space.apply_schema(sql, reply)).unwrap();
}

fn of_sqlite(plain: &Connection, sql: &str) -> (Vec<String>, Vec<Vec<Value>>) {
    let mut statement = plain.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = names.len();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        found.push(crate::view::read_row(row, 0, width).unwrap());
    }
    (names, found)
}

#[test]
fn what_django_and_sqlalchemy_ask_is_answered_as_plain_sqlite_answers_it() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO shelves (code) VALUES ('A')");
    let plain = Connection::open_in_memory().unwrap();
    plain.execute_batch(&crate::schema_sql(&site.space.schema(), |_| true)).unwrap();
    let mut shown = 0;
    for sql in [DJANGO, SQLALCHEMY, OTHERS].concat() {
        let (rows, _) = site.space.query(sql, &[]).unwrap_or_else(|refusal| panic!("{sql}: {refusal}"));
        assert_eq!((rows.columns, rows.rows.clone()), of_sqlite(&plain, sql), "{sql}");
        assert!(!format!("{:?}", rows.rows).contains("_tandem"), "{sql}");
        shown += rows.rows.len();
    }
    assert!(shown > 50, "{shown}");
    // As declared, not as stored.
    let kinds =
        site.rows("SELECT name, type, \"notnull\", pk FROM pragma_table_info('articles') WHERE cid > 2");
    let expected = ["stock|COUNTER|1|0", "price|DECIMAL(8,2)|0|0", "bought|TIMESTAMP|0|0", "uid|UUID|0|0"];
    assert_eq!(kinds, expected);
}

#[test]
fn the_answer_follows_the_schema_and_takes_parameters() {
    let site = Site::founder(SCHEMA);
    let asked = "SELECT name FROM pragma_table_info(?) ORDER BY cid";
    let names = |table: &str| site.space.query(asked, &[Value::Text(table.to_owned())]).unwrap().0.rows.len();
    assert_eq!((names("shelves"), names("later")), (2, 0));
    apply(&site, "ALTER TABLE shelves ADD COLUMN light BOOLEAN; CREATE TABLE later (id INTEGER PRIMARY KEY)");
    assert_eq!((names("shelves"), names("later")), (3, 1));
}

#[test]
fn nothing_else_can_be_asked_so() {
    let site = Site::founder(SCHEMA);
    let refused = |sql: &str| -> Refusal { site.space.query(sql, &[]).unwrap_err() };
    for sql in [
        "SELECT count(*) FROM articles, sqlite_master",
        "SELECT (SELECT max(price) FROM articles) FROM pragma_table_list",
    ] {
        assert_eq!(refused(sql).code, "catalogue_alone", "{sql}");
    }
    for sql in [
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only",
        "PRAGMA writable_schema = 1",
        "PRAGMA foreign_key_check",
        "PRAGMA temp_store_directory = '/tmp'",
        "SELECT * FROM pragma_compile_options",
        "DELETE FROM sqlite_master",
        "CREATE TABLE pragma_t (a)",
        "ATTACH '/tmp/x' AS pragma_x",
    ] {
        assert!(["sql_not_allowed", "not_a_query", "sql_error"].contains(&refused(sql).code), "{sql}");
    }
    // In a transaction, where there is nothing to ask, not at all.
    for sql in
        ["PRAGMA table_info(articles)", "SELECT name FROM sqlite_master", "SELECT * FROM pragma_table_list"]
    {
        assert_eq!(site.refused(sql).code, "sql_not_allowed", "{sql}");
    }
    assert_eq!(site.rows("SELECT * FROM pragma_table_info('_tandem_state')"), [""; 0]);
    // A text or a name of one's own is none of that.
    apply(&site, "CREATE TABLE pragma_notes (id INTEGER PRIMARY KEY, version TEXT)");
    site.write("INSERT INTO pragma_notes (id, version) VALUES (1, 'sqlite_master')");
    assert_eq!(
        site.rows("SELECT version FROM pragma_notes WHERE version = 'sqlite_master'"),
        ["sqlite_master"]
    );
    assert_eq!(site.rows("SELECT sqlite_version() > '3'"), ["1"]);
}
