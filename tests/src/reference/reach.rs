//! Which rows are shown: those alive by their own life, and deleted ones to which a shown row
//! refers.

use tandem_protocol::schema::Reference;
use tandem_protocol::value::{Key, Value};

use super::row::Row;
use super::table::Table;

/// A table's place, and a row's key.
type Place = (usize, Vec<u8>);

/// Marks the rows shown.
pub fn mark_shown(tables: &mut [Table<'_>]) {
    let mut next: Vec<Place> = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        let alive = table.rows.iter().filter(|(_, row)| row.is_alive());
        next.extend(alive.map(|(key, _)| (at, key.clone())));
    }
    while let Some((at, key)) = next.pop() {
        let Some(row) = tables[at].rows.get_mut(&key) else { continue };
        if !row.shown {
            row.shown = true;
            next.extend(referred(tables, at, &key).into_iter().filter_map(|(_, place)| place));
        }
    }
}

/// Whether a reference leads to a row whatever is written apart. The value of a UNIQUE may be given up while
/// somebody elsewhere comes to refer to it; and of several columns two may write one each, so that together
/// they say what neither wrote.
pub fn cannot_be_lost(reference: &Reference) -> bool {
    reference.is_to_key && reference.columns.len() == 1
}

/// References of shown rows that lead to none, though they cannot be lost.
pub fn dangling(tables: &[Table<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        for row in table.shown_rows() {
            let is_shown = |place: &Place| tables[place.0].rows.get(&place.1).is_some_and(|row| row.shown);
            let lost = referred(tables, at, &row.key.to_bytes()).into_iter().find(|(reference, place)| {
                cannot_be_lost(reference) && !place.as_ref().is_some_and(is_shown)
            });
            found.extend(lost.map(|(reference, _)| {
                format!("{} {:?} refers to no row of {}", table.def.name, row.key, reference.table)
            }));
        }
    }
    found
}

/// The rows to which a row refers, by each of its references in which nothing is NULL. Of a key, whether
/// that row was ever written or not.
fn referred<'t>(tables: &'t [Table<'_>], at: usize, key: &[u8]) -> Vec<(&'t Reference, Option<Place>)> {
    let table = &tables[at];
    let row = &table.rows[key];
    let mut places = Vec::new();
    for reference in &table.def.references {
        let value = |name: &String| table.column(name).map(|at| row.values[at].clone());
        let values: Vec<Value> = reference.columns.iter().filter_map(value).collect();
        let Some(target) = tables.iter().position(|table| table.id == reference.table_id) else { continue };
        if values.iter().any(Value::is_null) {
            continue;
        }
        let place = match reference.is_to_key {
            true => Some(Key(values).to_bytes()),
            false => meant(&tables[target], &reference.targets, &values),
        };
        places.push((reference, place.map(|key| (target, key))));
    }
    places
}

/// The row that is meant by the values of a UNIQUE: one that is alive; else the one that was deleted last.
fn meant(table: &Table<'_>, columns: &[String], values: &[Value]) -> Option<Vec<u8>> {
    let places: Vec<usize> = columns.iter().filter_map(|name| table.column(name)).collect();
    let holds = |row: &Row<'_>| places.iter().zip(values).all(|(at, value)| row.values[*at] == *value);
    let holders = || table.rows.iter().filter(|(_, row)| holds(row));
    let alive = holders().find(|(_, row)| row.is_alive());
    let last = || holders().max_by_key(|(key, row)| (row.life.first().map(|end| end.by), key.to_vec()));
    alive.or_else(last).map(|(key, _)| key.clone())
}
