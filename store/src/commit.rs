//! What watchers are told: a commit, and the transactions in it.

use std::sync::Arc;

use tandem_protocol::version::{Dot, VersionVector};

use crate::changed_rows::ChangedRows;
use crate::table_change::TableChange;

/// A durable commit of one or more transactions.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Arrival number after the last transaction.
    pub end: u64,
    /// Everything held now.
    pub vector: Arc<VersionVector>,
    /// What was committed, in order of arrival.
    pub transactions: Vec<CommittedTransaction>,
}

/// One committed transaction.
#[derive(Clone, Debug)]
pub struct CommittedTransaction {
    /// Its arrival number on this site.
    pub arrival: u64,
    /// Its name.
    pub dot: Dot,
    /// Its time, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Whether this site wrote it.
    pub local: bool,
    /// Rows changed, per table.
    pub changes: Vec<TableChange>,
    /// Which ones.
    pub rows: ChangedRows,
}
