//! Many transactions in one request.

use serde_json::{Value, json};

use crate::site::{Site, read};

const BATCH: &str = "/v1/spaces/school/batch";

fn insert(id: i64, name: &str) -> Value {
    json!({
        "statements": [{ "sql": "INSERT INTO pupils (id, name) VALUES (?, ?) RETURNING id", "params": [id, name] }],
        "key": format!("sale {id}"),
    })
}

#[test]
fn a_bad_one_stops_no_other_and_each_is_told_by_itself() {
    let site = Site::with_school();
    let batch = json!([
        insert(1, "Ada"),
        // As a whole or not at all, and judged in the words of a single transaction.
        { "statements": ["INSERT INTO pupils (id, name) VALUES (7, 'Gone')", "INSERT INTO pupils (id) VALUES (8)"] },
        insert(1, "Ada"),
        insert(1, "Bo"),
        { "statements": [] },
        { "statements": ["DELETE FROM pupils"], "of_no_meaning": 1 },
        9_223_372_036_854_775_808u64,
        // What one before it wrote is there.
        { "statements": ["UPDATE pupils SET name = 'Ada L.' WHERE id = 1"], "by": "till 2" },
        insert(2, "Cy"),
    ]);
    let (status, answer) = site.post(BATCH, &batch);
    assert_eq!(status, 200, "{answer}");
    let results = answer["results"].as_array().unwrap();
    let told: Vec<&str> = results
        .iter()
        .map(|result| result["error"]["code"].as_str().unwrap_or(result["status"].as_str().unwrap()))
        .collect();
    let expected = [
        "done",
        "constraint_not_null",
        "repeated",
        "idempotency_key_reused",
        "request_malformed",
        "request_malformed",
        "request_malformed",
        "done",
        "done",
    ];
    assert_eq!(told, expected);
    assert_eq!((&answer["done"], &answer["repeated"], &answer["refused"]), (&json!(3), &json!(1), &json!(5)));
    // Already there: with the id that was given then.
    assert_eq!(results[2]["results"][0]["rows"], json!([[1]]));
    assert_eq!(results[2]["dot"], results[0]["dot"]);
    assert_eq!(site.rows("SELECT id, name FROM pupils ORDER BY id"), json!([[1, "Ada L."], [2, "Cy"]]));
    let entry = site.get(&format!("/v1/spaces/school/log/{}", results[7]["dot"].as_str().unwrap())).1;
    assert_eq!(entry["by"], "till 2");

    // All of it again, as after a cut: nothing is recorded twice.
    let before = site.get("/v1/spaces/school/status").1["transactions"].clone();
    let keyed = json!([batch[0], batch[8]]);
    let again = site.post(BATCH, &keyed).1;
    assert_eq!((&again["repeated"], &again["done"]), (&json!(2), &json!(0)), "{again}");
    assert_eq!(site.get("/v1/spaces/school/status").1["transactions"], before);
}

#[test]
fn what_is_refused_is_told_in_the_language_of_the_request() {
    let site = Site::with_school();
    let body = json!([{ "statements": ["SELECT nobody FROM pupils"] }]).to_string();
    let response = site.send("POST", BATCH, &[("accept-language", "fr")], body);
    assert_eq!(response.headers().get("content-language").unwrap(), "fr");
    let (status, answer) = read(response);
    assert_eq!(status, 200);
    let told = answer["results"][0]["error"]["detail"].as_str().unwrap();
    assert!(told.starts_with("Le SQL ne peut pas être exécuté"), "{told}");
}

#[test]
fn a_batch_is_bounded_in_number_and_in_what_it_is_answered() {
    let site = Site::with_school();
    let many = |count: usize| Value::Array((0..count).map(|_| insert(1, "Ada")).collect());
    let (status, problem) = site.post(BATCH, &many(1001));
    assert_eq!((status, &problem["code"]), (413, &json!("batch_too_large")), "{problem}");
    assert_eq!(site.rows("SELECT count(*) FROM pupils"), json!([[0]]));
    let (status, answer) = site.post(BATCH, &many(1000));
    assert_eq!((status, &answer["repeated"]), (200, &json!(999)), "{answer}");

    let wide = "INSERT INTO pupils (name) VALUES ('x') RETURNING hex(zeroblob(15000000))";
    let batch: Vec<Value> = (0..4).map(|_| json!({ "statements": [wide] })).collect();
    let mut answer = site.send("POST", BATCH, &[], Value::Array(batch).to_string());
    let text = answer.body_mut().with_config().limit(200 << 20).read_to_string().unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&answer["done"], &answer["results"][3]["error"]["code"]), (&json!(3), &json!("batch_cut")));
    assert_eq!(site.rows("SELECT count(*) FROM pupils"), json!([[4]]), "what was not answered was not done");

    for (body, status) in [("{}", 400), ("[", 400), ("[]", 200), ("", 400)] {
        assert_eq!(read(site.send("POST", BATCH, &[], body)).0, status, "{body}");
    }
    assert_eq!(site.post("/v1/spaces/nobody/batch", &json!([])).1["code"], "space_unknown");
}

#[test]
fn parameters_can_be_given_by_name() {
    let site = Site::with_school();
    let insert = "INSERT INTO pupils (id, name, fee) VALUES (:id, @name, $fee), (:id + 1, @name, :fee)";
    let (status, answer) = site.post(
        BATCH,
        &json!([
            { "statements": [{ "sql": insert, "params": { "name": "Ada", "id": 1, "fee": 2.5 } }] },
            { "statements": [{ "sql": insert, "params": { "name": "Bo", "id": 3 } }] },
            { "statements": [{ "sql": insert, "params": { "name": "Bo", "id": 3, "fee": 1, "fees": 2 } }] },
        ]),
    );
    assert_eq!(status, 200, "{answer}");
    let error = |at: usize| {
        (&answer["results"][at]["error"]["code"], &answer["results"][at]["error"]["params"]["names"])
    };
    assert_eq!(error(1), (&json!("parameter_missing"), &json!("$fee, :fee")));
    assert_eq!(error(2), (&json!("parameter_unknown"), &json!("fees")));
    let many = json!({ "statements": [{
        "sql": "UPDATE pupils SET name = :name WHERE id = :id",
        "params_list": [{ "id": 1, "name": "Cy" }, ["Di", 2]],
    }] });
    let (status, written) = site.post("/v1/spaces/school/transactions", &many);
    assert_eq!((status, &written["results"][0]["affected"]), (200, &json!(2)), "{written}");
    let query = json!({ "sql": "SELECT name, fee FROM pupils WHERE id <= :most ORDER BY id", "params": { "most": 2 } });
    let read = site.post("/v1/spaces/school/queries", &query).1;
    assert_eq!(read["rows"], json!([["Cy", 2.5], ["Di", 2.5]]), "{read}");
    let missing = site.post("/v1/spaces/school/queries", &json!({ "sql": query["sql"], "params": {} })).1;
    assert_eq!(missing["params"]["names"], ":most", "{missing}");
    let twice = r#"{"sql": "SELECT :a", "params": {"a": 1, "a": 2}}"#;
    let (status, problem) = read_body(&site, twice);
    assert_eq!((status, &problem["code"]), (400, &json!("request_malformed")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains('a'), "{problem}");
}

fn read_body(site: &Site, body: &str) -> (u16, Value) {
    read(site.send("POST", "/v1/spaces/school/queries", &[], body))
}
