use proptest::prelude::*;

use super::{Site, assert_equal, pull, sync};
use crate::{Params, Statement, Write};

const SCHEMA: &str = "
CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, place TEXT, stock COUNTER NOT NULL DEFAULT 0,
  price DECIMAL(9,2), seen STAMP, by QUIET);
CREATE TABLE codes (code TEXT PRIMARY KEY, item INTEGER, ref TEXT UNIQUE);
";

fn three() -> [Site; 3] {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    let c = Site::member(&a, "c");
    pull(&b, &a);
    pull(&c, &a);
    [a, b, c]
}

#[test]
fn edits_of_different_fields_both_stay_and_counters_add_up() {
    let [a, b, _] = three();
    a.write("INSERT INTO items (id, name, place, stock) VALUES (1, 'stylo', 'A', 40)");
    sync(&a, &b);
    a.write("UPDATE items SET name = 'stylo bleu', stock = stock - 3");
    b.write("UPDATE items SET place = 'B', stock = 35");
    sync(&a, &b);
    assert_eq!(a.rows("SELECT name, place, stock FROM items"), ["stylo bleu|B|32"]);
    a.verify();
    b.verify();
}

#[test]
fn the_later_of_concurrent_edits_wins_and_an_informed_one_always() {
    let [a, b, _] = three();
    a.write("INSERT INTO items (id, name) VALUES (1, 'x')");
    sync(&a, &b);
    a.write("UPDATE items SET name = 'earlier'");
    b.write("UPDATE items SET name = 'later'");
    sync(&a, &b);
    assert_eq!(a.rows("SELECT name FROM items"), ["later"]);
    a.write("UPDATE items SET name = 'informed'");
    sync(&a, &b);
    assert_eq!(b.rows("SELECT name FROM items"), ["informed"]);
}

#[test]
fn deletions_arrive_and_a_later_concurrent_edit_keeps_the_row() {
    let [a, b, _] = three();
    a.write("INSERT INTO items (id, name) VALUES (1, 'x'), (2, 'y')");
    sync(&a, &b);
    a.write("DELETE FROM items WHERE id = 1");
    sync(&a, &b);
    assert_eq!(b.rows("SELECT id FROM items"), ["2"]);
    a.write("DELETE FROM items");
    b.write("UPDATE items SET name = 'still used'");
    sync(&a, &b);
    assert_eq!(a.rows("SELECT name FROM items"), ["still used"]);
}

#[test]
fn one_unique_value_given_twice_apart_keeps_both_rows_and_blocks_nothing() {
    let [a, b, _] = three();
    a.write("INSERT INTO codes VALUES ('a', 1, 'R1')");
    b.write("INSERT INTO codes VALUES ('b', 2, 'R1')");
    sync(&a, &b);
    assert_eq!(a.rows("SELECT code FROM codes ORDER BY code"), ["a", "b"]);
    assert_eq!(a.refused("INSERT INTO codes VALUES ('c', 3, 'R1')").code, "constraint_unique");
    a.write("UPDATE codes SET ref = 'R2' WHERE code = 'b'");
    sync(&a, &b);
    let (a, b) = (a.reopen(), b.reopen());
    assert_equal(&a, &b);
    a.verify();
}

#[test]
fn schema_changes_made_apart_merge() {
    let [a, b, c] = three();
    let apply = |site: &Site, sql: &str| {
        let _written: crate::Written = site.space.wait(|reply| site.space.apply_schema(sql, reply)).unwrap();
    };
    a.write("INSERT INTO items (id, name) VALUES (1, 'old')");
    apply(&a, "ALTER TABLE items ADD COLUMN note TEXT DEFAULT '-'");
    apply(
        &b,
        "ALTER TABLE items ADD COLUMN colour TEXT; CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT)",
    );
    apply(&c, "ALTER TABLE items ADD COLUMN note INTEGER");
    b.write("INSERT INTO items (id, name, colour) VALUES (2, 'new', 'red')");
    c.write("INSERT INTO items (id, note) VALUES (3, 7)");
    for _ in 0..2 {
        sync(&a, &b);
        sync(&b, &c);
        sync(&a, &c);
    }
    // Of the two definitions of a note, the one by which somebody wrote.
    assert_eq!(
        a.rows("SELECT id, name, note, colour FROM items"),
        ["1|old|NULL|NULL", "2|new|NULL|red", "3|NULL|7|NULL"]
    );
    [a, b, c].iter().for_each(Site::verify);
}

#[test]
fn a_write_whose_basis_is_older_does_not_overwrite_unseen_edits() {
    let [a, b, _] = three();
    a.write("INSERT INTO items (id, name, place) VALUES (1, 'x', 'p')");
    sync(&a, &b);
    let seen = (*a.space.vector()).clone();
    b.write("UPDATE items SET name = 'from b'");
    sync(&a, &b);
    let statement = Statement { sql: "UPDATE items SET place = 'form'".into(), params: Params::One(vec![]) };
    let write = Write { edits: vec![statement].into(), basis: Some(seen), ..Write::default() };
    let written: crate::Written = a.space.wait(|reply| a.space.write(write, reply)).unwrap();
    assert!(written.dot.is_some());
    sync(&a, &b);
    assert_eq!(b.rows("SELECT name, place FROM items"), ["from b|form"]);
    a.verify();
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, String),
    Pull(usize, usize),
    Reopen(usize),
    Rebuild(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = 1..6i64;
    let sql = prop_oneof![
        (id.clone(), "[a-c]", -5..50i64).prop_map(|(id, name, stock)| format!(
            "INSERT OR IGNORE INTO items (id, name, stock, price, seen) VALUES ({id}, '{name}', {stock}, {stock}.25, '2025-01-0{id}')"
        )),
        (id.clone(), "[a-z]").prop_map(|(id, name)| format!("UPDATE items SET name = '{name}' WHERE id = {id}")),
        (id.clone(), "[a-z]").prop_map(|(id, name)| format!("UPDATE items SET place = '{name}', by = '{name}' WHERE id <= {id}")),
        (id.clone(), -9..9i64).prop_map(|(id, by)| format!("UPDATE items SET stock = stock + {by} WHERE id = {id}")),
        (id.clone(), 1..9i64).prop_map(|(id, day)| format!("UPDATE items SET seen = '2025-02-0{day}', price = {day}.5 WHERE id = {id}")),
        id.clone().prop_map(|id| format!("DELETE FROM items WHERE id = {id}")),
        (id.clone(), "[a-d]").prop_map(|(id, name)| format!("INSERT OR REPLACE INTO items (id, name, stock) VALUES ({id}, '{name}', 7)")),
        ("[a-c]", "[p-r]").prop_map(|(code, unique)| format!("INSERT OR IGNORE INTO codes (code, ref) VALUES ('{code}', '{unique}')")),
        ("[a-c]", "[p-r]").prop_map(|(code, unique)| format!("UPDATE OR IGNORE codes SET ref = '{unique}' WHERE code = '{code}'")),
        "[a-c]".prop_map(|code| format!("DELETE FROM codes WHERE code = '{code}'")),
    ];
    let step = prop_oneof![
        12 => (0..3usize, sql).prop_map(|(site, sql)| Step::Write(site, sql)),
        5 => (0..3usize, 0..3usize).prop_map(|(to, from)| Step::Pull(to, from)),
        1 => (0..3usize).prop_map(Step::Reopen),
        1 => (0..3usize).prop_map(Step::Rebuild),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever three sites write, and in whatever order they hear of each other: once all have
    /// everything, all show the same, and what each log folds to. (What that is, the simulator
    /// compares with a brute-force reference; here logs and views are on a real disk.)
    #[test]
    fn sites_converge_whatever_the_order(steps in steps()) {
        let mut sites = three();
        for step in steps {
            match step {
                Step::Write(at, sql) => {
                    // Nobody can give yet another row a value that several hold.
                    match sites[at].try_write(&[(&sql, vec![])]) {
                        Ok(_) => {}
                        Err(crate::WriteError::Refused(refusal)) => prop_assert_eq!(refusal.code, "constraint_unique"),
                        Err(error) => return Err(TestCaseError::fail(error.to_string())),
                    }
                }
                Step::Pull(to, from) if to != from => { pull(&sites[to], &sites[from]); }
                Step::Pull(..) => {}
                Step::Reopen(at) => {
                    let rest = sites.map(Some);
                    let mut rest = rest;
                    let site = rest[at].take().map(Site::reopen);
                    rest[at] = site;
                    sites = rest.map(|site| site.unwrap());
                }
                Step::Rebuild(at) => sites[at].space.rebuild_view().unwrap(),
            }
        }
        let [a, b, c] = &sites;
        for _ in 0..2 {
            sync(a, b);
            sync(b, c);
            sync(a, c);
        }
        sites.iter().for_each(Site::verify);
    }
}

#[test]
fn nothing_comes_back_as_an_echo() {
    let [a, b, _] = three();
    a.write("INSERT INTO items (id, name) VALUES (1, 'x')");
    assert!(pull(&b, &a) > 0);
    let end = b.space.end();
    assert_eq!(pull(&a, &b), 0);
    assert_eq!(pull(&b, &a), 0);
    assert_eq!(b.space.end(), end);
}
