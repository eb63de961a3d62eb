//! What a block that was verified comes to.

use std::collections::BTreeSet;

use crate::chain::{Chain, Origin};
use crate::fork::{Fork, Withheld};
use crate::identity::TxHash;
use crate::transaction::Transaction;

/// A block that was verified.
#[derive(Debug, Default)]
pub struct Verified {
    /// What was not held before, in the order to apply it.
    pub incoming: Vec<Incoming>,
    /// Branches that begin in it.
    pub branches: Vec<(Chain, Origin)>,
    /// Branches left out because their authors have more than count.
    pub beyond: BTreeSet<Chain>,
    /// Chains found to have forked.
    pub forks: Vec<Fork>,
    /// What does not pass, besides what was known not to.
    pub withheld: Withheld,
    /// Whether something that is not held was left out.
    pub left_out: bool,
}

/// A verified transaction that was not held before.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Where in the block its bytes are.
    pub at: usize,
    /// What it says.
    pub transaction: Transaction,
    /// Its hash.
    pub hash: TxHash,
}
