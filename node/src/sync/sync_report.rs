//! What a sync brought, per table: one log line each, when it has come to rest.

use std::collections::BTreeMap;

use tandem_protocol::identity::{Author, SpaceId};
use tandem_store::{Received, TableChange};

/// Counts what one peer's blocks changed here.
#[derive(Default)]
pub(super) struct SyncReport {
    transactions: u64,
    tables: BTreeMap<(SpaceId, String), (u64, u64, u64)>,
}

impl SyncReport {
    /// A block was merged.
    pub fn add(&mut self, space: SpaceId, received: &Received) {
        self.transactions += received.transactions;
        for TableChange { table, inserted, updated, deleted } in &received.changes {
            let sum = self.tables.entry((space, table.clone())).or_default();
            sum.0 += inserted;
            sum.1 += updated;
            sum.2 += deleted;
        }
    }

    /// Whether there is something to say.
    pub fn is_empty(&self) -> bool {
        self.transactions == 0
    }

    /// Says it, and starts anew.
    pub fn report(&mut self, peer: &Author) {
        let Self { transactions, tables } = std::mem::take(self);
        debug_assert!(transactions > 0 || tables.is_empty(), "rows change by transactions");
        let peer = peer.short();
        tracing::info!(peer, transactions, "synchronised");
        for ((_, table), (added, changed, deleted)) in tables {
            tracing::info!(peer, table, added, changed, deleted, "synchronised table");
        }
    }
}
