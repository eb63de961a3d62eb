//! What cannot be done is refused with a stable code, and changes nothing.

use serde_json::json;

use crate::site::{SCHEMA, Site, read};

#[test]
fn refused_writes_have_codes_and_change_nothing() {
    let site = Site::with_school();
    assert_eq!(site.write("INSERT INTO pupils (id, name) VALUES (1, 'Ada')").0, 200);
    for (sql, status, code) in [
        ("INSERT INTO nobody VALUES (1)", 400, "sql_error"),
        ("INSRT", 400, "sql_error"),
        ("INSERT INTO pupils (id, name) VALUES (1, 'Bo')", 409, "constraint_primary_key"),
        ("INSERT INTO pupils (name) VALUES (NULL)", 409, "constraint_not_null"),
        ("INSERT INTO pupils (name, fee) VALUES ('Bo', 'much')", 400, "type_mismatch"),
        ("UPDATE pupils SET id = 2", 409, "key_changed"),
        ("DROP TABLE pupils", 400, "sql_not_allowed"),
        ("CREATE TABLE more (id INTEGER PRIMARY KEY)", 400, "sql_not_allowed"),
        ("PRAGMA journal_mode = DELETE", 400, "sql_not_allowed"),
        ("DELETE FROM _tandem_transactions", 400, "sql_not_allowed"),
        ("DELETE FROM pupils; DELETE FROM pupils", 400, "multiple_statements"),
        ("INSERT INTO pupils (name) VALUES (?)", 400, "parameter_count"),
    ] {
        let before = site.get("/v1/spaces/school/status").1;
        let (answered, problem) = site.write(sql);
        assert_eq!((answered, problem["code"].as_str()), (status, Some(code)), "{sql}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("Nothing was changed"), "{problem}");
        assert_eq!(site.get("/v1/spaces/school/status").1["fingerprint"], before["fingerprint"]);
    }
    assert_eq!(site.rows("SELECT id, name FROM pupils"), json!([[1, "Ada"]]));
}

#[test]
fn a_transaction_happens_whole_or_not_at_all() {
    let site = Site::with_school();
    let request = json!({ "statements": ["INSERT INTO pupils (id, name) VALUES (1, 'Ada')", "INSERT INTO nobody VALUES (1)"] });
    assert_eq!(site.post("/v1/spaces/school/transactions", &request).0, 400);
    assert_eq!(site.rows("SELECT count(*) FROM pupils"), json!([[0]]));
}

#[test]
fn malformed_requests_are_told_what_is_wrong() {
    let site = Site::with_school();
    let transactions = "/v1/spaces/school/transactions";
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"statements": []}"#,
        r#"{"statements": [{"sql": "x", "params": [], "params_list": []}]}"#,
        r#"{"statements": ["SELECT 1"], "basiss": ""}"#,
        r#"{"statements": [{"sql": "x", "params": [9999999999999999999]}]}"#,
        "\u{0}",
    ] {
        let (status, problem) = read(site.send("POST", transactions, &[], body));
        assert_eq!((status, problem["code"].as_str()), (400, Some("request_malformed")), "{body}: {problem}");
    }
    let (status, problem) = read(site.send("POST", transactions, &[], [0xff, 0xfe]));
    assert_eq!((status, problem["code"].as_str()), (400, Some("request_malformed")));
    let basis = json!({ "statements": ["DELETE FROM pupils"], "basis": "yesterday" });
    assert_eq!(site.post(transactions, &basis).1["code"], "basis_refused");
    for path in [
        "/v1/spaces/school/log?since=yesterday",
        "/v1/spaces/school/log?wrong=1",
        "/v1/spaces/school/log?limit=x",
    ] {
        assert_eq!(site.get(path).1["code"], "request_malformed", "{path}");
    }
    let long = "k".repeat(300);
    let (status, _) = read(site.send(
        "POST",
        transactions,
        &[("idempotency-key", &long)],
        r#"{"statements": ["SELECT 1"]}"#,
    ));
    assert_eq!(status, 400);
}

#[test]
fn what_is_not_there_is_not_found() {
    let site = Site::with_school();
    let query = json!({ "sql": "SELECT 1" });
    assert_eq!(site.post("/v1/spaces/nowhere/queries", &query).1["code"], "space_unknown");
    assert_eq!(site.post("/v1/spaces/nowhere/queries", &query).0, 404);
    for (path, code) in [
        ("/v1/spaces/nowhere/log", "space_unknown"),
        ("/v1/spaces/school/log/nobody:1", "transaction_unknown"),
        ("/v1/spaces/school/log/office:99", "transaction_unknown"),
        ("/v1/spaces/school/log?table=nothing", "table_unknown"),
        ("/v1/spaces/school/log?site=nobody", "site_unknown"),
        ("/v1/spaces/school/bundles?for=nobody", "site_unknown"),
        ("/v2", "route_unknown"),
    ] {
        let (status, problem) = site.get(path);
        assert_eq!((status, problem["code"].as_str()), (404, Some(code)), "{path}");
    }
    assert_eq!(read(site.send("DELETE", "/v1/status", &[], "")).1["code"], "method_refused");
    assert_eq!(Site::bare().get("/v1/spaces/school/log").1["code"], "space_missing");
}

#[test]
fn a_query_cannot_write() {
    let site = Site::with_school();
    let (status, problem) = site.post("/v1/spaces/school/queries", &json!({ "sql": "DELETE FROM pupils" }));
    assert_eq!(status, 400, "{problem}");
    assert_eq!(problem["code"], "not_a_query");
}

#[test]
fn a_body_beyond_the_limit_is_refused_with_a_reason() {
    let site = Site::with_school();
    let (status, problem) =
        read(site.send("POST", "/v1/spaces/school/transactions", &[], vec![b' '; (64 << 20) + 1]));
    assert_eq!((status, problem["code"].as_str()), (413, Some("body_too_large")));
    assert!(problem["detail"].as_str().unwrap().contains("64 MiB"));
}

#[test]
fn a_transaction_beyond_the_limit_is_refused_with_a_reason() {
    let site = Site::with_school();
    let name = "x".repeat(17 << 20);
    let request =
        json!({ "statements": [{ "sql": "INSERT INTO pupils (name) VALUES (?)", "params": [name] }] });
    let (status, problem) = site.post("/v1/spaces/school/transactions", &request);
    assert_eq!((status, problem["code"].as_str()), (413, Some("transaction_too_large")));
    assert_eq!(site.rows("SELECT count(*) FROM pupils"), json!([[0]]));
}

#[test]
fn a_space_is_founded_once_and_with_a_sound_schema() {
    let site = Site::with_school();
    let again = json!({ "name": "school", "site_name": "office" });
    assert_eq!(site.post("/v1/spaces", &again).1["code"], "space_exists");
    assert_eq!(
        site.post("/v1/spaces", &json!({ "name": "../x", "site_name": "office" })).1["code"],
        "name_refused"
    );
    for (schema, code) in [
        ("CREATE TABLE a (b TEXT)", "schema_no_primary_key"),
        ("CREATE TABLE a (b GEOMETRY PRIMARY KEY)", "schema_unknown_type"),
        ("CREATE TABLE", "schema_syntax"),
    ] {
        let (status, problem) =
            site.post("/v1/spaces", &json!({ "name": "b", "site_name": "office", "schema": schema }));
        assert_eq!((status, problem["code"].as_str()), (400, Some(code)), "{schema}: {problem}");
    }
    let more = json!({ "sql": "DROP TABLE pupils" });
    assert_eq!(site.post("/v1/spaces/school/schema", &more).0, 400);
    assert_eq!(site.post("/v1/spaces/school/schema", &json!({ "sql": SCHEMA })).1["changes"], json!([]));
}

#[test]
fn only_an_invitation_opens_another_space() {
    let site = Site::with_school();
    let join = |token: &str| site.post("/v1/join", &json!({ "token": token, "site_name": "class" }));
    assert_eq!(join("nonsense").1["code"], "invitation_malformed");
    let (status, invitation) = site.post("/v1/spaces/school/invitations", &json!({}));
    assert_eq!(status, 200, "{invitation}");
    let (status, problem) = join(invitation["token"].as_str().unwrap());
    assert_eq!((status, problem["code"].as_str()), (409, Some("already_member")), "{problem}");
    assert!(!problem["hints"].as_array().unwrap().is_empty());
    assert_eq!(site.post("/v1/spaces/school/invitations", &json!({ "role": "king" })).0, 400);
}
