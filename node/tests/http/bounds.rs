//! Connections, requests and statements end: by their times, at their bounds, with their clients.
//! What must go on meanwhile is asked for while the others are still there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::site::{Site, read};

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);

const ENDLESS: &str = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";

/// A connection on which this was sent.
fn sent(site: &Site, bytes: &str) -> TcpStream {
    let address: SocketAddr = site.url.trim_start_matches("http://").parse().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream
}

/// The head of a request with the token.
fn head(site: &Site, method: &str, path: &str, length: usize) -> String {
    let host = site.url.trim_start_matches("http://");
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\nuser-agent: till 2\r\n\
         content-length: {length}\r\n\r\n",
        site.token
    )
}

/// A whole request of JSON.
fn request(site: &Site, path: &str, body: &Value) -> String {
    let body = body.to_string();
    head(site, "POST", path, body.len()) + &body
}

/// All that comes until the node closes.
fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is reset is closed as well.
    let _closed_either_way = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Asks until it is so.
fn until(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < deadline, "not {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn running(site: &Site) -> Vec<Value> {
    site.get("/v1/spaces/school/status").1["running"].as_array().unwrap().clone()
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let site = Site::with_school();
    let silent = [
        sent(&site, ""),
        sent(&site, "GET /healthz HTTP/1.1\r\nhost: "),
        // After an answer, as before the first.
        sent(&site, &head(&site, "GET", "/v1/status", 0)),
    ];
    let half = [
        sent(&site, &head(&site, "POST", "/v1/spaces/school/queries", 100)),
        sent(&site, &(head(&site, "POST", "/v1/bundles", 100) + "tandem")),
    ];
    for stream in silent {
        rest(stream);
    }
    for stream in half {
        let answer = rest(stream);
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_stalled"), "{answer}");
    }
    assert_eq!(site.rows("SELECT 1"), json!([[1]]));
}

#[test]
fn one_connection_too_many_is_told_so_and_a_place_that_is_free_again_is_taken() {
    let site = Site::with_school();
    let mut idle: Vec<TcpStream> = (0..80).map(|_| sent(&site, "G")).collect();
    idle.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    // Whoever was let in hears nothing yet; who was not, hears why.
    let mut told = Vec::new();
    until("16 told", || {
        idle.retain_mut(|stream| {
            let mut answer = [0; 2048];
            let read = stream.read(&mut answer);
            told.extend(read.as_ref().map(|length| String::from_utf8_lossy(&answer[..*length]).into_owned()));
            matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        });
        told.len() >= 16
    });
    // One or two are this test's own.
    assert!((60..=64).contains(&idle.len()), "{}", idle.len());
    let refused = told.iter().find(|told| !told.is_empty()).unwrap();
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("connections_full"), "{refused}");
    drop(idle);
    until("let in again", || site.agent.get(format!("{}/healthz", site.url)).call().is_ok());
}

#[test]
fn event_streams_have_a_bound_and_places_of_their_own() {
    let site = Site::with_school();
    let listen = || {
        let mut stream = BufReader::new(sent(&site, &head(&site, "GET", "/v1/spaces/school/events", 0)));
        let mut status = String::new();
        stream.read_line(&mut status).unwrap();
        (status, stream)
    };
    let streams: Vec<_> = (0..64).map(|_| listen()).collect();
    for (status, _) in &streams {
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    }
    let (status, _) = listen();
    assert!(status.starts_with("HTTP/1.1 503"), "{status}");
    assert_eq!(site.write("INSERT INTO pupils (name) VALUES ('Ann')").0, 200);
    for (_, mut stream) in streams {
        let mut line = String::new();
        while !line.starts_with("data:") {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        }
    }
    until("listened to again", || listen().0.starts_with("HTTP/1.1 200"));
}

#[test]
fn a_statement_ends_with_the_connection_of_its_client() {
    let site = Site::with_school();
    let query = json!({ "sql": format!("{ENDLESS} SELECT count(*) FROM c"), "deadline": 3600 });
    let write = json!({
        "statements": [format!("{ENDLESS} INSERT INTO pupils (name) SELECT x FROM c WHERE x < 0")],
        "by": "Ann",
        "deadline": 3600,
    });
    let read = sent(&site, &request(&site, "/v1/spaces/school/queries", &query));
    let write = sent(&site, &request(&site, "/v1/spaces/school/transactions", &write));
    until("both named", || running(&site).len() == 2);
    for statement in running(&site) {
        let owner = statement["owner"].as_str().unwrap();
        assert!(owner.ends_with("till 2, 127.0.0.1"), "{statement}");
        assert_eq!(owner.starts_with("Ann, "), statement["kind"] == "write", "{statement}");
        assert!(statement["sql"].as_str().unwrap().starts_with("WITH RECURSIVE"), "{statement}");
    }
    // Others are not held up meanwhile.
    assert_eq!(site.write("INSERT INTO pupils (name) VALUES ('Bob')").0, 200);
    assert_eq!(site.rows("SELECT count(*) FROM pupils"), json!([[1]]));
    drop(read);
    until("the read ended", || running(&site).len() == 1);
    drop(write);
    until("the write ended", || running(&site).is_empty());
    assert_eq!(site.rows("SELECT count(*) FROM pupils"), json!([[1]]));
}

#[test]
fn a_deadline_is_as_the_request_says() {
    let site = Site::with_school();
    let endless = format!("{ENDLESS} SELECT count(*) FROM c");
    let queries = "/v1/spaces/school/queries";
    let (status, problem) = site.post(queries, &json!({ "sql": endless, "deadline": 0.05 }));
    assert_eq!((status, &problem["code"]), (504, &json!("deadline")), "{problem}");
    let insert = format!("{ENDLESS} INSERT INTO pupils (name) SELECT x FROM c WHERE x < 0");
    let body = json!({ "statements": [insert], "deadline": 0.05 });
    let (status, problem) = site.post("/v1/spaces/school/transactions", &body);
    assert_eq!((status, &problem["params"]["seconds"]), (504, &json!("0.05")), "{problem}");
    for wrong in [json!(0), json!(-1), json!(1e9), json!("soon")] {
        assert_eq!(site.post(queries, &json!({ "sql": "SELECT 1", "deadline": wrong })).0, 400, "{wrong}");
    }
}

#[test]
fn an_answer_is_bounded_in_one_piece_and_of_any_length_line_by_line() {
    let site = Site::with_school();
    let rows = |count: u64| {
        let series = format!("SELECT x + 1 FROM c WHERE x < {count}");
        let sql = format!(
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL {series}) SELECT x, hex(zeroblob(50000)) FROM c"
        );
        json!({ "sql": sql })
    };
    let queries = "/v1/spaces/school/queries";
    let (status, answer) = site.post(queries, &rows(50));
    assert_eq!((status, answer["rows"].as_array().unwrap().len()), (200, 50));
    let (status, problem) = site.post(queries, &rows(700));
    assert_eq!((status, &problem["code"]), (422, &json!("answer_too_large")), "{problem}");
    let lines = |body: &Value| {
        let answer = site.send("POST", queries, &[("accept", "application/x-ndjson")], body.to_string());
        assert_eq!(answer.status(), 200);
        let reader = BufReader::new(answer.into_body().into_with_config().limit(u64::MAX).reader());
        let mut last = String::new();
        let count = reader.lines().map(|line| last = line.unwrap()).count();
        (count, serde_json::from_str::<Value>(&last).unwrap())
    };
    let (count, last) = lines(&rows(700));
    assert_eq!((count, &last[0]), (701, &json!(700)));
    // What goes wrong on the way is told in the last line.
    let endless = json!({ "sql": format!("{ENDLESS} SELECT x FROM c"), "deadline": 0.5 });
    let (_, last) = lines(&endless);
    assert_eq!(last["error"]["code"], "deadline", "{last}");
    // Before anything was sent, it is an answer as any other.
    let wrong = site.send("POST", queries, &[("accept", "application/x-ndjson")], r#"{"sql": "SELEC"}"#);
    assert_eq!(read(wrong).0, 400);
}

#[test]
fn uploads_that_wait_for_their_bytes_hold_nobody_up() {
    let site = Site::with_threads(4);
    let silent: Vec<_> = (0..40)
        .map(|_| sent(&site, &(head(&site, "POST", "/v1/bundles", 1 << 20) + "tandem-bundle")))
        .collect();
    assert_eq!(site.write("INSERT INTO pupils (name) VALUES ('Ann')").0, 200);
    let bundle = site.send("GET", "/v1/spaces/school/bundles", &[], "").body_mut().read_to_vec().unwrap();
    let (status, imported) = read(site.send("POST", "/v1/bundles", &[], bundle));
    assert_eq!((status, &imported["complete"]), (200, &json!(true)), "{imported}");
    assert_eq!(site.rows("SELECT name FROM pupils"), json!([["Ann"]]));
    drop(silent);
}

#[test]
fn who_takes_nothing_of_an_answer_holds_no_statement() {
    let site = Site::with_school();
    let query = json!({ "sql": format!("{ENDLESS} SELECT x FROM c"), "deadline": 2 });
    let lines = request(&site, "/v1/spaces/school/queries", &query)
        .replace("user-agent:", "accept: application/x-ndjson\r\nuser-agent:");
    let deaf = sent(&site, &lines);
    until("running", || running(&site).len() == 1);
    until("given up", || running(&site).is_empty());
    drop(deaf);
}

#[test]
fn a_field_that_is_not_in_the_openapi_document_is_refused_and_it_says_so() {
    let site = Site::with_school();
    let document = site.get("/openapi.json").1;
    let mut looked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            let schema = &about["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let Some(name) = schema.as_str().and_then(|name| name.rsplit('/').next()) else { continue };
            let schema = &document["components"]["schemas"][name];
            assert_eq!(schema["additionalProperties"], false, "{name}");
            // Everything it asks for, and one thing more.
            let mut body = json!({ "of_no_meaning": 1 });
            for field in schema["required"].as_array().into_iter().flatten() {
                let field = field.as_str().unwrap();
                let kind = schema["properties"][field]["type"].as_str().unwrap_or("string");
                body[field] = match kind {
                    "array" => json!([]),
                    "boolean" => json!(true),
                    _ => json!("x"),
                };
            }
            let path = path.replace("{space}", "school").replace("{id}", "x").replace("{site}", "x");
            let answer = site.send(&method.to_uppercase(), &path, &[], body.to_string());
            let (status, problem) = read(answer);
            assert_eq!(status, 400, "{method} {path}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains("of_no_meaning"), "{path}: {problem}");
            looked += 1;
        }
    }
    assert!(looked >= 10, "{looked}");
}

#[test]
fn a_bundle_of_another_format_is_called_what_it_is() {
    let site = Site::with_school();
    let bundle = site.send("GET", "/v1/spaces/school/bundles", &[], "").body_mut().read_to_vec().unwrap();
    let place = bundle.iter().zip(0..).find(|(byte, at)| **byte == 1 && *at > 4).unwrap().1;
    for (version, status, code) in
        [(1, 200, None), (2, 422, Some("format_newer")), (0, 400, Some("bundle_unreadable"))]
    {
        let mut changed = bundle.clone();
        changed[place] = version;
        let (answered, answer) = read(site.send("POST", "/v1/bundles", &[], changed));
        assert_eq!((answered, answer["code"].as_str()), (status, code), "{version}: {answer}");
    }
}

#[test]
fn an_address_that_is_no_text_is_refused_as_any_other() {
    let site = Site::with_school();
    for path in ["/v1/spaces/%ff/status", "/v1/spaces/school/log/%c3%28", "/v1/spaces/school/conflicts/%80"] {
        let (status, problem) = read(site.send("GET", path, &[], ""));
        assert_eq!((status, &problem["code"]), (400, &json!("request_malformed")), "{path}");
    }
}

#[test]
fn what_runs_ends_when_the_node_stops() {
    let site = Site::with_school();
    let query = json!({ "sql": format!("{ENDLESS} SELECT count(*) FROM c"), "deadline": 3600 });
    let insert = format!("{ENDLESS} INSERT INTO pupils (name) SELECT x FROM c WHERE x < 0");
    let write = json!({ "statements": [insert], "deadline": 3600 });
    let clients = [
        sent(&site, &request(&site, "/v1/spaces/school/queries", &query)),
        sent(&site, &request(&site, "/v1/spaces/school/transactions", &write)),
    ];
    until("running", || running(&site).len() == 2);
    // Asks the node to stop, and waits for it.
    drop(site);
    for client in clients {
        let answer = rest(client);
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("stopping"), "{answer}");
    }
}
