//! `DEFAULT (site_number('FAC-'))`: numbers for people, each given once.

use tandem_protocol::value::Value;

use super::{Site, pull, sync};
use crate::{Edits, Params, Statement, Write, Written};

const SCHEMA: &str = "
CREATE TABLE sales (id INTEGER PRIMARY KEY, number TEXT UNIQUE DEFAULT (site_number('FAC-')), stock INTEGER CHECK (stock >= 0));
CREATE TABLE receipts (number TEXT PRIMARY KEY DEFAULT (site_number('R')), other TEXT DEFAULT (site_number('')))";

fn numbers(site: &Site) -> Vec<String> {
    site.rows("SELECT number FROM sales ORDER BY number")
}

/// The number that the next sale is given.
fn next(site: &Site) -> String {
    let written = site.write("INSERT INTO sales (stock) VALUES (1) RETURNING number");
    match &written.results[0].rows[0][0] {
        Value::Text(number) => number.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_site_and_column_counts_for_itself() {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    pull(&b, &a);
    a.write("INSERT INTO sales (stock) VALUES (1), (2)");
    let statement = |sql: &str| (sql.to_owned(), vec![]);
    let three = [
        "INSERT INTO sales (stock) VALUES (3)",
        "INSERT INTO receipts (number) VALUES (NULL)",
        "INSERT INTO sales (stock) SELECT 4 UNION SELECT 5",
    ]
    .map(statement);
    let three: Vec<(&str, Vec<Value>)> =
        three.iter().map(|(sql, params)| (sql.as_str(), params.clone())).collect();
    a.try_write(&three).unwrap();
    assert_eq!(next(&b), "FAC-2-0001");
    assert_eq!(next(&b), "FAC-2-0002");
    sync(&a, &b);
    let expected =
        ["FAC-1-0001", "FAC-1-0002", "FAC-1-0003", "FAC-1-0004", "FAC-1-0005", "FAC-2-0001", "FAC-2-0002"];
    assert_eq!(numbers(&a), expected);
    assert_eq!(b.rows("SELECT number, other FROM receipts"), ["R1-0001|1-0001"]);
    // What other sites gave does not move one's own.
    assert_eq!((next(&a), next(&b)), ("FAC-1-0006".into(), "FAC-2-0003".into()));
    assert_eq!(a.rows("SELECT sum(stock) FROM sales WHERE number LIKE 'FAC-1-%'"), ["16"]);
    a.verify();
}

#[test]
fn none_is_given_twice_after_a_deletion_a_restart_or_a_view_made_anew() {
    let mut site = Site::founder(SCHEMA);
    assert_eq!((next(&site), next(&site)), ("FAC-1-0001".into(), "FAC-1-0002".into()));
    site.write("DELETE FROM sales");
    site.write("UPDATE receipts SET other = 'x'");
    assert_eq!(next(&site), "FAC-1-0003");
    site.write("UPDATE sales SET number = 'cancelled'");
    site = site.reopen();
    assert_eq!(next(&site), "FAC-1-0004");
    site.write("DELETE FROM sales WHERE number = 'FAC-1-0004'");
    site.space.rebuild_view().unwrap();
    assert_eq!(next(&site), "FAC-1-0005");
    let view = site.space.folder().join("view.sqlite");
    site.write("DELETE FROM sales");
    let (store, folder) = (site.store.clone(), site.folder);
    drop(site.space);
    store.close();
    drop((site.store, store));
    std::fs::remove_file(view).unwrap();
    let site = Site::open(folder);
    assert_eq!(next(&site), "FAC-1-0006");
    site.verify();
}

#[test]
fn a_refused_transaction_is_given_none() {
    let site = Site::founder(SCHEMA);
    assert_eq!(next(&site), "FAC-1-0001");
    assert_eq!(site.refused("INSERT INTO sales (stock) VALUES (1), (-1)").code, "constraint_check");
    assert_eq!(site.refused("INSERT INTO sales (stock) VALUES (1), (nobody)").code, "sql_error");
    assert_eq!(next(&site), "FAC-1-0002");
}

#[test]
fn numbers_that_were_typed_are_gone_on_from_unless_they_are_far() {
    let site = Site::founder(SCHEMA);
    site.write(
        "INSERT INTO sales (number) VALUES ('FAC-1-0041'), ('FAC-7-0999'), ('FAC-1-99999999999'), ('x')",
    );
    assert_eq!(next(&site), "FAC-1-0042");
    site.write("INSERT INTO sales (number) VALUES ('FAC-1-9999')");
    assert_eq!((next(&site), next(&site)), ("FAC-1-10000".into(), "FAC-1-10001".into()));
    // NULL that is said is NULL: only a key asks for a number with it.
    site.write("INSERT INTO sales (number, stock) VALUES (NULL, 9)");
    assert_eq!(site.rows("SELECT number FROM sales WHERE stock = 9"), ["NULL"]);
}

#[test]
fn a_number_given_to_who_had_not_seen_everything_is_given() {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    pull(&b, &a);
    a.write("INSERT INTO sales (id, stock) VALUES (7, 1)");
    let basis = (*a.space.vector()).clone();
    pull(&b, &a);
    b.write("UPDATE sales SET number = 'b', stock = 2 WHERE id = 7");
    pull(&a, &b);
    // Made as if before that, so it may not be shown.
    let sql = "INSERT INTO sales (id, stock) VALUES (7, 3), (8, 3) ON CONFLICT (id) DO UPDATE SET number = excluded.number";
    let statement = Statement { sql: sql.into(), params: Params::One(vec![]) };
    let write = Write { edits: Edits::Sql(vec![statement]), basis: Some(basis), ..Write::default() };
    let _written: Written = a.space.wait(|reply| a.space.write(write, reply)).unwrap();
    assert_eq!(a.rows("SELECT number FROM sales WHERE id = 8"), ["FAC-1-0003"]);
    assert_eq!(next(&a), "FAC-1-0004");
    sync(&a, &b);
}

#[test]
fn the_function_behind_it_is_for_defaults_alone() {
    let site = Site::founder(SCHEMA);
    for sql in [
        "INSERT INTO sales (number) VALUES (tandem_number('00', 'FAC-'))",
        "INSERT INTO sales (number) VALUES (site_number('FAC-'))",
        "UPDATE sales SET number = tandem_number('00', 'FAC-')",
    ] {
        assert!(["sql_not_allowed", "sql_error"].contains(&site.refused(sql).code), "{sql}");
    }
    assert_eq!(next(&site), "FAC-1-0001");
    let shown = crate::schema_sql(&site.space.schema(), |_| true);
    assert!(shown.contains("number TEXT DEFAULT (site_number('FAC-')) UNIQUE"), "{shown}");
}
