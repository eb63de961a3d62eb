//! Documents as sites use them: made, edited apart, and brought together.

use proptest::prelude::*;

use crate::bounds;
use crate::document::json::tests::values;
use crate::document::*;
use crate::identity::Author;
use crate::op::Mode;
use crate::schema::ColumnType;
use crate::value::Value;
use crate::version::Dot;

const KINDS: [DocumentKind; 2] = [DocumentKind::RichText, DocumentKind::Json];

fn author(number: u8) -> Author {
    Author([number; 32])
}

fn new(kind: DocumentKind, content: &str) -> Document {
    Document::create(kind, DocumentId::of(kind, content, None), content)
}

fn text(content: &str) -> Document {
    new(DocumentKind::RichText, content)
}

fn json(content: &str) -> Document {
    new(DocumentKind::Json, content)
}

fn reload(document: &mut Document, kind: DocumentKind, content: &str) -> Document {
    Document::load(kind, DocumentId::of(kind, content, None), &document.save()).unwrap()
}

/// Two authors change a document apart; what both then show.
fn both(start: &Document, one: &str, other: &str) -> String {
    let (mut a, mut b) = (start.clone(), start.clone());
    let from_a = a.edit(author(1), one).unwrap();
    let from_b = b.edit(author(2), other).unwrap();
    a.apply(author(2), &from_b).unwrap();
    b.apply(author(1), &from_a).unwrap();
    assert_eq!(a.content(), b.content());
    a.content()
}

#[test]
fn equal_contents_are_one_document() {
    for (kind, content) in [(KINDS[0], "Été"), (KINDS[1], r#"{"a":[1,2.5,null]}"#)] {
        let id = DocumentId::of(kind, content, None);
        assert_eq!(id, DocumentId::of(kind, content, None));
        assert_eq!(Document::create(kind, id, content).save(), Document::create(kind, id, content).save());
        assert_eq!(Document::create(kind, id, content).content(), content);
    }
    let dot = |seq| Dot::new(author(1), seq);
    let ids = [
        DocumentId::of(KINDS[0], "1", None),
        DocumentId::of(KINDS[0], "2", None),
        DocumentId::of(KINDS[1], "1", None),
        DocumentId::of(KINDS[0], "1", Some(dot(1))),
        DocumentId::of(KINDS[0], "1", Some(dot(2))),
    ];
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id));
    }
}

#[test]
fn concurrent_edits_of_a_text_are_both_there() {
    let start = text("Réunion lundi.\nPrésents : Awa.");
    assert_eq!(
        both(&start, "Réunion mardi.\nPrésents : Awa.", "Réunion lundi.\nPrésents : Awa, Moussa."),
        "Réunion mardi.\nPrésents : Awa, Moussa."
    );
    assert_eq!(both(&text(""), "👩‍🏫", "👩‍🏫").matches("👩‍🏫").count(), 2);
}

#[test]
fn concurrent_edits_of_json_are_both_there() {
    let start = json(r#"{"name":"Awa","notes":[{"id":1,"n":12},{"id":2,"n":14}],"tags":["a"]}"#);
    let one = r#"{"name":"Awa D.","notes":[{"id":1,"n":13},{"id":2,"n":14}],"tags":["a"]}"#;
    let other =
        r#"{"name":"Awa","notes":[{"id":1,"n":12},{"id":2,"n":14,"x":true}],"phone":"77","tags":["a","b"]}"#;
    assert_eq!(
        both(&start, one, other),
        r#"{"name":"Awa D.","notes":[{"id":1,"n":13},{"id":2,"n":14,"x":true}],"phone":"77","tags":["a","b"]}"#
    );
    // One takes an item out, the other changes the one behind it.
    assert_eq!(both(&json("[[1],[2],[3]]"), "[[2],[3]]", "[[1],[2],[3,4]]"), "[[2],[3,4]]");
    assert_eq!(both(&json("null"), "1", "1"), "1");
}

#[test]
fn changes_wait_for_what_they_were_made_with() {
    let mut start = text("a");
    let mut writer = start.clone();
    let first = writer.edit(author(1), "ab").unwrap();
    let second = writer.edit(author(2), "abc").unwrap();
    let third = writer.edit(author(1), "abcd").unwrap();
    start.apply(author(1), &third).unwrap();
    start.apply(author(2), &second).unwrap();
    assert_eq!(start.content(), "a");
    assert_eq!(start.edit(author(1), "z"), None, "its own changes are still to come");
    // They are not forgotten, saved or appended.
    let mut appended = text("a").save();
    appended.extend([&third[..], &second].concat());
    let id = DocumentId::of(KINDS[0], "a", None);
    let appended = Document::load(KINDS[0], id, &appended).unwrap();
    for mut document in [reload(&mut start, KINDS[0], "a"), appended] {
        document.apply(author(1), &first).unwrap();
        assert_eq!(document.content(), "abcd");
        assert!(document.waiting_is_empty());
        assert_eq!(reload(&mut document, KINDS[0], "a").content(), "abcd");
    }
}

#[test]
fn a_change_of_someone_else_or_of_another_document_is_refused() {
    let mut document = text("a");
    let before = document.save();
    let change = document.clone().edit(author(1), "ab").unwrap();
    assert_eq!(document.apply(author(2), &change), Err(DocumentError::NotAChange));
    assert_eq!(text("b").apply(author(1), &change), Err(DocumentError::NotAChange));
    assert_eq!(json("1").apply(author(1), &change), Err(DocumentError::NotAChange));
    let twice = [&change[..], &change].concat();
    assert_eq!(document.apply(author(1), &twice), Err(DocumentError::NotAChange));
    let whole = document.save();
    assert_eq!(document.apply(author(1), &whole), Err(DocumentError::NotAChange));
    let large = vec![0; bounds::DOCUMENT_CHANGE_BYTES + 1];
    assert!(matches!(document.apply(author(1), &large), Err(DocumentError::TooLarge { .. })));
    // Another change under a number that is taken.
    let other = document.clone().edit(author(1), "xa").unwrap();
    assert_eq!(document.save(), before);
    document.apply(author(1), &change).unwrap();
    assert_eq!(document.apply(author(1), &other), Err(DocumentError::NotAChange));
    assert_eq!(document.content(), "ab");
    document.apply(author(1), &[]).unwrap();
}

#[test]
fn other_bytes_are_not_a_document() {
    let id = DocumentId::of(KINDS[0], "a", None);
    let mut bytes = text("a").save();
    assert!(Document::load(KINDS[0], DocumentId([0; 16]), &bytes).is_err());
    bytes.push(0);
    for bytes in [&bytes[..], b"", b"a"] {
        assert_eq!(Document::load(KINDS[0], id, bytes).unwrap_err(), DocumentError::NotADocument);
    }
}

#[test]
fn a_text_deleted_or_rewritten_whole_is_still_one_change() {
    let long = "Il était une fois. ".repeat(4000);
    let mut document = text(&long);
    let mut other = document.clone();
    for (number, content) in [(1, "court"), (1, &long[..]), (2, "")] {
        let change = document.edit(author(number), content).unwrap();
        other.apply(author(number), &change).unwrap();
        assert_eq!((document.content(), other.content()), (content.to_owned(), content.to_owned()));
    }
    assert_eq!(document.edit(author(1), &"a".repeat(bounds::DOCUMENT_BYTES + 1)), None);
}

#[test]
fn ops_of_document_columns_are_read() {
    let dot = Dot::new(author(1), 3);
    let read = |kind, mode, value| DocumentWrite::read(kind, mode, &value, dot);
    let (rich, plain) = (ColumnType::RichText, ColumnType::Json);
    let content = || Value::Text("1".into());
    let create = |kind, salt| DocumentWrite::Create(DocumentId::of(kind, "1", salt), "1".into());
    assert_eq!(read(rich, Mode::Set, Value::Null), Some(DocumentWrite::Null));
    assert_eq!(read(rich, Mode::Set, content()), Some(create(KINDS[0], None)));
    assert_eq!(read(plain, Mode::Fresh, content()), Some(create(KINDS[1], Some(dot))));
    let change = DocumentWrite::change_value(DocumentId([7; 16]), b"change");
    let wanted = DocumentWrite::Change(DocumentId([7; 16]), b"change".to_vec());
    assert_eq!(wanted.register_value(), Value::Blob(vec![7; 16]));
    assert_eq!(DocumentWrite::Null.register_value(), Value::Null);
    assert_eq!(read(plain, Mode::Change, change), Some(wanted));
    for (kind, mode, value) in [
        (ColumnType::Text, Mode::Set, content()),
        (plain, Mode::Set, Value::Text("{ }".into())),
        (plain, Mode::Set, Value::Integer(1)),
        (plain, Mode::Fresh, Value::Null),
        (rich, Mode::Change, Value::Null),
        (rich, Mode::Change, Value::Blob(vec![0; 15])),
        (rich, Mode::Delta, Value::Integer(1)),
        (rich, Mode::Set, Value::Text("a".repeat(bounds::DOCUMENT_BYTES + 1))),
    ] {
        assert_eq!(read(kind, mode, value.clone()), None, "{kind} {mode:?} {value}");
    }
}

fn contents() -> impl Strategy<Value = (DocumentKind, Vec<String>)> {
    prop_oneof![
        prop::collection::vec("([a-dé ]|👨‍👩‍👧|🇫🇷|\r\n|.){0,30}", 2..7).prop_map(|texts| (KINDS[0], texts)),
        prop::collection::vec(values().prop_map(|value| value.to_text()), 2..7)
            .prop_map(|values| (KINDS[1], values)),
    ]
}

proptest! {
    #[test]
    fn an_edit_leads_to_the_content_written((kind, contents) in contents()) {
        let mut document = new(kind, &contents[0]);
        let mut other = document.clone();
        prop_assert_eq!(document.content(), contents[0].clone());
        for content in &contents {
            let before = document.content();
            match document.edit(author(1), content) {
                Some(change) => other.apply(author(1), &change).unwrap(),
                None => prop_assert_eq!(&before, content),
            }
            prop_assert_eq!(&document.content(), content);
            prop_assert_eq!(&other.content(), content);
        }
        prop_assert_eq!(document.save(), other.save());
    }

    #[test]
    fn any_order_and_repetition_gives_the_same_content(
        (kind, contents) in contents(),
        steps in prop::collection::vec((0usize..3, 0usize..7, any::<prop::sample::Index>()), 1..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        saves in prop::collection::vec(0usize..30, 0..4),
    ) {
        let start = new(kind, &contents[0]);
        let mut sites = [start.clone(), start.clone(), start.clone()];
        let mut changes: Vec<(Author, Vec<u8>)> = Vec::new();
        for (site, content, seen) in steps {
            // Now and then a site hears of a change; it may lack what that was made with.
            if !changes.is_empty() {
                let (by, change) = &changes[seen.index(changes.len())];
                sites[site].apply(*by, change).unwrap();
            }
            let by = author(site as u8);
            if let Some(change) = sites[site].edit(by, &contents[content % contents.len()]) {
                changes.push((by, change));
            }
        }
        for site in &mut sites {
            for (by, change) in &changes {
                site.apply(*by, change).unwrap();
            }
        }
        let content = sites[0].content();
        let mut shuffled = start.clone();
        let mut appended = start.clone().save();
        if !changes.is_empty() {
            for (at, index) in order.iter().enumerate() {
                let (by, change) = &changes[index.index(changes.len())];
                shuffled.apply(*by, change).unwrap();
                appended.extend_from_slice(change);
                if saves.contains(&at) {
                    shuffled = reload(&mut shuffled, kind, &contents[0]);
                }
            }
        }
        for (by, change) in changes.iter().rev() {
            shuffled.apply(*by, change).unwrap();
            appended.extend_from_slice(change);
        }
        let id = DocumentId::of(kind, &contents[0], None);
        let mut appended = Document::load(kind, id, &appended).unwrap();
        for document in sites.iter_mut().chain([&mut shuffled, &mut appended]) {
            prop_assert_eq!(document.content(), content.clone());
            prop_assert!(document.waiting_is_empty());
            prop_assert_eq!(reload(document, kind, &contents[0]).content(), content.clone());
        }
    }
}
