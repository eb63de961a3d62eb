//! What is said twice, in a document of the same words as before too; who knew some only; rows kept.

use super::history::{Replica, Write, header, table, values, vector};
use super::writers::{Kind, Writer, write};
use crate::conflict::ConflictKind;
use crate::merge::Register;
use crate::schema::TableDef;
use crate::value::Value;

fn row() -> TableDef {
    table("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)")
}

fn named(kind: Kind, writer: Writer, seen: &[&Write], of: (u8, u64)) -> Write {
    let table = row();
    let column = table.column("name").unwrap();
    let mut header = header(of.0, of.1, 100);
    header.context = vector(seen.iter().map(|write| write.header.dot));
    let replica = Replica::of(&table, seen.iter().copied());
    write((&table, column), (kind, writer, &writer.value(column.kind)), &replica, header).unwrap()
}

#[test]
fn a_write_given_twice_is_one_write() {
    let one = named(Kind::Insert, Writer::First, &[], (1, 1));
    let two = named(Kind::Insert, Writer::Second, &[], (2, 1));
    let mut register = Register::default();
    for (write, value) in [(&one, "a"), (&one, "b"), (&two, "c"), (&one, "d"), (&two, "e")] {
        register.write(write.by(), value, &write.basis());
    }
    let held: Vec<_> = register.siblings().iter().map(|sibling| sibling.value).collect();
    assert_eq!(held, ["c", "a"], "of what is said twice under one name, the first counts");
    let table = row();
    assert_eq!(Replica::of(&table, [&one, &two]).state, Replica::of(&table, [&one, &one, &two, &two]).state);
}

#[test]
fn a_write_that_knew_some_siblings_ends_only_those() {
    let one = named(Kind::Insert, Writer::First, &[], (1, 1));
    let two = named(Kind::Insert, Writer::Second, &[], (2, 1));
    let third = named(Kind::Set, Writer::First, &[&one], (3, 1));
    let both = named(Kind::Set, Writer::First, &[&one, &two, &third], (1, 2));
    let table = row();
    let site = Replica::of(&table, [&one, &two, &third]);
    let left: Vec<_> = site.conflicts(&table, true)[0].versions.iter().map(|version| version.by).collect();
    assert_eq!(left, [third.by(), two.by()]);
    let site = Replica::of(&table, [&one, &two, &third, &both]);
    assert_eq!(site.conflicts(&table, true), []);
    assert!(site.state.life.is_just(&both.by()));
}

#[test]
fn a_deleted_row_that_is_kept_is_told_beside_what_else_is_open() {
    let one = named(Kind::Insert, Writer::First, &[], (1, 1));
    let deleted = named(Kind::Delete, Writer::First, &[&one], (1, 2));
    let edited = named(Kind::Set, Writer::Second, &[&one], (2, 1));
    let table = row();
    let kinds = |writes: &[&Write], is_shown| -> Vec<ConflictKind> {
        let site = Replica::of(&table, writes.iter().copied());
        site.conflicts(&table, is_shown).iter().map(|conflict| conflict.kind).collect()
    };
    let mut later = deleted.clone();
    later.header.time_ms = 200;
    assert_eq!(kinds(&[&one, &deleted], false), []);
    assert_eq!(kinds(&[&one, &deleted], true), [ConflictKind::Reference]);
    assert_eq!(kinds(&[&one, &edited, &deleted], true), [ConflictKind::Deleted]);
    assert_eq!(kinds(&[&one, &edited, &later], false), [ConflictKind::Deleted]);
    assert_eq!(kinds(&[&one, &edited, &later], true), [ConflictKind::Deleted, ConflictKind::Reference]);
    assert_eq!(values(&table, &Replica::of(&table, [&one, &deleted]).state)[1], Value::Text("one".into()));
}

#[test]
fn a_new_document_of_the_same_words_does_not_take_in_edits_of_the_old_one() {
    let table = table("CREATE TABLE t (id INTEGER PRIMARY KEY, note RICHTEXT)");
    let column = table.column("note").unwrap();
    let words = Value::Text("one".into());
    let start =
        write((&table, column), (Kind::Insert, Writer::First, &words), &Replica::default(), header(1, 1, 1));
    let start = start.unwrap();
    let written = |kind, by, time_ms| {
        let mut header = header(by, 1, time_ms);
        header.context = vector([start.header.dot]);
        let seen = Replica::of(&table, [&start]);
        write((&table, column), (kind, Writer::First, &words), &seen, header).unwrap()
    };
    let (edited, fresh, set) =
        (written(Kind::Edit, 2, 10), written(Kind::Fresh, 3, 20), written(Kind::Set, 3, 20));
    let site = Replica::of(&table, [&start, &edited, &fresh]);
    assert_eq!(site.shown(&table, column), words);
    assert_eq!(site.conflicts(&table, true).len(), 1);
    // Named by its words alone it is the old one.
    let site = Replica::of(&table, [&start, &edited, &set]);
    assert_eq!(site.shown(&table, column), Value::Text("First: one".into()));
    assert_eq!(site.conflicts(&table, true), []);
}
