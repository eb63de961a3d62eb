//! The receiver of a block: what it holds, by which blocks are judged.

use std::collections::BTreeMap;

use crate::chain::{Branches, Chain, Head};
use crate::fork::Withheld;
use crate::identity::{Prefix, SpaceId, TxHash};
use crate::membership::Membership;
use crate::version::Dot;

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
pub trait HeldTransactions {
    /// The first half of the hash of a transaction that is held.
    fn prefix(&self, dot: &Dot) -> Option<Prefix>;
    /// The hash of a transaction that is held. May cost a look into the log.
    fn hash(&self, dot: &Dot) -> Option<TxHash>;
}

/// Knows no single one: nothing is compared with what came in earlier blocks.
impl HeldTransactions for () {
    fn prefix(&self, _: &Dot) -> Option<Prefix> {
        None
    }

    fn hash(&self, _: &Dot) -> Option<TxHash> {
        None
    }
}

/// The receiver of a block, as far as blocks are judged by what it holds.
#[derive(Clone, Copy)]
pub struct Receiver<'a> {
    /// The space.
    pub space: SpaceId,
    /// What it holds.
    pub chains: &'a Chains,
    /// The branches among those; none where the receiver keeps no branches at all.
    pub branches: Option<&'a Branches>,
    /// The same, one by one.
    pub held: &'a dyn HeldTransactions,
    /// Who may write.
    pub membership: &'a Membership,
    /// What does not pass between where the block comes from and here.
    pub withheld: &'a Withheld,
}
