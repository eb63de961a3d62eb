//! The dump of another database taken in with all its rows, in the file's own order: what plain SQLite makes of
//! it, on every site, however many transactions it took.

use std::path::PathBuf;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use tandem_tests::lan::Lan;
use tandem_tests::rental_dump;
use tandem_tests::school::full;
use tandem_tests::site::Site;
use tandem_tests::wait;

/// The view's file of a site with one space.
fn view(site: &Site) -> PathBuf {
    let mut spaces = std::fs::read_dir(site.data().join("spaces")).unwrap();
    spaces.next().unwrap().unwrap().path().join("view.sqlite")
}

/// A value in the form that its column's type has: times without the fraction that says nothing, numbers with a
/// point as such.
fn in_form(value: Value, declared: &str) -> Value {
    let is_of = |types: &[&str]| types.iter().any(|one| declared.starts_with(one));
    match value {
        Value::Text(text) if is_of(&["TIMESTAMP", "DATETIME"]) => {
            Value::Text(text.strip_suffix(".000").map(str::to_owned).unwrap_or(text))
        }
        Value::Integer(number) if is_of(&["DECIMAL", "NUMERIC"]) => Value::Real(number as f64),
        other => other,
    }
}

/// All rows of a table, in the order of its columns.
fn rows_of(database: &Connection, table: &str, columns: &[(String, String)]) -> Vec<String> {
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let names = names.join(", ");
    let mut query = database.prepare(&format!("SELECT {names} FROM \"{table}\" ORDER BY {names}")).unwrap();
    let mut rows = query.query([]).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cell = |(at, (_, declared)): (usize, &(String, String))| in_form(row.get(at).unwrap(), declared);
        let cells: Vec<Value> = columns.iter().enumerate().map(cell).collect();
        all.push(format!("{cells:?}"));
    }
    all
}

/// Checks that a site shows what plain SQLite holds, row for row; gives how many rows that are.
fn assert_as_plain(plain: &Connection, site: &Site) -> usize {
    let database = Connection::open_with_flags(view(site), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let listed = |sql: &str| -> Vec<(String, String)> {
        let mut query = plain.prepare(sql).unwrap();
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    let mut count = 0;
    let tables =
        "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'";
    let tables = listed(tables);
    assert_eq!(tables.len(), 10);
    for (table, _) in tables {
        let columns = listed(&format!("SELECT name, type FROM pragma_table_info('{table}')"));
        let (there, here) = (rows_of(plain, &table, &columns), rows_of(&database, &table, &columns));
        assert_eq!(there.len(), here.len(), "{}: {table}", site.name());
        for (there, here) in there.iter().zip(&here) {
            assert_eq!(there, here, "{}: {table}", site.name());
        }
        count += here.len();
    }
    count
}

#[test]
fn a_dump_in_its_own_order_is_what_sqlite_makes_of_it_on_two_sites_as_one_transaction_and_as_many() {
    let rentals = if full() { 100_000 } else { 21_000 };
    let plain = Connection::open_in_memory().unwrap();
    plain.execute_batch(rental_dump::dump(rentals).trim_start_matches('\u{feff}')).unwrap();

    let lan = Lan::new();
    let office = Site::on(&lan.host(), "office");
    let dump = office.file("shop.sql", &rental_dump::dump(rentals));
    let init = ["init", "--space", "school", "--name", "office", "--with-data", "--import"];
    let begun = std::time::Instant::now();
    office.tandem(&[&init[..], &[dump.to_str().unwrap()]].concat()).succeeded();
    let many = begun.elapsed();
    let rows = assert_as_plain(&plain, &office);
    // The schema, and batches of 20,000 rows.
    let transactions = office.space()["transactions"].as_u64().unwrap();
    assert!(rows > rentals && transactions > 2, "{transactions} transactions");

    office.start();
    let classroom = Site::on(&lan.host(), "classroom");
    classroom.join(&office.invite());
    classroom.start();
    wait::equal(&[&office, &classroom]);
    assert_eq!(assert_as_plain(&plain, &classroom), rows);
    let again = classroom.tandem(&["import", dump.to_str().unwrap()]).json();
    let added = |of: &str| {
        again["tables"].as_array().unwrap().iter().map(|table| table[of].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((added("inserted"), added("updated")), (0, 0), "the same file, on another site: {again}");

    // The same statements in the same order, as one transaction. A key that is left to the database is another
    // there than in SQLite.
    let whole = Site::alone("whole");
    let tables = whole.file("tables.sql", &rental_dump::tables());
    let statements = whole.file("rows.sql", &rental_dump::rows(rentals, false));
    whole.tandem(&["init", "--space", "school", "--import", tables.to_str().unwrap()]).succeeded();
    let before = whole.space()["transactions"].as_u64().unwrap();
    let begun = std::time::Instant::now();
    whole.tandem(&["sql", "--deadline", "900", "--file", statements.to_str().unwrap()]).succeeded();
    println!("{rows} rows in {transactions} transactions: {many:?}; in one: {:?}", begun.elapsed());
    assert_eq!(whole.space()["transactions"].as_u64().unwrap(), before + 1);
    assert_eq!(assert_as_plain(&plain, &whole), rows);
    assert_eq!(whole.space()["fingerprint"], office.space()["fingerprint"]);
    office.verify();
    classroom.stop();
    office.stop();
}
