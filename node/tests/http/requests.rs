//! What can be done.

use serde_json::{Value, json};

use crate::site::{Site, read};

const TRANSACTIONS: &str = "/v1/spaces/school/transactions";

#[test]
fn rows_written_are_read_back_exactly() {
    let site = Site::with_school();
    let rows = json!([
        [9_007_199_254_740_993i64, "Zoë \u{1F600}", { "$blob": "AP8=" }, 12.5],
        [7, "", null, null],
    ]);
    let request = json!({
        "statements": [{ "sql": "INSERT INTO pupils VALUES (?, ?, ?, ?)", "params_list": rows }],
        "message": "first day", "by": "Amélie",
    });
    let (status, written) = site.post(TRANSACTIONS, &request);
    assert_eq!(status, 200, "{written}");
    assert_eq!(written["results"][0]["affected"], 2);
    assert_eq!(written["changes"], json!([{ "table": "pupils", "inserted": 2, "updated": 0, "deleted": 0 }]));
    assert_eq!(site.rows("SELECT * FROM pupils ORDER BY id DESC"), rows);

    let dot = written["dot"].as_str().unwrap();
    let entry = site.get(&format!("/v1/spaces/school/log/{dot}")).1;
    assert_eq!(
        (&entry["message"], &entry["by"], &entry["site_name"]),
        (&json!("first day"), &json!("Amélie"), &json!("office"))
    );
    assert_eq!(entry["ops"][0]["kind"], "insert");
    let shown: Vec<_> = entry["ops"].as_array().unwrap().iter().map(|op| op["key"]["id"].clone()).collect();
    assert!(shown.contains(&json!(9_007_199_254_740_993i64)), "{entry}");
}

#[test]
fn a_write_that_changes_nothing_has_no_dot() {
    let site = Site::with_school();
    let (status, written) = site.write("DELETE FROM pupils");
    assert_eq!((status, &written["dot"], &written["changes"]), (200, &Value::Null, &json!([])));
}

#[test]
fn a_retry_with_the_same_key_does_nothing_twice() {
    let site = Site::with_school();
    let body = json!({ "statements": ["INSERT INTO pupils (name) VALUES ('Ada') RETURNING id"] }).to_string();
    let post = |key: &str| read(site.send("POST", TRANSACTIONS, &[("idempotency-key", key)], body.clone())).1;
    let (mut first, again, other) = (post("sale 17"), post("sale 17"), post("sale 18"));
    assert_eq!(first["repeated"], false);
    assert_eq!(first["results"][0]["rows"].as_array().map(Vec::len), Some(1));
    assert_ne!(other["dot"], first["dot"]);
    first["repeated"] = json!(true);
    assert_eq!(again, first, "answered in full");
    assert_eq!(site.rows("SELECT count(*) FROM pupils"), json!([[2]]));
}

#[test]
fn a_key_that_comes_with_another_request_is_refused() {
    let site = Site::with_school();
    let post = |key: &str, name: &str, language: &str| {
        let body =
            json!({ "statements": [{ "sql": "INSERT INTO pupils (name) VALUES (?)", "params": [name] }] });
        let headers = [("idempotency-key", key), ("accept-language", language)];
        read(site.send("POST", TRANSACTIONS, &headers, body.to_string()))
    };
    assert_eq!(post("sale 17", "Ada", "en").0, 200);
    let (status, refused) = post("sale 17", "Bo", "en");
    assert_eq!((status, &refused["code"]), (422, &json!("idempotency_key_reused")), "{refused}");
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("Nothing was changed")), "{refused}");
    assert_eq!(site.rows("SELECT name FROM pupils"), json!([["Ada"]]));
    for key in ["", " ", "x".repeat(257).as_str(), "sale\u{e9}"] {
        assert_eq!(post(key, "Cy", "en").1["code"], "request_malformed", "{key}");
    }
}

#[test]
fn a_read_gives_a_basis_for_a_write() {
    let site = Site::with_school();
    assert_eq!(site.write("INSERT INTO pupils (id, name) VALUES (1, 'Ada')").0, 200);
    let read = site
        .post(
            "/v1/spaces/school/queries",
            &json!({ "sql": "SELECT name FROM pupils WHERE id = ?", "params": [1] }),
        )
        .1;
    assert_eq!((&read["columns"], &read["rows"]), (&json!(["name"]), &json!([["Ada"]])));
    let request = json!({ "statements": ["UPDATE pupils SET name = 'Bo'"], "basis": read["version"] });
    let (status, written) = site.post(TRANSACTIONS, &request);
    assert_eq!(status, 200, "{written}");
    assert_eq!(site.rows("SELECT name FROM pupils"), json!([["Bo"]]));
}

#[test]
fn rows_can_be_asked_for_line_by_line() {
    let site = Site::with_school();
    site.write("INSERT INTO pupils (id, name) VALUES (1, 'Ada'), (2, 'Bo')");
    let query = json!({ "sql": "SELECT id, name FROM pupils ORDER BY id" }).to_string();
    let mut response =
        site.send("POST", "/v1/spaces/school/queries", &[("accept", "application/x-ndjson")], query);
    let text = response.body_mut().read_to_string().unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["columns"], json!(["id", "name"]));
    assert_eq!(lines[1..], [json!([1, "Ada"]), json!([2, "Bo"])]);
}

#[test]
fn the_log_is_paged_and_filtered() {
    let site = Site::with_school();
    for number in 1..=5 {
        assert_eq!(site.write(&format!("INSERT INTO pupils (id, name) VALUES ({number}, 'P')")).0, 200);
    }
    let mut seen = Vec::new();
    let mut path = "/v1/spaces/school/log?table=pupils&limit=2".to_owned();
    loop {
        let page = site.get(&path).1;
        seen.extend(
            page["entries"].as_array().unwrap().iter().map(|entry| entry["arrival"].as_u64().unwrap()),
        );
        match page["next"].as_u64() {
            Some(next) => path = format!("/v1/spaces/school/log?table=pupils&limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    let entries = |filter: &str| {
        site.get(&format!("/v1/spaces/school/log?{filter}")).1["entries"].as_array().unwrap().len()
    };
    assert_eq!(entries("table=pupils&key=3"), 1);
    assert_eq!(entries("site=office"), 6);
    assert_eq!(entries("since=2999-01-01"), 0);
    assert_eq!(entries("until=2999-01-01T00:00:00Z"), 6);
    let verified = site.post("/v1/spaces/school/verification", &Value::Null).1;
    assert_eq!((&verified["ok"], &verified["transactions"]), (&json!(true), &json!(6)), "{verified}");
}

#[test]
fn the_schema_is_shown_as_sql_and_grows() {
    let site = Site::with_school();
    let change = json!({ "sql": "ALTER TABLE pupils ADD COLUMN city TEXT; CREATE TABLE rooms (id INTEGER PRIMARY KEY)" });
    let trial = json!({ "sql": change["sql"], "dry_run": true });
    let planned = site.post("/v1/spaces/school/schema", &trial).1;
    assert_eq!((&planned["dot"], planned["changes"].as_array().unwrap().len()), (&Value::Null, 2));
    let changed = site.post("/v1/spaces/school/schema", &change).1;
    assert_eq!(changed["changes"], planned["changes"]);
    assert!(changed["dot"].is_string());
    let shown = site.get("/v1/spaces/school/schema").1;
    // What is shown makes the same tables elsewhere.
    let copy = json!({ "name": "copy", "site_name": "office", "schema": shown["sql"] });
    assert_eq!(site.post("/v1/spaces", &copy).0, 201);
    assert_eq!(site.get("/v1/spaces/copy/schema").1, shown);
}

#[test]
fn the_status_tells_what_others_rely_on() {
    let site = Site::with_school();
    site.write("INSERT INTO pupils (name) VALUES ('Ada')");
    let status = site.get("/v1/status").1;
    assert_eq!(status["site"]["name"], "office");
    assert!(!status["node"]["listening"].as_array().unwrap().is_empty());
    let space = &status["spaces"][0];
    assert_eq!(space, &site.get("/v1/spaces/school/status").1);
    assert_eq!(
        (&space["name"], &space["ordinal"], &space["role"]),
        (&json!("school"), &json!(1), &json!("admin"))
    );
    assert_eq!(space["version_vector"], json!({ status["site"]["id"].as_str().unwrap(): 2 }));
    assert_eq!(
        (&space["transactions"], &space["waiting"], &space["open_conflicts"]),
        (&json!(2), &json!(0), &json!(0))
    );
    assert_eq!((&space["tables"][0]["name"], &space["tables"][0]["rows"]), (&json!("pupils"), &json!(1)));
    let mut metrics = site.send("GET", "/metrics", &[], "");
    let metrics = metrics.body_mut().read_to_string().unwrap();
    assert!(metrics.contains("tandem_transactions{space=\"school\"} 2\n"), "{metrics}");
}

#[test]
fn a_site_can_be_renamed() {
    let site = Site::with_school();
    let renamed = site.send("PATCH", "/v1/spaces/school/sites/office", &[], r#"{"name": "Büro"}"#);
    assert_eq!(renamed.status(), 204);
    let sites = site.get("/v1/spaces/school/sites").1;
    assert_eq!(
        (&sites[0]["name"], &sites[0]["this"], &sites[0]["role"]),
        (&json!("Büro"), &json!(true), &json!("admin"))
    );
    assert_eq!(site.get("/v1/status").1["site"]["name"], "Büro");
    assert_eq!(read(site.send("PATCH", "/v1/spaces/school/sites/nobody", &[], r#"{"name": "x"}"#)).0, 404);
}
