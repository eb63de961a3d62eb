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
