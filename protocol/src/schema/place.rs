//! The place of a schema op among all of them: causes before effects.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::chain::Chain;
use crate::merge::WriteId;
use crate::transaction::Header;
use crate::version::VersionVector;

/// The place of one schema op: an order that puts every op after those its author knew, and decides
/// between the others by time, author, number, and place in the transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OpPlace {
    /// The length of the longest chain of schema changes that lead to it, each known to the next.
    pub depth: u32,
    /// The transaction's writes.
    pub by: WriteId,
    /// Its place in the transaction.
    pub place: u32,
}

/// Which schema changes somebody knew: of each chain the number of the last.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
pub struct KnownSchema(BTreeMap<Chain, u64>);

impl KnownSchema {
    /// Whether a transaction's schema changes are among them.
    pub(super) fn covers(&self, by: &WriteId) -> bool {
        self.0.get(&by.dot().chain()).is_some_and(|seq| by.seq <= *seq)
    }
}

/// Gives schema ops their places. Transactions come after all that their authors knew, so a place
/// is known for good as soon as the op is there.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OpPlaces {
    /// Of each chain: the numbers of the transactions with schema ops, and their depths; both ascend.
    depths: BTreeMap<Chain, Vec<(u64, u32)>>,
}

impl OpPlaces {
    /// The place of an op of a transaction whose author held `context` of others.
    pub fn of(&self, header: &Header, context: &VersionVector, place: u32) -> OpPlace {
        let known = |(chain, depths): (&Chain, &Vec<(u64, u32)>)| {
            let held = if *chain == header.dot.chain() { header.dot.seq - 1 } else { context.seq(chain) };
            let before = depths.partition_point(|(seq, _)| *seq <= held);
            before.checked_sub(1).map(|last| depths[last].1)
        };
        let depth = self.depths.iter().filter_map(known).max().map_or(0, |depth| depth.saturating_add(1));
        OpPlace { depth, by: header.write_id(), place }
    }

    /// Which schema changes the author of a transaction knew: of each chain the last.
    pub fn known(&self, header: &Header, context: &VersionVector) -> KnownSchema {
        let last = |(chain, depths): (&Chain, &Vec<(u64, u32)>)| {
            let held = if *chain == header.dot.chain() { header.dot.seq - 1 } else { context.seq(chain) };
            let before = depths.partition_point(|(seq, _)| *seq <= held);
            Some((*chain, depths[before.checked_sub(1)?].0))
        };
        KnownSchema(self.depths.iter().filter_map(last).collect())
    }

    /// Takes note of a schema op, whatever its verdict.
    pub fn note(&mut self, at: OpPlace) {
        let depths = self.depths.entry(at.by.dot().chain()).or_default();
        if let Err(free) = depths.binary_search_by_key(&at.by.seq, |(seq, _)| *seq) {
            depths.insert(free, (at.by.seq, at.depth));
            debug_assert!(
                depths.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1),
                "along a chain numbers and depths ascend"
            );
        }
    }
}
