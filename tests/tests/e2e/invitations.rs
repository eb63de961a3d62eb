//! Invitations that are wrong, used, or expired.

use serde_json::json;
use tandem_tests::lan::Lan;
use tandem_tests::site::Site;
use tandem_tests::wait::equal;

use crate::{SHOP, founder};

#[test]
fn an_invitation_is_good_once() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    let token = office.invite();
    let classroom = Site::on(&lan.host(), "classroom");
    classroom.join(&token);
    let second = Site::on(&lan.host(), "second");
    let text = second.tandem(&["join", &token, "--name", "second"]).refused("invitation_refused");
    assert!(text.contains("used") && text.contains("tandem invite"), "{text}");
    assert_eq!(second.status()["spaces"], json!([]));
    assert_eq!(office.tandem(&["sites"]).json()["sites"].as_array().unwrap().len(), 2);
    // With a new one it works.
    second.join(&office.invite());
    second.start();
    equal(&[&office, &second]);
}

#[test]
fn an_expired_invitation_is_called_so() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    let token = office.invite();
    office.stop();
    let path = office.data().join("invitations.json");
    let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    // As if the clock had moved on: long ago for the invitation, recent enough to be remembered.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    kept[0]["expires_ms"] = json!(now - 1_000);
    std::fs::write(&path, kept.to_string()).unwrap();
    office.start();
    let late = Site::on(&lan.host(), "late");
    let text = late.tandem(&["join", &token, "--name", "late"]).refused("invitation_refused");
    assert!(text.contains("expired"), "{text}");
    assert_eq!(late.status()["spaces"], json!([]));
    assert_eq!(office.tandem(&["sites"]).json()["sites"].as_array().unwrap().len(), 1);
}

#[test]
fn a_wrong_token_is_refused_at_once() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    let token = office.invite();
    let classroom = Site::on(&lan.host(), "classroom");
    let mut mistyped = token.clone().into_bytes();
    mistyped[20] = if mistyped[20] == b'a' { b'b' } else { b'a' };
    let mistyped = String::from_utf8(mistyped).unwrap();
    for wrong in ["hello", "", &token[..token.len() - 5], &mistyped] {
        classroom.tandem(&["join", wrong]).refused("invitation_malformed");
    }
    // Nobody gives out what was not asked for: the right token still works.
    classroom.join(&token);
}

#[test]
fn inviting_needs_the_right_to_admit() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    let classroom = Site::on(&lan.host(), "classroom");
    classroom.join(&office.invite());
    classroom.tandem(&["invite"]).refused("membership");
    classroom.start();
    let text = classroom.tandem(&["invite"]).refused("membership");
    assert!(text.contains("admin") && text.contains("office"), "{text}");
    let token = office.tandem(&["invite", "--role", "reader"]).json()["token"].as_str().unwrap().to_owned();
    let reader = Site::on(&lan.host(), "reader");
    reader.join(&token);
    reader.tandem(&["sql", "INSERT INTO items (name) VALUES ('x')"]).refused("read_only_member");
    assert_eq!(reader.cell("SELECT count(*) FROM items"), 0);
}
