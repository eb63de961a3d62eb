//! ON DELETE as the docs tell it, for stories in which it is not what SQLite does: after a statement,
//! for the rows whose keys are gone. (A row that REPLACE puts under its own key is not gone.)

use std::collections::BTreeMap;

use rusqlite::Connection;
use tandem_protocol::value::Value;

use super::functions::{Bound, read};
use super::table::Table;

/// All rows, by table and key.
pub struct Snapshot(Vec<BTreeMap<String, Vec<Value>>>);

impl Snapshot {
    /// What is there now.
    pub fn take(connection: &Connection, tables: &[Table]) -> rusqlite::Result<Self> {
        tables.iter().map(|table| rows(connection, table)).collect::<rusqlite::Result<_>>().map(Self)
    }

    /// Carries out CASCADE and SET NULL for the rows that were there then and are gone; gives how
    /// many rows it touched.
    pub fn carry_out(&self, connection: &Connection, tables: &[Table]) -> rusqlite::Result<usize> {
        let mut touched = 0;
        loop {
            let now = Self::take(connection, tables)?;
            let mut changed = 0;
            for (place, table) in tables.iter().enumerate() {
                for (at, column) in table.columns.iter().enumerate() {
                    let Some((target, action @ ("CASCADE" | "SET NULL"))) = column.refers else { continue };
                    let keys: Vec<String> = (0..table.key)
                        .map(|key| format!("{} = ?{}", table.columns[key].name, key + 1))
                        .collect();
                    let (name, keys) = (&table.name, keys.join(" AND "));
                    let sql = match action {
                        "CASCADE" => format!("DELETE FROM {name} WHERE {keys}"),
                        _ => format!("UPDATE {name} SET {} = NULL WHERE {keys}", column.name),
                    };
                    for (key, row) in &now.0[place] {
                        // A reference that the statement itself wrote is judged, not carried out.
                        let is_old = self.0[place].get(key).is_some_and(|before| before[at] == row[at]);
                        if is_old && self.is_gone(&now, target, &row[at]) {
                            let key = row[..table.key].iter().map(Bound);
                            changed += connection.execute(&sql, rusqlite::params_from_iter(key))?;
                        }
                    }
                }
            }
            touched += changed;
            if changed == 0 {
                return Ok(touched);
            }
        }
    }

    fn is_gone(&self, now: &Self, table: usize, key: &Value) -> bool {
        let key = name(std::slice::from_ref(key));
        self.0[table].contains_key(&key) && !now.0[table].contains_key(&key)
    }
}

fn name(key: &[Value]) -> String {
    format!("{key:?}")
}

fn rows(connection: &Connection, table: &Table) -> rusqlite::Result<BTreeMap<String, Vec<Value>>> {
    let mut prepared =
        connection.prepare_cached(&format!("SELECT {} FROM {}", table.names().join(", "), table.name))?;
    let mut rows = prepared.query([])?;
    let mut all = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let row: Vec<Value> =
            (0..table.columns.len()).map(|at| row.get_ref(at).map(read)).collect::<rusqlite::Result<_>>()?;
        all.insert(name(&row[..table.key]), row);
    }
    Ok(all)
}
