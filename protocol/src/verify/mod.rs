//! A received block is verified whole before anything of it is used: every transaction follows
//! its chain's last one, everything in its context is there, its author may write, and each
//! chain's run ends in a valid signature (which covers all before it). Where a number is held
//! already, or named in a context, the hash under it is compared: see [`crate::fork`].

mod pass;
mod signed;

#[cfg(test)]
mod tests;

pub use signed::SignedTransaction;

use std::collections::{BTreeMap, BTreeSet};

use crate::block::Block;
use crate::chain::{BranchFault, Branches, Chain, Head, Origin};
use crate::codec::DecodeError;
use crate::fork::{Fork, Withheld};
use crate::identity::{Prefix, SpaceId, TxHash};
use crate::membership::Membership;
use crate::transaction::Transaction;
use crate::version::Dot;
use pass::Pass;

/// The newest transaction held of one chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainHead {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: TxHash,
}

impl ChainHead {
    /// As version vectors carry it.
    pub fn head(&self) -> Head {
        Head::new(self.seq, &self.hash)
    }
}

/// The newest transaction held of every chain.
pub type Chains = BTreeMap<Chain, ChainHead>;

/// What is held, transaction by transaction.
pub trait Held {
    /// The first half of the hash of a transaction that is held.
    fn prefix(&self, dot: &Dot) -> Option<Prefix>;
    /// The hash of a transaction that is held. May cost a look into the log.
    fn hash(&self, dot: &Dot) -> Option<TxHash>;
}

/// Knows no single one: nothing is compared with what came in earlier blocks.
impl Held for () {
    fn prefix(&self, _: &Dot) -> Option<Prefix> {
        None
    }

    fn hash(&self, _: &Dot) -> Option<TxHash> {
        None
    }
}

/// What the receiver knows.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The space.
    pub space: SpaceId,
    /// What it holds.
    pub chains: &'a Chains,
    /// The branches among those; none where the receiver keeps no branches at all.
    pub branches: Option<&'a Branches>,
    /// The same, one by one.
    pub held: &'a dyn Held,
    /// Who may write.
    pub membership: &'a Membership,
    /// What does not pass between where the block comes from and here.
    pub withheld: &'a Withheld,
}

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

/// What is wrong with a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not a block, or not transactions in it.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A transaction is missing before one of these.
    #[error("transaction {dot:?} came before number {expected} of its chain")]
    Gap {
        /// The one that came.
        dot: Dot,
        /// The one that should have.
        expected: u64,
    },
    /// A transaction's context is not held.
    #[error("transaction {dot:?} was made knowing {missing:?}, which is not here yet")]
    MissingContext {
        /// The one that came.
        dot: Dot,
        /// What it knew.
        missing: Box<Dot>,
    },
    /// A signature is wrong, or missing at the end of a chain's run.
    #[error("transaction {dot:?} is not signed by its author")]
    BadSignature {
        /// The unsigned one.
        dot: Dot,
    },
    /// The author is not a member with the right to write.
    #[error("the author of transaction {dot:?} may not write here")]
    NotAMember {
        /// The one that came.
        dot: Dot,
    },
    /// What is said of a transaction's branch, or of one that it knew, is not so.
    #[error("the branch of transaction {dot:?}, or one that it names: {fault}")]
    Branch {
        /// The one that came.
        dot: Dot,
        /// What is wrong.
        fault: BranchFault,
    },
    /// A branch, where none are kept yet.
    #[error("transaction {dot:?} is on a branch: this program does not keep branches yet")]
    NoBranches {
        /// The one that came.
        dot: Dot,
    },
    /// The space's first transaction is another one.
    #[error("the transactions belong to another space")]
    OtherSpace,
}

/// Verifies all of `block`. Transactions already held are passed over, once they are seen to be
/// the same; those that do not pass because a chain forked are left out, and so is what was written
/// knowing them. On any fault nothing of the block may be used.
pub fn verify(block: &Block, known: Known<'_>) -> Result<Verified, Fault> {
    let mut unproven = Withheld::default();
    let mut found = Verified::default();
    loop {
        let mut pass = Pass::new(known, unproven);
        for (at, (bytes, signature)) in block.iter().enumerate() {
            pass.take(at, bytes, block.branch(at), signature)?;
        }
        // What precedes the first one left out of a chain has lost the signature that proved it:
        // it is left out too, until it comes with one of its own.
        let tails: Vec<Dot> = pass.unsigned.values().copied().collect();
        for dot in &tails {
            if !pass.barred.is_about(dot.chain()) && !pass.unproven.is_about(dot.chain()) {
                return Err(Fault::BadSignature { dot: *dot });
            }
        }
        // A second reading does not come as far as what the first one found.
        found.withheld.join(&pass.done.withheld);
        let forks = pass.done.forks.iter().filter(|fork| !found.forks.contains(fork));
        let forks: Vec<Fork> = forks.copied().collect();
        found.forks.extend(forks);
        if tails.is_empty() {
            return Ok(Verified { forks: found.forks, withheld: found.withheld, ..pass.done });
        }
        unproven = pass.unproven;
        for dot in tails {
            unproven.add(dot.chain(), dot.seq);
        }
    }
}
