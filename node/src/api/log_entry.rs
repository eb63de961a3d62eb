//! The log as people read it: who changed what, where and when.

use serde::{Deserialize, Serialize};
use tandem_protocol::membership::Membership;
use tandem_protocol::schema::Schema;

use super::error::Result;
use super::log_filter::{filter, find_dot};
use super::log_op::{self, AskedChanges, LogOp};
use super::transaction_head::TransactionHead;
use super::{Api, error_kind, page_limit};

/// Which transactions to show, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogQuery {
    /// Only changes of this table.
    pub table: Option<String>,
    /// Only changes of rows with this key. One of several columns: its values separated by commas,
    /// or, together with `table`, by name: `a=1,b=2`.
    pub key: Option<String>,
    /// Only transactions of this site: its name or id.
    pub site: Option<String>,
    /// Not before this time, ISO 8601.
    pub since: Option<String>,
    /// Not after this time, ISO 8601.
    pub until: Option<String>,
    /// At most that many: 100 when not said, never more than 1,000.
    pub limit: Option<usize>,
    /// Only what arrived at that arrival number or later.
    pub from: Option<u64>,
    /// Only what arrived before that arrival number: the `next` of the page before.
    pub before: Option<u64>,
}

/// One page of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogPage {
    /// Transactions, newest arrival first.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins, if there is more.
    pub next: Option<u64>,
}

/// One transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// What it says of itself.
    #[serde(flatten)]
    pub head: TransactionHead,
    /// Its place in the order of arrival here, from 0.
    pub arrival: u64,
    /// Its hash; covers all that its author wrote before.
    pub hash: String,
    /// What it changed (with a filter on tables or keys: only what matches).
    pub ops: Vec<LogOp>,
}

/// What can be asked of a site about its log.
pub struct LogRequests<'a>(pub(super) &'a Api);

impl Api {
    /// Requests about the log.
    pub fn log(&self) -> LogRequests<'_> {
        LogRequests(self)
    }
}

impl LogRequests<'_> {
    /// A page of the log, newest first.
    pub fn page(&self, space: &str, query: &LogQuery) -> Result<LogPage> {
        let space = self.0.space(space)?;
        let (membership, schema) = (space.membership(), space.schema());
        let limit = page_limit(query.limit);
        let mut filter = filter(query, &membership, &schema)?;
        // One more than asked for tells whether there is another page.
        filter.limit = Some(limit + 1);
        let mut found = space.log().find(&filter)?;
        assert!(found.len() <= limit + 1, "the log gives no more than it is asked for");
        debug_assert!(
            found.windows(2).all(|pair| pair[0].arrival > pair[1].arrival),
            "a page is told newest first"
        );
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|last| last.arrival)
        } else {
            None
        };
        let asked = AskedChanges { table: filter.table, key: filter.key };
        let entries = found.iter().map(|entry| describe(entry, &membership, &schema, &asked)).collect();
        Ok(LogPage { entries, next })
    }

    /// One transaction.
    pub fn transaction(&self, space: &str, dot: &str) -> Result<LogEntry> {
        let space = self.0.space(space)?;
        let unknown = || error_kind::transaction_unknown.with("dot", dot);
        let name = find_dot(dot, &space.membership()).ok_or_else(unknown)?;
        let entry = space.log().transaction(&name)?.ok_or_else(unknown)?;
        Ok(describe(&entry, &space.membership(), &space.schema(), &AskedChanges::default()))
    }
}

fn describe(
    entry: &tandem_store::LogEntry,
    membership: &Membership,
    schema: &Schema,
    asked: &AskedChanges,
) -> LogEntry {
    let mut ops = Vec::new();
    for op in &entry.transaction.ops {
        log_op::describe(op, schema, asked, &mut ops);
    }
    LogEntry {
        head: TransactionHead::of(&entry.transaction.header, membership),
        arrival: entry.arrival,
        hash: entry.hash.to_string(),
        ops,
    }
}
