//! Rows with a cell that many wrote without knowing of each other: what they come to is written down
//! when the job at hand ends, not after each of its transactions. Else a thousand versions that
//! arrive together would be read and written a thousand times.

use std::collections::HashMap;
use std::sync::Arc;

use tandem_protocol::value::Key;

use super::rows::{self, Loaded};
use super::table::ViewTable;
use super::{View, ViewError, ViewResult, touched};

/// Versions of one cell from which on its row is crowded.
const CROWD: usize = 16;

/// Crowded rows kept at hand.
const ROWS: usize = 64;

/// The crowded rows that the job at hand wrote, by table number and key.
pub(super) type CrowdedRows = HashMap<(i64, Vec<u8>), Crowded>;

/// A crowded row whose state and conflicts are not written down yet; what it shows is.
pub(super) struct Crowded {
    table: Arc<ViewTable>,
    row: Loaded,
    /// Arrival number of the last transaction that touched it.
    arrival: u64,
}

impl View {
    /// The state of a row.
    pub(crate) fn load_row(&self, table: &ViewTable, key: &Key, bytes: &[u8]) -> ViewResult<Loaded> {
        let shown = rows::select(&self.connection, table, key)?;
        if !self.crowded.is_empty()
            && let Some(crowded) = self.crowded.get(&(table.number, bytes.to_vec()))
        {
            return Ok(crowded.row.clone().shown_as(shown));
        }
        Loaded::load(&self.connection, &self.fold.position.authors, table, bytes, shown)
    }

    /// The state of a row that is about to be written.
    pub(super) fn take_row(&mut self, table: &ViewTable, key: &Key, bytes: &[u8]) -> ViewResult<Loaded> {
        if !self.crowded.is_empty()
            && let Some(crowded) = self.crowded.remove(&(table.number, bytes.to_vec()))
        {
            let shown = rows::select(&self.connection, table, key)?;
            return Ok(crowded.row.shown_as(shown));
        }
        self.load_row(table, key, bytes)
    }

    /// Keeps a row at hand instead of writing it down, if it is crowded; gives it back if it is not.
    /// Only one that has an entry of its own, is alive and was shown: nothing that is asked before the
    /// job ends depends on how many versions such a row has.
    pub(super) fn hold_crowded(
        &mut self,
        table: &Arc<ViewTable>,
        key: &[u8],
        mut row: Loaded,
    ) -> ViewResult<Option<Loaded>> {
        let is_crowded = row.state.cells.values().any(|cell| cell.set.siblings().len() >= CROWD);
        let plain = row.stored && row.shown.is_some() && row.state.is_alive();
        if !is_crowded || !plain || self.fold.conflicts.is_kept(&self.connection, table, key)? {
            return Ok(Some(row));
        }
        if self.crowded.len() >= ROWS {
            self.write_crowded()?;
        }
        let position = &self.fold.position;
        touched::note(&self.connection, &position.authors, table, key, position.next, None)?;
        row.forget_changed_base(table);
        let (table, arrival) = (Arc::clone(table), position.next);
        self.crowded.insert((table.number, key.to_vec()), Crowded { table, row, arrival });
        Ok(None)
    }

    /// Writes down all that is at hand.
    pub(crate) fn write_crowded(&mut self) -> ViewResult<()> {
        for ((_, bytes), Crowded { table, row, arrival }) in std::mem::take(&mut self.crowded) {
            let key = Key::from_bytes(&bytes).map_err(|_| ViewError::Inconsistent("a key"))?;
            let shown = rows::select(&self.connection, &table, &key)?;
            self.list_row(&table, &bytes, &row, shown.as_ref().map(|(_, values)| values.as_slice()))?;
            row.save(&self.connection, &self.fold.position.authors, &table, &bytes, arrival)?;
        }
        Ok(())
    }
}
