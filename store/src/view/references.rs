//! What a row's change leaves to be followed up through references, when its transaction is in.
//!
//! Where rows were deleted that others refer to, the reference was refused, followed or emptied; after
//! a merge a row that is still referred to is shown nevertheless, and listed (see `retained`).

use std::collections::BTreeSet;

use rusqlite::Connection;
use tandem_protocol::value::{Key, Value};

use super::conflicts::ConflictList;
use super::figures::Figures;
use super::table::ViewTable;
use super::tables::Tables;
use super::{ViewResult, rows};

/// A row: its table's number and its key.
pub(super) type RowName = (i64, Vec<u8>);

/// What the rows changed by the transaction at hand leave to be looked at through references.
#[derive(Default)]
pub(super) struct FollowUp {
    /// Rows that may have come to refer to hidden ones: to look at what they refer to.
    referring: BTreeSet<RowName>,
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
        for (at, target) in &table.references {
            let old = before.map(|row| &row[*at]).filter(|value| !value.is_null());
            let new = after.map(|row| &row[*at]).filter(|value| !value.is_null());
            if old == new {
                continue;
            }
            let Some(target) = tables.named(target) else { continue };
            if let Some(old) = old
                && conflicts.is_retained(connection, &target, &Key(vec![old.clone()]).to_bytes())?
            {
                self.is_unsupported = true;
            }
            // A row that is hidden has an entry of its own.
            if let (Some(new), Some(row)) = (new, after)
                && figures.has_hidden(target.number)
                && rows::is_stored(connection, &target, &Key(vec![new.clone()]).to_bytes())?
            {
                self.referring.insert((table.number, table.key_of(row).to_bytes()));
            }
        }
        Ok(())
    }

    /// A row is shown only because another refers to it, and that may not be enough.
    pub(super) fn doubt(&mut self) {
        self.is_unsupported = true;
    }

    /// Whether nothing is left to be looked at.
    pub(super) fn is_done(&self) -> bool {
        self.referring.is_empty() && !self.is_unsupported
    }

    /// The next row that may have come to refer to hidden ones.
    pub(super) fn next_referring(&mut self) -> Option<RowName> {
        self.referring.pop_first()
    }

    /// Whether a retained row may have lost its support since this was asked last.
    pub(super) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.is_unsupported)
    }
}
