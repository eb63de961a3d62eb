//! What a write with a basis had not seen, and how what it had seen is read again.

use std::collections::{HashMap, HashSet};

use tandem_protocol::merge::Added;
use tandem_protocol::schema::{ColumnId, TableId};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;

use super::ViewResult;

/// What was added to counters: by table, key and column.
pub(crate) type Deltas = HashMap<(TableId, Vec<u8>, ColumnId), Added>;

/// What a write with a basis had not seen.
#[derive(Default)]
pub(crate) struct Unseen {
    /// What it had seen; `None`: everything.
    pub basis: Option<VersionVector>,
    /// The deltas of counters that it had not.
    pub deltas: Deltas,
    /// The tables in which something was written that it had not seen.
    pub tables: HashSet<TableId>,
    /// The first arrival that it had not seen.
    pub first: u64,
    /// What it had seen, to be read again; only where it had not seen everything.
    pub past: Option<Box<dyn Past>>,
}

/// The transactions recorded so far.
pub(crate) trait Past {
    /// Gives the transactions of these arrival numbers, which ascend, until `take` says `false`.
    /// Answers `false` if one of them is not there any more.
    fn read(
        &self,
        arrivals: &[u64],
        take: &mut dyn FnMut(u64, Transaction) -> ViewResult<bool>,
    ) -> ViewResult<bool>;
}

/// Counters of a row by their places in the table, and what they were; `None`: nothing, or NULL.
pub(super) type AtBasis = Vec<(usize, Option<Value>)>;
