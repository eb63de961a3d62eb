//! Counters set by who read them before others changed them: the difference is from what was read.

use std::time::Duration;

use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;

use super::{Site, assert_equal, sync, two};
use crate::view::MOST_READ;
use crate::{Edits, Owner, Params, Refusal, Statement, Write, WriteError, Written};

const STOCK: &str =
    "CREATE TABLE stock (id INTEGER PRIMARY KEY, n COUNTER NOT NULL DEFAULT 0, code TEXT UNIQUE,
    due COUNTER(9,2), debt COUNTER(30,2), name TEXT, other COUNTER);
  CREATE TABLE counted (id INTEGER PRIMARY KEY, n INTEGER)";

fn opened(site: &Site) -> VersionVector {
    (*site.space.vector()).clone()
}

fn try_send(site: &Site, basis: &VersionVector, sql: &[(&str, Params)]) -> Result<Written, WriteError> {
    let statement =
        |(sql, params): &(&str, Params)| Statement { sql: (*sql).to_owned(), params: params.clone() };
    let statements = sql.iter().map(statement).collect();
    let write = Write { edits: Edits::Sql(statements), basis: Some(basis.clone()), ..Write::default() };
    site.space.wait(|reply| site.space.write(write, reply))
}

fn send(site: &Site, basis: &VersionVector, sql: &str) -> Written {
    try_send(site, basis, &[(sql, Params::One(vec![]))]).unwrap()
}

fn refused(site: &Site, basis: &VersionVector, sql: &str) -> Refusal {
    let before = site.space.end();
    match try_send(site, basis, &[(sql, Params::One(vec![]))]) {
        Err(WriteError::Refused(refusal)) => {
            assert_eq!(site.space.end(), before, "a refused write was recorded");
            refusal
        }
        other => panic!("{sql}: {other:?}"),
    }
}

/// Both sites show this, and would from the log alone; nothing is left to decide.
fn both_show(a: &Site, b: &Site, sql: &str, row: &str) {
    sync(a, b);
    for site in [a, b] {
        assert_eq!(site.rows(sql), [row], "{sql}");
        site.verify();
        site.space.rebuild_view().unwrap();
        assert_eq!(site.rows(sql), [row], "made anew");
        assert!(site.space.conflicts().all().unwrap().is_empty());
    }
    assert_equal(a, b);
}

#[test]
fn a_form_that_read_forty_and_sends_thirty_seven_takes_three() {
    // Sold here, or elsewhere; the form is sent to either.
    for (sold_at, sent_to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let (a, b) = two(STOCK);
        let sites = [&a, &b];
        a.write("INSERT INTO stock (id, n) VALUES (1, 40)");
        sync(&a, &b);
        let form = opened(&a);
        sites[sold_at].write("UPDATE stock SET n = n - 10 WHERE id = 1");
        sync(&a, &b);
        send(sites[sent_to], &form, "UPDATE stock SET n = 37 WHERE id = 1");
        both_show(&a, &b, "SELECT n FROM stock", "27");
        // Who has seen it all sets it.
        send(&b, &opened(&b), "UPDATE stock SET n = 37 WHERE id = 1");
        both_show(&a, &b, "SELECT n FROM stock", "37");
        b.write("UPDATE stock SET n = 36 WHERE id = 1");
        both_show(&a, &b, "SELECT n FROM stock", "36");
    }
}

#[test]
fn the_right_side_tells_what_is_meant() {
    let one = |sql: &'static str| vec![(sql, Params::One(vec![]))];
    let by_two = |sql: &'static str| {
        vec![(sql, Params::Many(vec![vec![Value::Integer(38)], vec![Value::Integer(37)]]))]
    };
    for (statements, left) in [
        // What was computed from what is there is a difference from that.
        (one("UPDATE stock SET n = n - 3 WHERE id = 1"), "27"),
        (one("UPDATE stock AS s SET n = s.n - 3, name = 'x' WHERE s.id = 1"), "27"),
        (one("UPDATE stock SET n = stock.n - c.n FROM counted AS c WHERE c.id = stock.id + 2"), "27"),
        (one("INSERT INTO stock (id, n) VALUES (1, 3) ON CONFLICT DO UPDATE SET n = n - excluded.n"), "27"),
        // What was typed, or comes from elsewhere, is one from what was read.
        (one("UPDATE stock SET n = ((37)), name = 'x' WHERE id = 1"), "27"),
        (one("UPDATE stock SET n = 40, name = 'x' WHERE id = 1"), "30"),
        (one("UPDATE stock SET n = 30, name = 'x' WHERE id = 1"), "20"),
        (one("UPDATE stock SET n = 30 WHERE id = 1"), "20"),
        (one("UPDATE stock SET (name, n) = ('x', 37)"), "27"),
        (one("UPDATE stock SET n = c.n FROM counted AS c WHERE c.id = stock.id"), "27"),
        (one("UPDATE stock SET n = (SELECT n FROM counted WHERE counted.id = stock.id)"), "27"),
        (one("WITH c(n) AS (VALUES (37)) UPDATE stock SET n = (SELECT n FROM c)"), "27"),
        (one("INSERT INTO stock (id, n) VALUES (1, 37) ON CONFLICT DO UPDATE SET n = excluded.n"), "27"),
        (one("INSERT INTO stock (id, n) VALUES (1, 37) ON CONFLICT (id) DO UPDATE SET n = 37"), "27"),
        (one("INSERT OR REPLACE INTO stock (id, n, code) VALUES (1, 37, 'A')"), "27"),
        (one("REPLACE INTO stock (id, n, code) VALUES (1, 37, 'A')"), "27"),
        (by_two("UPDATE stock SET n = ? WHERE id = 1"), "27"),
        // What follows in the transaction was computed from it.
        ([one("UPDATE stock SET n = 37"), one("UPDATE stock SET n = n - 1")].concat(), "26"),
        ([one("UPDATE stock SET n = n - 1"), one("UPDATE stock SET n = 37")].concat(), "27"),
        // A stock-take from an old list, as ever.
        (one("UPDATE stock SET n = exactly(37) WHERE id = 1"), "27"),
    ] {
        let (a, b) = two(STOCK);
        a.write("INSERT INTO stock (id, n, code) VALUES (1, 40, 'A')");
        a.write("INSERT INTO counted VALUES (1, 37), (3, 3)");
        sync(&a, &b);
        let form = opened(&a);
        b.write("UPDATE stock SET n = n - 10 WHERE id = 1");
        sync(&a, &b);
        try_send(&a, &form, &statements).unwrap();
        sync(&a, &b);
        assert_eq!(b.rows("SELECT n FROM stock"), [left], "{statements:?}");
    }
}

#[test]
fn money_counts_from_what_was_read() {
    let (a, b) = two(STOCK);
    a.write("INSERT INTO stock (id, due, debt, other) VALUES (1, 40.50, '12345678901234567890.25', 7)");
    sync(&a, &b);
    let form = opened(&a);
    b.write("UPDATE stock SET due = due - 10.25, debt = decimal_add(debt, '-0.10')");
    sync(&a, &b);
    send(&a, &form, "UPDATE stock SET due = 37.25, debt = '12345678901234567890.20', other = other + 1");
    both_show(&a, &b, "SELECT due, debt, other FROM stock", "27|12345678901234567890.10|8");
}

#[test]
fn what_a_counter_was_is_made_of_all_that_was_known_and_of_nothing_else() {
    let (a, b) = two(STOCK);
    a.write("INSERT INTO stock (id, n) VALUES (1, 100)");
    a.write("UPDATE stock SET n = exactly(50)");
    sync(&a, &b);
    // Two stock-takes made apart: the later is shown, and nobody knew of the other's sale.
    a.write("UPDATE stock SET n = exactly(60)");
    b.write("UPDATE stock SET n = n - 5");
    b.write("UPDATE stock SET n = exactly(44)");
    sync(&a, &b);
    assert_eq!(a.rows("SELECT n FROM stock"), ["44"]);
    let form = opened(&b);
    // What came after is a new start, and a deletion.
    a.write("UPDATE stock SET n = exactly(10)");
    b.write("UPDATE stock SET n = n - 1");
    sync(&a, &b);
    a.write("DELETE FROM stock");
    a.write("INSERT INTO stock (id, n) VALUES (1, 90)");
    sync(&a, &b);
    for (site, left) in [(&a, "88"), (&b, "86")] {
        send(site, &form, "UPDATE stock SET n = 42 WHERE id = 1");
        sync(&a, &b);
        assert_eq!(a.rows("SELECT n FROM stock"), [left]);
    }
    // A form that is sent after its row was deleted still takes what it took.
    let form = opened(&a);
    a.write("UPDATE stock SET n = n - 6");
    a.write("DELETE FROM stock");
    send(&a, &form, "UPDATE stock SET n = 84 WHERE id = 1");
    sync(&a, &b);
    assert_eq!(b.rows("SELECT n FROM stock"), ["78"]);
}

#[test]
fn a_counter_that_was_null_or_not_there_is_set() {
    let (a, b) = two(STOCK);
    a.write("INSERT INTO stock (id) VALUES (1)");
    let form = opened(&a);
    a.write("INSERT INTO stock (id, n) VALUES (2, 40)");
    a.write("UPDATE stock SET other = coalesce(other, 0) + 5 WHERE id = 1");
    send(&a, &form, "UPDATE stock SET other = 3 WHERE id = 1");
    // What had no value was set by the first, and by the form: two values of one field.
    sync(&a, &b);
    assert_eq!(b.rows("SELECT other FROM stock WHERE id = 1"), ["3"]);
    send(&a, &form, "INSERT INTO stock (id, n) VALUES (2, 37) ON CONFLICT DO UPDATE SET n = excluded.n");
    sync(&a, &b);
    assert_eq!(b.rows("SELECT n FROM stock WHERE id = 2"), ["37"]);
    assert_eq!(b.space.conflicts().all().unwrap().len(), 2);
    // Nothing is a value, too.
    let form = opened(&a);
    b.write("UPDATE stock SET other = other + 2 WHERE id = 1");
    sync(&a, &b);
    send(&a, &form, "UPDATE stock SET other = NULL WHERE id = 1");
    sync(&a, &b);
    assert_eq!(b.rows("SELECT other FROM stock WHERE id = 1"), ["2"]);
}

#[test]
fn what_a_counter_was_cannot_always_be_told() {
    let (a, b) = two(STOCK);
    a.write("INSERT INTO stock (id, n) VALUES (1, 40), (2, 40)");
    let form = opened(&a);
    for _ in 1..MOST_READ {
        a.space_write("UPDATE stock SET n = n - 1 WHERE id = 1");
    }
    send(&a, &form, "UPDATE stock SET n = 37 WHERE id = 1");
    assert_eq!(a.rows("SELECT n FROM stock WHERE id = 1"), [(37 + 1 - MOST_READ as i64).to_string()]);
    let refusal = refused(&a, &form, "UPDATE stock SET n = 37");
    assert_eq!(refusal.code, "basis_too_old");
    assert!(refusal.to_string().contains("columns: n, row: id=1, table: stock"), "{refusal}");
    // What it says instead is taken, and so is what nobody has touched since.
    send(&a, &form, "UPDATE stock SET n = n - 3 WHERE id = 1");
    send(&a, &form, "UPDATE stock SET n = exactly(37) WHERE id = 1");
    send(&a, &form, "UPDATE stock SET n = 37 WHERE id = 2");
    let now = opened(&a);
    a.write("UPDATE stock SET n = n - 1 WHERE id = 2");
    send(&a, &now, "UPDATE stock SET n = 5 WHERE id = 1");
    sync(&a, &b);
    let left = 5.to_string();
    assert_eq!(b.rows("SELECT n FROM stock"), [left.as_str(), "36"]);
}

/// Of a write without statements nothing but that is left to be ended.
#[test]
fn reading_the_log_from_an_old_basis_on_ends_by_the_deadline() {
    let site = Site::founder(STOCK);
    let basis = opened(&site);
    let send = |deadline: Duration| {
        let owner = Owner::new("form", Some(deadline));
        let write = Write { owner, basis: Some(basis.clone()), ..Write::default() };
        site.space.wait::<Written, _>(|reply| site.space.write(write, reply))
    };
    assert!(send(Duration::ZERO).is_ok(), "nothing is to be read");
    site.write("INSERT INTO stock (id, n) VALUES (1, 40)");
    match send(Duration::ZERO) {
        Err(WriteError::Refused(refusal)) => assert_eq!(refusal.code, "deadline"),
        other => panic!("{other:?}"),
    }
    assert!(send(Duration::from_secs(600)).is_ok());
}
