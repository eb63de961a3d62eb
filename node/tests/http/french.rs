//! What is refused is told in the language that the request asks for, to the last word of its cause.

use serde_json::{Value, json};

use crate::site::{Site, read};

/// Words that every English sentence has some of, and no French one.
const ENGLISH: &[&str] = &[
    "the",
    "is",
    "are",
    "was",
    "were",
    "be",
    "not",
    "no",
    "such",
    "of",
    "with",
    "and",
    "has",
    "have",
    "had",
    "there",
    "here",
    "this",
    "that",
    "these",
    "it",
    "its",
    "to",
    "from",
    "for",
    "by",
    "in",
    "into",
    "which",
    "must",
    "cannot",
    "may",
    "been",
    "than",
    "where",
    "when",
    "than",
    "near",
    "syntax",
    "error",
    "expected",
    "found",
    "missing",
    "unknown",
    "failed",
    "column",
    "statement",
    "constraint",
    "too",
    "many",
    "any",
    "already",
    "only",
    "at",
    "as",
    "named",
    "value",
    "values",
    "invalid",
    "character",
    "file",
    "row",
];

/// The English words of a French text, beside what was typed and what stands in backquotes.
fn english<'a>(text: &'a str, typed: &[&str]) -> Vec<&'a str> {
    // Words that were typed, of whichever language, are told as they are.
    let typed: Vec<&str> =
        typed.iter().flat_map(|typed| typed.split(|char: char| !char.is_alphanumeric())).collect();
    text.split('`')
        .step_by(2)
        .flat_map(|part| part.split(|char: char| !char.is_alphanumeric() && char != '_'))
        .filter(|word| {
            let lower = word.to_lowercase();
            // What is all capitals is SQL.
            let is_sql = word.len() > 1 && word.chars().all(|char| char.is_uppercase());
            ENGLISH.contains(&lower.as_str()) && !is_sql && !typed.contains(word)
        })
        .collect()
}

/// What a request is refused with, in French: its code, what is said, and all of it with the hints.
fn refused(
    site: &Site,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> (String, String) {
    let language = ("accept-language", "fr-CH, fr;q=0.9, en;q=0.5");
    let response = site.send(method, path, &[&[language], headers].concat(), body);
    let language = response.headers().get("content-language").unwrap_or_else(|| panic!("{method} {path}"));
    assert_eq!(language, "fr");
    let (status, problem) = read(response);
    assert!(status >= 400, "{path}: {problem}");
    let hints = problem["hints"].as_array().unwrap().iter().filter_map(Value::as_str);
    let text = problem["detail"].as_str().into_iter().chain(hints).collect::<Vec<_>>().join("\n");
    (problem["code"].as_str().unwrap().to_owned(), text)
}

pub fn told_in_french(site: &Site, method: &str, path: &str, body: &str, code: &str) {
    told_in_french_with(site, method, path, &[], body, code);
}

/// The same with further headers.
pub fn told_in_french_with(
    site: &Site,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
    code: &str,
) {
    let (found, text) = refused(site, method, path, headers, body);
    assert_eq!(found, code, "{path} {body}: {text}");
    let foreign = english(&text, &[path, body]);
    assert!(foreign.is_empty(), "{foreign:?} in: {text}\n{path} {body}");
    assert!(!text.contains("dit : «"), "not known to the catalogue: {text}\n{path} {body}");
    let message = text.lines().next().unwrap_or_default();
    let asks = message.contains('?') && ![path, body].concat().contains('?');
    assert!(!asks, "a parameter is missing: {message}");
}

/// What SQLite finds wrong.
const NO_SQL: &[&str] = &[
    "SELECT nobody FROM pupils",
    "SELECT \"nobody\" FROM pupils",
    "INSERT INTO nobody VALUES (1)",
    "INSRT",
    "SELECT",
    "SELECT 'open",
    "SELECT *",
    "SELECT nobody(1)",
    "SELECT abs()",
    "SELECT abs(-9223372036854775807 - 1)",
    "SELECT name FROM pupils AS a, pupils AS b",
    "SELECT 1 UNION SELECT 1, 2",
    "SELECT 1 ORDER BY 2",
    "SELECT (1, 2)",
    "SELECT sum(id) FROM pupils WHERE sum(id) > 1",
    "SELECT row_number()",
    "SELECT id FROM pupils WHERE id IN (SELECT 1, 2)",
    "SELECT 1 FROM pupils JOIN pupils AS b USING (nobody)",
    "SELECT 'a' LIKE 'b' ESCAPE 'cc'",
    "SELECT json('{')",
    "SELECT decimal_add('zwei', 1)",
    "SELECT decimal_add(x'00', 1)",
    "WITH x AS (SELECT * FROM x) SELECT * FROM x",
    "INSERT INTO pupils (name, nobody) VALUES ('a', 1)",
    "INSERT INTO pupils VALUES (1)",
    "INSERT INTO pupils (id, name) VALUES (2)",
    "INSERT INTO pupils (id, name) VALUES (2, 'a'), (3)",
    "UPDATE pupils SET nobody = 1",
    "SELECT ?99999",
];

/// What is refused for what it does.
const NOT_DONE: &[(&str, &str)] = &[
    ("INSERT INTO pupils (id, name) VALUES (1, 'Bo')", "constraint_primary_key"),
    ("INSERT INTO pupils (name) VALUES (NULL)", "constraint_not_null"),
    ("INSERT INTO pupils (name, fee) VALUES ('Bo', 'viel')", "type_mismatch"),
    ("INSERT INTO pupils (name) VALUES (CAST(x'ff' AS TEXT))", "invalid_utf8"),
    ("UPDATE pupils SET id = 2", "key_changed"),
    ("UPDATE pupils SET name = exactly(1)", "exactly_not_counter"),
    ("SELECT rowid FROM pupils", "rowid"),
    ("DROP TABLE pupils", "sql_not_allowed"),
    ("PRAGMA journal_mode = DELETE", "sql_not_allowed"),
    ("COMMIT", "sql_not_allowed"),
    ("INSERT OR ROLLBACK INTO pupils (id, name) VALUES (1, 'x')", "transaction_control"),
    ("DELETE FROM pupils; DELETE FROM pupils", "multiple_statements"),
    ("INSERT INTO pupils (name) VALUES (?)", "parameter_count"),
];

#[test]
fn bad_sql_is_told_in_french() {
    let site = Site::with_school();
    assert_eq!(site.write("INSERT INTO pupils (id, name) VALUES (1, 'Ada')").0, 200);
    let transaction = |statement: Value, code: &str| {
        let body = json!({ "statements": [statement] }).to_string();
        told_in_french(&site, "POST", "/v1/spaces/school/transactions", &body, code);
    };
    NO_SQL.iter().for_each(|sql| transaction(json!(sql), "sql_error"));
    let wide = format!("SELECT {}", vec!["1"; 3000].join(", "));
    transaction(json!(wide), "sql_error");
    let long = format!("SELECT '{}'", "x".repeat(5 << 20));
    transaction(json!(long), "sql_too_long");
    NOT_DONE.iter().for_each(|(sql, code)| transaction(json!(sql), code));
    for (sql, code) in [
        ("SELECT :a", "parameter_missing"),
        ("SELECT 1", "parameter_unknown"),
        ("SELECT :b, ?2", "parameter_unnamed"),
    ] {
        transaction(json!({ "sql": sql, "params": { "b": 1 } }), code);
    }
    let second = json!({ "statements": ["SELECT 1", "SELECT nobody FROM pupils"] }).to_string();
    told_in_french(&site, "POST", "/v1/spaces/school/transactions", &second, "sql_error");
    for (sql, code) in [
        ("DELETE FROM pupils", "not_a_query"),
        ("SELECT count(*) FROM pupils, sqlite_schema", "catalogue_alone"),
        ("PRAGMA user_version", "sql_not_allowed"),
    ] {
        let query = json!({ "sql": sql }).to_string();
        told_in_french(&site, "POST", "/v1/spaces/school/queries", &query, code);
    }
}

#[test]
fn bad_schemas_are_told_in_french() {
    let site = Site::with_school();
    for (sql, code) in [
        ("CREATE TABLE a (b TEXT)", "schema_no_primary_key"),
        ("CREATE TABLE a (b MONEY PRIMARY KEY)", "schema_unknown_type"),
        ("CREATE TABLE", "schema_syntax"),
        ("CREATE TABLE a (", "schema_syntax"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY", "schema_syntax"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY,, c TEXT)", "schema_syntax"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY) 'x", "schema_syntax"),
        ("NONSENSE", "schema_syntax"),
        ("CREATE TABLE a (b COUNTER PRIMARY KEY)", "schema_not_supported"),
        ("CREATE TABLE a (b TEXT COLLATE NOCASE PRIMARY KEY)", "schema_not_supported"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, c INTEGER REFERENCES u (id))", "schema_not_supported"),
        (
            "CREATE TABLE a (b INTEGER PRIMARY KEY, c INTEGER REFERENCES pupils (name))",
            "schema_not_supported",
        ),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, c DATE DEFAULT 'demain')", "schema_not_supported"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, CHECK (random() > 0))", "schema_not_supported"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, CHECK (nobody > 0))", "schema_not_supported"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, CHECK (abs(b, 1) > 0))", "schema_not_supported"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, CHECK (b IN (SELECT 1)))", "schema_not_supported"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, UNIQUE (b, B))", "schema_not_supported"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, UNIQUE (nobody))", "schema_not_supported"),
        ("CREATE TABLE _tandem_a (b INTEGER PRIMARY KEY)", "schema_not_supported"),
        ("CREATE VIEW a AS SELECT nobody FROM pupils", "schema_not_supported"),
        ("CREATE VIEW a (b, c) AS SELECT 1", "schema_not_supported"),
        ("CREATE VIEW a AS SELECT * FROM _tandem_rows", "schema_not_supported"),
        ("CREATE TEMPORARY VIEW a AS SELECT 1", "schema_not_supported"),
        ("DROP VIEW nobody", "schema_not_supported"),
        ("CREATE VIEW pupils AS SELECT 1", "schema_not_additive"),
        ("CREATE TABLE a (b INTEGER PRIMARY KEY, c SERIAL)", "schema_not_supported"),
        ("CREATE TABLE a (b TEXT); CREATE TABLE c (d GEOMETRY PRIMARY KEY); VACUUM", "schema_problems"),
        ("CREATE INDEX i ON nobody (b)", "schema_not_supported"),
        ("CREATE INDEX i ON pupils (nobody)", "schema_not_supported"),
        ("VACUUM", "schema_not_supported"),
        ("ALTER TABLE nobody ADD COLUMN b TEXT", "schema_not_supported"),
        ("ALTER TABLE pupils ADD COLUMN b TEXT NOT NULL", "schema_not_supported"),
        ("ALTER TABLE pupils DROP COLUMN name", "schema_not_additive"),
        ("DROP TABLE pupils", "schema_not_additive"),
        ("CREATE TABLE pupils (id INTEGER PRIMARY KEY)", "schema_not_additive"),
        ("CREATE TABLE pupils (id INTEGER PRIMARY KEY, name INTEGER)", "schema_not_additive"),
    ] {
        let body = json!({ "sql": sql }).to_string();
        told_in_french(&site, "POST", "/v1/spaces/school/schema", &body, code);
    }
    let json = json!({ "sql": "CREATE TABLE doc (id INTEGER PRIMARY KEY, j JSON, n COUNTER, t TIMESTAMP)" });
    assert_eq!(site.post("/v1/spaces/school/schema", &json).0, 200);
    for (sql, code) in [
        ("INSERT INTO doc (j) VALUES ('{')", "invalid_json"),
        ("INSERT INTO doc (j) VALUES ('{\"b\": 1, \"b\": 2}')", "invalid_json"),
        ("INSERT INTO doc (j) VALUES ('[1,]')", "invalid_json"),
        ("INSERT INTO doc (t) VALUES ('2026-03-01 10:00:00.1234567')", "type_mismatch"),
    ] {
        let body = json!({ "statements": [sql] }).to_string();
        told_in_french(&site, "POST", "/v1/spaces/school/transactions", &body, code);
    }
}

#[test]
fn bad_requests_are_told_in_french() {
    let site = Site::with_school();
    let transactions = "/v1/spaces/school/transactions";
    for (method, path, body, code) in [
        ("POST", transactions, "", "request_malformed"),
        ("POST", transactions, "{", "request_malformed"),
        ("POST", transactions, "{]", "request_malformed"),
        ("POST", transactions, "[]", "request_malformed"),
        ("POST", transactions, "{}", "request_malformed"),
        ("POST", transactions, r#"{"statements": []}"#, "request_malformed"),
        ("POST", transactions, r#"{"statements": [], "x": 1}"#, "request_malformed"),
        ("POST", transactions, r#"{"statements": 5}"#, "request_malformed"),
        ("POST", transactions, r#"{"statements": [5]}"#, "request_malformed"),
        (
            "POST",
            transactions,
            r#"{"statements": [{"sql": "x", "params": [], "params_list": []}]}"#,
            "request_malformed",
        ),
        ("POST", transactions, r#"{"statements": ["x"], "idempotency_key": "é"}"#, "request_malformed"),
        ("POST", transactions, r#"{"statements": ["x"], "deadline": -1}"#, "request_malformed"),
        ("POST", transactions, r#"{"statements": ["x"], "basis": "hier"}"#, "basis_refused"),
        ("POST", "/v1/spaces/school/batch", "{}", "request_malformed"),
        ("POST", "/v1/spaces/school/batch", &format!("[{}0]", "0,".repeat(1000)), "batch_too_large"),
        ("GET", "/v1/spaces/school/log?since=hier", "", "request_malformed"),
        ("GET", "/v1/spaces/school/log?wrong=1", "", "request_malformed"),
        ("GET", "/v1/spaces/school/log?limit=x", "", "request_malformed"),
        ("GET", "/v1/spaces/school/log?table=nobody", "", "table_unknown"),
        ("GET", "/v1/spaces/school/attachment/comparison", "", "not_attached"),
        (
            "POST",
            "/v1/spaces/school/attachment",
            r#"{"url":"mysql://anna@localhost/ecole"}"#,
            "database_refused",
        ),
        (
            "POST",
            "/v1/spaces/school/attachment",
            r#"{"url":"postgres://anna@127.0.0.1:1/ecole"}"#,
            "database_waits",
        ),
        ("GET", "/v1/spaces/school/log?site=nobody", "", "site_unknown"),
        ("GET", "/v1/spaces/school/log/nobody:1", "", "transaction_unknown"),
        ("GET", "/v1/spaces/school/conflicts/abcdef", "", "conflict_unknown"),
        ("GET", "/v1/spaces/school/conflicts?after=x", "", "request_malformed"),
        ("GET", "/v1/spaces/nobody/log", "", "space_unknown"),
        ("GET", "/v2", "", "route_unknown"),
        ("DELETE", "/v1/status", "", "method_refused"),
        ("POST", "/v1/spaces", r#"{"name": "école", "site_name": "a/b"}"#, "name_refused"),
        ("POST", "/v1/spaces", r#"{"name": " x", "site_name": "a"}"#, "name_refused"),
        ("POST", "/v1/spaces", "{\"name\": \"x\u{200b}\", \"site_name\": \"a\"}", "name_refused"),
        ("POST", "/v1/spaces", r#"{"name": "school", "site_name": "a"}"#, "space_exists"),
        ("POST", "/v1/join", r#"{"token": "x", "site_name": "b"}"#, "invitation_malformed"),
        ("POST", "/v1/join-requests", r#"{"site_name": "b"}"#, "two_spaces"),
        ("POST", "/v1/spaces/school/admissions", r#"{"request": "x"}"#, "join_request_malformed"),
        ("POST", "/v1/spaces/school/invitations", r#"{"role": "roi"}"#, "request_malformed"),
        ("POST", "/v1/bundles", "rien", "bundle_unreadable"),
        ("PATCH", "/v1/spaces/school/sites/nobody", r#"{"name": "x"}"#, "site_unknown"),
        ("PATCH", "/v1/spaces/school/sites/office", r#"{"name": ""}"#, "name_refused"),
    ] {
        told_in_french(&site, method, path, body, code);
    }
}

#[test]
fn who_asks_for_no_language_of_the_catalogue_is_told_in_english() {
    let site = Site::with_school();
    for asked in [None, Some("de"), Some("en, fr;q=0.9")] {
        let headers: Vec<_> = asked.map(|asked| ("accept-language", asked)).into_iter().collect();
        let response = site.send("GET", "/v2", &headers, "");
        assert_eq!(response.headers().get("content-language").unwrap(), "en", "{asked:?}");
        assert_eq!(response.headers().get("vary").unwrap(), "accept-language");
        assert_eq!(read(response).1["detail"], "There is nothing at this address.");
    }
}

#[test]
fn an_answer_that_breaks_off_is_told_in_the_language_of_its_reader() {
    let site = Site::with_school();
    let sql = "SELECT abs(CASE WHEN value < 90000 THEN value ELSE -9223372036854775807 - 1 END) FROM json_each('[' || rtrim(replace(hex(zeroblob(50000)), '0', '1,'), ',') || ',100000]')";
    let headers = [("accept", "application/x-ndjson"), ("accept-language", "fr")];
    let mut response =
        site.send("POST", "/v1/spaces/school/queries", &headers, json!({ "sql": sql }).to_string());
    let text = response.body_mut().read_to_string().unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let told = last["error"]["detail"].as_str().unwrap_or_else(|| panic!("{last}"));
    assert!(told.starts_with("Le SQL ne peut pas être exécuté : un nombre"), "{told}");
}
