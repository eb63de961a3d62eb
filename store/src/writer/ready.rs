//! A write that has run aside, as it comes back to the writer.

use std::collections::HashSet;
use std::time::Duration;

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::Author;
use tandem_protocol::op::Op;
use tandem_protocol::schema::TableId;
use tandem_protocol::transaction::Transaction;

use super::replay::transactions;
use crate::log::{LogError, SpaceLog};
use crate::recent::Recent;
use crate::statement::StatementResult;
use crate::view::{Place, ViewError};
use crate::write::Write;

/// A write that has run aside, or that did so in vain.
pub(crate) struct Ready {
    pub write: Box<Write>,
    /// What it does.
    pub ops: Vec<Op>,
    /// What its statements are answered with.
    pub results: Vec<StatementResult>,
    /// The rows it changes.
    pub rows: HashSet<(TableId, Vec<u8>)>,
    /// Where it was given numbers, and the greatest before them.
    pub numbers: Vec<(Place, u64)>,
    /// The arrival up to which it knows everything.
    pub position: u64,
    /// Who this site was: in the ids and documents that it makes.
    pub me: Author,
    /// How often it ran aside.
    pub times: u8,
    /// How long it took.
    pub took: Duration,
}

impl Ready {
    /// Whether a row it changes was changed since, or the tables were: in the log up to `end`, or by the
    /// group at hand, which is not in it yet.
    pub fn is_overtaken(&self, log: &SpaceLog, end: u64, recent: &[Recent]) -> Result<bool, ViewError> {
        let meets = |transaction: &Transaction| {
            let schema = transaction.ops.iter().any(|op| matches!(op, Op::Schema(_)));
            schema || rows_of(&transaction.ops).any(|row| self.rows.contains(&row))
        };
        let unreadable = |error: LogError| ViewError::Behind(Cause::from(&error));
        for record in log.records(self.position, end) {
            let record = record.map_err(unreadable)?;
            for (arrival, transaction, _) in transactions(&record).map_err(unreadable)? {
                if arrival >= self.position && meets(&transaction) {
                    return Ok(true);
                }
            }
        }
        let recent = recent.iter().filter(|recent| recent.arrival >= self.position);
        Ok(recent.filter_map(|recent| Transaction::decode(&recent.bytes).ok()).any(|one| meets(&one)))
    }
}

/// The rows that ops change.
pub fn rows_of(ops: &[Op]) -> impl Iterator<Item = (TableId, Vec<u8>)> {
    let groups = ops.iter().filter_map(|op| match op {
        Op::Rows(group) => Some(group),
        _ => None,
    });
    groups.flat_map(|group| (0..group.rows()).map(|at| (group.table_id, group.key(at).to_bytes())))
}
