//! What concurrent edits leave to decide: listed the same everywhere, and settled once.

use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tandem_node::api::admission::WantJoin;
use tandem_node::api::cell::Cell;
use tandem_node::api::conflict::{Conflict, ConflictQuery, Resolve, VersionContent};
use tandem_node::api::transaction::Transact;
use tandem_node::api::{Api, ApiError, wait};
use tandem_protocol::value::Value as Typed;
use tandem_store::Store;

use crate::offline::{Offline, equal};
use crate::site::{Site, read};

const CONFLICTS: &str = "/v1/spaces/school/conflicts";

/// Two sites that gave one note different texts, without knowing of each other, and then heard of
/// each other: first `a`, then `b` wrote.
fn at_odds() -> (Offline, Offline) {
    let a = Offline::founder();
    let b = Offline::member(&a);
    a.run("INSERT INTO notes (id, text) VALUES (1, 'x')");
    b.hear(&a);
    let request = Transact::one("UPDATE notes SET text = 'from a'", Vec::new());
    a.transact(Transact { by: Some("Amélie".into()), message: Some("the register".into()), ..request });
    // The later of the two is shown.
    let wrote = SystemTime::now() + Duration::from_millis(1);
    while SystemTime::now() <= wrote {}
    b.run("UPDATE notes SET text = 'from b'");
    b.hear(&a);
    a.hear(&b);
    (a, b)
}

fn only(site: &Offline) -> Conflict {
    let mut conflicts = site.api.conflicts().page("school", &ConflictQuery::default()).unwrap().conflicts;
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    conflicts.remove(0)
}

fn settle(site: &Offline, id: &str, request: Value) -> Result<Option<String>, ApiError> {
    let request: Resolve = serde_json::from_value(request).unwrap();
    site.api.conflicts().resolve("school", id, request).map(|settled| settled.dot)
}

#[test]
fn a_list_is_given_in_pages() {
    let (a, b) = at_odds();
    a.run("INSERT INTO notes (id, text) VALUES (2, 'x')");
    b.hear(&a);
    a.run("UPDATE notes SET text = 'again from a' WHERE id = 2");
    b.run("UPDATE notes SET text = 'again from b' WHERE id = 2");
    a.hear(&b);
    let page = |limit, after| a.api.conflicts().page("school", &ConflictQuery { limit: Some(limit), after });
    let first = page(1, None).unwrap();
    assert_eq!((first.conflicts.len(), first.open), (1, 2));
    let second = page(1, first.next.clone()).unwrap();
    assert_eq!((second.conflicts.len(), second.next), (1, None));
    let both = page(usize::MAX, None).unwrap();
    assert_eq!(both.conflicts, [first.conflicts, second.conflicts].concat());
    let refused = page(1, Some("nonsense".into())).unwrap_err();
    assert_eq!(refused.code, "request_malformed");
}

#[test]
fn what_is_not_open_cannot_be_settled() {
    let site = Site::with_school();
    assert_eq!(site.get(CONFLICTS), (200, json!({ "conflicts": [], "open": 0, "next": null })));
    for id in ["aaaaaaaaaaaaaaaa", "aaaa", "a", "nonsense%20%C3%A9"] {
        let (status, problem) = site.get(&format!("{CONFLICTS}/{id}"));
        assert_eq!((status, problem["code"].as_str()), (404, Some("conflict_unknown")), "{id}: {problem}");
        let (status, problem) =
            site.post(&format!("{CONFLICTS}/{id}/resolution"), &json!({ "keep_all": true }));
        assert_eq!((status, problem["code"].as_str()), (404, Some("conflict_unknown")), "{id}: {problem}");
        assert!(problem["hints"][0].as_str().unwrap().contains("tandem conflicts"), "{problem}");
    }
    let path = format!("{CONFLICTS}/aaaaaaaaaaaaaaaa/resolution");
    for body in ["", "\"use\"", r#"{"used": "a:1"}"#, r#"{"value": [1]}"#] {
        let (status, problem) = read(site.send("POST", &path, &[], body));
        assert_eq!((status, problem["code"].as_str()), (400, Some("request_malformed")), "{body}: {problem}");
    }
    assert_eq!(site.get("/v1/spaces/nowhere/conflicts").1["code"], "space_unknown");
    let status = site.get("/v1/spaces/school/status").1;
    assert_eq!(
        (&status["open_conflicts"], &status["conflict_fingerprint"]),
        (&json!(0), &json!("0".repeat(32)))
    );
    let metrics = site.send("GET", "/metrics", &[], "").body_mut().read_to_string().unwrap();
    for line in ["tandem_open_conflicts{space=\"school\"} 0\n", "tandem_waiting{space=\"school\"} 0\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[test]
fn both_sites_list_one_conflict_with_both_values() {
    let (a, b) = at_odds();
    let (on_a, on_b) = (only(&a), only(&b));
    assert_eq!(on_a, on_b);
    assert_eq!((&*on_a.kind, &*on_a.table, &*on_a.columns), ("register", "notes", &["text".to_owned()][..]));
    assert_eq!(on_a.key, json!({ "id": 1 }).as_object().cloned());
    let told: Vec<_> = on_a
        .versions
        .iter()
        .map(|version| (&*version.site_name, version.shown, version.held.clone()))
        .collect();
    let text = |text: &str| VersionContent::Value(Cell(Typed::Text(text.into())));
    assert_eq!(told, [("class", true, text("from b")), ("office", false, text("from a"))]);
    assert_eq!(a.rows("SELECT text FROM notes"), json!([["from b"]]));
    let (status_a, status_b) = (a.api.space_status("school").unwrap(), b.api.space_status("school").unwrap());
    assert_eq!(status_a.open_conflicts, 1);
    assert_eq!(status_a.conflict_fingerprint, status_b.conflict_fingerprint);
    // Alone, and by the beginning of its id, it tells more.
    let full = a.api.conflicts().one("school", &on_a.id[..6]).unwrap();
    let hidden = &full.versions[1];
    assert_eq!((hidden.by.as_deref(), hidden.message.as_deref()), (Some("Amélie"), Some("the register")));
    assert_eq!((full.seen, full.id), (on_a.seen, on_a.id));
}

#[test]
fn a_conflict_is_settled_once_and_everywhere() {
    let (a, b) = at_odds();
    let conflict = only(&b);
    let wrong = settle(&b, &conflict.id, json!({ "use": "office:1" })).unwrap_err();
    assert_eq!((&*wrong.code, wrong.status), ("conflict_choice", 400));
    let hidden = conflict.versions[1].dot.clone();
    let dot = settle(&b, &conflict.id, json!({ "use": hidden, "seen": conflict.seen, "by": "Bo" })).unwrap();
    assert!(dot.is_some());
    assert_eq!(b.rows("SELECT text FROM notes"), json!([["from a"]]));
    assert_eq!(settle(&b, &conflict.id, json!({ "use": hidden })).unwrap_err().code, "conflict_unknown");
    a.hear(&b);
    assert_eq!(a.api.conflicts().page("school", &ConflictQuery::default()).unwrap().conflicts, []);
    assert_eq!(a.api.space_status("school").unwrap().open_conflicts, 0);
    assert_eq!(a.rows("SELECT text FROM notes"), json!([["from a"]]));
    equal(&a, &b);
    a.sound();
    b.sound();
}

#[test]
fn a_conflict_can_be_settled_with_what_is_shown_or_with_another_value() {
    for (choice, left) in [("shown", "from b"), ("other", "from both")] {
        let (a, b) = at_odds();
        let conflict = only(&a);
        let request = match choice {
            "shown" => json!({ "use": conflict.versions[0].dot }),
            _ => json!({ "value": "from both" }),
        };
        assert!(settle(&a, &conflict.id, request).unwrap().is_some(), "{choice}");
        b.hear(&a);
        assert_eq!(b.rows("SELECT text FROM notes"), json!([[left]]));
        assert_eq!(b.api.conflicts().page("school", &ConflictQuery::default()).unwrap().conflicts, []);
    }
}

#[test]
fn who_looked_before_something_changed_is_told() {
    let (a, b) = at_odds();
    let looked_at = only(&a);
    // Each types over what it sees: that settles it, twice and differently.
    a.run("UPDATE notes SET text = 'typed by a'");
    b.run("UPDATE notes SET text = 'typed by b'");
    assert_eq!(a.api.conflicts().page("school", &ConflictQuery::default()).unwrap().conflicts, []);
    a.hear(&b);
    let again = only(&a);
    assert_eq!(again.id, looked_at.id);
    assert_ne!(again.seen, looked_at.seen);
    let late = json!({ "value": "z", "seen": looked_at.seen });
    let refused = settle(&a, &again.id, late).unwrap_err();
    assert_eq!((&*refused.code, refused.status), ("conflict_changed", 409));
    assert_eq!(only(&a), again);
}

#[test]
fn a_stream_of_events_tells_that_conflicts_opened() {
    let site = Site::with_school();
    let folder = tempfile::tempdir().unwrap();
    let class = Api::new(Store::open(folder.path(), "a test").unwrap());
    let request = class.admission().request_join(&WantJoin { site_name: "class".into() }).unwrap().request;
    assert_eq!(site.post("/v1/spaces/school/admissions", &json!({ "request": request })).0, 200);
    site.write("INSERT INTO pupils (id, name) VALUES (1, 'Ada')");
    let mut bundle = Vec::new();
    let exported = site.send("GET", "/v1/spaces/school/bundles", &[], "");
    exported.into_body().into_reader().read_to_end(&mut bundle).unwrap();
    class.bundles().take(&bundle[..], false).unwrap();

    site.write("UPDATE pupils SET name = 'Bo'");
    let change = Transact::one("UPDATE pupils SET name = 'Cy'", Vec::new());
    wait(|reply| class.transact("school", change, reply)).unwrap();
    let mut back = Vec::new();
    class.bundles().export("school", None).unwrap().write(&mut back).unwrap();

    let events = site.send("GET", "/v1/spaces/school/events", &[], "");
    let lines = BufReader::new(events.into_body().into_reader()).lines().map(Result::unwrap);
    assert_eq!(read(site.send("POST", "/v1/bundles", &[], back)).0, 200);
    // Up to the next transaction: it must have been told by then.
    let last = site.write("INSERT INTO pupils (id, name) VALUES (2, 'Di')").1["dot"].clone();
    let heard: Vec<String> = lines.take_while(|line| !line.contains(last.as_str().unwrap())).collect();
    let at = heard.iter().position(|line| line == "event: conflicts").expect("conflicts were told");
    let told: Value = serde_json::from_str(heard[at + 1].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&told["open"], told["fingerprint"].as_str().unwrap().len()), (&json!(1), 32));
}

#[test]
fn the_log_shows_what_documents_hold_and_how_much_was_edited() {
    let site = Offline::founder();
    site.run("INSERT INTO notes (id, body) VALUES (1, 'Dear parents')");
    site.run("UPDATE notes SET body = 'Dear parents and pupils'");
    let page = site.api.log().page("school", &Default::default()).unwrap();
    let op = |at: usize| &page.entries[at].ops[0];
    assert_eq!(op(1).values["body"], json!("Dear parents"));
    assert!(op(0).values["body"]["$change"].as_u64().unwrap() > 0, "{:?}", op(0));
}

#[test]
fn the_log_shows_what_was_counted_not_how_it_is_kept() {
    let a = Offline::founder();
    let b = Offline::member(&a);
    let logged = |site: &Offline| {
        site.api.log().page("school", &Default::default()).unwrap().entries[0].ops[0].values["stock"].clone()
    };
    a.run("INSERT INTO notes (id, stock) VALUES (1, 40)");
    a.run("UPDATE notes SET stock = stock - 3");
    assert_eq!(logged(&a), json!({ "$add": -3 }));
    a.run("UPDATE notes SET stock = exactly(38)");
    assert_eq!(logged(&a), json!(38));
    a.run("DELETE FROM notes");
    a.run("INSERT INTO notes (id, text, stock) VALUES (1, 'again', 12)");
    assert_eq!(logged(&a), json!(12));
    // So it is told on the other site, and in what is left to decide.
    b.hear(&a);
    assert_eq!(logged(&b), json!(12));
    a.run("UPDATE notes SET stock = exactly(20)");
    b.run("UPDATE notes SET stock = exactly(30)");
    a.hear(&b);
    let settled = settle(&a, &only(&a).id, json!({ "value": 25 })).unwrap();
    assert!(settled.is_some());
    assert_eq!(logged(&a), json!(25));
    b.hear(&a);
    a.run("UPDATE notes SET stock = exactly(26)");
    let counted = b.run("UPDATE notes SET stock = exactly(27)");
    a.hear(&b);
    settle(&a, &only(&a).id, json!({ "use": counted.dot })).unwrap();
    assert_eq!(logged(&a), json!(27));
    assert_eq!(a.rows("SELECT stock FROM notes"), json!([[27]]));
}
