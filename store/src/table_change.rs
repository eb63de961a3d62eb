//! How many rows a transaction, or several, changed in one table.

/// Rows changed in one table.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize)]
pub struct TableChange {
    /// The table.
    pub table: String,
    /// Rows that were not shown before.
    pub inserted: u64,
    /// Rows shown with other values.
    pub updated: u64,
    /// Rows no longer shown.
    pub deleted: u64,
}

/// Adds up changes per table.
pub(crate) fn add_changes(all: &mut Vec<TableChange>, more: &[TableChange]) {
    for change in more {
        match all.iter_mut().find(|known| known.table == change.table) {
            Some(known) => {
                known.inserted += change.inserted;
                known.updated += change.updated;
                known.deleted += change.deleted;
            }
            None => all.push(change.clone()),
        }
    }
}
