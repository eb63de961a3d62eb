//! UNIQUE, NOT NULL and CHECK, broken by writers who did not know of each other.

use tandem_protocol::value::Value;

use super::log::{TestLog, add, cents, set};

const PUPILS: &str =
    "CREATE TABLE pupils (id INTEGER PRIMARY KEY, card TEXT UNIQUE, class TEXT, seat INTEGER,
    UNIQUE (class, seat))";

#[test]
fn one_unique_value_in_three_rows_names_them_all_smallest_write_first() {
    let mut log = TestLog::new(PUPILS);
    log.at(2002).insert('b', "pupils", 1, [set("card", "K")]);
    log.at(2001).insert('c', "pupils", 2, [set("card", "K")]);
    log.at(2003).insert('d', "pupils", 3, [set("card", "K")]);
    log.insert('d', "pupils", 4, [set("card", "L")]);
    assert_eq!(log.shown("pupils").len(), 4);
    assert_eq!(log.conflicts(), ["unique pupils(K).card: c=2 b=1 d=3"]);
    let before = log.conflict().id();
    log.tell_all();
    log.update('a', "pupils", 2, [set("card", "M")]);
    assert_eq!(log.conflicts(), ["unique pupils(K).card: b=1 d=3"]);
    assert_eq!(log.conflict().id(), before);
    log.delete('a', "pupils", 1);
    assert!(log.conflicts().is_empty());
}

#[test]
fn a_rule_of_several_columns_needs_all_of_them_equal_and_none_null() {
    let mut log = TestLog::new(PUPILS);
    log.at(2000).insert('b', "pupils", 1, [set("class", "1A"), set("seat", 1)]);
    log.at(2001).insert('c', "pupils", 2, [set("class", "1A"), set("seat", 2)]);
    log.at(2002).insert('c', "pupils", 3, [set("class", "1A"), set("seat", Value::Null)]);
    log.at(2003).insert('d', "pupils", 4, [set("class", "1A")]);
    assert!(log.conflicts().is_empty());
    // The write that gave the row its value is the last one of the rule's columns.
    log.at(2009).update('c', "pupils", 2, [set("seat", 1)]);
    log.at(2010).update('b', "pupils", 1, [set("card", "K")]);
    assert_eq!(log.conflicts(), ["unique pupils(1A,1).class.seat: b=1 c=2"]);
    let [b, c] = log.conflict().versions.try_into().unwrap();
    assert_eq!((b.by.time_ms, c.by.time_ms), (2000, 2009));
}

#[test]
fn a_shared_default_is_held_since_the_row_is_there() {
    let mut log =
        TestLog::new("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT DEFAULT 'x' UNIQUE, y TEXT UNIQUE)");
    log.insert('b', "t", 1, []);
    log.update('b', "t", 1, [set("y", "y")]);
    log.insert('c', "t", 2, []);
    assert_eq!(log.conflicts(), ["unique t(x).x: b=1 c=2"]);
    assert_eq!(log.conflict().versions[0].by.seq, 2);
}

#[test]
fn a_rule_declared_twice_is_broken_once() {
    let mut log = TestLog::new("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT UNIQUE, UNIQUE (x))");
    log.insert('b', "t", 1, [set("x", "x")]);
    log.insert('c', "t", 2, [set("x", "x")]);
    assert_eq!(log.conflicts(), ["unique t(x).x: b=1 c=2"]);
}

#[test]
fn a_check_over_two_cells_tells_who_wrote_them() {
    let mut log = TestLog::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, low INTEGER, high INTEGER, CHECK (low <= high))",
    );
    log.insert('a', "t", 1, [set("low", 1), set("high", 9)]);
    log.tell_all();
    log.update('b', "t", 1, [set("low", 7)]);
    log.update('c', "t", 1, [set("high", 3)]);
    assert_eq!(log.shown("t"), ["1|7|3"]);
    assert_eq!(log.conflicts(), ["check t(1).low <= high: b=low:7 c=high:3"]);
    log.tell_all();
    log.update('a', "t", 1, [set("high", Value::Null)]);
    assert!(log.conflicts().is_empty(), "a check that is NULL holds");
}

#[test]
fn checks_see_decimals_as_numbers_and_counters_as_shown() {
    let mut log = TestLog::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price DECIMAL(9,2) CHECK (price < 10.5),
            stock COUNTER DEFAULT 3 CHECK (stock >= 0), paid COUNTER(9,2) CHECK (paid / 2 <= 1.25))",
    );
    log.insert('a', "t", 1, [set("price", cents(1049)), set("paid", cents(250))]);
    log.update('a', "t", 1, [add("stock", -3)]);
    log.tell_all();
    assert!(log.conflicts().is_empty());
    log.update('b', "t", 1, [set("price", cents(1050)), add("stock", -1), add("paid", cents(1))]);
    assert_eq!(
        log.conflicts(),
        [
            "check t(1).paid / 2 <= 1.25: b=paid:2.51",
            "check t(1).price < 10.5: b=price:10.50",
            "check t(1).stock >= 0: b=stock:-1"
        ]
    );
}

#[test]
fn a_rule_broken_by_what_several_counted_names_all_of_them_and_not_who_began() {
    let mut log = TestLog::new("CREATE TABLE t (id INTEGER PRIMARY KEY, due COUNTER CHECK (due < 10))");
    log.insert('a', "t", 1, [set("due", 1)]);
    log.tell_all();
    log.at(3000).update('b', "t", 1, [add("due", 6)]);
    log.at(3001).update('c', "t", 1, [add("due", 8)]);
    assert_eq!(log.conflicts(), ["check t(1).due < 10: c=due:15 b=due:15"]);
    // One set apart from them is named only if it is the one they count from.
    log.at(2999).update('d', "t", 1, [set("due", 2)]);
    assert_eq!(log.conflicts(), ["check t(1).due < 10: c=due:16 b=due:16 d=due:16"]);
    log.tell_all();
    log.at(2998).update('b', "t", 1, [add("due", -1)]);
    assert_eq!(log.conflicts(), ["check t(1).due < 10: b=due:15"]);
    log.tell_all();
    log.update('a', "t", 1, [add("due", -9)]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn not_null_broken_by_any_way_is_told() {
    let mut log = TestLog::new("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT NOT NULL, y TEXT)");
    log.insert('a', "t", 1, [set("x", Value::Null)]);
    log.insert('a', "t", 2, [set("x", "x")]);
    log.insert('a', "t", 3, []);
    assert_eq!(log.conflicts(), ["check t(1).x: a=NULL", "check t(3).x:"]);
}

#[test]
fn a_check_that_cannot_be_evaluated_holds() {
    let mut log = TestLog::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT CHECK (json_extract(x, '$.a') = 1), y TEXT CHECK (abs(y) > 0))",
    );
    log.insert('a', "t", 1, [set("x", "no JSON"), set("y", "-0")]);
    assert_eq!(log.conflicts(), ["check t(1).abs(y) > 0: a=y:-0"]);
}

#[test]
fn rows_that_are_not_shown_break_nothing() {
    let mut log = TestLog::new("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT UNIQUE, y TEXT NOT NULL)");
    log.insert('a', "t", 1, [set("x", "x")]);
    log.insert('a', "t", 2, [set("x", "x"), set("y", "y")]);
    log.delete('a', "t", 1);
    assert!(log.conflicts().is_empty());
}
