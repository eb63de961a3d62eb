//! What was added to a counter, by whom, with what it was before and after.

use tandem_protocol::value::Value;

use super::{Site, pull, sync};
use crate::{Movement, MovementFilter, MovementKind, MovementsError};

const SCHEMA: &str = "
CREATE TABLE articles (code TEXT PRIMARY KEY, stock COUNTER NOT NULL DEFAULT 0, due COUNTER(9,2), name TEXT)";

fn filter(column: &str) -> MovementFilter {
    MovementFilter {
        table: "articles".into(),
        column: column.into(),
        limit: 1000,
        ..MovementFilter::default()
    }
}

fn all(site: &Site, column: &str) -> Vec<Movement> {
    let page = site.space.movements().page(&filter(column)).unwrap();
    assert_eq!(page.next, None);
    page.movements
}

/// `kind before delta after` of each, of one row.
fn told(movements: &[Movement], key: &str) -> Vec<String> {
    let of_row = movements.iter().filter(|one| one.key.0[0] == Value::Text(key.into()));
    let shown = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    let told = |one: &Movement| {
        let kind = match one.kind {
            MovementKind::Added => "added",
            MovementKind::Set => "set",
            MovementKind::Deleted => "deleted",
        };
        format!("{kind} {} {} {}", shown(&one.before), one.delta, shown(&one.after))
    };
    of_row.map(told).collect()
}

#[test]
fn every_delta_is_told_with_what_was_before_and_after() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO articles (code, stock, due) VALUES ('a', 40, 1.5), ('b', 7, NULL)");
    site.write("UPDATE articles SET stock = stock - 3, name = 'A' WHERE code = 'a'");
    site.write("UPDATE articles SET name = 'B'");
    site.write("UPDATE articles SET stock = exactly(30), due = due + 0.25 WHERE code = 'a'");
    site.write("UPDATE articles SET stock = stock + 1");
    site.write("DELETE FROM articles WHERE code = 'b'");
    site.write("INSERT INTO articles (code) VALUES ('b')");
    let stock = all(&site, "stock");
    assert_eq!(told(&stock, "a"), ["set - 40 40", "added 40 -3 37", "set 37 -7 30", "added 30 1 31"]);
    assert_eq!(told(&stock, "b"), ["set - 7 7", "added 7 1 8", "deleted 8 -8 -", "set - 0 0"]);
    assert!(stock.windows(2).all(|pair| pair[0].arrival <= pair[1].arrival));
    assert_eq!(told(&all(&site, "due"), "a"), ["set - 1.50 1.50", "added 1.50 0.25 1.75"]);
}

#[test]
fn they_come_page_by_page_of_one_row_and_from_a_time_on() {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO articles (code, stock) VALUES ('a', 0), ('b', 0)");
    for _ in 0..5 {
        site.write("UPDATE articles SET stock = stock + 1 WHERE code = 'a'");
        site.write("UPDATE articles SET stock = stock + 10 WHERE code = 'b'");
    }
    let page = |filter: MovementFilter| site.space.movements().page(&filter).unwrap();
    let (mut from, mut found) = (0, Vec::new());
    loop {
        let next = page(MovementFilter { from, limit: 3, ..filter("stock") });
        found.extend(next.movements);
        let Some(place) = next.next else { break };
        assert!(place > from);
        from = place;
    }
    assert_eq!(found, all(&site, "stock"));
    let row = MovementFilter { key: Some("b".into()), from: 5, limit: 2, ..filter("stock") };
    let of_row = page(row.clone());
    assert_eq!(told(&of_row.movements, "b"), ["added 10 10 20", "added 20 10 30"]);
    let rest = page(MovementFilter { from: of_row.next.unwrap(), limit: 100, ..row });
    assert_eq!(
        (told(&rest.movements, "b"), rest.next),
        (vec!["added 30 10 40".into(), "added 40 10 50".into()], None)
    );
    let since = found[4].header.time_ms;
    assert_eq!(page(MovementFilter { since_ms: Some(since), ..filter("stock") }).movements, found[4..]);
    let none = page(MovementFilter { key: Some("nobody".into()), ..filter("stock") });
    assert_eq!(none.movements, []);
    for (table, column) in [("articles", "name"), ("articles", "nobody"), ("nobody", "stock")] {
        let wrong = MovementFilter { table: table.into(), ..filter(column) };
        let Err(MovementsError::Refused(refusal)) = site.space.movements().page(&wrong) else { panic!() };
        assert_eq!(refusal.code, "counter_unknown");
    }
}

#[test]
fn what_others_did_stands_where_this_site_heard_of_it_and_comes_to_what_is_shown() {
    let (a, b) = {
        let a = Site::founder(SCHEMA);
        let b = Site::member(&a, "b");
        pull(&b, &a);
        (a, b)
    };
    a.write("INSERT INTO articles (code, stock) VALUES ('a', 40), ('b', 5)");
    sync(&a, &b);
    a.write("UPDATE articles SET stock = stock - 3 WHERE code = 'a'");
    b.write("UPDATE articles SET stock = stock - 5 WHERE code = 'a'");
    b.write("UPDATE articles SET stock = exactly(100) WHERE code = 'b'");
    a.write("UPDATE articles SET stock = exactly(90) WHERE code = 'b'");
    a.write("DELETE FROM articles WHERE code = 'a'");
    b.write("UPDATE articles SET stock = stock - 1 WHERE code = 'a'");
    sync(&a, &b);
    b.write("UPDATE articles SET stock = stock + 7");
    a.write(
        "INSERT INTO articles (code, stock) VALUES ('b', 9), ('c', 1) ON CONFLICT DO UPDATE SET stock = 3",
    );
    sync(&a, &b);
    let here = told(&all(&a, "stock"), "b");
    assert_eq!(here[..3], ["set - 5 5", "set 5 85 90", "set 90 0 90"], "the later one counts: {here:?}");
    for site in [&a, &b] {
        let shown = site.rows("SELECT code, stock FROM articles ORDER BY code");
        let movements = all(site, "stock");
        for row in shown {
            let (key, stock) = row.split_once('|').unwrap();
            let told = told(&movements, key);
            assert!(told.last().unwrap().ends_with(&format!(" {stock}")), "{row}: {told:?}");
        }
    }
}

#[test]
fn a_page_reads_so_much_of_the_log_and_no_more() {
    let site = Site::founder(SCHEMA);
    let write = |sql: &str| site.space_write(sql);
    write("INSERT INTO articles (code, stock) VALUES ('a', 0)");
    (0..400).for_each(|_| write("UPDATE articles SET name = coalesce(name, '') || 'x' WHERE code = 'a'"));
    write("UPDATE articles SET stock = stock + 1 WHERE code = 'a'");
    // What is passed over is read too: a page may be short, and says where to go on.
    let first = site.space.movements().page(&filter("stock")).unwrap();
    assert_eq!((first.movements.len(), first.next.is_some()), (1, true));
    let row = MovementFilter { key: Some("a".into()), from: 300, ..filter("stock") };
    let Err(MovementsError::Refused(refusal)) = site.space.movements().page(&row) else { panic!() };
    assert_eq!(refusal.code, "history_too_long");
}
