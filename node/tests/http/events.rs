//! The stream of events.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::site::{Site, read};

const EVENTS: &str = "/v1/spaces/school/events";

/// Opens the stream: from then on, whatever happens is in it.
fn open(site: &Site, headers: &[(&str, &str)], path: &str) -> impl Iterator<Item = (u64, Value)> + use<> {
    let response = site.send("GET", path, headers, "");
    assert_eq!(response.status(), 200);
    let mut lines = BufReader::new(response.into_body().into_reader()).lines();
    std::iter::from_fn(move || {
        let (mut id, mut data) = (None, None);
        loop {
            let line = lines.next()?.ok()?;
            if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().ok();
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = serde_json::from_str(text).ok();
            } else if line.is_empty() && data.is_some() {
                return id.zip(data.take());
            }
        }
    })
}

#[test]
fn events_come_as_they_happen_and_none_twice() {
    let site = Site::with_school();
    let mut events = open(&site, &[], EVENTS);
    for number in 0..3u64 {
        let written = site.write(&format!("INSERT INTO pupils (name) VALUES ('P{number}')")).1;
        let (id, event) = events.next().unwrap();
        assert_eq!((id, &event["dot"]), (number + 1, &written["dot"]));
        assert_eq!((event["arrival"].as_u64(), &event["changes"]), (Some(id), &written["changes"]));
        assert_eq!((&event["local"], &event["site_name"]), (&true.into(), &"office".into()));
        assert_eq!(
            event["rows"],
            site.rows(&format!("SELECT id FROM pupils WHERE name = 'P{number}'"))
                .as_array()
                .unwrap()
                .iter()
                .map(|key| serde_json::json!({ "table": "pupils", "key": key }))
                .collect::<Value>()
        );
    }
    let many = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 21) \
        INSERT INTO pupils (name) SELECT 'many' FROM c";
    site.write(many);
    assert_eq!(events.next().unwrap().1["rows"], Value::Null);
    // Read from the log, they are those that it wrote.
    let from_log = open(&site, &[("last-event-id", "0")], EVENTS).next().unwrap().1;
    assert_eq!(from_log["rows"].as_array().map(Vec::len), Some(1));
}

#[test]
fn who_was_cut_off_misses_nothing() {
    let site = Site::with_school();
    // More than one batch of the log, and then what happens meanwhile.
    for number in 0..300 {
        site.write(&format!("INSERT INTO pupils (name) VALUES ('P{number}')"));
    }
    let events = open(&site, &[("last-event-id", "4")], EVENTS);
    site.write("DELETE FROM pupils WHERE name = 'P0'");
    let ids: Vec<u64> = events.map(|(id, _)| id).take(297).collect();
    assert_eq!(ids, (5..302).collect::<Vec<_>>());
    let (id, first) = open(&site, &[], &format!("{EVENTS}?from=0")).next().unwrap();
    assert_eq!((id, &first["changes"]), (0, &Value::Array(Vec::new())));
    let (status, problem) = read(site.send("GET", EVENTS, &[("last-event-id", "x")], ""));
    assert_eq!((status, problem["code"].as_str()), (400, Some("request_malformed")));
}

#[test]
fn a_stream_ends_when_the_node_stops() {
    let site = Site::with_school();
    let events = open(&site, &[], EVENTS);
    let reader = std::thread::spawn(move || events.count());
    site.write("INSERT INTO pupils (name) VALUES ('Ada')");
    drop(site);
    assert_eq!(reader.join().unwrap(), 1);
}

/// The events of a stream with rows: id, kind and data.
fn with_rows(site: &Site, headers: &[(&str, &str)]) -> impl Iterator<Item = (String, String, Value)> + use<> {
    let response = site.send("GET", &format!("{EVENTS}?rows=true&from=1"), headers, "");
    assert_eq!(response.status(), 200);
    let mut lines = BufReader::new(response.into_body().into_reader()).lines();
    std::iter::from_fn(move || {
        let (mut id, mut kind) = (String::new(), String::new());
        loop {
            let line = lines.next()?.ok()?;
            if let Some(text) = line.strip_prefix("id: ") {
                text.clone_into(&mut id);
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut kind);
            } else if let Some(text) = line.strip_prefix("data: ") {
                return Some((id, kind, serde_json::from_str(text).unwrap()));
            }
        }
    })
}

#[test]
fn who_asks_for_rows_is_told_each_and_goes_on_within_a_transaction() {
    let site = Site::with_school();
    site.write("INSERT INTO pupils (id, name) VALUES (1, 'Ada'), (2, 'Bo')");
    site.write("UPDATE pupils SET name = 'Cy' WHERE id = 1");
    site.write("DELETE FROM pupils WHERE id = 2");
    site.write(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1200) \
         INSERT INTO pupils (id, name) SELECT 1000 + x, 'many' FROM c",
    );
    let told: Vec<_> = with_rows(&site, &[]).take(10).collect();
    let shown: Vec<(&str, &str, usize)> = told
        .iter()
        .map(|(id, kind, data)| {
            let rows = data["rows"].as_array().filter(|_| kind == "rows").map_or(0, Vec::len);
            (id.as_str(), kind.as_str(), rows)
        })
        .collect();
    let expected = [
        ("1.2", "rows", 2),
        ("1", "transaction", 0),
        ("2.1", "rows", 1),
        ("2", "transaction", 0),
        ("3.1", "rows", 1),
        ("3", "transaction", 0),
        ("4.500", "rows", 500),
        ("4.1000", "rows", 500),
        ("4.1200", "rows", 200),
        ("4", "transaction", 0),
    ];
    assert_eq!(shown, expected);
    let rows = |at: usize| told[at].2["rows"].clone();
    assert_eq!(rows(0)[1], serde_json::json!({ "table": "pupils", "key": [2], "change": "added" }));
    assert_eq!(rows(2), serde_json::json!([{ "table": "pupils", "key": [1], "change": "changed" }]));
    assert_eq!(rows(4), serde_json::json!([{ "table": "pupils", "key": [2], "change": "deleted" }]));
    // Cut off in the middle of the many: nothing is missed, nothing comes twice.
    let rest: Vec<_> = with_rows(&site, &[("last-event-id", "4.500")]).take(3).collect();
    assert_eq!(rest, told[7..]);
    let behind: Vec<_> = with_rows(&site, &[("last-event-id", "4.1200")]).take(1).collect();
    assert_eq!(behind, told[9..]);
    // As they happen, too.
    let mut live = with_rows(&site, &[("last-event-id", "4")]);
    site.write("INSERT INTO pupils (id, name) VALUES (7, 'Di')");
    assert_eq!(live.next().unwrap().2["rows"][0]["key"], serde_json::json!([7]));
    for wrong in ["4.", "4.x", ".5", "-1"] {
        let (status, problem) = read(site.send("GET", EVENTS, &[("last-event-id", wrong)], ""));
        assert_eq!((status, problem["code"].as_str()), (400, Some("request_malformed")), "{wrong}");
    }
}
