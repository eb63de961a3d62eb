//! Rows that break NOT NULL or CHECK.

use tandem_protocol::conflict::{Conflict, ConflictKind, Held, Version};
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
    }
    conflicts
}

fn conflict(table: &Table<'_>, row: &Row<'_>, rule: Rule<'_>) -> Conflict {
    let mut versions = Vec::new();
    for (column, cell) in table.columns.iter().zip(&row.cells) {
        let name = &column.def.name;
        if let (true, Some(cell)) = (rule.mentions(column.def), cell) {
            let held = Held::Value { column: name.clone(), value: Constant::new(&cell.shown) };
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
