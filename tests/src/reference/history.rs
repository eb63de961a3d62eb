//! The transactions, and what the writer of each had seen.

use std::collections::BTreeMap;

use tandem_protocol::chain::Branches;
use tandem_protocol::op::Op;
use tandem_protocol::transaction::{Header, Transaction};
use tandem_protocol::version::{Dot, Head, VersionVector};

/// One transaction.
pub struct Entry<'a> {
    pub header: &'a Header,
    pub ops: &'a [Op],
    /// What its writer had seen: decides what it supersedes.
    seen: VersionVector,
    /// What its author held when it was recorded.
    past: VersionVector,
}

/// All transactions, causes before effects.
pub struct History<'a>(Vec<Entry<'a>>);

impl Entry<'_> {
    /// Whether its writer had seen that transaction.
    pub fn knows(&self, other: &Self) -> bool {
        self.seen.covers(&other.header.dot)
    }

    /// What its author held.
    pub fn past(&self) -> &VersionVector {
        &self.past
    }

    /// Whether its author held that transaction.
    pub fn follows(&self, other: &Self) -> bool {
        self.past.covers(&other.header.dot)
    }
}

impl<'a> History<'a> {
    pub fn of(transactions: &'a [Transaction]) -> Self {
        let by_dot: BTreeMap<Dot, &Transaction> =
            transactions.iter().map(|transaction| (transaction.header.dot, transaction)).collect();
        let mut contexts: BTreeMap<_, VersionVector> = BTreeMap::new();
        let mut entries = Vec::new();
        // An author's transactions follow each other, by ascending number.
        for (dot, transaction) in by_dot {
            let header = &transaction.header;
            let context = contexts.entry(dot.author).or_default();
            context.join(&header.context);
            let mut past = context.clone();
            if dot.seq > 1 {
                let before = Head { seq: dot.seq - 1, prefix: [0; 16] };
                past.advance(dot.chain(), before, &Branches::NONE);
            }
            // Nobody has seen more than there was to see.
            let basis = header.basis.as_ref();
            let seen = basis.map_or_else(|| past.clone(), |basis| basis.within(|chain| past.get(chain)));
            entries.push(Entry { header, ops: &transaction.ops, seen, past });
        }
        // Who holds a transaction holds all that its author held, and the transaction itself.
        entries.sort_by_key(|entry| (entry.past.transactions(), entry.header.dot));
        Self(entries)
    }

    pub fn entries(&self) -> &[Entry<'a>] {
        &self.0
    }
}
