//! Rows that break NOT NULL or CHECK, or whose counters outgrew their columns.

use tandem_protocol::conflict::{Conflict, ConflictKind, Version, VersionContent};
use tandem_protocol::schema::{Constant, Rule};

use crate::reference::check::Rules;
use crate::reference::row::Row;
use crate::reference::table::Table;

/// All shown rows of a table, and each rule they break.
pub fn check(table: &Table<'_>) -> Vec<Conflict> {
    let rules = Rules::of(table);
    let mut conflicts = Vec::new();
    for row in table.shown_rows() {
        conflicts.extend(rules.broken(table, &row.values).into_iter().map(|rule| conflict(table, row, rule)));
        conflicts.extend(too_long(table, row));
    }
    conflicts
}

/// Counters with more digits than their columns say.
fn too_long(table: &Table<'_>, row: &Row<'_>) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    for (column, cell) in table.columns.iter().zip(&row.cells) {
        let Some(cell) = cell.as_ref().filter(|cell| cell.is_beyond) else { continue };
        let held =
            VersionContent::Value { column: column.def.name.clone(), value: Constant::new(&cell.shown) };
        conflicts.push(Conflict {
            kind: ConflictKind::Check,
            table: table.def.name.clone(),
            key: row.key.to_bytes(),
            columns: vec![format!("{} {}", column.def.name, column.def.kind)],
            versions: cell.makers.iter().map(|by| Version { by: *by, held: held.clone() }).collect(),
        });
    }
    conflicts
}

fn conflict(table: &Table<'_>, row: &Row<'_>, rule: Rule<'_>) -> Conflict {
    let mut versions = Vec::new();
    for (column, cell) in table.columns.iter().zip(&row.cells) {
        let name = &column.def.name;
        if let (true, Some(cell)) = (rule.mentions(column.def), cell) {
            let held = VersionContent::Value { column: name.clone(), value: Constant::new(&cell.shown) };
            versions.extend(cell.makers.iter().map(|by| Version { by: *by, held: held.clone() }));
        }
    }
    Conflict {
        kind: ConflictKind::Check,
        table: table.def.name.clone(),
        key: row.key.to_bytes(),
        columns: vec![rule.name().to_owned()],
        versions,
    }
}
