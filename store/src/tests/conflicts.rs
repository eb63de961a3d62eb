//! Concurrent edits that leave something to decide: what is shown, what is listed, what ends it.

use tandem_protocol::conflict::{Conflict, ConflictKind, VersionContent};
use tandem_protocol::fork::Withheld;
use tandem_protocol::value::{Key, Value};

use super::{Site, pull, sync, two};
use crate::{Choice, Params, Refusal, Resolution, SharedEffect, Statement, Write, WriteError, Written};

const SCHEMA: &str = "
CREATE TABLE levels (id INTEGER PRIMARY KEY, name TEXT, above INTEGER REFERENCES levels (id));
CREATE TABLE students (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '-', ref TEXT UNIQUE,
  level INTEGER REFERENCES levels (id) ON DELETE SET NULL, low INTEGER DEFAULT 0, high INTEGER DEFAULT 9,
  stock COUNTER DEFAULT 0, paid COUNTER(12,2) DEFAULT 0, seen STAMP, by QUIET, CHECK (low <= high));
CREATE TABLE sales (id INTEGER PRIMARY KEY, student INTEGER REFERENCES students (id), day DATE, till TEXT,
  UNIQUE (day, till));
";

/// The open conflicts, as `kind table.columns key`; the same on both sites.
pub(super) fn open(a: &Site, b: &Site) -> Vec<String> {
    sync(a, b);
    a.verify();
    b.verify();
    let conflicts = a.space.conflicts().all().unwrap();
    assert_eq!(conflicts, b.space.conflicts().all().unwrap());
    let (left, right) = (a.space.status(), b.space.status());
    assert_eq!(left.conflict_fingerprint, right.conflict_fingerprint);
    assert_eq!(left.open_conflicts as usize, conflicts.len());
    conflicts.iter().map(told).collect()
}

fn told(conflict: &Conflict) -> String {
    let key: Vec<String> = conflict.key_values().iter().map(Value::to_string).collect();
    let columns = conflict.columns.join(",");
    format!("{} {}.{columns} {}", conflict.kind.name(), conflict.table, key.join(","))
}

fn values(conflict: &Conflict) -> Vec<String> {
    let told = |held: &VersionContent| match held {
        VersionContent::Value { value, .. } => value.value().unwrap().to_string(),
        VersionContent::Row(key) => Key::from_bytes(key).unwrap().0[0].to_string(),
        VersionContent::Definition(sql) => sql.clone(),
        VersionContent::Alive => "alive".into(),
        VersionContent::Deleted => "deleted".into(),
        VersionContent::Transaction => "transaction".into(),
    };
    conflict.versions.iter().map(|version| told(&version.held)).collect()
}

pub(super) fn only(site: &Site) -> Conflict {
    let conflicts = site.space.conflicts().all().unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    conflicts.into_iter().next().unwrap()
}

fn try_resolve(site: &Site, conflict: &Conflict, choice: Choice) -> Result<Written, WriteError> {
    let resolution = Resolution {
        id: conflict.id(),
        seen: conflict.versions_hash(),
        choice,
        by: Some("Amel".into()),
        message: None,
    };
    site.space.wait(|reply| site.space.resolve(resolution, reply))
}

pub(super) fn resolve(site: &Site, conflict: &Conflict, choice: Choice) {
    let written = try_resolve(site, conflict, choice).unwrap();
    assert!(written.dot.is_some());
}

pub(super) fn refused(site: &Site, conflict: &Conflict, choice: Choice) -> Refusal {
    let end = site.space.end();
    match try_resolve(site, conflict, choice) {
        Err(WriteError::Refused(refusal)) => {
            assert_eq!(site.space.end(), end);
            refusal
        }
        other => panic!("{other:?}"),
    }
}

/// The dot of the version that holds a value.
pub(super) fn version(conflict: &Conflict, value: &str) -> Choice {
    let at = values(conflict).iter().position(|held| held == value).unwrap();
    Choice::Use(conflict.versions[at].dot())
}

#[test]
fn two_values_of_one_field_are_listed_until_somebody_who_saw_both_writes() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO students (id, name) VALUES (1, 'x')");
    sync(&a, &b);
    a.write("UPDATE students SET name = 'from a', seen = '2025-01-01', by = 'a'");
    b.write("UPDATE students SET name = 'from b', seen = '2024-01-01', by = 'b'");
    assert_eq!(open(&a, &b), ["register students.name 1"]);
    assert_eq!(values(&only(&a)), ["from b", "from a"]);
    assert_eq!(a.rows("SELECT name, seen, by FROM students"), ["from b|2025-01-01 00:00:00|b"]);
    a.write("UPDATE students SET name = 'settled'");
    assert_eq!(open(&a, &b), [""; 0]);
    // The same value twice is none.
    a.write("UPDATE students SET name = 'same'");
    b.write("UPDATE students SET name = 'same'");
    assert_eq!(open(&a, &b), [""; 0]);
}

#[test]
fn a_value_of_another_databases_type_stays_the_text_that_it_is_and_two_of_it_are_listed() {
    let (a, b) = two("CREATE TABLE stays (id INTEGER PRIMARY KEY, nights EXTERNAL('int4range') UNIQUE)");
    a.write("INSERT INTO stays (id, nights) VALUES (1, ' [1,  5) '), (2, NULL), (3, '{ab,NULL}')");
    assert_eq!(a.refused("INSERT INTO stays (id, nights) VALUES (4, x'01')").code, "type_mismatch");
    sync(&a, &b);
    assert_eq!(b.rows("SELECT nights FROM stays ORDER BY id"), [" [1,  5) ", "NULL", "{ab,NULL}"]);
    a.write("UPDATE stays SET nights = '[1,7)' WHERE id = 1");
    b.write("UPDATE stays SET nights = '[2,5)' WHERE id = 1");
    assert_eq!(open(&a, &b), ["register stays.nights 1"]);
    assert_eq!(values(&only(&a)), ["[2,5)", "[1,7)"]);
}

#[test]
fn a_value_is_chosen_on_one_site_and_the_conflict_closes_on_the_other() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO students (id, name) VALUES (1, 'x')");
    sync(&a, &b);
    a.write("UPDATE students SET name = 'from a'");
    b.write("UPDATE students SET name = 'from b'");
    sync(&a, &b);
    let conflict = only(&a);
    assert_eq!(refused(&a, &conflict, Choice::Value(Value::Null)).code, "constraint_not_null");
    assert_eq!(refused(&a, &conflict, Choice::Value(Value::Integer(3))).code, "type_mismatch");
    assert_eq!(refused(&a, &conflict, Choice::KeepAll).code, "conflict_choice");
    let stale = Conflict { versions: Vec::new(), ..conflict.clone() };
    assert_eq!(refused(&a, &stale, Choice::Value(Value::Text("z".into()))).code, "conflict_changed");
    resolve(&a, &conflict, version(&conflict, "from a"));
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT name FROM students"), ["from a"]);
    assert_eq!(refused(&b, &conflict, version(&conflict, "from a")).code, "conflict_unknown");
    // Choosing what is shown already ends it, too.
    a.write("UPDATE students SET name = 'from a again'");
    b.write("UPDATE students SET name = 'from b again'");
    sync(&a, &b);
    let conflict = only(&b);
    resolve(&b, &conflict, Choice::Value(Value::Text("from b again".into())));
    assert_eq!(open(&a, &b), [""; 0]);
}

#[test]
fn a_deletion_and_an_edit_made_apart_are_listed_and_either_can_be_chosen() {
    for (choice, rows) in [("deleted", 0), ("alive", 1)] {
        for edit_first in [true, false] {
            let (a, b) = two(SCHEMA);
            a.write("INSERT INTO students (id, name) VALUES (1, 'x')");
            sync(&a, &b);
            let edit = || b.write("UPDATE students SET name = 'still here'");
            let delete = || a.write("DELETE FROM students");
            if edit_first {
                edit();
                delete();
            } else {
                delete();
                edit();
            }
            assert_eq!(open(&a, &b), ["deleted students. 1"]);
            assert_eq!(a.rows("SELECT id FROM students").len(), usize::from(!edit_first));
            let conflict = only(&a);
            resolve(&a, &conflict, version(&conflict, choice));
            assert_eq!(open(&a, &b), [""; 0]);
            assert_eq!(b.rows("SELECT id FROM students").len(), rows);
        }
    }
}

#[test]
fn a_unique_value_given_twice_is_one_conflict_and_the_rule_returns_when_it_is_settled() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO students (id, ref) VALUES (1, 'R1')");
    b.write("INSERT INTO students (id, ref) VALUES (2, 'R1')");
    assert_eq!(open(&a, &b), ["unique students.ref R1"]);
    assert_eq!(values(&only(&b)), ["1", "2"], "the earlier keeps precedence");
    assert_eq!(a.refused("INSERT INTO students (id, ref) VALUES (3, 'R1')").code, "constraint_unique");
    let conflict = only(&b);
    resolve(&b, &conflict, version(&conflict, "1"));
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(a.rows("SELECT id, ref FROM students"), ["1|R1", "2|NULL"]);
    // An upsert needs a real unique index.
    a.write("INSERT INTO students (id, ref) VALUES (4, 'R1') ON CONFLICT (ref) DO UPDATE SET low = 5");
    assert_eq!(a.rows("SELECT id, low FROM students WHERE ref = 'R1'"), ["1|5"]);
    b.write("INSERT INTO sales (id, day, till) VALUES (1, '2025-01-01', 'caisse')");
    a.write("INSERT INTO sales (id, day, till) VALUES (2, '2025-01-01', 'caisse')");
    assert_eq!(open(&a, &b), ["unique sales.day,till 2025-01-01,caisse"]);
    let (a, b) = (a.reopen(), b.reopen());
    a.write("DELETE FROM sales WHERE id = 1");
    assert_eq!(open(&a, &b), [""; 0]);
}

#[test]
fn the_other_row_can_be_given_a_value_of_its_own() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO students (id, ref) VALUES (1, 'R1'), (5, 'R2')");
    b.write("INSERT INTO students (id, ref) VALUES (2, 'R1')");
    sync(&a, &b);
    let conflict = only(&a);
    assert_eq!(refused(&a, &conflict, Choice::Value(Value::Text("R2".into()))).code, "constraint_unique");
    resolve(&a, &conflict, Choice::Value(Value::Text("R3".into())));
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT id, ref FROM students ORDER BY id"), ["1|R1", "2|R3", "5|R2"]);
}

/// Text keys lie in the order in which they arrived.
#[test]
fn the_rows_that_refer_to_a_deleted_one_are_the_same_everywhere() {
    let a = Site::founder(
        "CREATE TABLE levels (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE pupils (id TEXT PRIMARY KEY, level INTEGER REFERENCES levels (id),
           before INTEGER REFERENCES levels (id));",
    );
    let b = Site::member(&a, "b");
    pull(&b, &a);
    a.write("INSERT INTO levels VALUES (1, 'N5')");
    sync(&a, &b);
    a.write("DELETE FROM levels WHERE id = 1");
    for number in (0..20).rev() {
        b.write(&format!("INSERT INTO pupils (id, level, before) VALUES ('b{number:02}', 1, 1)"));
    }
    sync(&a, &b);
    a.write("INSERT INTO pupils (id, before) VALUES ('a1', 1)");
    b.write("INSERT INTO pupils (id, before) VALUES ('c1', 1), ('a0', 1)");
    assert_eq!(open(&a, &b), ["reference levels. 1"]);
    let found = |site: &Site| site.space.conflicts().referrers(&only(site), 5).unwrap();
    assert_eq!(found(&a), found(&b));
    let keys: Vec<_> = found(&a).rows.iter().map(|one| one.key.0[0].to_string()).collect();
    assert_eq!((keys.join(" "), found(&a).count), ("a0 a1 b00 b01 b02".into(), 43));
    assert_eq!(a.space.conflicts().referrers(&only(&a), 100).unwrap().rows.len(), 43);
}

#[test]
fn a_deleted_row_that_others_refer_to_is_shown_and_listed() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO levels (id, name) VALUES (1, 'N5')");
    a.write("INSERT INTO levels (id, name, above) VALUES (2, 'N4', 1)");
    sync(&a, &b);
    a.write("DELETE FROM levels WHERE id = 2");
    a.write("DELETE FROM levels WHERE id = 1");
    b.write("INSERT INTO students (id, level) VALUES (7, 2)");
    // Both are kept: the student reaches one, and that one the other.
    assert_eq!(open(&a, &b), ["reference levels. 1", "reference levels. 2"]);
    assert_eq!(a.rows("SELECT id, name FROM levels ORDER BY id"), ["1|N5", "2|N4"]);
    let kept = a.space.conflicts().all().unwrap();
    let referrers = a.space.conflicts().referrers(&kept[1], 5).unwrap().rows;
    assert_eq!(
        (referrers[0].table.as_str(), &referrers[0].key.0[..]),
        ("students", &[Value::Integer(7)][..])
    );
    // A new reference to it is an ordinary one.
    a.write("INSERT INTO students (id, level) VALUES (8, 1)");
    // Carrying the deletion out follows what was declared.
    resolve(&b, &kept[1], Choice::Use(kept[1].versions[0].dot()));
    assert_eq!(open(&a, &b), ["reference levels. 1"]);
    assert_eq!(a.rows("SELECT id, level FROM students"), ["7|NULL", "8|1"]);
    resolve(&a, &only(&a), Choice::KeepAll);
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT id FROM levels"), ["1"]);
}

#[test]
fn deleted_rows_that_only_refer_to_each_other_stay_hidden() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO levels (id, name) VALUES (1, 'x'), (2, 'y')");
    sync(&a, &b);
    a.try_write(&[("DELETE FROM levels", vec![])]).unwrap();
    b.write("UPDATE levels SET above = 3 - id");
    b.write("UPDATE levels SET above = NULL WHERE id = 1");
    b.write("DELETE FROM levels WHERE id = 2");
    b.write("DELETE FROM levels WHERE id = 1");
    assert_eq!(open(&a, &b), [""; 0], "all of them deleted by both");
    assert_eq!(a.rows("SELECT id FROM levels"), [""; 0]);
    // A circle kept by one living row goes when that row goes.
    a.write("INSERT INTO levels (id, name) VALUES (11, 'x'), (12, 'y')");
    a.write("UPDATE levels SET above = 23 - id");
    sync(&a, &b);
    b.write("INSERT INTO students (id, level) VALUES (9, 11)");
    a.try_write(&[("UPDATE levels SET above = NULL", vec![]), ("DELETE FROM levels", vec![])]).unwrap();
    b.write("UPDATE levels SET name = 'z', above = 12 WHERE id = 11");
    sync(&a, &b);
    b.write("DELETE FROM students");
    b.write("UPDATE levels SET above = NULL");
    b.write("DELETE FROM levels");
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(a.rows("SELECT id FROM levels"), [""; 0]);
}

#[test]
fn a_rule_broken_by_two_edits_together_is_listed_and_can_be_mended() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO students (id, low, high) VALUES (1, 2, 5)");
    sync(&a, &b);
    a.write("UPDATE students SET low = 5");
    b.write("UPDATE students SET high = 3");
    assert_eq!(open(&a, &b), ["check students.low <= high 1"]);
    assert_eq!(values(&only(&a)), ["5", "3"]);
    let conflict = only(&a);
    assert_eq!(refused(&a, &conflict, Choice::Value(Value::Integer(1))).code, "conflict_choice");
    a.write("UPDATE students SET low = 4");
    assert_eq!(open(&a, &b).len(), 1, "a step towards the cure is not refused");
    a.write("UPDATE students SET low = 1");
    assert_eq!(open(&a, &b), [""; 0]);
}

#[test]
fn one_request_recorded_on_two_sites_is_listed_and_the_later_can_be_undone() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO students (id, stock, paid) VALUES (1, 40, 10.5)");
    sync(&a, &b);
    let sale = |site: &Site, id: i64| {
        let statement = |sql: String| Statement { sql, params: Params::One(vec![]) };
        let statements = vec![
            statement(format!("INSERT INTO sales (id, student) VALUES ({id}, 1)")),
            statement("UPDATE students SET stock = stock - 3, paid = paid + 2.25".into()),
        ];
        let write =
            Write { edits: statements.into(), idempotency_key: Some("sale 1".into()), ..Write::default() };
        let written: Result<Written, WriteError> = site.space.wait(|reply| site.space.write(write, reply));
        written.is_ok_and(|written| !written.repeated)
    };
    assert!(sale(&a, 101) && sale(&b, 102));
    assert!(!sale(&b, 102) && !sale(&b, 103), "a retry, and another request with its key");
    assert_eq!(open(&a, &b).len(), 1);
    let conflict = only(&a);
    assert_eq!((conflict.kind, conflict.versions.len()), (ConflictKind::Duplicate, 2));
    assert_eq!(a.rows("SELECT stock, paid FROM students"), ["34|15"]);
    resolve(&b, &conflict, Choice::Use(conflict.versions[0].dot()));
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(a.rows("SELECT stock, paid FROM students"), ["37|12.75"]);
    assert_eq!(a.rows("SELECT id FROM sales").len(), 1);
}

#[test]
fn a_stock_take_counts_and_what_it_did_not_know_still_counts_too() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO students (id, stock) VALUES (1, 40)");
    sync(&a, &b);
    b.write("UPDATE students SET stock = stock - 5");
    a.write("UPDATE students SET stock = exactly(38)");
    assert_eq!(a.rows("SELECT stock FROM students"), ["38"]);
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT stock FROM students"), ["33"], "38 counted, 5 sold meanwhile");
    // One that confirms what was there is recorded as well.
    assert!(a.write("UPDATE students SET stock = exactly(33)").dot.is_some());
    b.write("UPDATE students SET stock = exactly(30)");
    assert_eq!(open(&a, &b), ["register students.stock 1"]);
    assert_eq!(values(&only(&a)), ["30", "33"]);
    let conflict = only(&a);
    resolve(&a, &conflict, Choice::Value(Value::Integer(31)));
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT stock FROM students"), ["31"]);
    a.write("INSERT INTO students (id, stock) VALUES (1, 50) ON CONFLICT (id) DO UPDATE SET stock = exactly(excluded.stock)");
    assert_eq!(a.rows("SELECT stock FROM students"), ["50"]);
    assert_eq!(a.refused("UPDATE students SET low = exactly(1)").code, "exactly_not_counter");
    assert_eq!(a.refused("UPDATE students SET stock = 'many'").code, "type_mismatch");
}

#[test]
fn a_stock_take_from_an_old_list_counts_what_was_sold_since() {
    let (a, _) = two(SCHEMA);
    a.write("INSERT INTO students (id, stock) VALUES (1, 40)");
    a.write("UPDATE students SET stock = stock - 1");
    let printed = (*a.space.vector()).clone();
    a.write("UPDATE students SET stock = stock - 5");
    let statement =
        Statement { sql: "UPDATE students SET stock = exactly(38)".into(), params: Params::One(vec![]) };
    let write = Write { edits: vec![statement].into(), basis: Some(printed), ..Write::default() };
    let _written: Written = a.space.wait(|reply| a.space.write(write, reply)).unwrap();
    assert_eq!(a.rows("SELECT stock FROM students"), ["33"]);
    a.verify();
}

#[test]
fn a_column_declared_in_two_ways_is_listed_and_one_can_be_chosen() {
    let (a, b) = two(SCHEMA);
    let apply = |site: &Site, sql: &str| {
        let _written: Written = site.space.wait(|reply| site.space.apply_schema(sql, reply)).unwrap();
    };
    apply(&a, "ALTER TABLE levels ADD COLUMN note TEXT");
    a.write("INSERT INTO levels (id, note) VALUES (1, 'text')");
    while crate::now_ms() == b.space.log().entries_from(0).last().unwrap().unwrap().transaction.header.time_ms
    {
    }
    apply(&b, "ALTER TABLE levels ADD COLUMN note INTEGER");
    b.write("INSERT INTO levels (id, note) VALUES (2, 7)");
    assert_eq!(open(&a, &b), ["schema levels.note "]);
    assert_eq!(values(&only(&a)), ["TEXT", "INTEGER"]);
    assert_eq!(a.rows("SELECT id, note FROM levels ORDER BY id"), ["1|text", "2|NULL"]);
    let conflict = only(&a);
    resolve(&a, &conflict, version(&conflict, "INTEGER"));
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT id, note FROM levels ORDER BY id"), ["1|NULL", "2|7"]);
}

#[test]
fn a_row_told_by_one_chain_of_deletions_and_inserts_never_wedges() {
    let (a, b) = two(SCHEMA);
    for round in 0..4 {
        a.write(&format!(
            "INSERT OR REPLACE INTO students (id, name, stock) VALUES (1, 'a{round}', {round})"
        ));
        b.write(&format!(
            "INSERT OR REPLACE INTO students (id, name, stock) VALUES (1, 'b{round}', 1{round})"
        ));
        sync(&a, &b);
        a.write("DELETE FROM students");
        if round % 2 == 0 {
            b.write("UPDATE students SET stock = stock + 1");
        }
        sync(&a, &b);
    }
    a.write("INSERT OR REPLACE INTO students (id, name, stock) VALUES (1, 'last', 5)");
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(b.rows("SELECT name, stock FROM students"), ["last|5"]);
}

#[test]
fn a_resolution_is_held_to_what_any_write_is_held_to() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO levels (id, name) VALUES (1, 'N5'), (2, 'N4')");
    a.write("INSERT INTO students (id) VALUES (1)");
    sync(&a, &b);
    a.write("UPDATE students SET level = 1");
    b.write("UPDATE students SET level = 2");
    sync(&a, &b);
    let conflict = only(&a);
    assert_eq!(refused(&a, &conflict, Choice::Value(Value::Integer(99))).code, "constraint_foreign_key");
    let long = Resolution {
        id: conflict.id(),
        seen: conflict.versions_hash(),
        choice: version(&conflict, "1"),
        by: None,
        message: Some("x".repeat(tandem_protocol::bounds::LABEL_BYTES + 1)),
    };
    match a.space.wait(|reply| a.space.resolve(long, reply)) {
        Err(WriteError::Refused(refusal)) => assert_eq!(refusal.code, "label_too_long"),
        other => panic!("{other:?}"),
    }
    assert_eq!(open(&a, &b), ["register students.level 1"]);
    resolve(&a, &conflict, version(&conflict, "1"));
    assert_eq!(open(&a, &b), [""; 0]);
}

#[test]
fn a_rule_broken_by_two_who_counted_names_both_and_not_who_inserted_the_row() {
    let a =
        Site::founder("CREATE TABLE t (id INTEGER PRIMARY KEY, stock COUNTER DEFAULT 5, CHECK (stock >= 0))");
    let (b, c) = (Site::member(&a, "b"), Site::member(&a, "c"));
    a.write("INSERT INTO t (id) VALUES (1)");
    pull(&b, &a);
    pull(&c, &a);
    b.write("UPDATE t SET stock = stock - 3");
    c.write("UPDATE t SET stock = stock - 4");
    pull(&a, &b);
    assert_eq!(open(&a, &c), ["check t.stock >= 0 1"]);
    let authors: Vec<_> = only(&a).versions.iter().map(|version| version.by.author).collect();
    assert_eq!(authors, [c.space.me(), b.space.me()]);
    // Wherever and however the row's state was put together.
    pull(&b, &a);
    b.space.rebuild_view().unwrap();
    assert_eq!(only(&b), only(&a));
    assert_eq!(only(&a.reopen()), only(&b));
}

#[test]
fn a_form_sent_after_its_row_was_deleted_is_an_edit_made_apart() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO levels (id, name) VALUES (1, 'N5')");
    a.write("INSERT INTO students (id, name, ref, level, stock) VALUES (1, 'x', 'R1', 1, 40), (2, 'y', 'R2', 1, 0)");
    sync(&a, &b);
    let opened = (*a.space.vector()).clone();
    let send = |basis: &tandem_protocol::version::VersionVector, sql: &str, params: Vec<Value>| {
        let statements = vec![Statement { sql: sql.to_owned(), params: Params::One(params) }];
        let write = Write { edits: statements.into(), basis: Some(basis.clone()), ..Write::default() };
        a.space.wait(|reply| a.space.write(write, reply)).unwrap()
    };
    a.write("DELETE FROM students WHERE id = 1");
    // Another row has its unique value by now, and what it refers to is gone.
    a.write("UPDATE students SET ref = 'R1', level = NULL WHERE id = 2");
    a.write("DELETE FROM levels");
    // What does not name the whole key finds nothing, and says why.
    for sql in [
        "UPDATE students SET name = 'z' WHERE id = 1 AND low = 0",
        "UPDATE students SET name = 'z' WHERE name = 'x'",
        "DELETE FROM students WHERE id = 1",
    ] {
        let written = send(&opened, sql, vec![]);
        let result = &written.results[0];
        assert_eq!((written.dot, result.affected, result.changed_meanwhile), (None, 0, true), "{sql}");
    }
    let written = send(&opened, "UPDATE levels SET name = 'z' WHERE id = 77", vec![]);
    assert!(written.dot.is_none() && written.results[0].changed_meanwhile);
    let written = send(&opened, "UPDATE sales SET till = 'z' WHERE id = 77", vec![]);
    assert!(written.dot.is_none() && !written.results[0].changed_meanwhile, "nothing was written there");
    // Nor does who has seen the deletion.
    let seen = (*a.space.vector()).clone();
    let by_key = "UPDATE students SET name = ?, stock = stock - 1 WHERE id = ?";
    let params = || vec![Value::Text("typed".into()), Value::Integer(1)];
    let written = send(&seen, by_key, params());
    assert!(written.dot.is_none() && !written.results[0].changed_meanwhile);
    assert!(a.try_write(&[(by_key, params())]).unwrap().dot.is_none());
    // A form does.
    let written = send(&opened, by_key, params());
    assert!(written.dot.is_some());
    assert_eq!((written.results[0].affected, written.results[0].changed_meanwhile), (1, false));
    let mut listed = open(&a, &b);
    listed.sort();
    assert_eq!(b.rows("SELECT name, ref, level, stock FROM students WHERE id = 1"), ["typed|R1|1|39"]);
    assert_eq!(listed, ["deleted students. 1", "reference levels. 1", "unique students.ref R1"]);
}

#[test]
fn many_versions_of_one_cell_are_the_same_whether_they_come_one_by_one_or_together() {
    let a = Site::founder(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, body RICHTEXT, extra JSON, memo TEXT, n INTEGER UNIQUE,
           about INTEGER REFERENCES notes (id), CHECK (title <> 'edit 21'));",
    );
    let (b, c, d) = (Site::member(&a, "b"), Site::member(&a, "c"), Site::member(&a, "d"));
    a.write("INSERT INTO notes (id, title, body, extra) VALUES (1, 'x', 'A text.', '{}'), (2, '', '', '1')");
    sync(&a, &b);
    sync(&a, &c);
    sync(&a, &d);
    let opened = (*a.space.vector()).clone();
    b.write("UPDATE notes SET n = 7 WHERE id = 2");
    b.write("INSERT INTO notes (id, about) VALUES (3, 1)");
    pull(&c, &b);
    let edit = |sql: &str| {
        let statements = vec![Statement { sql: sql.to_owned(), params: Params::One(Vec::new()) }];
        let write = Write { edits: statements.into(), basis: Some(opened.clone()), ..Write::default() };
        let _written: Written = a.space.wait(|reply| a.space.write(write, reply)).unwrap();
    };
    for at in 0..40 {
        edit(&format!("UPDATE notes SET title = 'edit {}' WHERE id = 1", at + at / 21));
        edit(&format!("UPDATE notes SET body = 'Text {at}.', extra = '{{\"edit\": {at}}}' WHERE id = 1"));
        match at {
            10 => edit("UPDATE notes SET n = 7 WHERE id = 1"),
            // Its first conflict when the row has many versions of others already.
            34..=37 => edit(&format!("UPDATE notes SET memo = 'memo {at}' WHERE id = 1")),
            30 => edit("DELETE FROM notes WHERE id = 1"),
            _ => {}
        }
    }
    pull(&b, &a);
    let effect = SharedEffect::default();
    let all = a.space.chunks().read(0, &d.space.vector(), 1 << 20).unwrap().block.unwrap();
    let counted = effect.clone();
    let _received =
        d.space.wait(|reply| d.space.receive_counting(all, Withheld::default(), counted, reply)).unwrap();
    assert_eq!(effect.take().conflicts_opened(), d.space.conflicts().all().unwrap().len() as u64);
    let (mut from, mut blocks) = (0, 0);
    while from < a.space.end() {
        let chunk = a.space.chunks().read(from, &c.space.vector(), 1).unwrap();
        from = chunk.next;
        let Some(block) = chunk.block else { continue };
        let _received = c.space.wait(|reply| c.space.receive(block, reply)).unwrap();
        blocks += 1;
    }
    assert!(blocks >= 80, "{blocks}");
    let listed = open(&a, &b);
    assert_eq!(listed, open(&a, &c));
    let conflicts = a.space.conflicts().all().unwrap();
    let versions =
        |column: &str| conflicts.iter().find(|one| one.columns == [column]).unwrap().versions.len();
    assert_eq!(["title", "body", "extra", "memo"].map(versions), [40, 40, 40, 4]);
    assert!(listed.len() >= 4, "{listed:?}");
    // One who knew them all ends it.
    a.write("UPDATE notes SET title = 'last', body = 'last', extra = '2', memo = '' WHERE id = 1");
    pull(&b, &a);
    pull(&c, &a);
    assert_eq!(open(&a, &b), open(&a, &c));
    assert!(a.space.conflicts().all().unwrap().iter().all(|open| open.kind != ConflictKind::Register));
}

/// A check that puts bytes behind a text makes something that is no text anywhere: it is judged all the same.
#[test]
fn a_check_over_what_is_no_utf8_is_judged() {
    let (a, b) = two("CREATE TABLE base (id INTEGER PRIMARY KEY, m INTEGER)");
    b.write("INSERT INTO base (m) VALUES (2)");
    let sql = "ALTER TABLE base ADD CHECK (('x' || x'00ff' || m) LIKE 'y%' OR m GLOB ('1' || x'ff'))";
    let _declared: crate::Written = a.space.wait(|reply| a.space.apply_schema(sql, reply)).unwrap();
    sync(&a, &b);
    for site in [&a, &b] {
        let kinds: Vec<ConflictKind> =
            site.space.conflicts().all().unwrap().iter().map(|conflict| conflict.kind).collect();
        assert_eq!(kinds, [ConflictKind::Check]);
    }
    assert_eq!(b.refused("INSERT INTO base (m) VALUES (3)").code, "constraint_check");
}
