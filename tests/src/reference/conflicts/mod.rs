//! What is left for a person to decide.

mod rows;
mod unique;
mod broken;
mod duplicate;

use std::collections::BTreeMap;

use tandem_protocol::conflict::{Conflict, ConflictId};
use tandem_protocol::schema::Schema;

use super::history::History;
use super::table::Table;

/// All open conflicts, by ascending id.
pub fn open(history: &History<'_>, schema: &Schema, tables: &[Table<'_>]) -> Vec<Conflict> {
    let mut conflicts = schema.conflicts().to_vec();
    for table in tables {
        conflicts.extend(rows::deleted(table));
        conflicts.extend(rows::reference(table));
        conflicts.extend(rows::register(table));
        conflicts.extend(unique::unique(table));
        conflicts.extend(broken::check(table));
    }
    conflicts.extend(duplicate::duplicate(history));
    // A rule declared twice is broken once.
    let by_id: BTreeMap<ConflictId, Conflict> =
        conflicts.into_iter().map(|conflict| (conflict.id(), conflict)).collect();
    by_id.into_values().collect()
}
