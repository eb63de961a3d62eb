//! Texts and JSON that two people edit at once; and what a cell does not take.

use serde_json::{Value, json};
use tandem_tests::lan::Lan;
use tandem_tests::school;
use tandem_tests::site::Site;
use tandem_tests::wait::equal;

use crate::pair;

const NOTES: &str = "CREATE TABLE notes (
  id INTEGER PRIMARY KEY, text RICHTEXT, settings JSON, price DECIMAL(8,2),
  stock COUNTER NOT NULL DEFAULT 0, paid COUNTER(12,2) NOT NULL DEFAULT 0, shelf TEXT);";

fn text_of(site: &Site, id: u32) -> String {
    site.cell(&format!("SELECT text FROM notes WHERE id = {id}")).as_str().unwrap().to_owned()
}

fn settings_of(site: &Site) -> Value {
    let settings = site.cell("SELECT settings FROM notes WHERE id = 1");
    serde_json::from_str(settings.as_str().unwrap()).unwrap()
}

#[test]
fn edits_of_different_places_in_one_text_are_both_in_it() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, NOTES);
    office.write(
        "INSERT INTO notes (id, text) VALUES (1, 'The lesson begins at nine. Bring the blue book.'),
        (2, 'short')",
    );
    equal(&[&office, &classroom]);
    classroom.host().unplug();
    for (site, from, to) in
        [(&office, "nine", "ten o''clock"), (&classroom, "blue book", "red book and a pencil")]
    {
        site.write(&format!("UPDATE notes SET text = replace(text, '{from}', '{to}') WHERE id = 1"));
        site.write(&format!("UPDATE notes SET text = text || ', {}' WHERE id = 2", site.name()));
    }
    classroom.host().plug();
    equal(&[&office, &classroom]);
    for site in [&office, &classroom] {
        assert_eq!(text_of(site, 1), "The lesson begins at ten o'clock. Bring the red book and a pencil.");
        let short = text_of(site, 2);
        assert!(["short, office, classroom", "short, classroom, office"].contains(&&*short), "{short}");
        assert_eq!(site.conflicts(), [json!(null); 0]);
        site.verify();
    }
    // Rebuilt from the log, it is the same.
    classroom.restart();
    assert_eq!(text_of(&classroom, 2), text_of(&office, 2));
}

#[test]
fn different_keys_of_one_json_value_are_both_kept() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, NOTES);
    let first = json!({ "colour": "blue", "size": 3, "days": ["Mon", "Wed"], "room": { "floor": 1 } });
    office.write(&format!("INSERT INTO notes (id, settings) VALUES (1, '{first}')"));
    equal(&[&office, &classroom]);
    classroom.host().unplug();
    office.write("UPDATE notes SET settings = json_set(settings, '$.colour', 'red', '$.room.door', 'left')");
    classroom.write("UPDATE notes SET settings = json_remove(json_set(settings, '$.room.floor', 2, '$.new', json('[1]')), '$.size')");
    classroom.host().plug();
    equal(&[&office, &classroom]);
    let both = json!({
        "colour": "red", "days": ["Mon", "Wed"], "room": { "floor": 2, "door": "left" }, "new": [1]
    });
    for site in [&office, &classroom] {
        assert_eq!(settings_of(site), both);
        assert!(site.conflicts().is_empty());
        site.verify();
    }
}

/// SQL and the code with which it is refused.
const REFUSED: &[(&str, &str)] = &[
    ("UPDATE notes SET settings = '{\"colour\": }'", "invalid_json"),
    ("INSERT INTO notes (settings) VALUES ('colour: blue')", "invalid_json"),
    ("UPDATE notes SET text = replace(hex(zeroblob(131073)), '0', 'x')", "document_too_large"),
    ("INSERT INTO notes (text) SELECT hex(zeroblob(131073))", "document_too_large"),
    (
        "UPDATE notes SET settings = json_array(replace(hex(zeroblob(131073)), '0', 'x'))",
        "document_too_large",
    ),
    ("UPDATE notes SET text = x'00'", "type_mismatch"),
    ("UPDATE notes SET price = 1234567.5", "type_mismatch"),
    ("INSERT INTO notes (price) VALUES ('12,50')", "type_mismatch"),
    ("UPDATE notes SET stock = 'many'", "type_mismatch"),
    ("UPDATE notes SET stock = stock + 0.5", "type_mismatch"),
    ("UPDATE notes SET paid = 'twelve'", "type_mismatch"),
    ("UPDATE notes SET paid = paid + 99999999999", "type_mismatch"),
    ("UPDATE notes SET shelf = exactly(3)", "exactly_not_counter"),
];

/// Schemas and the code with which they are refused.
const REFUSED_SCHEMAS: &[(&str, &str)] = &[
    ("DROP TABLE notes", "schema_not_additive"),
    ("ALTER TABLE notes DROP COLUMN shelf", "schema_not_additive"),
    ("ALTER TABLE notes RENAME COLUMN shelf TO place", "schema_not_additive"),
    ("CREATE TABLE notes (id INTEGER PRIMARY KEY)", "schema_not_additive"),
    ("CREATE TABLE notes (id UUID PRIMARY KEY, text RICHTEXT)", "schema_not_additive"),
    // The text is no RICHTEXT any more.
    (
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, settings JSON, price DECIMAL(8,2),
          stock COUNTER NOT NULL DEFAULT 0, paid COUNTER(12,2) NOT NULL DEFAULT 0, shelf TEXT)",
        "schema_not_additive",
    ),
    ("ALTER TABLE notes ADD COLUMN due DATE NOT NULL", "schema_not_supported"),
];

#[test]
fn what_makes_no_sense_is_refused_and_leaves_no_trace() {
    let site = Site::alone("office");
    school::found_with(&site, NOTES);
    site.start();
    site.write("INSERT INTO notes (id, text, settings, price) VALUES (1, 'a text', '{}', 12.5)");
    let before = site.space();
    for (sql, code) in REFUSED {
        let told = site.tandem(&["sql", sql]).refused(code);
        assert!(told.contains("Nothing was changed"), "{sql}: {told}");
    }
    for (sql, code) in REFUSED_SCHEMAS {
        let file = site.file("wrong.sql", sql);
        let told = site.tandem(&["schema", "apply", file.to_str().unwrap()]).refused(code);
        assert!(told.contains("Nothing was changed"), "{sql}: {told}");
    }
    for choice in [&["--keep-all"][..], &["--value", "7"], &["--use", "abcdefg:1"]] {
        let resolve = [&["conflicts", "resolve", "0123456789abcdef"][..], choice].concat();
        let told = site.tandem(&resolve).refused("conflict_unknown");
        assert!(told.contains("tandem conflicts") && told.contains("Nothing was changed"), "{told}");
    }
    let after = site.space();
    for field in ["transactions", "ops", "fingerprint", "tables", "version_vector"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    site.write("UPDATE notes SET text = 'another', settings = '[1]', price = 1.005");
    assert_eq!(site.rows("SELECT text, price FROM notes"), [[json!("another"), json!(1.0)]]);
    site.verify();
}
