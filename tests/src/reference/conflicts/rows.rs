//! Conflicts of a row's life and of its cells.

use tandem_protocol::conflict::{Conflict, ConflictKind, Version, VersionContent};
use tandem_protocol::schema::Constant;

use crate::reference::row::Row;
use crate::reference::table::Table;

/// Rows, shown or not, that one deleted and another wrote.
pub fn deleted<'t>(table: &'t Table<'_>) -> impl Iterator<Item = Conflict> + 't {
    let disputed = |row: &&Row<'_>| row.life.iter().any(|sibling| sibling.what != row.is_alive());
    table.rows.values().filter(disputed).map(|row| of_life(ConflictKind::Deleted, table, row))
}

/// Deleted rows that are shown because others refer to them.
pub fn reference<'t>(table: &'t Table<'_>) -> impl Iterator<Item = Conflict> + 't {
    let kept = table.shown_rows().filter(|row| !row.is_alive());
    kept.map(|row| of_life(ConflictKind::Reference, table, row))
}

/// Cells of shown rows that were given different values.
pub fn register<'t>(table: &'t Table<'_>) -> impl Iterator<Item = Conflict> + 't {
    table.shown_rows().flat_map(|row| {
        let cells = table.columns.iter().zip(&row.cells);
        cells.filter_map(|(column, cell)| {
            let cell = cell.as_ref().filter(|cell| cell.is_disputed())?;
            let column = &column.def.name;
            let held = |value| VersionContent::Value { column: column.clone(), value: Constant::new(value) };
            let versions = cell.siblings.iter();
            Some(Conflict {
                kind: ConflictKind::Register,
                table: table.def.name.clone(),
                key: row.key.to_bytes(),
                columns: vec![column.clone()],
                versions: versions
                    .map(|sibling| Version { by: sibling.by, held: held(&sibling.what.shows) })
                    .collect(),
            })
        })
    })
}

fn of_life(kind: ConflictKind, table: &Table<'_>, row: &Row<'_>) -> Conflict {
    let held = |alive| if alive { VersionContent::Alive } else { VersionContent::Deleted };
    Conflict {
        kind,
        table: table.def.name.clone(),
        key: row.key.to_bytes(),
        columns: Vec::new(),
        versions: row.life.iter().map(|one| Version { by: one.by, held: held(one.what) }).collect(),
    }
}
