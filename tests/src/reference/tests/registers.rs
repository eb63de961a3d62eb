//! Cells and row life: who wins, and what is left to decide.

use tandem_protocol::fingerprint::{Fingerprint, RowHasher};
use tandem_protocol::op::{Action, Op};
use tandem_protocol::value::{Key, Value};

use super::log::{TestLog, set};

const ITEMS: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, place TEXT DEFAULT 'shelf',
    price DECIMAL(9,2), seen STAMP, who QUIET)";

fn one_item() -> TestLog {
    let mut log = TestLog::new(ITEMS);
    log.insert('a', "items", 1, [set("name", "pen"), set("place", "A")]);
    log.tell_all();
    log
}

#[test]
fn a_cell_never_written_shows_its_default() {
    let mut log = TestLog::new(ITEMS);
    log.insert('a', "items", 1, [set("name", "pen")]);
    assert_eq!(log.shown("items"), ["1|pen|shelf|NULL|NULL|NULL"]);
}

#[test]
fn edits_of_different_cells_both_stay() {
    let mut log = one_item();
    log.update('b', "items", 1, [set("name", "blue pen")]);
    log.update('c', "items", 1, [set("place", "B")]);
    assert_eq!(log.shown("items"), ["1|blue pen|B|NULL|NULL|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn of_concurrent_edits_the_later_is_shown_and_the_others_are_kept() {
    let mut log = one_item();
    log.at(2005).update('b', "items", 1, [set("name", "later")]);
    log.at(2000).update('c', "items", 1, [set("name", "earlier")]);
    log.at(1990).update('d', "items", 1, [set("name", "earliest")]);
    assert_eq!(log.shown("items"), ["1|later|A|NULL|NULL|NULL"]);
    assert_eq!(log.conflicts(), ["register items(1).name: b=later c=earlier d=earliest"]);
}

#[test]
fn at_one_time_the_greater_author_is_shown() {
    let mut log = one_item();
    log.at(2000).update('c', "items", 1, [set("name", "of c")]);
    log.at(2000).update('b', "items", 1, [set("name", "of b")]);
    assert_eq!(log.conflicts(), ["register items(1).name: c=of c b=of b"]);
}

#[test]
fn equal_edits_are_no_conflict_but_a_third_one_tells_of_all() {
    let mut log = one_item();
    log.update('b', "items", 1, [set("name", "same")]);
    log.update('c', "items", 1, [set("name", "same")]);
    assert!(log.conflicts().is_empty());
    log.update('d', "items", 1, [set("name", "other")]);
    assert_eq!(log.conflicts(), ["register items(1).name: d=other c=same b=same"]);
}

#[test]
fn an_informed_edit_wins_whatever_the_clocks_say() {
    let mut log = one_item();
    log.at(900_000).update('b', "items", 1, [set("name", "clock ahead")]);
    log.tell('b', 'c');
    log.at(5).update('c', "items", 1, [set("name", "informed")]);
    assert_eq!(log.shown("items"), ["1|informed|A|NULL|NULL|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn who_knew_only_some_siblings_ends_only_those() {
    let mut log = one_item();
    log.update('b', "items", 1, [set("name", "of b")]);
    log.update('c', "items", 1, [set("name", "of c")]);
    log.tell('b', 'd');
    log.update('d', "items", 1, [set("name", "of d")]);
    assert_eq!(log.conflicts(), ["register items(1).name: d=of d c=of c"]);
    log.tell_all();
    log.update('a', "items", 1, [set("name", "of c")]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn a_basis_older_than_the_context_does_not_overwrite_what_it_had_not_seen() {
    let mut log = one_item();
    let form_opened = log.held('a');
    log.update('b', "items", 1, [set("name", "of b"), set("place", "B")]);
    log.tell('b', 'a');
    log.seeing(&form_opened).update('a', "items", 1, [set("name", "of the form")]);
    assert_eq!(log.shown("items"), ["1|of the form|B|NULL|NULL|NULL"]);
    assert_eq!(log.conflicts(), ["register items(1).name: a=of the form b=of b"]);
}

#[test]
fn a_basis_can_be_older_than_its_authors_own_past() {
    let mut log = one_item();
    let form_opened = log.held('a');
    log.update('a', "items", 1, [set("name", "of a")]);
    log.seeing(&form_opened).update('a', "items", 1, [set("name", "of the form")]);
    assert_eq!(log.conflicts(), ["register items(1).name: a=of the form a=of a"]);
    // What it had seen of its own is superseded; and the next one, without a basis, knows all.
    log.update('a', "items", 1, [set("name", "of a again")]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn a_stamp_shows_the_greatest_value_and_neither_it_nor_quiet_tells() {
    let mut log = one_item();
    let day = |day: u8| format!("2025-01-0{day} 00:00:00");
    log.update('b', "items", 1, [set("seen", day(7).as_str()), set("who", "of b")]);
    log.update('c', "items", 1, [set("seen", day(3).as_str()), set("who", "of c")]);
    log.update('d', "items", 1, [set("seen", Value::Null)]);
    assert_eq!(log.shown("items"), ["1|pen|A|NULL|2025-01-07 00:00:00|of c"]);
    assert!(log.conflicts().is_empty());
    log.tell_all();
    log.update('a', "items", 1, [set("seen", day(1).as_str())]);
    assert_eq!(log.shown("items"), ["1|pen|A|NULL|2025-01-01 00:00:00|of c"]);
}

#[test]
fn a_later_edit_brings_a_concurrently_deleted_row_back() {
    let mut log = one_item();
    log.at(2000).delete('b', "items", 1);
    log.at(2001).update('c', "items", 1, [set("name", "still used")]);
    assert_eq!(log.shown("items"), ["1|still used|A|NULL|NULL|NULL"]);
    assert_eq!(log.conflicts(), ["deleted items(1): c=alive b=deleted"]);
}

#[test]
fn a_later_deletion_hides_a_concurrently_edited_row_and_tells() {
    let mut log = one_item();
    log.at(2001).delete('b', "items", 1);
    log.at(2000).update('c', "items", 1, [set("name", "still used")]);
    log.at(1999).update('d', "items", 1, [set("name", "used too")]);
    assert!(log.shown("items").is_empty());
    // The cell is in conflict as well, but it is not shown.
    assert_eq!(log.conflicts(), ["deleted items(1): b=deleted c=alive d=alive"]);
    log.tell_all();
    log.delete('a', "items", 1);
    assert!(log.conflicts().is_empty());
}

#[test]
fn an_informed_deletion_wins_and_the_cells_are_kept() {
    let mut log = one_item();
    log.at(1).delete('b', "items", 1);
    assert!(log.shown("items").is_empty());
    log.tell('b', 'c');
    log.at(2).insert('c', "items", 1, [set("name", "again")]);
    assert_eq!(log.shown("items"), ["1|again|A|NULL|NULL|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn one_key_inserted_twice_is_one_row() {
    let mut log = TestLog::new(ITEMS);
    log.insert('b', "items", 1, [set("name", "pen"), set("place", "B")]);
    log.insert('c', "items", 1, [set("name", "pencil"), set("place", "B")]);
    assert_eq!(log.shown("items"), ["1|pencil|B|NULL|NULL|NULL"]);
    assert_eq!(log.conflicts(), ["register items(1).name: c=pencil b=pen"]);
}

#[test]
fn an_import_counts_with_the_times_of_its_rows() {
    let mut log = one_item();
    log.at(2000).update('b', "items", 1, [set("name", "of b")]);
    let Op::Rows(mut import) = log.row(Action::Update, "items", 1, [set("name", "old file")]) else {
        unreachable!()
    };
    import.times = vec![1500];
    log.at(3000).write('c', vec![Op::Rows(import)]);
    assert_eq!(log.conflicts(), ["register items(1).name: b=of b c=old file"]);
}

#[test]
fn rows_come_in_the_order_of_their_keys_bytes() {
    let mut log = TestLog::new(ITEMS);
    for id in [300, -2, 5] {
        log.insert('a', "items", id, []);
    }
    let order: Vec<Vec<u8>> =
        log.fold().tables["items"].iter().map(|row| Key(vec![row[0].clone()]).to_bytes()).collect();
    assert_eq!(order.len(), 3);
    assert!(order.is_sorted());
}

#[test]
fn of_what_one_transaction_writes_twice_the_first_counts() {
    let mut log = one_item();
    let first = log.row(Action::Update, "items", 1, [set("name", "first")]);
    let second = log.row(Action::Update, "items", 1, [set("name", "second"), set("place", "B")]);
    log.write('b', vec![first, second]);
    assert_eq!(log.shown("items"), ["1|first|B|NULL|NULL|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn a_key_of_several_columns_has_an_order_of_its_own() {
    let mut log = TestLog::new("CREATE TABLE t (x TEXT, a INTEGER, b TEXT, y TEXT, PRIMARY KEY (b, a))");
    let two_keys = |log: &TestLog, x: &'static str| {
        let Op::Rows(mut group) = log.row(Action::Update, "t", "b", [set("x", x), set("y", "y")]) else {
            unreachable!()
        };
        group.keys.push(vec![Value::Integer(7)]);
        Op::Rows(group)
    };
    let (b, c) = (two_keys(&log, "of b"), two_keys(&log, "of c"));
    log.write('b', vec![b]);
    log.write('c', vec![c]);
    let expected = log.fold();
    assert_eq!(log.shown("t"), ["of c|7|b|y"]);
    assert_eq!(log.conflicts(), ["register t(b,7).x: c=of c b=of b"]);

    let def = &log.schema.table("t").unwrap().shown;
    let (x, y) = (Value::Text("of c".into()), Value::Text("y".into()));
    let mut cells = [(def.columns[0].id(), &x), (def.columns[3].id(), &y)];
    cells.sort_by_key(|(id, _)| *id);
    let key = Key(vec![Value::Text("b".into()), Value::Integer(7)]);
    let mut fingerprint = Fingerprint::default();
    fingerprint.add(RowHasher::default().hash(def.id(), &key, cells));
    assert_eq!(expected.fingerprints["t"], fingerprint);
}
