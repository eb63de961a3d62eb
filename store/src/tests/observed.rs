//! Changes that another database made: recorded as they were, merged like any other, judged by nobody here.

use std::sync::Arc;

use tandem_protocol::conflict::ConflictKind;
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;

use super::{Site, assert_equal, sync};
use crate::writer::{LocalJob, LocalWork};
use crate::{Edits, ObservedChange, Params, Refusal, Statement, Write, WriteError, Written};

const SCHEMA: &str = "
    CREATE TABLE levels (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE students (id INTEGER PRIMARY KEY, name TEXT NOT NULL, phone TEXT DEFAULT '-', due COUNTER(9,2),
      notes JSON, level INTEGER REFERENCES levels (id), CHECK (length(name) < 20));";

/// A row of some columns.
type Row<'a> = &'a [(&'a str, &'a str)];

fn change(table: &str, before: Option<Row<'_>>, after: Option<Row<'_>>) -> ObservedChange {
    let named = before.or(after).unwrap_or_default();
    let values = |row: Row<'_>| -> Vec<Value> {
        row.iter()
            .map(|(_, text)| match (text.parse(), *text) {
                (Ok(number), _) => Value::Integer(number),
                (Err(_), "NULL") => Value::Null,
                (Err(_), text) => Value::Text(text.to_owned()),
            })
            .collect()
    };
    ObservedChange {
        table: table.to_owned(),
        columns: named.iter().map(|(name, _)| (*name).to_owned()).collect(),
        before: before.map(values),
        after: after.map(values),
        restored: Vec::new(),
    }
}

fn inserted(table: &str, row: Row<'_>) -> ObservedChange {
    change(table, None, Some(row))
}

fn try_observe(
    site: &Site,
    changes: Vec<ObservedChange>,
    basis: Option<&VersionVector>,
    key: Option<&str>,
) -> Result<Written, WriteError> {
    let write = Write {
        edits: Edits::Observed(changes),
        basis: basis.cloned(),
        idempotency_key: key.map(str::to_owned),
        ..Write::default()
    };
    site.space.wait(|reply| site.space.write(write, reply))
}

fn observe(site: &Site, changes: Vec<ObservedChange>) -> Written {
    try_observe(site, changes, None, None).unwrap()
}

/// A write of a site whose clock shows that time.
fn write_at(site: &Site, now_ms: i64, sql: &str) {
    let statement = Statement { sql: sql.to_owned(), params: Params::One(Vec::new()) };
    let work = LocalWork::Sql(Box::new(Write { edits: vec![statement].into(), ..Write::default() }));
    let _written: Written = site
        .space
        .wait(|reply| site.space.send_job(LocalJob { work, home: None, now_ms, reply: Box::new(reply) }))
        .unwrap();
}

fn kinds(site: &Site) -> Vec<ConflictKind> {
    site.space.conflicts().all().unwrap().iter().map(|conflict| conflict.kind).collect()
}

#[test]
fn rows_become_what_they_were_seen_to_become() {
    let site = Site::founder(SCHEMA);
    // The child before its parent, as deferred references let it.
    observe(
        &site,
        vec![
            inserted("students", &[("id", "1"), ("name", "Anna"), ("due", "40"), ("level", "7")]),
            inserted("levels", &[("id", "7"), ("name", "N5")]),
        ],
    );
    assert_eq!(site.rows("SELECT * FROM students"), ["1|Anna|-|40|NULL|7"]);
    // Of a counter the difference travels, of the others what changed.
    let (was, is) =
        ([("id", "1"), ("phone", "-"), ("due", "40")], [("id", "1"), ("phone", "n 0341"), ("due", "37")]);
    let written = observe(&site, vec![change("Students", Some(&was), Some(&is))]);
    assert_eq!(site.rows("SELECT phone, due FROM students"), ["n 0341|37"]);
    assert_eq!(written.changes[0].updated, 1);
    // What does not change is not recorded.
    let end = site.space.end();
    assert_eq!(observe(&site, vec![change("students", Some(&is), Some(&is))]).dot, None);
    assert_eq!(site.space.end(), end);
    observe(&site, vec![change("students", Some(&is), None)]);
    assert_eq!(site.rows("SELECT * FROM students"), [""; 0]);
    assert!(kinds(&site).is_empty());
    site.verify();
    site.space.rebuild_view().unwrap();
    assert_eq!(site.rows("SELECT * FROM levels"), ["7|N5"]);
}

#[test]
fn what_they_break_is_listed_and_stands() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO levels VALUES (1, 'N5')");
    observe(
        &site,
        vec![
            inserted("levels", &[("id", "2"), ("name", "N5")]),
            inserted("students", &[("id", "1"), ("name", "a name that is far too long"), ("level", "9")]),
            inserted("students", &[("id", "2"), ("name", "NULL")]),
        ],
    );
    assert_eq!(site.rows("SELECT id FROM levels ORDER BY id"), ["1", "2"]);
    let mut found: Vec<String> = kinds(&site).iter().map(|kind| format!("{kind:?}")).collect();
    found.sort();
    assert_eq!(found, ["Check", "Check", "Unique"]);
    // The cure is never blocked, and what is typed is judged as ever.
    assert_eq!(site.refused("INSERT INTO levels VALUES (3, 'N5')").code, "constraint_unique");
    observe(&site, vec![change("levels", Some(&[("id", "2"), ("name", "N5")]), None)]);
    site.verify();
}

#[test]
fn what_others_did_meanwhile_is_merged_by_what_was_seen() {
    let (site, other) = {
        let site = Site::founder(SCHEMA);
        let other = Site::member(&site, "b");
        sync(&site, &other);
        (site, other)
    };
    site.write("INSERT INTO students (id, name, phone, due) VALUES (1, 'Anna', 'p1', 40)");
    sync(&site, &other);
    let seen: Arc<VersionVector> = site.space.vector();
    other.write("UPDATE students SET phone = 'p2', due = due - 5 WHERE id = 1");
    sync(&site, &other);
    let row = |phone, due| [("id", "1"), ("phone", phone), ("due", due)];
    let form = change("students", Some(&row("p1", "40")), Some(&row("p3", "37")));
    try_observe(&site, vec![form.clone()], Some(&seen), None).unwrap();
    sync(&site, &other);
    for one in [&site, &other] {
        assert_eq!(one.rows("SELECT phone, due FROM students"), ["p3|32"]);
        assert_eq!(kinds(one), [ConflictKind::Register]);
        one.verify();
    }
    assert_equal(&site, &other);
    // A row that others deleted meanwhile, too.
    let seen = site.space.vector();
    other.write("DELETE FROM students");
    sync(&site, &other);
    let edit = change("students", Some(&row("p3", "32")), Some(&row("p4", "32")));
    try_observe(&site, vec![edit], Some(&seen), None).unwrap();
    assert_eq!(site.rows("SELECT phone FROM students"), ["p4"]);
    assert!(kinds(&site).contains(&ConflictKind::Deleted));
}

/// A form shows the phone; another PC, whose clock is years ahead, changes it; the form is saved with all that
/// it showed, and another address.
#[test]
fn what_a_form_puts_back_is_shown_whatever_the_clocks_say() {
    let site = Site::founder(SCHEMA);
    let other = Site::member(&site, "b");
    site.write("INSERT INTO students (id, name, phone) VALUES (1, 'Anna', 'old')");
    sync(&site, &other);
    let seen = site.space.vector();
    write_at(&other, crate::now_ms() + 400_000_000_000, "UPDATE students SET phone = 'new' WHERE id = 1");
    sync(&site, &other);
    let row = |phone, name| [("id", "1"), ("phone", phone), ("name", name)];
    let mut form = change("students", Some(&row("new", "Anna")), Some(&row("old", "Annaïs")));
    form.restored = vec!["Phone".into()];
    try_observe(&site, vec![form], Some(&seen), None).unwrap();
    sync(&site, &other);
    for one in [&site, &other] {
        assert_eq!(one.rows("SELECT phone, name FROM students"), ["old|Annaïs"]);
        assert_eq!(kinds(one), [ConflictKind::Register], "the phone of the other is listed");
        one.verify();
        one.space.rebuild_view().unwrap();
        assert_eq!(one.rows("SELECT phone, name FROM students"), ["old|Annaïs"]);
    }
    // The clock of that PC has no hold on what comes after.
    site.write("UPDATE students SET name = 'A' WHERE id = 1");
    sync(&site, &other);
    assert_eq!(other.rows("SELECT name FROM students"), ["A"]);
    assert_equal(&site, &other);
}

#[test]
fn a_transaction_that_comes_again_is_known_by_its_key() {
    let site = Site::founder(SCHEMA);
    observe(&site, vec![inserted("students", &[("id", "1"), ("name", "Anna"), ("due", "40")])]);
    let row = |due| [("id", "1"), ("due", due)];
    let sale = change("students", Some(&row("40")), Some(&row("37")));
    let first = try_observe(&site, vec![sale.clone()], None, Some("t/1")).unwrap();
    let again = try_observe(&site, vec![sale], None, Some("t/1")).unwrap();
    assert_eq!((again.dot, again.repeated), (first.dot, true));
    assert_eq!(site.rows("SELECT due FROM students"), ["37"]);
    // Also where more is known by now of what had been seen.
    let sale = change("students", Some(&row("40")), Some(&row("37")));
    let again = try_observe(&site, vec![sale], Some(&site.space.vector()), Some("t/1")).unwrap();
    assert_eq!((again.dot, again.repeated), (first.dot, true));
    assert_eq!(site.rows("SELECT due FROM students"), ["37"]);
}

#[test]
fn what_cannot_be_recorded_is_refused_and_changes_nothing() {
    let site = Site::founder(SCHEMA);
    observe(&site, vec![inserted("students", &[("id", "1"), ("name", "Anna")])]);
    let end = site.space.end();
    let refused = |changes: Vec<ObservedChange>| -> Refusal {
        match try_observe(&site, changes, None, None) {
            Err(WriteError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    };
    let mut narrow = inserted("students", &[("id", "2"), ("name", "Bo")]);
    narrow.columns.pop();
    let id = [("id", "1")];
    for (changed, code) in [
        (inserted("nowhere", &id), "sql_error"),
        (inserted("students", &[("id", "2"), ("colour", "red")]), "sql_error"),
        (inserted("students", &[("name", "Bo")]), "sql_error"),
        (inserted("students", &[("id", "2"), ("due", "dear")]), "type_mismatch"),
        (inserted("students", &[("id", "2"), ("notes", "{")]), "invalid_json"),
        (narrow, "parameter_count"),
        (change("students", Some(&id), Some(&[("id", "2")])), "key_changed"),
        (ObservedChange { before: None, after: None, ..inserted("students", &id) }, "sql_error"),
    ] {
        let good = inserted("levels", &[("id", "5"), ("name", "N1")]);
        assert_eq!(refused(vec![good, changed.clone()]).code, code, "{changed:?}");
        assert_eq!((site.space.end(), site.rows("SELECT * FROM levels")), (end, vec![]), "{changed:?}");
    }
}

/// A document that was changed elsewhere is the same document.
#[test]
fn a_json_value_is_merged_key_by_key() {
    let site = Site::founder(SCHEMA);
    let other = Site::member(&site, "b");
    let row = |notes| [("id", "1"), ("name", "Anna"), ("notes", notes)];
    observe(&site, vec![inserted("students", &row(r#"{"a":1}"#))]);
    sync(&site, &other);
    other.write(r#"UPDATE students SET notes = '{"a":1,"b":2}'"#);
    observe(&site, vec![change("students", Some(&row(r#"{"a":1}"#)), Some(&row(r#"{"a":1,"c":3}"#)))]);
    sync(&site, &other);
    assert_eq!(site.rows("SELECT notes FROM students"), [r#"{"a":1,"b":2,"c":3}"#]);
    assert_equal(&site, &other);
    site.verify();
}
