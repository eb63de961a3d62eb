//! RICHTEXT and JSON: documents merge, and which one a cell names is a register.

use std::collections::BTreeMap;
use std::time::Instant;

use tandem_protocol::document::{Document, DocumentId, DocumentKind, DocumentWrite};
use tandem_protocol::op::{Action, Mode};
use tandem_protocol::value::Value;

use super::log::{CellWrite, TestLog, author, set};
use crate::random::Random;
use crate::reference::fold;

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body RICHTEXT, data JSON)";

/// A document as one author has it open.
#[derive(Clone)]
struct Open {
    id: DocumentId,
    document: Document,
}

impl Open {
    fn of(kind: DocumentKind, content: &str) -> Self {
        let id = DocumentId::of(kind, content, None);
        Self { id, document: Document::create(kind, id, content) }
    }

    /// The edit to this content, as an op says it.
    fn edit(&mut self, by: char, column: &'static str, content: &str) -> CellWrite {
        let change = self.document.edit(author(by), content).unwrap();
        (column, Mode::Change, DocumentWrite::change_value(self.id, &change))
    }

    /// Names the document anew.
    fn name(&self, column: &'static str) -> CellWrite {
        (column, Mode::Change, DocumentWrite::change_value(self.id, &[]))
    }
}

/// A row whose text is `abc`, and that document.
fn abc() -> (TestLog, Open) {
    let mut log = TestLog::new(NOTES);
    log.insert('a', "notes", 1, [set("body", "abc")]);
    log.tell_all();
    (log, Open::of(DocumentKind::RichText, "abc"))
}

#[test]
fn concurrent_edits_of_a_text_both_stay() {
    let (mut log, abc) = abc();
    log.update('b', "notes", 1, [abc.clone().edit('b', "body", "abc!")]);
    log.update('c', "notes", 1, [abc.clone().edit('c', "body", "> abc")]);
    assert_eq!(log.shown("notes"), ["1|> abc!|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn edits_that_know_each_other_follow_each_other() {
    let (mut log, mut abc) = abc();
    log.update('b', "notes", 1, [abc.edit('b', "body", "abcd")]);
    log.update('b', "notes", 1, [abc.edit('b', "body", "abcde")]);
    log.tell('b', 'c');
    log.at(1).update('c', "notes", 1, [abc.edit('c', "body", "bcde")]);
    assert_eq!(log.shown("notes"), ["1|bcde|NULL"]);
}

#[test]
fn json_merges_key_by_key() {
    let mut log = TestLog::new(NOTES);
    let data = Open::of(DocumentKind::Json, r#"{"a":1}"#);
    log.insert('a', "notes", 1, [set("data", r#"{"a":1}"#)]);
    log.tell_all();
    log.update('b', "notes", 1, [data.clone().edit('b', "data", r#"{"a":1,"b":2}"#)]);
    log.update('c', "notes", 1, [data.clone().edit('c', "data", r#"{"c":3}"#)]);
    assert_eq!(log.shown("notes"), [r#"1|NULL|{"b":2,"c":3}"#]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn equal_inserts_are_one_document() {
    let mut log = TestLog::new(NOTES);
    let abc = Open::of(DocumentKind::RichText, "abc");
    log.insert('b', "notes", 1, [set("body", "abc")]);
    log.insert('c', "notes", 1, [set("body", "abc")]);
    log.update('b', "notes", 1, [abc.clone().edit('b', "body", "abc!")]);
    log.update('c', "notes", 1, [abc.clone().edit('c', "body", "> abc")]);
    assert_eq!(log.shown("notes"), ["1|> abc!|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn different_documents_are_a_conflict_of_what_they_contain() {
    let mut log = TestLog::new(NOTES);
    log.insert('b', "notes", 1, [set("body", "of b")]);
    log.insert('c', "notes", 1, [set("body", "of c")]);
    assert_eq!(log.shown("notes"), ["1|of c|NULL"]);
    assert_eq!(log.conflicts(), ["register notes(1).body: c=of c b=of b"]);
    log.tell_all();
    log.update('a', "notes", 1, [Open::of(DocumentKind::RichText, "of b").edit('a', "body", "of both")]);
    assert_eq!(log.shown("notes"), ["1|of both|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn a_text_edited_while_it_was_replaced_is_a_conflict() {
    let (mut log, mut abc) = abc();
    log.at(2000).update('b', "notes", 1, [abc.edit('b', "body", "abcd")]);
    log.at(2001).update('c', "notes", 1, [set("body", "xyz")]);
    log.at(2002).update('d', "notes", 1, [set("body", Value::Null)]);
    assert_eq!(log.conflicts(), ["register notes(1).body: d=NULL c=xyz b=abcd"]);
}

#[test]
fn different_documents_of_equal_content_are_no_conflict_until_one_is_edited() {
    let (mut log, _) = abc();
    let fresh = |by: char, log: &mut TestLog| {
        let dot = log.update(by, "notes", 1, [("body", Mode::Fresh, Value::Text("abc".into()))]);
        DocumentId::of(DocumentKind::RichText, "abc", Some(dot))
    };
    let (b, c) = (fresh('b', &mut log), fresh('c', &mut log));
    assert_ne!(b, c);
    assert_eq!(log.shown("notes"), ["1|abc|NULL"]);
    assert!(log.conflicts().is_empty());
    let mut open = Open { id: b, document: Document::create(DocumentKind::RichText, b, "abc") };
    log.update('b', "notes", 1, [open.edit('b', "body", "abcd")]);
    assert_eq!(log.conflicts(), ["register notes(1).body: b=abcd c=abc"]);
}

#[test]
fn a_document_named_again_has_all_its_changes() {
    let (mut log, mut abc) = abc();
    log.update('b', "notes", 1, [abc.edit('b', "body", "abcd")]);
    log.update('b', "notes", 1, [set("body", Value::Null)]);
    assert_eq!(log.shown("notes"), ["1|NULL|NULL"]);
    log.update('b', "notes", 1, [abc.name("body")]);
    assert_eq!(log.shown("notes"), ["1|abcd|NULL"]);
    // Even one that was made with another basis.
    log.update('c', "notes", 1, [Open::of(DocumentKind::RichText, "abc").edit('c', "body", "> abc")]);
    assert_eq!(log.shown("notes"), ["1|> abcd|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn a_document_is_the_cells_own() {
    let (mut log, abc) = abc();
    log.insert('a', "notes", 2, [set("body", "abc")]);
    log.update('a', "notes", 2, [abc.clone().edit('a', "body", "abcd")]);
    log.insert('a', "notes", 3, [abc.name("body")]);
    assert_eq!(log.shown("notes"), ["1|abc|NULL", "2|abcd|NULL", "3|NULL|NULL"]);
}

#[test]
fn a_change_that_is_none_changes_nothing_but_names_the_document() {
    let (mut log, abc) = abc();
    log.update('b', "notes", 1, [set("body", "xyz")]);
    let nonsense = ("body", Mode::Change, DocumentWrite::change_value(abc.id, b"nonsense"));
    log.update('b', "notes", 1, [nonsense]);
    assert_eq!(log.shown("notes"), ["1|abc|NULL"]);
    // A change that somebody else made in the author's name is none either.
    log.update('b', "notes", 1, [abc.clone().edit('c', "body", "abcd")]);
    assert_eq!(log.shown("notes"), ["1|abc|NULL"]);
    assert_eq!(log.fold().parked, 0);
}

#[test]
fn what_no_document_column_can_hold_is_parked() {
    let (mut log, _) = abc();
    for cell in [
        ("body", Mode::Set, Value::Blob(vec![1])),
        ("body", Mode::Change, Value::Blob(vec![1; 15])),
        ("body", Mode::Fresh, Value::Null),
        ("data", Mode::Set, Value::Text("{\"b\": 1}".into())),
        ("data", Mode::Set, Value::Text("no json".into())),
    ] {
        let parked = log.fold().parked;
        log.update('a', "notes", 1, [cell]);
        assert_eq!(log.fold().parked, parked + 1);
    }
    assert_eq!(log.shown("notes"), ["1|abc|NULL"]);
}

/// Each author writes on without hearing of the others' letters; all hear of each other's
/// transactions now and then.
#[test]
fn a_text_of_many_hands_is_the_same_in_any_order() {
    let mut random = Random::new("texts by chance");
    let mut log = TestLog::new(NOTES);
    for row in 0..20 {
        log.insert('a', "notes", row, [set("body", "abc")]);
    }
    log.tell_all();
    let mut open: BTreeMap<(char, i64), (Open, String)> = BTreeMap::new();
    for _ in 0..200 {
        let by = char::from(b'a' + random.below(4) as u8);
        let first = i64::try_from(random.below(18)).unwrap();
        let mut ops = Vec::new();
        for row in first..first + 3 {
            let abc = || (Open::of(DocumentKind::RichText, "abc"), "abc".to_owned());
            let (document, text) = open.entry((by, row)).or_insert_with(abc);
            let cell = if random.one_in(10) {
                set("body", "replaced")
            } else {
                text.insert(random.below(text.len() as u64) as usize, by);
                document.edit(by, "body", text)
            };
            ops.push(log.row(Action::Update, "notes", row, [cell]));
        }
        log.write(by, ops);
        if random.one_in(40) {
            log.tell_all();
        }
    }
    let start = Instant::now();
    let expected = fold(&log.transactions);
    println!("{} conflicts in {:?}", expected.conflicts.len(), start.elapsed());
    assert_eq!((log.fold().parked, expected.tables["notes"].len()), (0, 20));
}
