//! Rows with a cell that many wrote without knowing of each other: what they come to is written down
//! when the job at hand ends, not after each of its transactions. Else a thousand versions that
//! arrive together would be read and written a thousand times.

use std::collections::HashMap;
use std::sync::Arc;

use super::row_entry::RowEntry;
use super::table::ViewTable;

/// Versions of one cell from which on its row is crowded.
const CROWD: usize = 16;

/// Crowded rows kept at hand.
const ROWS: usize = 64;

/// The crowded rows that the job at hand wrote, by table number and key.
#[derive(Default)]
pub(super) struct CrowdedRows(HashMap<(i64, Vec<u8>), Crowded>);

/// A crowded row whose state and conflicts are not written down yet; what it shows is.
pub(super) struct Crowded {
    pub table: Arc<ViewTable>,
    pub row: RowEntry,
    /// Arrival number of the last transaction that touched it.
    pub arrival: u64,
}

/// Whether so many wrote a cell of a row without knowing of each other.
pub(super) fn is_crowded(row: &RowEntry) -> bool {
    row.state.cells.values().any(|cell| cell.set.siblings().len() >= CROWD)
}

impl CrowdedRows {
    /// The row of that key, if it is at hand.
    pub(super) fn get(&self, table: &ViewTable, key: &[u8]) -> Option<&RowEntry> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&(table.number, key.to_vec())).map(|crowded| &crowded.row)
    }

    /// Takes it out.
    pub(super) fn take(&mut self, table: &ViewTable, key: &[u8]) -> Option<RowEntry> {
        if self.0.is_empty() {
            return None;
        }
        self.0.remove(&(table.number, key.to_vec())).map(|crowded| crowded.row)
    }

    /// Puts one in.
    pub(super) fn put(&mut self, key: &[u8], crowded: Crowded) {
        assert!(self.0.len() < ROWS, "crowded rows are written down before they are too many");
        self.0.insert((crowded.table.number, key.to_vec()), crowded);
    }

    /// Whether none is at hand.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some are to be written down before another one is put in.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= ROWS
    }

    /// All of them, with their keys, to be written down.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = (Vec<u8>, Crowded)> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|((_, key), crowded)| (key, crowded))
    }

    /// Forgets them: they are taken back.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
