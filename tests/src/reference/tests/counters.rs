//! Counters: deltas add up, offsets are a register.

use tandem_protocol::value::Value;

use super::log::{TestLog, add, cents, set};

const STOCK: &str =
    "CREATE TABLE stock (id INTEGER PRIMARY KEY, n COUNTER, d COUNTER DEFAULT 5, m COUNTER(9,2))";

fn forty() -> TestLog {
    let mut log = TestLog::new(STOCK);
    log.insert('a', "stock", 1, [set("n", 40), set("d", 0), set("m", cents(100))]);
    log.tell_all();
    log
}

#[test]
fn forty_less_three_here_and_less_five_there_are_thirty_two() {
    let mut log = forty();
    log.update('b', "stock", 1, [add("n", -3), add("m", cents(-25))]);
    log.update('c', "stock", 1, [add("n", -5), add("m", cents(5))]);
    assert_eq!(log.shown("stock"), ["1|32|0|0.80"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn a_stock_take_keeps_what_it_had_not_seen() {
    let mut log = forty();
    log.update('b', "stock", 1, [add("n", -3)]);
    log.tell('b', 'c');
    // It counts 30 where 37 are shown: less the deltas it knows, that is an offset of 33.
    log.update('c', "stock", 1, [set("n", 33)]);
    log.update('d', "stock", 1, [add("n", -1)]);
    assert_eq!(log.shown("stock"), ["1|29|0|1.00"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn concurrent_stock_takes_are_a_conflict_of_what_each_would_show() {
    let mut log = forty();
    log.update('b', "stock", 1, [set("n", 50)]);
    log.update('c', "stock", 1, [set("n", 60)]);
    log.update('d', "stock", 1, [add("n", -2)]);
    assert_eq!(log.shown("stock"), ["1|58|0|1.00"]);
    assert_eq!(log.conflicts(), ["register stock(1).n: c=58 b=48"]);
}

#[test]
fn a_row_inserted_twice_apart_does_not_count_double() {
    let mut log = TestLog::new(STOCK);
    log.insert('b', "stock", 1, [set("n", 10)]);
    log.insert('c', "stock", 1, [set("n", 10)]);
    log.update('c', "stock", 1, [add("n", 1)]);
    assert_eq!(log.shown("stock"), ["1|11|5|NULL"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn null_counts_as_nothing_once_something_is_counted() {
    let mut log = TestLog::new(STOCK);
    log.insert('b', "stock", 1, [set("n", Value::Null)]);
    assert_eq!(log.shown("stock"), ["1|NULL|5|NULL"]);
    log.update('b', "stock", 1, [add("n", 2), add("d", 2), add("m", cents(2))]);
    assert_eq!(log.shown("stock"), ["1|2|7|0.02"]);
    log.update('b', "stock", 1, [add("n", -2), add("d", -2)]);
    assert_eq!(log.shown("stock"), ["1|0|5|0.02"]);
}

#[test]
fn null_remembers_what_was_counted_before_it() {
    let mut log = forty();
    log.update('b', "stock", 1, [add("n", -3), add("d", 4)]);
    log.tell('b', 'c');
    log.update('c', "stock", 1, [set("n", Value::Null), set("d", Value::Null)]);
    assert_eq!(log.shown("stock"), ["1|NULL|NULL|1.00"]);
    log.update('b', "stock", 1, [add("n", 5)]);
    log.update('d', "stock", 1, [add("d", 2)]);
    log.update('d', "stock", 1, [add("d", -2)]);
    assert_eq!(log.shown("stock"), ["1|5|0|1.00"]);
    assert!(log.conflicts().is_empty());
}

#[test]
fn a_counter_beyond_its_digits_is_told_until_it_is_back() {
    let mut log = forty();
    log.update('b', "stock", 1, [add("m", cents(600_000_000))]);
    log.update('c', "stock", 1, [add("m", cents(500_000_000))]);
    assert_eq!(log.shown("stock"), ["1|40|0|11000001.00"]);
    assert_eq!(log.conflicts(), ["check stock(1).m COUNTER(9,2): c=m:11000001.00 b=m:11000001.00"]);
    log.update('b', "stock", 1, [add("m", cents(-100_000_101))]);
    assert!(log.conflicts().is_empty());
    log.update('b', "stock", 1, [add("n", i64::MAX), add("n", i64::MAX)]);
    assert_eq!(log.conflicts(), ["check stock(1).n COUNTER: b=n:9223372036854775807"]);
}

#[test]
fn deltas_of_a_deleted_row_count_when_it_is_there_again() {
    let mut log = forty();
    log.update('b', "stock", 1, [add("n", -3)]);
    log.delete('b', "stock", 1);
    log.update('c', "stock", 1, [add("n", -1)]);
    assert_eq!(log.shown("stock"), ["1|36|0|1.00"]);
    assert_eq!(log.conflicts(), ["deleted stock(1): c=alive b=deleted"]);
}

#[test]
fn beyond_what_the_view_holds_the_nearest_value_is_shown() {
    let mut log = forty();
    log.update('b', "stock", 1, [add("n", i64::MAX), add("m", cents(999_999_999_999_999))]);
    assert_eq!(log.shown("stock"), ["1|9223372036854775807|0|9999999999999.99"]);
    log.update('c', "stock", 1, [add("n", i64::MAX), add("m", cents(-999_999_999_999_999))]);
    log.update('d', "stock", 1, [add("n", -i64::MAX), add("m", cents(-999_999_999_999_999))]);
    log.update('d', "stock", 1, [add("n", -i64::MAX), add("m", cents(-999_999_999_999_999))]);
    // The sum itself was exact all along.
    assert_eq!(log.shown("stock"), ["1|40|0|-9999999999999.99"]);
}
