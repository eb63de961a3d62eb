//! Deleted rows that others refer to.

use tandem_protocol::value::Value;

use super::log::{TestLog, set};

const SCHEMA: &str =
    "CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT, next INTEGER REFERENCES rooms (id));
    CREATE TABLE items (id TEXT PRIMARY KEY, room INTEGER REFERENCES rooms (id) ON DELETE CASCADE)";

/// Room 1 leads to room 2, and that to room 3; an item may stand in any.
fn rooms() -> TestLog {
    let mut log = TestLog::new(SCHEMA);
    log.insert('a', "rooms", 3, [set("name", "third")]);
    log.insert('a', "rooms", 2, [set("name", "second"), set("next", 3)]);
    log.insert('a', "rooms", 1, [set("name", "first"), set("next", 2)]);
    log.tell_all();
    log
}

fn delete_all(log: &mut TestLog) {
    for room in 1..=3 {
        log.delete('b', "rooms", room);
    }
}

#[test]
fn a_row_deleted_while_another_came_to_refer_to_it_stays() {
    let mut log = rooms();
    log.delete('b', "rooms", 1);
    log.insert('c', "items", "chair", [set("room", 1)]);
    assert_eq!(log.shown("rooms"), ["1|first|2", "2|second|3", "3|third|NULL"]);
    assert_eq!(log.conflicts(), ["reference rooms(1): b=deleted"]);
    log.tell_all();
    log.delete('a', "items", "chair");
    assert_eq!(log.shown("rooms"), ["2|second|3", "3|third|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn one_row_alive_keeps_a_whole_chain() {
    let mut log = rooms();
    delete_all(&mut log);
    assert!(log.shown("rooms").is_empty());
    log.insert('c', "items", "chair", [set("room", 1)]);
    assert_eq!(log.shown("rooms"), ["1|first|2", "2|second|3", "3|third|NULL"]);
    assert_eq!(
        log.conflicts(),
        ["reference rooms(1): b=deleted", "reference rooms(2): b=deleted", "reference rooms(3): b=deleted"]
    );
}

#[test]
fn cycles_of_deleted_rows_stay_hidden() {
    let mut log = rooms();
    log.update('a', "rooms", 3, [set("next", 1)]);
    log.tell_all();
    delete_all(&mut log);
    log.insert('b', "rooms", 4, [set("next", 4)]);
    log.delete('b', "rooms", 4);
    assert!(log.shown("rooms").is_empty());
    assert!(log.conflicts().is_empty());
    log.insert('c', "items", "chair", [set("room", 2)]);
    assert_eq!(log.shown("rooms").len(), 3);
}

#[test]
fn a_row_may_be_both_kept_and_disputed() {
    let mut log = rooms();
    log.at(2000).update('b', "rooms", 1, [set("name", "of b")]);
    log.at(2001).update('c', "rooms", 1, [set("name", "of c")]);
    log.at(2002).delete('d', "rooms", 1);
    assert_eq!(log.conflicts(), ["deleted rooms(1): d=deleted c=alive b=alive"]);
    log.insert('d', "items", "chair", [set("room", 1)]);
    assert_eq!(
        log.conflicts(),
        [
            "deleted rooms(1): d=deleted c=alive b=alive",
            "reference rooms(1): d=deleted c=alive b=alive",
            "register rooms(1).name: c=of c b=of b",
        ]
    );
}

#[test]
fn only_the_reference_shown_counts() {
    let mut log = rooms();
    log.insert('a', "items", "chair", [set("room", 1)]);
    log.tell_all();
    log.at(2000).update('b', "items", "chair", [set("room", 2)]);
    log.at(2001).update('c', "items", "chair", [set("room", Value::Null)]);
    log.delete('d', "rooms", 2);
    log.delete('d', "rooms", 1);
    assert_eq!(log.shown("rooms"), ["3|third|NULL"]);
    assert_eq!(log.conflicts(), ["register items(chair).room: c=NULL b=2"]);
}

#[test]
fn a_row_never_written_is_not_made_up() {
    let mut log = rooms();
    log.insert('c', "items", "chair", [set("room", 99)]);
    assert_eq!(log.shown("rooms").len(), 3);
    assert!(log.conflicts().is_empty());
}

/// A badge names a room by its code: the one that is there, else the one that was there last.
#[test]
fn values_mean_the_row_that_is_alive_else_the_one_deleted_last() {
    let mut log = TestLog::new(
        "CREATE TABLE rooms (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
        CREATE TABLE badges (id INTEGER PRIMARY KEY, code TEXT REFERENCES rooms (code))",
    );
    for room in 1..=3 {
        log.insert('a', "rooms", room, [set("code", "north")]);
        log.at(2000 + room).delete('a', "rooms", room);
    }
    log.tell_all();
    log.insert('b', "badges", 1, [set("code", "north")]);
    assert_eq!(log.shown("rooms"), ["3|north"]);
    assert_eq!(log.conflicts(), ["reference rooms(3): a=deleted"]);
    // Whoever is called so and is there, is meant.
    log.insert('c', "rooms", 4, [set("code", "north")]);
    assert_eq!(log.shown("rooms"), ["4|north"]);
    assert!(log.conflicts().is_empty());
    log.tell_all();
    // And nobody, when it is called otherwise and was never deleted.
    log.update('c', "rooms", 4, [set("code", "south")]);
    assert_eq!(log.shown("rooms"), ["3|north", "4|south"]);
}

#[test]
fn what_is_partly_null_refers_to_nothing() {
    let mut log = TestLog::new(
        "CREATE TABLE rooms (id INTEGER PRIMARY KEY, house TEXT, n INTEGER, UNIQUE (house, n));
        CREATE TABLE badges (id INTEGER PRIMARY KEY, house TEXT, n INTEGER,
          FOREIGN KEY (n, house) REFERENCES rooms (n, house) ON DELETE CASCADE)",
    );
    log.insert('a', "rooms", 1, [set("house", "A"), set("n", 7)]);
    log.tell_all();
    log.delete('a', "rooms", 1);
    log.insert('b', "badges", 1, [set("house", "A")]);
    assert!(log.shown("rooms").is_empty());
    log.update('b', "badges", 1, [set("n", 7)]);
    assert_eq!(log.shown("rooms"), ["1|A|7"]);
}
