//! Rows without SQL, and how far their source has come.

use serde_json::json;

use crate::site::{Site, read};

#[test]
fn rows_are_written_with_how_far_their_source_has_come() {
    let site = Site::with_school();
    let path = "/v1/spaces/school/rows";
    let source = "/v1/spaces/school/sources/list%201";
    assert_eq!(site.get(source), (200, json!({ "name": "list 1", "offset": null })));
    let put = |rows: serde_json::Value, offset: &str| {
        json!({
            "edits": [{ "put": { "table": "pupils", "columns": ["id", "name"], "rows": rows } }],
            "sources": [{ "name": "list 1", "offset": offset }],
            "message": "a list"
        })
    };
    let (status, written) = site.post(path, &put(json!([[7, "Zoë"], [8, "Bo"]]), "2"));
    assert_eq!((status, &written["changes"][0]["inserted"]), (200, &json!(2)), "{written}");
    assert_eq!(site.get(source).1["offset"], "2");
    let (status, refused) = site.post(path, &put(json!([[9, "Cy"], [10, null]]), "4"));
    assert_eq!((status, &refused["code"]), (409, &json!("constraint_not_null")), "{refused}");
    assert_eq!(site.get(source).1["offset"], "2");
    let delete = json!({ "edits": [{ "delete": { "table": "pupils", "keys": [[7], [99]] } }] });
    let (status, written) = site.post(path, &delete);
    assert_eq!((status, &written["changes"][0]["deleted"]), (200, &json!(1)), "{written}");
    assert_eq!(site.get(source).1["offset"], "2");
    for malformed in [
        json!({ "edits": [] }),
        json!({}),
        json!({ "edits": [{ "put": { "table": "pupils" } }] }),
        json!({ "edits": [{ "drop": { "table": "pupils" } }] }),
        json!({ "edits": [{ "delete": { "table": "pupils", "keys": [[1]] } }], "sql": "x" }),
    ] {
        let (status, refused) = site.post(path, &malformed);
        assert_eq!((status, &refused["code"]), (400, &json!("request_malformed")), "{malformed}");
    }
}

#[test]
fn a_write_of_rows_with_a_key_is_carried_out_once() {
    let site = Site::with_school();
    let send = |name: &str| {
        let edits =
            json!({ "edits": [{ "put": { "table": "pupils", "columns": ["name"], "rows": [[name]] } }] });
        let headers = [("content-type", "application/json"), ("idempotency-key", "form 1")];
        read(site.send("POST", "/v1/spaces/school/rows", &headers, edits.to_string()))
    };
    let (_, first) = send("Ada");
    let (status, again) = send("Ada");
    assert_eq!((status, &again["dot"], &again["repeated"]), (200, &first["dot"], &json!(true)));
    assert_eq!(send("Bo").1["code"], "idempotency_key_reused");
}
