//! The figures of one table.

use tandem_protocol::fingerprint::Fingerprint;

/// Figures of one table: only what follows from its rows, for the check of the log compares them whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStatus {
    /// The table.
    pub name: String,
    /// Rows shown.
    pub rows: u64,
    /// Fingerprint of the rows shown.
    pub fingerprint: Fingerprint,
}
