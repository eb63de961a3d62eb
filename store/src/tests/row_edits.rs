//! Row edits: judged like what is typed; how far their source has come is kept with them or not at all;
//! and whoever watches is told which rows changed.

use std::sync::{Arc, Mutex};

use tandem_protocol::value::{Key, Value};

use super::{Site, pull, sync};
use crate::{ChangedRows, Edits, Refusal, RowEdit, SourceOffset, Write, WriteError, Written};

const SCHEMA: &str = "
    CREATE TABLE items (code TEXT PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(9,2), stock COUNTER);
    CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT REFERENCES items (code), n INTEGER);";

fn put(table: &str, columns: &[&str], rows: &[&[&str]]) -> RowEdit {
    let row = |row: &&[&str]| row.iter().map(|text| Value::Text((*text).to_owned())).collect();
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    RowEdit::Put { table: table.to_owned(), columns, rows: rows.iter().map(row).collect() }
}

fn delete(table: &str, key: &str) -> RowEdit {
    RowEdit::Delete { table: table.to_owned(), keys: vec![vec![Value::Text(key.to_owned())]] }
}

fn edit(site: &Site, edits: Vec<RowEdit>, offset: Option<&str>) -> Result<Written, WriteError> {
    let offset = offset.map(|offset| SourceOffset { source: "till.csv".into(), offset: offset.into() });
    let write = Write { edits: Edits::Rows(edits), offsets: Vec::from_iter(offset), ..Write::default() };
    site.space.wait(|reply| site.space.write(write, reply))
}

fn refused(site: &Site, edits: Vec<RowEdit>) -> Refusal {
    match edit(site, edits, Some("of a refused write")) {
        Err(WriteError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn offset(site: &Site) -> Option<String> {
    let offset = site.space.offset_of("till.csv").unwrap();
    offset.map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn rows_become_what_they_are_to_be() {
    let site = Site::founder(SCHEMA);
    let columns = ["code", "name", "price", "stock"];
    let rows: &[&[&str]] = &[&["a", "apple", "1.5", "40"], &["b", "bread", "2", "7"]];
    edit(&site, vec![put("Items", &columns, rows)], None).unwrap();
    // Only what is named changes; a counter by its difference; a new row takes its defaults and its id.
    let again = vec![
        put("items", &["NAME", "code", "stock"], &[&["Apple", "a", "37"], &["cake", "c", "1"]]),
        put("sales", &["item", "n"], &[&["c", "2"]]),
        delete("items", "b"),
        delete("items", "was never there"),
        put("items", &["code"], &[&["a"]]),
    ];
    let written = edit(&site, again, None).unwrap();
    assert_eq!(written.results.iter().map(|result| result.affected).sum::<u64>(), 4);
    assert_eq!(site.rows("SELECT * FROM items ORDER BY code"), ["a|Apple|1.5|37", "c|cake|NULL|1"]);
    assert_eq!(site.rows("SELECT item, n FROM sales"), ["c|2"]);
    site.verify();
}

#[test]
fn they_are_judged_like_what_is_typed() {
    let site = Site::founder(SCHEMA);
    edit(&site, vec![put("items", &["code", "name"], &[&["a", "apple"]])], Some("1")).unwrap();
    let end = site.space.end();
    for (edits, code) in [
        (vec![put("nowhere", &["code"], &[&["a"]])], "sql_error"),
        (vec![delete("nowhere", "a")], "sql_error"),
        (vec![put("items", &["code", "colour"], &[&["a", "red"]])], "sql_error"),
        (vec![put("items", &["code", "price"], &[&["b", "1"]])], "constraint_not_null"),
        (vec![put("items", &["code", "price"], &[&["a", "dear"]])], "type_mismatch"),
        (vec![put("items", &["code", "name"], &[&["b"]])], "parameter_count"),
        (vec![put("sales", &["item"], &[&["z"]])], "constraint_foreign_key"),
        (vec![RowEdit::Delete { table: "items".into(), keys: vec![vec![]] }], "parameter_count"),
        (vec![put("items\" (code) VALUES ('x'); --", &["code"], &[&["a"]])], "sql_error"),
        // Nothing of a write is done if any of it cannot be.
        (vec![put("items", &["code", "name"], &[&["d", "dill"]]), delete("nowhere", "a")], "sql_error"),
    ] {
        assert_eq!(refused(&site, edits.clone()).code, code, "{edits:?}");
        assert_eq!((site.space.end(), offset(&site)), (end, Some("1".into())), "{edits:?}");
    }
    assert_eq!(site.rows("SELECT code FROM items"), ["a"]);
    let long = |bytes: usize| SourceOffset { source: "s".into(), offset: vec![0; bytes] };
    for offsets in [vec![long(5_000)], vec![long(4_000); 70]] {
        let edits = Edits::Rows(vec![delete("items", "a")]);
        let write = Write { edits, offsets, ..Write::default() };
        let answer: Result<Written, WriteError> = site.space.wait(|reply| site.space.write(write, reply));
        assert!(matches!(answer, Err(WriteError::Refused(refusal)) if refusal.code == "label_too_long"));
    }
}

#[test]
fn how_far_a_source_has_come_is_kept_with_what_it_brought() {
    let site = Site::founder(SCHEMA);
    let other = Site::member(&site, "b");
    assert_eq!(offset(&site), None);
    for number in 1..=30 {
        let row = [format!("i{number}"), "thing".into()];
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        edit(&site, vec![put("items", &["code", "name"], &[&row])], Some(&number.to_string())).unwrap();
        site.write(&format!("UPDATE items SET price = {number} WHERE code = 'i{number}'"));
    }
    // What changes nothing keeps none.
    let nothing =
        edit(&site, vec![put("items", &["code", "name"], &[&["i1", "thing"]])], Some("31")).unwrap();
    assert_eq!((nothing.dot, offset(&site).as_deref()), (None, Some("30")));
    // With a basis, too, what is recorded is recorded with it.
    let write = Write {
        edits: Edits::Rows(vec![delete("items", "i7")]),
        basis: Some((*site.space.vector()).clone()),
        offsets: ["other.csv", "till.csv"]
            .map(|source| SourceOffset { source: source.into(), offset: "32".into() })
            .into(),
        ..Write::default()
    };
    let _written: Written = site.space.wait(|reply| site.space.write(write, reply)).unwrap();
    assert_eq!(offset(&site).as_deref(), Some("32"));
    assert_eq!(site.space.offset_of("other.csv").unwrap().as_deref(), Some(&b"32"[..]));
    // It is this site's own affair.
    pull(&other, &site);
    assert_eq!(offset(&other), None);
    let site = site.reopen();
    assert_eq!(offset(&site).as_deref(), Some("32"));
    site.space.rebuild_view().unwrap();
    assert_eq!(offset(&site).as_deref(), Some("32"));
    site.verify();
}

#[test]
fn whoever_watches_is_told_which_rows_changed() {
    let (a, told) = (Site::founder(SCHEMA), Arc::new(Mutex::new(Vec::new())));
    let b = Site::member(&a, "b");
    pull(&b, &a);
    let seen = Arc::clone(&told);
    b.space.subscribe(move |commit| {
        seen.lock().unwrap().extend(commit.transactions.iter().map(|one| one.rows.clone()));
    });
    let key = |code: &str| ("items".to_owned(), Key(vec![Value::Text(code.to_owned())]));
    a.write("INSERT INTO items (code, name) VALUES ('a', 'apple'), ('b', 'bread')");
    a.write("UPDATE items SET name = 'Apple' WHERE code = 'a'");
    sync(&a, &b);
    b.write("DELETE FROM items WHERE code = 'b'");
    b.write("UPDATE items SET name = name || '!'");
    let many = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 21) \
        INSERT INTO items (code, name) SELECT x, 'many' FROM c";
    b.write(many);
    let named = ChangedRows::Named;
    let expected = [
        named(vec![key("a"), key("b")]),
        named(vec![key("a")]),
        named(vec![key("b")]),
        named(vec![key("a")]),
        ChangedRows::Many,
    ];
    assert_eq!(*told.lock().unwrap(), expected);
    // One that others' edits leave as it was is not among them.
    a.write("UPDATE items SET price = 3 WHERE code = 'a'");
    sync(&a, &b);
    assert_eq!(told.lock().unwrap().last(), Some(&named(vec![key("a")])));
}
