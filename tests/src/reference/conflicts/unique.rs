//! Values that only one row may hold, held by several.

use std::collections::BTreeMap;

use tandem_protocol::conflict::{Conflict, ConflictKind, Version, VersionContent};
use tandem_protocol::merge::WriteId;
use tandem_protocol::value::{Key, Value};

use crate::reference::row::Row;
use crate::reference::table::Table;

/// The conflicts of all UNIQUE rules of a table.
pub fn unique(table: &Table<'_>) -> Vec<Conflict> {
    table.def.uniques.iter().flat_map(|rule| of_rule(table, rule.columns.clone())).collect()
}

fn of_rule(table: &Table<'_>, rule: Vec<String>) -> Vec<Conflict> {
    let columns: Vec<usize> = rule.iter().filter_map(|name| table.column(name)).collect();
    let mut holders: BTreeMap<Vec<u8>, Vec<&Row<'_>>> = BTreeMap::new();
    for row in table.shown_rows() {
        let values: Vec<Value> = columns.iter().map(|at| row.values[*at].clone()).collect();
        if !values.iter().any(Value::is_null) {
            holders.entry(Key(values).to_bytes()).or_default().push(row);
        }
    }
    holders.retain(|_, rows| rows.len() > 1);
    let conflict = |(key, rows): (Vec<u8>, Vec<&Row<'_>>)| {
        let mut versions: Vec<(WriteId, Vec<u8>)> =
            rows.into_iter().map(|row| (written_by(row, &columns), row.key.to_bytes())).collect();
        versions.sort();
        Conflict {
            kind: ConflictKind::Unique,
            table: table.def.name.clone(),
            key,
            columns: rule.clone(),
            versions: versions
                .into_iter()
                .map(|(by, key)| Version { by, held: VersionContent::Row(key) })
                .collect(),
        }
    };
    holders.into_iter().map(conflict).collect()
}

/// The write that gave the row its value: the last of those shown in the rule's columns. Where
/// none of them was ever set, the one that the row is there for.
fn written_by(row: &Row<'_>, columns: &[usize]) -> WriteId {
    let set = columns.iter().filter_map(|at| row.cells[*at].as_ref()?.by);
    set.max().unwrap_or(row.life[0].by)
}
