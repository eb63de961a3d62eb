//! Who wrote what, where and when.

use serde_json::{Value, json};
use tandem_tests::lan::Lan;
use tandem_tests::school;
use tandem_tests::wait::equal;

use crate::pair;

#[test]
fn the_log_tells_who_changed_what_where_and_when() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, tandem_school::SCHEMA);
    school::load(&office, 100);
    equal(&[&office, &classroom]);
    let payment = office.cell("SELECT min(id) FROM payments");
    let now = classroom.cell("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')");
    let written = classroom
        .tandem(&[
            "sql",
            "UPDATE payments SET amount = ?, notes = ? WHERE id = ?",
            "1234.5",
            "corrected",
            &payment.to_string(),
            "--message",
            "the receipt says so",
            "--by",
            "Samira",
        ])
        .json();
    let dot = written["dot"].as_str().unwrap();
    assert_eq!(
        written["changes"],
        json!([{ "table": "payments", "inserted": 0, "updated": 1, "deleted": 0 }])
    );
    classroom.write("UPDATE students SET phone = '1' WHERE id = (SELECT min(id) FROM students)");
    office.write(&format!("DELETE FROM payments WHERE id = {payment}"));
    equal(&[&office, &classroom]);

    // Each site tells the same.
    for site in [&office, &classroom] {
        let since = now.as_str().unwrap();
        let entries = site.tandem(&["log", "--table", "payments", "--since", since]).json_lines();
        let kinds: Vec<_> = entries.iter().map(|entry| &entry["ops"][0]["kind"]).collect();
        assert_eq!(entries.len(), 2, "{entries:?}");
        assert!(kinds.contains(&&json!("delete")) && kinds.contains(&&json!("update")), "{entries:?}");
        let update = entries.iter().find(|entry| entry["dot"] == dot).unwrap();
        check_update(update, &classroom.id(), &payment);
        assert!(update["time"].as_str().unwrap() >= since, "{update}");

        let shown = site.tandem(&["log", "show", dot]).json();
        check_update(&shown, &classroom.id(), &payment);
        let by_site = site.tandem(&["log", "--site", "classroom", "--table", "payments"]).json_lines();
        assert_eq!(by_site.len(), 1, "{by_site:?}");
        let by_key = site.tandem(&["log", "--table", "payments", "--key", &payment.to_string()]).json_lines();
        assert_eq!(by_key.len(), 3, "inserted, updated, deleted: {by_key:?}");
        let newest = site.tandem(&["log", "--limit", "1"]).json_lines();
        assert_eq!(newest.len(), 1);
        site.verify();
    }
    office.tandem(&["log", "show", &format!("{}:999999", office.id())]).refused("transaction_unknown");
    let answer = office.tandem(&["log", "--since", "yesterdayish"]);
    assert_eq!((answer.exit, &answer.error()["code"]), (Some(2), &json!("usage")));
}

fn check_update(entry: &Value, site: &str, payment: &Value) {
    assert_eq!((&entry["site"], &entry["site_name"]), (&json!(site), &json!("classroom")));
    assert_eq!((&entry["by"], &entry["message"]), (&json!("Samira"), &json!("the receipt says so")));
    let op = &entry["ops"][0];
    assert_eq!(
        (&op["table"], &op["kind"], &op["key"]["id"]),
        (&json!("payments"), &json!("update"), payment)
    );
    assert_eq!((&op["values"]["amount"], &op["values"]["notes"]), (&json!(1234.5), &json!("corrected")));
}

#[test]
fn following_the_log_shows_what_comes_from_elsewhere() {
    use std::io::{BufRead, BufReader};
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, crate::SHOP);
    let mut command = office.command();
    let mut follower =
        command.args(["log", "--follow"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    // Until the follower listens, nothing tells that it does: write until it shows something.
    let shown = std::thread::spawn(move || lines.map_while(Result::ok).next());
    let mut number = 0;
    tandem_tests::wait::until("shown", &[&office, &classroom], || {
        if shown.is_finished() {
            return Ok(());
        }
        number += 1;
        classroom.write(&format!("INSERT INTO items (name) VALUES ('item {number}')"));
        Err(format!("{number} items written"))
    });
    let line: Value = serde_json::from_str(&shown.join().unwrap().unwrap()).unwrap();
    assert_eq!((&line["site_name"], &line["ops"][0]["kind"]), (&json!("classroom"), &json!("insert")));
    follower.kill().unwrap();
    follower.wait().unwrap();
}
