//! Every error that HTTP can answer with follows `Accept-Language`.

use serde_json::{Value, json};
use tandem_node::api::error_kind;

use crate::french::{told_in_french, told_in_french_with};
use crate::site::Site;

const TRANSACTIONS: &str = "/v1/spaces/school/transactions";
const QUERIES: &str = "/v1/spaces/school/queries";

/// Codes that no request of these tests is answered with, and where they come from instead.
const ELSEWHERE: &[(&str, &[&str])] = &[
    (
        "told by the command line, of itself or of a folder that no node could open",
        &[
            "space_unclear",
            "demo_folder_taken",
            "file_failed",
            "csv_refused",
            "sheets_refused",
            "dump_refused",
            "circle_too_large",
            "file_no_room",
            "file_kept",
            "file_busy",
            "folder_locked",
            "folder_unusable",
            "folder_not_yours",
            "folder_read_only",
            "site_key_missing",
            "site_key_unreadable",
            "log_missing",
            "log_emptied",
            "log_unreadable",
            "file_held",
            "clock_impossible",
            "port_taken",
            "tls_unusable",
            "address_refused",
            "network_failed",
            "network_off",
            "node_unreachable",
            "node_silent",
            "node_replaced",
            "token_unusable",
        ],
    ),
    (
        "takes a fault of the disk or of the view: `e2e/disk.rs`, `store/src/tests/crashes.rs`",
        &["disk_full", "writes_stopped", "log_damaged", "space_unopened", "view_unavailable", "failed"],
    ),
    (
        "takes other sites, with words of one's own: `admitted.rs`, `conflicts.rs`, `carried.rs`, `e2e/`",
        &[
            "membership",
            "site_unclear",
            "site_name_taken",
            "read_only_member",
            "not_synced_yet",
            "invitation_refused",
            "inviter_unreachable",
            "bundle_early",
            "bundle_not_admitting",
            "conflict_unclear",
            "conflict_changed",
            "conflict_choice",
            "basis_too_old",
            "unknown_basis",
        ],
    ),
    (
        "its listener is gone or full, or it takes long: `bounds.rs`, `batch.rs`, `store/src/tests/`",
        &[
            "connections_full",
            "streams_full",
            "request_stalled",
            "statement_left",
            "stopping",
            "overtaken",
            "batch_cut",
            "tokens_full",
            "history_too_long",
        ],
    ),
];

#[test]
fn each_code_is_provoked_by_a_test_that_reads_french_or_is_said_to_come_from_elsewhere() {
    let (_, own) = include_str!("languages.rs").split_once("fn what_rules_and_bounds").unwrap();
    let (_, french) = include_str!("french.rs").split_once("const NO_SQL").unwrap();
    let provoked = [french, own].concat();
    for kind in error_kind::ALL {
        let is_provoked = provoked.contains(&format!("\"{}\"", kind.code));
        let elsewhere = ELSEWHERE.iter().filter(|(_, codes)| codes.contains(&kind.code)).count();
        assert_eq!(usize::from(is_provoked) + elsewhere, 1, "{}", kind.code);
    }
}

#[test]
fn what_rules_and_bounds_refuse_is_told_in_french() {
    let site = Site::with_school();
    let more =
        "CREATE TABLE rooms (code TEXT PRIMARY KEY, seats INTEGER CHECK (seats > 0), name TEXT UNIQUE, \
        used COUNTER, plan RICHTEXT);
        CREATE TABLE lessons (room TEXT REFERENCES rooms, day DATE, PRIMARY KEY (room, day));
        CREATE TABLE plates (id INTEGER PRIMARY KEY, room TEXT REFERENCES rooms (name))";
    assert_eq!(site.post("/v1/spaces/school/schema", &json!({ "sql": more })).0, 200);
    assert_eq!(site.write("INSERT INTO rooms (code, name) VALUES ('A', 'bleue')").0, 200);
    assert_eq!(site.write("INSERT INTO lessons VALUES ('A', '2026-03-01')").0, 200);
    assert_eq!(site.write("INSERT INTO plates (room) VALUES ('bleue')").0, 200);
    let long = "x".repeat(2000);
    let document = "x".repeat(300 << 10);
    for (sql, code) in [
        ("INSERT INTO rooms (code, seats) VALUES ('B', 0)", "constraint_check"),
        ("INSERT INTO rooms (code, name) VALUES ('B', 'bleue')", "constraint_unique"),
        ("INSERT INTO lessons VALUES ('Z', '2026-03-02')", "constraint_foreign_key"),
        ("DELETE FROM rooms", "constraint_referenced"),
        ("UPDATE rooms SET name = 'rouge'", "constraint_referenced_value"),
        (&*format!("INSERT INTO rooms (code) VALUES ('{long}')"), "key_too_long"),
        (&*format!("INSERT INTO rooms (code, plan) VALUES ('B', '{document}')"), "document_too_large"),
    ] {
        told_in_french(&site, "POST", TRANSACTIONS, &json!({ "statements": [sql] }).to_string(), code);
    }
    let labelled =
        json!({ "statements": ["INSERT INTO rooms (code) VALUES ('C')"], "by": "x".repeat(100_000) })
            .to_string();
    told_in_french(&site, "POST", TRANSACTIONS, &labelled, "label_too_long");
    let many = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 40) \
        INSERT INTO pupils (name, photo) SELECT 'x', randomblob(1000000) FROM c";
    let many = json!({ "statements": [many] }).to_string();
    told_in_french(&site, "POST", TRANSACTIONS, &many, "transaction_too_large");
    let wide = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT ";
    for (rest, code) in [
        ("hex(randomblob(50000)) FROM c", "answer_too_large"),
        ("max(h) FROM (SELECT hex(randomblob(150)) AS h FROM c ORDER BY h)", "statement_memory"),
    ] {
        told_in_french(&site, "POST", QUERIES, &json!({ "sql": format!("{wide}{rest}") }).to_string(), code);
    }
    let endless = json!({ "sql": format!("{wide} count(*) FROM c"), "deadline": 0.05 }).to_string();
    told_in_french(&site, "POST", QUERIES, &endless, "deadline");
    for (path, code) in [
        ("/v1/spaces/school/log?table=lessons&key=A", "key_incomplete"),
        ("/v1/spaces/school/movements?table=rooms&column=name", "counter_unknown"),
    ] {
        told_in_french(&site, "GET", path, "", code);
    }
    let keyed = |name: &str| {
        json!({ "statements": [format!("INSERT INTO pupils (name) VALUES ('{name}')")] }).to_string()
    };
    let key = [("idempotency-key", "sale 1")];
    assert_eq!(site.send("POST", TRANSACTIONS, &key, keyed("Ada")).status(), 200);
    told_in_french_with(&site, "POST", TRANSACTIONS, &key, &keyed("Bo"), "idempotency_key_reused");
}

#[test]
fn who_is_not_let_in_is_told_in_french() {
    let site = Site::with_school();
    let new = |name: &str| json!({ "name": name, "space": "school", "right": "read" });
    let token = site.post("/v1/tokens", &new("caisse")).1["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let with = [("authorization", bearer.as_str())];
    let write = json!({ "statements": ["DELETE FROM pupils"] }).to_string();
    told_in_french_with(&site, "POST", TRANSACTIONS, &with, &write, "token_right");
    told_in_french_with(&site, "GET", "/v1/spaces/x/log", &with, "", "token_other_space");
    told_in_french_with(&site, "GET", "/v1/status", &with, "", "token_of_space");
    told_in_french_with(&site, "GET", "/v1/status", &[("authorization", "Bearer x")], "", "unauthorized");
    told_in_french_with(&site, "GET", "/v1/status", &[("host", "evil.example")], "", "host_refused");
    told_in_french(&site, "POST", "/v1/tokens", &new("caisse").to_string(), "token_exists");
    told_in_french(&site, "DELETE", "/v1/tokens/x", "", "token_unknown");
    std::fs::write(site.folder().join("tokens.json"), "{").unwrap();
    let site = site.restarted();
    told_in_french(&site, "GET", "/v1/tokens", "", "tokens_unreadable");
}

#[test]
fn what_joins_no_other_is_told_in_french() {
    let site = Site::with_school();
    let token = site.post("/v1/spaces/school/invitations", &json!({})).1["token"].clone();
    let join = json!({ "token": token, "site_name": "x" }).to_string();
    told_in_french(&site, "POST", "/v1/join", &join, "already_member");
    let other = Site::with_school();
    let bundle = |site: &Site| {
        site.send("GET", "/v1/spaces/school/bundles", &[], "").body_mut().read_to_vec().unwrap()
    };
    let foreign = bundle(&other);
    let refused = |site: &Site, bundle: Vec<u8>| -> Value {
        let mut response =
            site.send("POST", "/v1/spaces/school/bundles", &[("accept-language", "fr")], bundle);
        assert_eq!(response.headers().get("content-language").unwrap(), "fr");
        serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap()
    };
    assert_eq!(refused(&site, foreign.clone())["code"], "bundle_foreign");
    let mut newer = foreign;
    let place = newer.iter().zip(0..).find(|(byte, at)| **byte == 1 && *at > 4).unwrap().1;
    newer[place] = 2;
    let problem = refused(&site, newer);
    assert_eq!(problem["code"], "format_newer");
    assert!(problem["detail"].as_str().unwrap().contains("version"), "{problem}");
    let request = Site::bare();
    let request = request.post("/v1/join-requests", &json!({ "site_name": "office" })).1["request"].clone();
    let admit = json!({ "request": request }).to_string();
    told_in_french(&site, "POST", "/v1/spaces/school/admissions", &admit, "join_request_refused");
    told_in_french(&Site::bare(), "GET", "/v1/spaces/school/log", "", "space_missing");
    let body = vec![b' '; (64 << 20) + 1];
    let mut response = site.send("POST", QUERIES, &[("accept-language", "fr")], body);
    assert_eq!(response.headers().get("content-language").unwrap(), "fr");
    let problem: Value = serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!(problem["code"], "body_too_large");
    assert!(problem["detail"].as_str().unwrap().contains("64 Mio"), "{problem}");
}
