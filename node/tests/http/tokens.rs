//! Tokens for programs: each does what its right says, in its space, until it is revoked.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use crate::site::{Site, read};

/// A token of the space `school`.
fn add(site: &Site, name: &str, right: &str, device: &str) -> String {
    let new = json!({ "name": name, "space": "school", "right": right, "device": device });
    let (status, added) = site.post("/v1/tokens", &new);
    assert_eq!(status, 201, "{added}");
    added["token"].as_str().unwrap().to_owned()
}

/// Asks with that token: status and code or answer.
fn ask(site: &Site, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    read(site.send_as(token, method, path, &[], body.to_string()))
}

fn insert(name: &str) -> Value {
    json!({ "statements": [format!("INSERT INTO pupils (name) VALUES ('{name}')")] })
}

/// Each route with a body that is read as far as whether it may be asked.
fn routes(site: &Site) -> Vec<(String, String)> {
    let document = site.get("/openapi.json").1;
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            if about["security"] != json!([]) {
                routes.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    routes
}

const READING: &[&str] = &[
    "GET status",
    "GET sources/{source}",
    "POST queries",
    "GET log",
    "GET log/{dot}",
    "GET movements",
    "GET conflicts",
    "GET conflicts/{id}",
    "GET events",
    "GET sites",
    "GET schema",
];
const WRITING: &[&str] = &["POST transactions", "POST batch", "POST rows", "POST conflicts/{id}/resolution"];
const ADMINISTERING: &[&str] = &[
    "GET verification",
    "POST verification",
    "PATCH sites/{site}",
    "POST invitations",
    "POST admissions",
    "GET bundles",
    "POST bundles",
    "POST schema",
];

/// Routes of a space that are of the whole site: they name files and servers.
const OF_THE_SITE: &[&str] = &[
    "GET attachment",
    "POST attachment",
    "DELETE attachment",
    "POST attachment/plan",
    "GET attachment/comparison",
];

/// The right that a route of a space needs, by its place in the order of rights; `None`: it is of the
/// whole site, and open to no token of a space.
fn needed(method: &str, path: &str) -> Option<usize> {
    let route = format!("{method} {}", path.strip_prefix("/v1/spaces/{space}/")?);
    if OF_THE_SITE.contains(&route.as_str()) {
        return None;
    }
    let right = [READING, WRITING, ADMINISTERING].iter().position(|of| of.contains(&route.as_str()));
    Some(right.unwrap_or_else(|| panic!("{route}: which right does it need?")))
}

#[test]
fn a_token_opens_what_its_right_says_and_nothing_else() {
    let site = Site::with_school();
    let tokens = ["read", "write", "admin"].map(|right| (right, add(&site, right, right, right)));
    let mut looked = 0;
    for (method, path) in routes(&site) {
        let address = path.replace("{space}", "school").replace("{id}", "x").replace("{dot}", "x:1");
        let address = address.replace("{site}", "x").replace("{source}", "x").replace("{name}", "x");
        for (has, (right, token)) in tokens.iter().enumerate() {
            let body = if method == "GET" { "" } else { "{}" };
            let response = site.send_as(token, &method, &address, &[], body);
            let status = response.status().as_u16();
            let code = if status < 400 { Value::Null } else { read(response).1["code"].clone() };
            let refused = match needed(&method, &path) {
                Some(needed) if has >= needed => None,
                Some(_) => Some("token_right"),
                None => Some("token_of_space"),
            };
            match refused {
                Some(refused) => {
                    assert_eq!((status, &code), (403, &json!(refused)), "{right} {method} {path}");
                }
                None => assert!(status != 403 && status != 401, "{right} {method} {path}: {status} {code}"),
            }
            looked += 1;
        }
    }
    assert!(looked > 80, "{looked}");
}

#[test]
fn a_token_of_one_space_does_not_see_another() {
    let site = Site::with_school();
    let new = json!({ "name": "shop", "site_name": "office", "schema": "CREATE TABLE sales (id INTEGER PRIMARY KEY)" });
    assert_eq!(site.post("/v1/spaces", &new).0, 201);
    let token = add(&site, "till", "admin", "till 2");
    // Whether there is one of that name is not told either.
    for space in ["shop", "nobody", "%ff", ""] {
        for (method, path) in [("POST", "queries"), ("GET", "events"), ("GET", "bundles"), ("POST", "batch")]
        {
            let address = format!("/v1/spaces/{space}/{path}");
            let (status, problem) = ask(&site, &token, method, &address, &json!({ "sql": "SELECT 1" }));
            let refused = (403, &json!("token_other_space"));
            assert!(
                (status, &problem["code"]) == refused || space.is_empty() && status == 404,
                "{address}: {problem}"
            );
        }
    }
    let query = json!({ "sql": "SELECT count(*) FROM pupils" });
    assert_eq!(ask(&site, &token, "POST", "/v1/spaces/school/queries", &query).0, 200);
}

#[test]
fn the_log_says_which_device_wrote() {
    let site = Site::with_school();
    let token = add(&site, "key of the till", "write", "till 2");
    let by = |written: &Value| {
        site.get(&format!("/v1/spaces/school/log/{}", written["dot"].as_str().unwrap())).1["by"].clone()
    };
    let transactions = "/v1/spaces/school/transactions";
    let plain = ask(&site, &token, "POST", transactions, &insert("Ada")).1;
    assert_eq!(by(&plain), "till 2");
    let mut named = insert("Bo");
    named["by"] = json!("till 1");
    assert_eq!(
        by(&ask(&site, &token, "POST", transactions, &named).1),
        "till 2: till 1",
        "nobody is another device"
    );
    let batch = ask(&site, &token, "POST", "/v1/spaces/school/batch", &json!([named])).1;
    assert_eq!(by(&batch["results"][0]), "till 2: till 1");
    let rows = json!({ "edits": [{ "put": { "table": "pupils", "columns": ["id", "name"], "rows": [[7, "Cy"]] } }] });
    assert_eq!(by(&ask(&site, &token, "POST", "/v1/spaces/school/rows", &rows).1), "till 2");
    assert_eq!(by(&site.post(transactions, &insert("Di")).1), Value::Null);
}

#[test]
fn a_revoked_token_stops_at_once_and_what_runs_with_it_too() {
    let site = Site::with_school();
    let token = add(&site, "till", "write", "till 2");
    let other = add(&site, "other", "write", "till 3");
    let stream = |token: &str| {
        let response = site.send_as(token, "GET", "/v1/spaces/school/events", &[], "");
        assert_eq!(response.status(), 200);
        BufReader::new(response.into_body().into_reader()).lines()
    };
    let (ended, mut goes_on) = (stream(&token), stream(&other));
    let endless = json!({ "deadline": 3600,
        "sql": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c" });
    let (sent, agent, url) = (endless.to_string(), site.agent.clone(), site.url.clone());
    let of_thread = token.clone();
    let waiting = std::thread::spawn(move || {
        let request = ureq::http::Request::builder()
            .method("POST")
            .uri(format!("{url}/v1/spaces/school/queries"))
            .header("authorization", format!("Bearer {of_thread}"));
        read(agent.run(request.body(sent.into_bytes()).unwrap()).unwrap())
    });
    let running = || site.get("/v1/spaces/school/status").1["running"].as_array().unwrap().len();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while running() == 0 {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(site.send("DELETE", "/v1/tokens/till", &[], "").status(), 204);
    assert_eq!(
        ask(&site, &token, "POST", "/v1/spaces/school/transactions", &insert("Ada")).1["code"],
        "unauthorized"
    );
    assert_eq!(waiting.join().unwrap().1["code"], "unauthorized");
    assert_eq!(
        ended.map_while(Result::ok).filter(|line| line.starts_with("data")).count(),
        0,
        "the stream ended"
    );
    while running() > 0 {
        assert!(std::time::Instant::now() < deadline, "the statement goes on");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The other one is none of that.
    assert_eq!(ask(&site, &other, "POST", "/v1/spaces/school/transactions", &insert("Bo")).0, 200);
    assert!(goes_on.any(|line| line.unwrap().starts_with("data")));
    assert_eq!(site.rows("SELECT name FROM pupils"), json!([["Bo"]]));
}

#[test]
fn only_a_hash_of_a_token_is_kept_and_only_for_its_owner() {
    let site = Site::with_school();
    let token = add(&site, "till", "read", "till 2");
    let path = site.folder().join("tokens.json");
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept.contains("till 2") && !kept.contains(&token), "{kept}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let listed = site.get("/v1/tokens").1;
    assert_eq!(
        (&listed[0]["name"], &listed[0]["right"], &listed[0]["space"]),
        (&json!("till"), &json!("read"), &json!("school"))
    );
    assert!(!listed.to_string().contains(&token));
    for (body, code) in [
        (json!({ "name": "Till", "space": "school", "right": "read" }), "token_exists"),
        (json!({ "name": "", "space": "school", "right": "read" }), "name_refused"),
        (json!({ "name": "a", "space": "school", "right": "read", "device": "x\u{202e}" }), "name_refused"),
        (json!({ "name": "a", "space": "nobody", "right": "read" }), "space_unknown"),
        (json!({ "name": "a", "space": "school", "right": "all" }), "request_malformed"),
    ] {
        assert_eq!(site.post("/v1/tokens", &body).1["code"], code, "{body}");
    }
    assert_eq!(read(site.send("DELETE", "/v1/tokens/nobody", &[], "")).1["code"], "token_unknown");
    // In force after a start, too; damaged, none is, and the folder's own is as ever.
    let site = site.restarted();
    let query = json!({ "sql": "SELECT 1" });
    assert_eq!(ask(&site, &token, "POST", "/v1/spaces/school/queries", &query).0, 200);
    std::fs::write(site.folder().join("tokens.json"), "[{").unwrap();
    let site = site.restarted();
    assert_eq!(ask(&site, &token, "POST", "/v1/spaces/school/queries", &query).1["code"], "unauthorized");
    assert_eq!(site.get("/v1/tokens").1["code"], "tokens_unreadable");
    assert_eq!(site.rows("SELECT 1"), json!([[1]]));
}
