//! Requests that make no sense: refused in words, with a stable code, and without a trace.

use serde_json::{Value, json};
use tandem_tests::school::found_with;
use tandem_tests::site::Site;

use crate::SHOP;

/// SQL and the code with which it is refused.
const REFUSED: &[(&str, &str)] = &[
    ("SELEC 1", "sql_error"),
    ("SELECT * FROM nowhere", "sql_error"),
    ("INSERT INTO items (nam) VALUES ('x')", "sql_error"),
    ("INSERT INTO items (id, name) VALUES (1, 'again')", "constraint_primary_key"),
    ("INSERT INTO items (name, code) VALUES ('x', 'c1')", "constraint_unique"),
    ("INSERT INTO items (name) VALUES (NULL)", "constraint_not_null"),
    ("INSERT INTO items (name, price) VALUES ('x', -1)", "constraint_check"),
    ("INSERT INTO tags (item) VALUES (404)", "constraint_foreign_key"),
    ("UPDATE items SET id = 2 WHERE id = 1", "key_changed"),
    ("INSERT INTO named (name) VALUES (NULL)", "constraint_not_null"),
    ("INSERT INTO named (name) VALUES (CAST(x'ff41' AS TEXT))", "invalid_utf8"),
    ("UPDATE items SET shelf = CAST(x'ff41' AS TEXT)", "invalid_utf8"),
    ("INSERT INTO items (name, price) VALUES ('x', 'cheap')", "type_mismatch"),
    ("CREATE TABLE more (id INTEGER PRIMARY KEY)", "sql_not_allowed"),
    ("DROP TABLE items", "sql_not_allowed"),
    ("ALTER TABLE items ADD COLUMN x TEXT", "sql_not_allowed"),
    ("CREATE TRIGGER t AFTER INSERT ON items BEGIN DELETE FROM items; END", "sql_not_allowed"),
    ("PRAGMA synchronous = OFF", "sql_not_allowed"),
    ("ATTACH DATABASE '/tmp/x' AS other", "sql_not_allowed"),
    ("DELETE FROM _tandem_transactions", "sql_not_allowed"),
];

/// Schemas and the code with which they are refused.
const SCHEMAS: &[(&str, &str)] = &[
    ("CREATE TABLE t (a TEXT)", "schema_no_primary_key"),
    ("CREATE TABLE t (id INTEGER PRIMARY KEY, a FROBNICATE)", "schema_unknown_type"),
    ("CREATE TABLE t (id INTEGER PRIMARY KEY", "schema_syntax"),
    (
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER GENERATED ALWAYS AS (a * 2))",
        "schema_not_supported",
    ),
    (
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
        "schema_not_supported",
    ),
];

fn shop() -> Site {
    let site = Site::alone("office");
    let more = "CREATE TABLE tags (id INTEGER PRIMARY KEY, item INTEGER NOT NULL REFERENCES items (id));
        CREATE TABLE named (name TEXT PRIMARY KEY, note TEXT);";
    found_with(&site, &format!("{SHOP}{more}"));
    site.write("INSERT INTO items (id, name, code, stock) VALUES (1, 'chalk', 'c1', 40)");
    site
}

fn unchanged(site: &Site, before: &Value) {
    let now = site.space();
    for field in ["transactions", "fingerprint", "tables", "version_vector"] {
        assert_eq!(now[field], before[field], "{field}");
    }
}

#[test]
fn refused_sql_leaves_no_trace_with_or_without_a_node() {
    let site = shop();
    let before = site.space();
    for running in [false, true] {
        if running {
            site.start();
        }
        for (sql, code) in REFUSED {
            let text = site.tandem(&["sql", sql]).refused(code);
            assert!(text.contains("Nothing was changed") || *code == "not_a_query", "{sql}: {text}");
        }
        site.tandem(&["sql", "SELECT ?", "1", "2"]).refused("parameter_count");
        unchanged(&site, &before);
    }
    site.verify();
}

#[test]
fn refused_schemas_leave_no_trace() {
    let site = shop();
    let before = site.space();
    for (sql, code) in SCHEMAS {
        let file = site.file("wrong.sql", sql);
        let text = site.tandem(&["schema", "apply", file.to_str().unwrap()]).refused(code);
        assert!(text.contains("Nothing was changed"), "{sql}: {text}");
        let fresh = Site::alone("fresh");
        fresh.tandem(&["init", "--schema", file.to_str().unwrap()]).refused(code);
        fresh.tandem(&["sql", "SELECT 1"]).refused("space_missing");
    }
    let file = site.file("shrunk.sql", "CREATE TABLE items (id TEXT PRIMARY KEY)");
    site.tandem(&["schema", "apply", file.to_str().unwrap()]).refused("schema_not_additive");
    site.tandem(&["schema", "apply", "/no/such/file.sql"]).refused("file_failed");
    site.tandem(&["init", "--space", "school"]).refused("space_exists");
    unchanged(&site, &before);
}

#[test]
fn a_transaction_larger_than_allowed_is_refused_whole() {
    let site = shop();
    site.start();
    let before = site.space();
    let (status, reply) = site.http(|http| {
        let statements: Vec<_> = (0..18)
            .map(|number| format!("INSERT INTO items (name, photo) VALUES ('{number}', randomblob(1000000))"))
            .collect();
        http.transact(&statements).unwrap()
    });
    assert_eq!((status, &reply["code"]), (413, &json!("transaction_too_large")), "{reply}");
    unchanged(&site, &before);
    site.write("INSERT INTO items (name, photo) VALUES ('small enough', randomblob(1000000))");
    site.verify();
}

#[test]
fn http_refuses_what_it_cannot_understand() {
    let site = shop();
    site.start();
    let before = site.space();
    let transactions = "/v1/spaces/school/transactions";
    site.http(|http| {
        let bad_bodies: [&[u8]; 5] =
            [b"", b"{", b"{}", b"{\"statements\": [{\"sql\": \"SELECT 1\", \"parms\": []}]}", b"\xff\xfe"];
        for body in bad_bodies {
            let (status, reply) = http.post_bytes(transactions, body.to_vec()).unwrap();
            assert_eq!((status, &reply["code"]), (400, &json!("request_malformed")), "{reply}");
        }
        let (status, reply) =
            http.post("/v1/spaces/nowhere/transactions", &json!({ "statements": ["SELECT 1"] })).unwrap();
        assert_eq!((status, &reply["code"]), (404, &json!("space_unknown")), "{reply}");
        let (status, reply) = http.get("/v1/nothing/here").unwrap();
        assert_eq!((status, &reply["code"]), (404, &json!("route_unknown")), "{reply}");
        let (status, reply) =
            http.post("/v1/spaces/school/queries", &json!({ "sql": "DELETE FROM items" })).unwrap();
        assert_eq!((status, &reply["code"]), (400, &json!("not_a_query")), "{reply}");
        let (status, reply) = http.post("/v1/status", &json!({})).unwrap();
        assert_eq!((status, &reply["code"]), (405, &json!("method_refused")), "{reply}");
        // One bad statement undoes the good one before it.
        let (status, reply) =
            http.transact(&["UPDATE items SET stock = 0", "UPDATE items SET id = 9"]).unwrap();
        assert_eq!((status, &reply["code"]), (409, &json!("key_changed")), "{reply}");
    });
    let wrong = tandem_tests::http::Http::of_folder(site.data()).unwrap().with_token("wrong");
    let delete = json!({ "statements": ["DELETE FROM items"] });
    for (status, reply) in [wrong.get("/v1/status").unwrap(), wrong.post(transactions, &delete).unwrap()] {
        assert_eq!((status, &reply["code"]), (401, &json!("unauthorized")), "{reply}");
    }
    unchanged(&site, &before);
}

#[test]
fn a_retry_with_the_same_key_happens_once() {
    let site = shop();
    site.start();
    let sale = ["UPDATE items SET stock = stock - 3 WHERE id = 1"];
    let mut answers = Vec::new();
    for round in 0..3 {
        let (status, mut reply) = site.http(|http| http.transact_once("ticket 4711", &sale)).unwrap();
        assert_eq!((status, &reply["repeated"]), (200, &json!(round > 0)), "{reply}");
        reply["repeated"] = json!(true);
        answers.push(reply);
        if round == 1 {
            site.kill();
            site.start();
        }
    }
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    let other = ["UPDATE items SET stock = stock - 5 WHERE id = 1"];
    let (status, reply) = site.http(|http| http.transact_once("ticket 4711", &other)).unwrap();
    assert_eq!((status, &reply["code"]), (422, &json!("idempotency_key_reused")), "{reply}");
    assert_eq!(site.cell("SELECT stock FROM items WHERE id = 1"), 37);
}

#[test]
fn a_command_line_without_sense_ends_with_code_two() {
    let site = shop();
    for args in [
        &["frobnicate"][..],
        &["sql"],
        &["sql", "SELECT 1", "--wrong"],
        &["start", "--http", "nowhere"],
        &["log", "--since", "soonish"],
        &["sql", " ; "],
    ] {
        let answer = site.tandem(args);
        assert_eq!(answer.exit, Some(2), "{answer:?}");
        assert_eq!(answer.error()["code"], "usage", "{answer:?}");
    }
    site.tandem(&["--space", "elsewhere", "status"]).refused("space_unknown");
}
