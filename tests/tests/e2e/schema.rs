//! Tables and columns that are added while the sites run, together and apart.

use serde_json::json;
use tandem_tests::lan::Lan;
use tandem_tests::site::Site;
use tandem_tests::wait::{self, equal};

use crate::{SHOP, pair};

#[track_caller]
fn apply(site: &Site, sql: &str) {
    let file = site.file("more.sql", sql);
    let answer = site.tandem(&["schema", "apply", file.to_str().unwrap()]).json();
    assert!(answer["dot"].is_string(), "{answer}");
}

#[test]
fn tables_and_columns_added_on_one_site_arrive_on_the_other() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.write("INSERT INTO items (id, name) VALUES (1, 'chalk')");
    apply(
        &office,
        "CREATE TABLE loans (id UUID PRIMARY KEY DEFAULT (uuid7()), item INTEGER NOT NULL REFERENCES items (id),
          pupil TEXT NOT NULL, days COUNTER NOT NULL DEFAULT 14);
        ALTER TABLE items ADD COLUMN colour TEXT NOT NULL DEFAULT 'white';
        CREATE INDEX loans_by_item ON loans (item);",
    );
    office.write("INSERT INTO loans (item, pupil) VALUES (1, 'Amel')");
    equal(&[&office, &classroom]);
    assert_eq!(classroom.rows("SELECT name, colour FROM items"), [["chalk", "white"]]);
    assert_eq!(classroom.rows("SELECT pupil, days FROM loans"), [[json!("Amel"), json!(14)]]);
    // They are as good there as here, rules included.
    classroom.write("UPDATE items SET colour = 'red'");
    classroom.write("UPDATE loans SET days = days + 7");
    classroom
        .tandem(&["sql", "INSERT INTO loans (item, pupil) VALUES (404, 'x')"])
        .refused("constraint_foreign_key");
    classroom.tandem(&["sql", "UPDATE items SET colour = NULL"]).refused("constraint_not_null");
    equal(&[&office, &classroom]);
    assert_eq!(office.rows("SELECT colour, days FROM items, loans"), [[json!("red"), json!(21)]]);
    // A table of its own from there, and applying what is there already changes nothing.
    apply(&classroom, "CREATE TABLE rooms (name TEXT PRIMARY KEY)");
    equal(&[&office, &classroom]);
    let before = office.space();
    let file = office.file("again.sql", "CREATE TABLE rooms (name TEXT PRIMARY KEY)");
    let again = office.tandem(&["schema", "apply", file.to_str().unwrap()]).json();
    assert_eq!(again["dot"], json!(null), "{again}");
    assert_eq!(office.space()["transactions"], before["transactions"]);
    [&office, &classroom].into_iter().for_each(Site::verify);
}

#[test]
fn what_both_add_apart_is_joined() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.write("INSERT INTO items (id, name) VALUES (1, 'chalk')");
    equal(&[&office, &classroom]);
    classroom.host().unplug();
    apply(
        &office,
        "ALTER TABLE items ADD COLUMN colour TEXT; CREATE TABLE rooms (name TEXT PRIMARY KEY, seats INTEGER);",
    );
    office.write("UPDATE items SET colour = 'red'");
    office.write("INSERT INTO rooms VALUES ('A1', 20)");
    apply(
        &classroom,
        "ALTER TABLE items ADD COLUMN weight REAL; CREATE TABLE rooms (name TEXT PRIMARY KEY, seats INTEGER, floor INTEGER);
        CREATE TABLE keys (id INTEGER PRIMARY KEY, room TEXT REFERENCES rooms (name));",
    );
    classroom.write("UPDATE items SET weight = 0.5");
    classroom.write("INSERT INTO rooms VALUES ('B2', 12, 2)");
    classroom.write("INSERT INTO keys (room) VALUES ('B2')");
    classroom.host().plug();
    equal(&[&office, &classroom]);
    for site in [&office, &classroom] {
        let items = site.rows("SELECT name, colour, weight FROM items");
        assert_eq!(items, [[json!("chalk"), json!("red"), json!(0.5)]]);
        let rooms = site.rows("SELECT name, seats, floor FROM rooms ORDER BY name");
        assert_eq!(rooms, [[json!("A1"), json!(20), json!(null)], [json!("B2"), json!(12), json!(2)]]);
        assert_eq!(site.cell("SELECT room FROM keys"), "B2");
        assert!(site.conflicts().is_empty(), "{:?}", site.conflicts());
        site.verify();
    }
}

#[test]
fn a_column_declared_in_two_ways_is_listed_and_one_is_chosen() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    office.write("INSERT INTO items (id, name) VALUES (1, 'chalk')");
    equal(&[&office, &classroom]);
    classroom.host().unplug();
    apply(&office, "ALTER TABLE items ADD COLUMN size TEXT");
    office.write("UPDATE items SET size = 'large'");
    apply(&classroom, "ALTER TABLE items ADD COLUMN size INTEGER");
    classroom.write("UPDATE items SET size = 30");
    classroom.host().plug();
    equal(&[&office, &classroom]);
    let listed = office.conflicts();
    assert_eq!(listed.len(), 1, "{listed:#?}");
    assert_eq!(listed, classroom.conflicts());
    assert_eq!((&listed[0]["kind"], &listed[0]["columns"]), (&json!("schema"), &json!(["size"])));
    for site in [&office, &classroom] {
        assert_eq!(site.cell("SELECT size FROM items"), "large", "the one declared first is shown");
    }
    let versions = listed[0]["versions"].as_array().unwrap();
    let chosen = versions.iter().find(|version| version["site_name"] == "classroom").unwrap();
    assert_eq!(chosen["definition"], "INTEGER", "{chosen}");
    let (id, dot) = (listed[0]["id"].as_str().unwrap(), chosen["dot"].as_str().unwrap());
    office.tandem(&["conflicts", "resolve", id, "--use", dot]).succeeded();
    equal(&[&office, &classroom]);
    for site in [&office, &classroom] {
        assert_eq!(site.cell("SELECT size FROM items"), 30, "nothing that was entered is lost");
        assert!(site.conflicts().is_empty());
        site.verify();
    }
    classroom.write("UPDATE items SET size = size + 1");
    equal(&[&office, &classroom]);
    assert_eq!(office.cell("SELECT size FROM items"), 31);
}

#[test]
fn a_table_declared_with_two_keys_is_listed_and_one_is_chosen() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    classroom.host().unplug();
    apply(&office, "CREATE TABLE rooms (name TEXT PRIMARY KEY)");
    office.write("INSERT INTO rooms VALUES ('A1')");
    apply(&classroom, "CREATE TABLE rooms (number INTEGER PRIMARY KEY, seats INTEGER)");
    classroom.write("INSERT INTO rooms VALUES (7, 20)");
    classroom.host().plug();
    wait::equal_but_for_waiting(&[&office, &classroom]);
    let listed = classroom.conflicts();
    assert_eq!(listed.len(), 1, "{listed:#?}");
    assert_eq!(listed, office.conflicts());
    assert_eq!(classroom.rows("SELECT * FROM rooms"), [["A1"]]);
    assert_eq!(classroom.rows("SELECT number FROM \"rooms (2)\""), [[7]]);
    let versions = listed[0]["versions"].as_array().unwrap();
    let chosen = versions.iter().find(|version| version["site_name"] == "classroom").unwrap();
    let (id, dot) = (listed[0]["id"].as_str().unwrap(), chosen["dot"].as_str().unwrap());
    classroom.tandem(&["conflicts", "resolve", id, "--use", dot]).succeeded();
    wait::equal_but_for_waiting(&[&office, &classroom]);
    for site in [&office, &classroom] {
        assert_eq!(site.space()["waiting"], 0);
        assert_eq!(site.rows("SELECT number, seats FROM rooms"), [[7, 20]]);
        assert_eq!(site.rows("SELECT name FROM \"rooms (2)\""), [["A1"]], "the other one is there too");
        assert!(site.conflicts().is_empty());
        site.verify();
    }
}
