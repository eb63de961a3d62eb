//! Which rows are shown: those alive by their own life, and deleted ones to which a shown row
//! refers.

use tandem_protocol::value::Key;

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
            next.extend(referred(tables, at, &key));
        }
    }
}

/// References of shown rows that lead to none.
pub fn dangling(tables: &[Table<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        for row in table.shown_rows() {
            let lost = referred(tables, at, &row.key.to_bytes())
                .into_iter()
                .find(|(target, key)| !tables[*target].rows.get(key).is_some_and(|row| row.shown));
            let told = lost.map(|(target, _)| {
                format!("{} {:?} refers to no row of {}", table.def.name, row.key, tables[target].def.name)
            });
            found.extend(told);
        }
    }
    found
}

/// The rows to which a row refers, whether they were ever written or not.
fn referred(tables: &[Table<'_>], at: usize, key: &[u8]) -> Vec<Place> {
    let table = &tables[at];
    let mut places = Vec::new();
    for (column, value) in table.columns.iter().zip(&table.rows[key].values) {
        let Some(reference) = &column.def.references else { continue };
        let target = tables.iter().position(|table| table.def.name.eq_ignore_ascii_case(&reference.table));
        if let (Some(target), false) = (target, value.is_null()) {
            places.push((target, Key(vec![value.clone()]).to_bytes()));
        }
    }
    places
}
