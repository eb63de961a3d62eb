//! What the rows of a transaction come to in memory: a few bytes can say a million of them.

use crate::bounds;
use crate::value::Value;

/// Bytes of a value in memory beside its text: the same number on every machine, since what counts
/// hangs on it.
pub(super) const VALUE_BYTES: usize = 48;

const _: () = assert!(size_of::<Value>() <= VALUE_BYTES, "a value takes what is counted for it");

/// What the rows of a transaction unfold to, as far as they are counted.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Unfolded {
    rows: usize,
    bytes: usize,
}

impl Unfolded {
    /// Counts a group of so many rows and columns, and bytes beside the values themselves.
    pub(super) fn add(&mut self, rows: usize, columns: usize, bytes: usize) {
        let values = rows.saturating_mul(columns).saturating_mul(VALUE_BYTES);
        self.rows = self.rows.saturating_add(rows);
        self.bytes = self.bytes.saturating_add(values).saturating_add(bytes);
    }

    /// Whether it is beyond what one transaction may unfold to.
    pub(crate) fn is_too_much(self) -> bool {
        self.rows > bounds::TRANSACTION_ROWS || self.bytes > bounds::TRANSACTION_UNFOLDED_BYTES
    }
}

/// A transaction whose rows are beyond what one may unfold to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooManyRows;
