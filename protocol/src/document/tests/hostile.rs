//! Changes that no honest writer makes.

use automerge::legacy::{ElementId, Key, ObjectId, OpId, OpType};
use automerge::{ActorId, Change, ExpandedChange, ObjType, ScalarValue};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::bounds;
use crate::document::change::guarded;
use crate::document::envelope::is_sensible;
use crate::document::*;
use crate::identity::Author;

const HONEST: Author = Author([2; 32]);
const HOSTILE: Author = Author([3; 32]);

/// A text, a list and an object, each with two changes by an honest author.
fn subjects() -> Vec<(DocumentKind, &'static str, [&'static str; 2])> {
    vec![
        (DocumentKind::RichText, "Bonjour", ["Bonjour à tous", "Bon jour"]),
        (DocumentKind::Json, "[1,[2],3]", ["[1,[2,2],3]", "[[2],3,4]"]),
        (DocumentKind::Json, r#"{"a":{"b":1}}"#, [r#"{"a":{"b":1,"c":[1]}}"#, r#"{"a":{"b":2}}"#]),
    ]
}

fn start(kind: DocumentKind, content: &str) -> Document {
    Document::create(kind, DocumentId::of(kind, content, None), content)
}

fn expanded(bytes: &[u8]) -> ExpandedChange {
    Change::try_from(bytes).unwrap().decode()
}

fn bytes(change: ExpandedChange) -> Vec<u8> {
    Change::from(change).raw_bytes().to_vec()
}

/// Changes one thing about a change; its actor stays the author's.
fn tamper(change: &mut ExpandedChange, actors: &[ActorId], what: u8, at: Index, number: u64, pick: Index) {
    let some_id = OpId(number, pick.get(actors).clone());
    let at = at.index(change.operations.len());
    let mut op = change.operations[at].clone();
    match what {
        0 => op.obj = ObjectId::Id(some_id),
        1 => op.key = Key::Seq(ElementId::Id(some_id)),
        2 => op.pred = vec![some_id].into(),
        3 => op.pred = vec![].into(),
        4 => op.insert = !op.insert,
        5 => op.action = OpType::Delete,
        6 => op.action = OpType::Put(ScalarValue::Str("zz".into())),
        7 => op.action = OpType::Make(if number.is_multiple_of(2) { ObjType::Map } else { ObjType::Text }),
        8 => op.obj = ObjectId::Root,
        9 => op.key = Key::Map("json".into()),
        10 => change.seq = number,
        11 => change.start_op = number.try_into().unwrap_or(change.start_op),
        12 => change.operations.push(op.clone()),
        13 => op.action = OpType::Put(ScalarValue::Counter(3.into())),
        14 => op.action = OpType::Increment(2),
        15 => op.key = Key::Seq(ElementId::Head),
        _ => op.action = OpType::Put(ScalarValue::Str("z".into())),
    }
    change.operations[at] = op;
}

/// Gives a document changes in this order, with a restart now and then.
fn deliver(
    start: &Document,
    (kind, content): (DocumentKind, &str),
    changes: &[(Author, Vec<u8>)],
) -> (String, Vec<bool>) {
    let id = DocumentId::of(kind, content, None);
    let mut document = start.clone();
    let mut taken = Vec::new();
    for (author, change) in changes {
        let before = document.save();
        taken.push(document.apply(*author, change).is_ok());
        if taken.last() == Some(&false) {
            assert_eq!(document.save(), before);
        }
        document = Document::load(kind, id, &document.save()).unwrap();
    }
    (document.content(), taken)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// What a forged change does never depends on what came before it from others.
    #[test]
    fn forged_changes_do_not_part_sites(
        subject in any::<Index>(),
        forgeries in prop::collection::vec((0u8..17, any::<Index>(), 0u64..30, any::<Index>()), 1..4),
        place in 0usize..3,
        follow in any::<bool>(),
    ) {
        let (kind, content, [first, second]) = subjects()[subject.index(subjects().len())];
        let start = start(kind, content);
        let mut honest = start.clone();
        let one = honest.edit(HONEST, first).unwrap();
        let mut forger = start.clone();
        if place == 2 {
            forger.apply(HONEST, &one).unwrap();
        }
        let two = honest.edit(HONEST, second).unwrap();
        let sincere = forger.edit(HOSTILE, second).or_else(|| forger.edit(HOSTILE, content)).unwrap();
        let id = DocumentId::of(kind, content, None);
        let actors = [id.creator(), id.actor(HONEST), id.actor(HOSTILE)];
        let mut forged = expanded(&sincere);
        for (what, at, number, pick) in forgeries {
            tamper(&mut forged, &actors, what, at, number, pick);
        }
        let Ok(forged) = std::panic::catch_unwind(|| bytes(forged)) else { return Ok(()) };
        let mut wicked = vec![(HOSTILE, forged), (HOSTILE, sincere)];
        if follow {
            wicked.push((HOSTILE, forger.edit(HOSTILE, first).unwrap_or_default()));
        }
        let honest = [(HONEST, one), (HONEST, two)];
        let early = [&wicked[..], &honest].concat();
        let late = [&honest[..], &wicked].concat();
        let between = [&honest[..1], &wicked, &honest[1..]].concat();
        let subject = (kind, content);
        let (shown, _) = deliver(&start, subject, &late);
        prop_assert_eq!(&deliver(&start, subject, &early).0, &shown);
        prop_assert_eq!(&deliver(&start, subject, &between).0, &shown);
    }

    #[test]
    fn no_bytes_panic(
        subject in any::<Index>(),
        at in any::<Index>(),
        byte: u8,
        cut in any::<Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..40),
        sum in any::<bool>(),
    ) {
        let (kind, content, [first, _]) = subjects()[subject.index(subjects().len())];
        let mut document = start(kind, content);
        let id = DocumentId::of(kind, content, None);
        let good = document.clone().edit(HOSTILE, first).unwrap();
        let whole = [document.save(), good.clone()].concat();
        for (good, stored) in [(good, false), (whole, true)] {
            let mut changed = good.clone();
            changed[at.index(good.len())] = byte;
            let shortened = good[..cut.index(good.len())].to_vec();
            let lengthened = [&shortened[..], &noise].concat();
            for mut bytes in [changed, shortened, lengthened, noise.clone()] {
                if stored {
                    let _ = Document::load(kind, id, &bytes);
                    continue;
                }
                if sum {
                    seal(&mut bytes);
                }
                if document.clone().apply(HOSTILE, &bytes).is_ok() {
                    document.apply(HOSTILE, &bytes).unwrap();
                    let content = document.content();
                    document = Document::load(kind, id, &document.save()).unwrap();
                    prop_assert_eq!(document.content(), content);
                }
            }
        }
    }
}

/// Puts a valid checksum over altered bytes, where they still have the shape of a change.
fn seal(bytes: &mut [u8]) {
    let hash =
        guarded(|| is_sensible(bytes).then(|| Change::try_from(&*bytes).ok())?.map(|change| change.hash()));
    if let Some(hash) = hash {
        bytes[4..8].copy_from_slice(&hash.0[..4]);
    }
}

/// A change of the hostile author with these columns.
fn with_columns(document: &Document, columns: &[(u8, &[u8])]) -> Vec<u8> {
    let change = document.clone().edit(HOSTILE, "x").unwrap();
    let decoded = expanded(&change);
    let mut body = vec![decoded.deps.len() as u8];
    body.extend(decoded.deps.iter().flat_map(|hash| hash.0));
    body.push(16);
    body.extend(decoded.actor_id.to_bytes());
    body.extend([1, decoded.start_op.get() as u8, 0, 0, 0, columns.len() as u8]);
    for (column, bytes) in columns {
        body.extend([*column, bytes.len() as u8]);
    }
    body.extend(columns.iter().flat_map(|(_, bytes)| *bytes));
    let mut bytes = [&[0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, 1][..], &[body.len() as u8], &body].concat();
    bytes[9] = (body.len() % 128) as u8 | if body.len() > 127 { 128 } else { 0 };
    if body.len() > 127 {
        bytes.insert(10, (body.len() / 128) as u8);
    }
    bytes
}

#[test]
fn run_lengths_cannot_promise_the_moon() {
    let document = start(DocumentKind::RichText, "abc");
    // 2^62 insertions of the same letter; one op with 2^62 predecessors.
    let many: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f];
    let run = |value: u8| [many, &[value]].concat();
    let (sets, one, many_values) = (run(1), [&[1][..], many].concat(), run(0));
    for columns in [
        vec![(0x34u8, many), (0x42, &sets[..]), (0x56, &many_values)],
        vec![(0x42, &[1, 3][..]), (0x70, &one), (0x71, &many_values), (0x73, &many_values)],
        vec![(0x15, &sets[..]), (0x42, &[1, 1])],
        vec![(0x42, &[0x00][..])],
        vec![(0x42, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f][..])],
    ] {
        let bytes = with_columns(&document, &columns);
        assert_eq!(document.clone().apply(HOSTILE, &bytes), Err(DocumentError::NotAChange));
    }
}

#[test]
fn a_number_that_leaves_no_room_is_refused() {
    let document = start(DocumentKind::RichText, "abc");
    let mut change = expanded(&document.clone().edit(HOSTILE, "abcd").unwrap());
    change.start_op = bounds::DOCUMENT_OPS.try_into().unwrap();
    assert_eq!(document.clone().apply(HOSTILE, &bytes(change.clone())), Err(DocumentError::NotAChange));
    change.start_op = (bounds::DOCUMENT_OPS + 1).try_into().unwrap();
    assert!(matches!(document.clone().apply(HOSTILE, &bytes(change)), Err(DocumentError::TooLarge { .. })));
}

#[test]
fn what_is_nested_too_deep_shows_as_null() {
    let mut document = start(DocumentKind::Json, "[]");
    let mut change = expanded(&document.clone().edit(HOSTILE, "[[]]").unwrap());
    let first = change.operations[0].clone();
    for depth in 1..1000 {
        let mut op = first.clone();
        op.obj = ObjectId::Id(OpId(change.start_op.get() + depth - 1, change.actor_id.clone()));
        change.operations.push(op);
    }
    document.apply(HOSTILE, &bytes(change)).unwrap();
    let shown = document.content();
    let deep = "[".repeat(bounds::JSON_DEPTH) + "null" + &"]".repeat(bounds::JSON_DEPTH);
    assert_eq!(shown, deep);
    assert_eq!(canonical_json(&shown).unwrap(), shown);
    // People can still write over it.
    document.edit(HONEST, "[1]").unwrap();
    assert_eq!(document.content(), "[1]");
}
