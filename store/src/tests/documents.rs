//! RICHTEXT and JSON cells, from SQL to SQL.

use tandem_protocol::value::Value;

use super::conflicts::{only, open, resolve, version};
use super::{Site, sync, two};
use crate::{Params, Statement, Write, Written};

const SCHEMA: &str =
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, body RICHTEXT, extra JSON DEFAULT '{}');";

#[test]
fn edits_of_one_note_at_different_places_are_both_in_the_text() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO notes (id, body) VALUES (1, 'Le cours commence à neuf heures.')");
    sync(&a, &b);
    a.write("UPDATE notes SET body = 'Lundi : le cours commence à neuf heures.'");
    b.write("UPDATE notes SET body = replace(body, 'heures', 'heures et demie')");
    assert_eq!(open(&a, &b), [""; 0]);
    let text = a.rows("SELECT body FROM notes");
    assert!(text[0].starts_with("Lundi : ") && text[0].contains("heures et demie"), "{text:?}");
    // Alone again, an edit is just an edit.
    b.write("UPDATE notes SET body = 'Annulé.', title = 'x'");
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(a.rows("SELECT body, title FROM notes"), ["Annulé.|x"]);
}

#[test]
fn changes_of_different_keys_of_one_json_value_are_both_there() {
    let (a, b) = two(SCHEMA);
    a.write(r#"INSERT INTO notes (id, extra) VALUES (1, '{"b": 1, "a": {"x": [1, 2]}}')"#);
    assert_eq!(a.rows("SELECT extra FROM notes"), [r#"{"a":{"x":[1,2]},"b":1}"#]);
    sync(&a, &b);
    a.write("UPDATE notes SET extra = json_set(extra, '$.b', 2)");
    b.write("UPDATE notes SET extra = json_set(extra, '$.a.y', 'new')");
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(a.rows("SELECT extra FROM notes"), [r#"{"a":{"x":[1,2],"y":"new"},"b":2}"#]);
    assert_eq!(a.refused("UPDATE notes SET extra = '{'").code, "invalid_json");
    assert_eq!(a.refused(r#"UPDATE notes SET extra = '{"a":1,"a":2}'"#).code, "invalid_json");
    let large =
        format!("UPDATE notes SET body = '{}'", "x".repeat(tandem_protocol::bounds::DOCUMENT_BYTES + 1));
    assert_eq!(a.refused(&large).code, "document_too_large");
}

#[test]
fn equal_imports_are_one_document() {
    let (a, b) = two(SCHEMA);
    for site in [&a, &b] {
        site.write("INSERT INTO notes (id, body) VALUES (1, 'the same text')");
    }
    assert_eq!(open(&a, &b), [""; 0]);
    a.write("UPDATE notes SET body = 'the very same text'");
    b.write("UPDATE notes SET body = 'the same text!'");
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT body FROM notes"), ["the very same text!"]);
}

#[test]
fn different_documents_written_apart_are_a_conflict_and_one_is_chosen() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO notes (id, body) VALUES (1, 'from a')");
    b.write("INSERT INTO notes (id, body) VALUES (1, 'from b')");
    assert_eq!(open(&a, &b), ["register notes.body 1"]);
    let conflict = only(&a);
    resolve(&a, &conflict, version(&conflict, "from a"));
    // A late edit of the one not chosen is not lost: it is listed.
    b.write("UPDATE notes SET body = 'from b, edited'");
    assert_eq!(open(&a, &b), ["register notes.body 1"]);
    let conflict = only(&b);
    resolve(&b, &conflict, version(&conflict, "from b, edited"));
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(a.rows("SELECT body FROM notes"), ["from b, edited"]);
    // Edited here, replaced there.
    a.write("UPDATE notes SET body = NULL");
    b.write("UPDATE notes SET body = body || '!'");
    assert_eq!(open(&a, &b), ["register notes.body 1"]);
    assert_eq!(a.rows("SELECT body FROM notes"), ["from b, edited!"]);
    let conflict = only(&b);
    resolve(&b, &conflict, super::Choice::Value(Value::Text("settled".into())));
    assert_eq!(open(&a, &b), [""; 0]);
}

#[test]
fn a_row_deleted_and_inserted_again_starts_with_a_new_document() {
    let (a, b) = two(SCHEMA);
    for round in 0..3 {
        a.write("INSERT INTO notes (id, body, extra) VALUES (1, 'again', '[1]')");
        assert_eq!(open(&a, &b), [""; 0]);
        assert_eq!(b.rows("SELECT body, extra FROM notes"), ["again|[1]"], "round {round}");
        b.write("UPDATE notes SET body = 'again, edited', extra = '[1,2]'");
        a.write("UPDATE notes SET title = 't'");
        assert_eq!(open(&a, &b), [""; 0]);
        assert_eq!(a.rows("SELECT body, extra, title FROM notes"), ["again, edited|[1,2]|t"]);
        b.write("DELETE FROM notes");
        assert_eq!(open(&a, &b), [""; 0]);
    }
    // Replaced by a document of the same content as one before.
    a.write("INSERT INTO notes (id, body) VALUES (1, 'one')");
    a.write("UPDATE notes SET body = 'one two'");
    a.write("UPDATE notes SET body = NULL");
    a.write("UPDATE notes SET body = 'one'");
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT body FROM notes"), ["one"]);
}

#[test]
fn hundreds_of_edits_stay_small() {
    let (a, b) = two(SCHEMA);
    let mut text: String = "Une phrase de plus. ".repeat(100);
    a.write(&format!("INSERT INTO notes (id, body) VALUES (1, '{text}')"));
    for edit in 0..500 {
        let at = (edit * 37) % 1900;
        text.replace_range(at..at + 1, "x");
        a.space_write(&format!("UPDATE notes SET body = '{text}'"));
    }
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT body FROM notes"), [text]);
    let sizes = |site: &Site| site.view_number("SELECT sum(length(bytes)) FROM _tandem_documents");
    assert!(sizes(&a) < 40_000, "{}", sizes(&a));
}

#[test]
fn a_text_from_a_form_opened_before_others_edited_it_is_listed_and_takes_nothing_back() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO notes (id, body) VALUES (1, 'Rendez-vous lundi.')");
    sync(&a, &b);
    let opened = (*a.space.vector()).clone();
    b.write("UPDATE notes SET body = 'Rendez-vous lundi à dix heures.'");
    sync(&a, &b);
    let sql = "UPDATE notes SET body = 'Rendez-vous mardi.', title = 'x'";
    let statement = Statement { sql: sql.into(), params: Params::One(vec![]) };
    let write = Write { edits: vec![statement].into(), basis: Some(opened), ..Write::default() };
    let _written: Written = a.space.wait(|reply| a.space.write(write, reply)).unwrap();
    assert_eq!(open(&a, &b), ["register notes.body 1"]);
    let conflict = only(&b);
    resolve(&b, &conflict, version(&conflict, "Rendez-vous lundi à dix heures."));
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(a.rows("SELECT body, title FROM notes"), ["Rendez-vous lundi à dix heures.|x"]);
}
