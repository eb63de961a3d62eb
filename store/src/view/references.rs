//! What a row's change leaves to be followed up through references, when its transaction is in.
//!
//! Where rows were deleted that others refer to, the reference was refused, followed or emptied; after
//! a merge a row that is still referred to is shown nevertheless, and listed (see `retained`).

use std::collections::BTreeSet;

use rusqlite::Connection;
use tandem_protocol::schema::RuleId;
use tandem_protocol::value::{Key, Value};

use super::conflicts::ConflictList;
use super::figures::Figures;
use super::table::ViewTable;
use super::tables::Tables;
use super::{ViewResult, rows};

/// A row: its table's number and its key.
pub(super) type RowName = (i64, Vec<u8>);

/// Values by which rows of a table are referred to: its number, the rule, the values.
pub(super) type UniqueValue = (i64, RuleId, Vec<u8>);

/// What the rows changed by the transaction at hand leave to be looked at through references.
#[derive(Default)]
pub(super) struct FollowUp {
    /// Rows that may have come to refer to hidden ones: to look at what they refer to.
    referring: BTreeSet<RowName>,
    /// Values that may have come to mean another row.
    values: BTreeSet<UniqueValue>,
    /// Whether a retained row may have lost its support.
    is_unsupported: bool,
}

impl FollowUp {
    /// Takes note of a row's change: what it refers to now, what it no longer refers to.
    pub(super) fn note(
        &mut self,
        connection: &Connection,
        (tables, figures, conflicts): (&Tables, &Figures, &ConflictList),
        table: &ViewTable,
        (before, after): (Option<&[Value]>, Option<&[Value]>),
    ) -> ViewResult<()> {
        // Where no row is deleted, none is to be shown or hidden.
        let has_deleted = |table: &ViewTable| figures.has_hidden(table.number) || conflicts.retains_any();
        if tables.is_told_by_values(table.id) && has_deleted(table) {
            let [old, new] = [before, after].map(|row| row.map(|row| tables.values_of(table, row)));
            let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
            for (rule, value) in old.symmetric_difference(&new) {
                self.note_value(table, *rule, value.clone());
            }
        }
        for reference in &table.references {
            let target = tables.by_id(&reference.target).filter(|target| has_deleted(target));
            let Some(target) = target else { continue };
            let old = before.and_then(|row| reference.values(row));
            let new = after.and_then(|row| reference.values(row));
            if old == new {
                continue;
            }
            if let Some(rule) = reference.unique {
                let noted = [old, new].into_iter().flatten();
                noted.for_each(|values| self.note_value(target, rule, Key(values).to_bytes()));
                continue;
            }
            if let Some(old) = old
                && conflicts.is_retained(connection, target, &Key(old).to_bytes())?
            {
                self.is_unsupported = true;
            }
            // A row that is hidden has an entry of its own.
            if let (Some(new), Some(row)) = (new, after)
                && figures.has_hidden(target.number)
                && rows::is_stored(connection, target, &Key(new).to_bytes())?
            {
                self.referring.insert((table.number, table.key_of(row).to_bytes()));
            }
        }
        Ok(())
    }

    /// Values of a UNIQUE that is referred to may have come to mean another row.
    pub(super) fn note_value(&mut self, table: &ViewTable, rule: RuleId, value: Vec<u8>) {
        self.values.insert((table.number, rule, value));
    }

    /// A row is shown only because another refers to it, and that may not be enough.
    pub(super) fn doubt(&mut self) {
        self.is_unsupported = true;
    }

    /// Whether nothing is left to be looked at.
    pub(super) fn is_done(&self) -> bool {
        self.referring.is_empty() && self.values.is_empty() && !self.is_unsupported
    }

    /// The next row that may have come to refer to hidden ones.
    pub(super) fn next_referring(&mut self) -> Option<RowName> {
        self.referring.pop_first()
    }

    /// The next values that may mean another row than they did.
    pub(super) fn next_value(&mut self) -> Option<UniqueValue> {
        self.values.pop_first()
    }

    /// Whether a retained row may have lost its support since this was asked last.
    pub(super) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.is_unsupported)
    }
}
