//! ON DELETE as the docs tell it, for stories in which it is not what SQLite does: after a statement,
//! for the rows whose keys are gone. (A row that REPLACE puts under its own key is not gone.)

use std::collections::BTreeMap;

use rusqlite::Connection;
use tandem_protocol::value::Value;

use super::functions::{Bound, read};
use super::table::{Column, Table};

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
                for acting in acting(table) {
                    let keys: Vec<String> = (0..table.key)
                        .map(|key| format!("{} = ?{}", table.columns[key].name, key + 1))
                        .collect();
                    let (name, keys) = (&table.name, keys.join(" AND "));
                    let empty: Vec<String> = acting
                        .columns
                        .iter()
                        .map(|at| format!("{} = NULL", table.columns[*at].name))
                        .collect();
                    let sql = match acting.action {
                        "CASCADE" => format!("DELETE FROM {name} WHERE {keys}"),
                        _ => format!("UPDATE {name} SET {} WHERE {keys}", empty.join(", ")),
                    };
                    for (key, row) in &now.0[place] {
                        let values = |row: &[Value]| at(row, &acting.columns);
                        // A reference that the statement itself wrote is judged, not carried out.
                        let is_old =
                            self.0[place].get(key).is_some_and(|before| values(before) == values(row));
                        let is_null = values(row).iter().any(Value::is_null);
                        if is_old && !is_null && self.is_gone(&now, &acting, &values(row)) {
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

    /// Whether a row of these values was there, and is gone, and no other has them now.
    fn is_gone(&self, now: &Self, acting: &Acting, values: &[Value]) -> bool {
        let has = |row: &[Value]| at(row, &acting.targets) == values;
        let mut before = self.0[acting.target].iter();
        let now = &now.0[acting.target];
        before.any(|(key, row)| has(row) && !now.contains_key(key)) && !now.values().any(|row| has(row))
    }
}

/// A reference that does something when the row referred to is deleted.
struct Acting {
    columns: Vec<usize>,
    target: usize,
    targets: Vec<usize>,
    action: &'static str,
}

fn acting(table: &Table) -> Vec<Acting> {
    let of_column = |(at, column): (usize, &Column)| {
        let (target, action) = column.refers?;
        Some(Acting { columns: vec![at], target, targets: vec![0], action })
    };
    let wide = table.wide.as_ref().map(|wide| Acting {
        columns: wide.columns.clone(),
        target: wide.target,
        targets: wide.targets.iter().map(|(at, _)| *at).collect(),
        action: wide.action,
    });
    let all = table.columns.iter().enumerate().filter_map(of_column).chain(wide);
    all.filter(|acting| matches!(acting.action, "CASCADE" | "SET NULL")).collect()
}

fn at(row: &[Value], columns: &[usize]) -> Vec<Value> {
    columns.iter().map(|at| row[*at].clone()).collect()
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
