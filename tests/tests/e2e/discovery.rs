//! Sites find each other and fill up, with no address given.

use serde_json::json;
use tandem_tests::lan::Lan;
use tandem_tests::school;
use tandem_tests::site::Site;
use tandem_tests::wait::{self, connected, equal};

use crate::{SHOP, founder, member, pair};

#[test]
fn a_second_pc_joins_and_holds_the_same_school() {
    let lan = Lan::new();
    let office = founder(&lan, "office", tandem_school::SCHEMA);
    let rows = school::load(&office, school::attendance_rows());
    let classroom = Site::on(&lan.host(), "classroom");
    classroom.join(&office.invite());
    // `join` ends when everything has arrived; nothing runs there yet.
    assert_eq!(classroom.cell("SELECT count(*) FROM attendance"), school::attendance_rows());
    classroom.start();
    equal(&[&office, &classroom]);
    connected(&[&office, &classroom]);

    let space = classroom.space();
    let held: u64 =
        space["tables"].as_array().unwrap().iter().map(|table| table["rows"].as_u64().unwrap()).sum();
    assert_eq!(held, rows as u64);
    assert_eq!((&space["role"], &space["ordinal"]), (&json!("member"), &json!(2)));
    office.write("INSERT INTO students (first_name, last_name) VALUES ('Amel', 'B')");
    let id = |site: &Site| site.rows("SELECT id FROM students WHERE last_name = 'B'");
    let there = wait::until("the new student there", &[&office, &classroom], || match id(&classroom) {
        rows if rows.is_empty() => Err("no such row".into()),
        rows => Ok(rows),
    });
    assert_eq!(there, id(&office));
    classroom.write("UPDATE students SET phone = '0550 12 34 56' WHERE last_name = 'B'");
    equal(&[&office, &classroom]);
    office.verify();
    classroom.verify();
}

#[test]
fn the_inviter_is_found_by_multicast_alone() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    let token = office.invite();
    // The address in the invitation is no longer true.
    office.host().set_address("10.77.0.200");
    let classroom = Site::on(&lan.host(), "classroom");
    classroom.join(&token);
    classroom.start();
    equal(&[&office, &classroom]);
    assert_eq!(office.host().address(), "10.77.0.200");
}

#[test]
fn a_running_site_without_a_space_joins_too() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    office.write("INSERT INTO items (name) VALUES ('chalk')");
    let classroom = Site::on(&lan.host(), "classroom");
    classroom.start();
    classroom.join(&office.invite());
    equal(&[&office, &classroom]);
    assert_eq!(classroom.cell("SELECT name FROM items"), "chalk");
}

#[test]
fn three_sites_hear_of_everything_even_from_one_that_left() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    let classroom = member(&lan, "classroom", &office);
    let library = member(&lan, "library", &office);
    let all = [&office, &classroom, &library];
    connected(&all);
    let mut ordinals: Vec<_> = all.iter().map(|site| site.space()["ordinal"].as_u64().unwrap()).collect();
    ordinals.dedup();
    assert_eq!(ordinals, [1, 2, 3]);

    for site in all {
        site.write(&format!("INSERT INTO items (name) VALUES ('from {}')", site.name()));
    }
    equal(&all);
    // What the library writes reaches the office through the classroom alone.
    office.stop();
    library.write("INSERT INTO items (name) VALUES ('passed on')");
    equal(&[&classroom, &library]);
    library.stop();
    office.start();
    equal(&[&office, &classroom]);
    assert_eq!(office.cell("SELECT count(*) FROM items"), 4);
    library.start();
    equal(&all);
    connected(&all);
}

#[test]
fn restarted_sites_find_each_other_again_even_without_multicast() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.stop();
    classroom.stop();
    office.write("INSERT INTO items (name) VALUES ('while stopped')");
    office.start_with(&["--no-mdns"]);
    classroom.start_with(&["--no-mdns"]);
    equal(&[&office, &classroom]);
    connected(&[&office, &classroom]);
    assert_eq!(classroom.cell("SELECT name FROM items"), "while stopped");
}

#[test]
fn a_new_address_in_the_middle_of_a_sync_only_delays_it() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    classroom.host().cut_off();
    let text = "words enough to keep a network busy for a moment ".repeat(40);
    let rows: Vec<_> = (0..2_000).map(|row| vec![json!(format!("{row} {text}"))]).collect();
    for part in rows.chunks(100) {
        let insert = json!({ "sql": "INSERT INTO items (name) VALUES (?)", "params_list": part });
        let (status, reply) = office.http(|http| http.transact(&[&insert])).unwrap();
        assert_eq!(status, 200, "{reply}");
    }
    let before = classroom.space()["transactions"].as_u64().unwrap();
    classroom.host().let_in();
    wait::until("syncing", &[&office, &classroom], || {
        let now = classroom.space()["transactions"].as_u64().unwrap();
        if now > before { Ok(()) } else { Err(format!("{now} transactions")) }
    });
    let old = classroom.host().address();
    classroom.host().set_address("10.77.0.99");
    equal(&[&office, &classroom]);
    classroom.write("INSERT INTO items (name) VALUES ('from the new address')");
    equal(&[&office, &classroom]);
    connected(&[&office, &classroom]);
    let peers = office.space()["peers"].clone();
    assert!(peers[0]["address"].as_str().unwrap().contains("10.77.0.99"), "{peers}");
    // The address it had is not told any more as one at which it is reached.
    let listening = classroom.tandem(&["status"]).json()["node"]["listening"].to_string();
    assert!(listening.contains("10.77.0.99") && !listening.contains(&old), "{listening}");
}

#[test]
fn a_pc_whose_cable_is_out_is_told_to_look_at_itself_first() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    equal(&[&office, &classroom]);
    let found = |site: &Site, name: &str| {
        let report = site.tandem(&["doctor"]).json();
        let checks = report["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["check"] == name)
    };
    let network = |site: &Site| found(site, "network");
    let level = |site: &Site| found(site, "listening").unwrap()["level"].as_str().unwrap().to_owned();
    // The node looks at its cards twice a second at most, so what it says of them is waited for.
    let all_well = || match (network(&classroom), level(&classroom).as_str()) {
        (None, "ok") => Ok(()),
        other => Err(format!("{other:?}")),
    };
    wait::until("well", &[&office, &classroom], all_well);
    classroom.host().unplug();
    wait::until("noticed", &[&office, &classroom], || {
        match (network(&classroom), level(&classroom).as_str()) {
            (Some(check), "warning") if check["next"].as_str().unwrap().contains("this PC first") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    // Its card keeps its address without a link; the other PC's has one.
    assert_eq!(level(&office), "ok");
    classroom.host().plug();
    connected(&[&office, &classroom]);
    wait::until("well again", &[&office, &classroom], all_well);
}
