//! What was seen: dots and version vectors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::chain::{Branch, Branches, Chain};
use crate::identity::{Author, InvalidId, Prefix};

mod bytes;

#[cfg(test)]
mod tests;

pub use crate::chain::Head;

/// The name of a transaction: its chain and its number, from 1 without gaps. The numbers of a branch
/// go on from those of the chain that it leaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Dot {
    /// Who wrote it.
    pub author: Author,
    /// On which of the author's branches it is.
    pub branch: Branch,
    /// The how-many-eth transaction it is, all before it counted.
    pub seq: u64,
}

impl Dot {
    /// The name of a chain's transaction.
    pub fn new(chain: impl Into<Chain>, seq: u64) -> Self {
        let Chain { author, branch } = chain.into();
        Self { author, branch, seq }
    }

    /// The chain it is on.
    pub fn chain(&self) -> Chain {
        Chain { author: self.author, branch: self.branch }
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.chain(), self.seq)
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{}", self.chain(), self.seq)
    }
}

impl FromStr for Dot {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (chain, seq) = text.split_once(':').ok_or(InvalidId)?;
        Ok(Self::new(chain.parse::<Chain>()?, seq.parse().map_err(|_| InvalidId)?))
    }
}

/// A transaction that another one names: its name, and the first 16 bytes of its hash, for where two
/// go by one name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct Reference {
    /// Its name.
    pub dot: Dot,
    /// First bytes of its hash.
    pub prefix: Prefix,
}

/// Per chain, the last transaction held. Everything before it is held too: on that chain, and of a
/// branch also on those it left, up to where it left them. A head that follows from one of a branch
/// is not said again, so one set of transactions is one vector.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct VersionVector {
    heads: BTreeMap<Chain, Head>,
    /// Where the branches begin that lead to these heads; no others.
    branches: Branches,
}

impl VersionVector {
    /// What these heads come to; `branches` says where theirs begin.
    pub fn of(heads: impl IntoIterator<Item = (Chain, Head)>, branches: &Branches) -> Self {
        let mut vector = Self::default();
        heads.into_iter().for_each(|(chain, head)| vector.raise(chain, head, branches));
        vector.tidy();
        vector
    }

    /// Whether the transaction named by `dot` is held.
    pub fn covers(&self, dot: &Dot) -> bool {
        self.seq(dot.chain()) >= dot.seq
    }

    /// Number of the last transaction held of a chain; 0 when none is.
    pub fn seq(&self, chain: impl Into<Chain>) -> u64 {
        self.get(chain).map_or(0, |head| head.seq)
    }

    /// The last transaction held of a chain.
    pub fn get(&self, chain: impl Into<Chain>) -> Option<Head> {
        let chain = chain.into();
        let said = self.heads.get(&chain).copied();
        if self.branches.is_empty() { said } else { said.max(self.branches.leaving(&chain)) }
    }

    /// The heads that do not follow from others, by ascending chain.
    pub fn heads(&self) -> impl Iterator<Item = (&Chain, &Head)> {
        self.heads.iter()
    }

    /// Where the branches begin that lead to the heads.
    pub fn branches(&self) -> &Branches {
        &self.branches
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Whether everything `other` holds is held here too.
    pub fn covers_all(&self, other: &Self) -> bool {
        other.heads.iter().all(|(chain, head)| self.seq(chain) >= head.seq)
    }

    /// Raises one chain's entry; a lower one changes nothing, nor does one of a branch of which neither
    /// this vector nor `branches` says where it begins.
    pub fn advance(&mut self, chain: impl Into<Chain>, head: Head, branches: &Branches) {
        self.raise(chain.into(), head, branches);
        self.tidy();
    }

    /// Raises every entry to at least that of `other`. Where the two say that a branch begins in
    /// different places, one of them lies; what is known here stands.
    pub fn join(&mut self, other: &Self) {
        other.heads.iter().for_each(|(chain, head)| self.raise(*chain, *head, &other.branches));
        self.tidy();
    }

    /// The entries that are higher here than in `earlier`.
    pub fn growth_since(&self, earlier: &Self) -> Self {
        let grown = self.heads.iter().filter(|(chain, head)| head.seq > earlier.seq(*chain));
        let mut growth = Self {
            heads: grown.map(|(chain, head)| (*chain, *head)).collect(),
            branches: self.branches.clone(),
        };
        growth.tidy();
        growth
    }

    /// What of it is held where `held` says up to where each chain is.
    pub fn within(&self, held: impl Fn(&Chain) -> Option<Head>) -> Self {
        let lower = |chain: Chain| {
            let (here, there) = (self.get(chain)?, held(&chain)?);
            Some((chain, if here.seq <= there.seq { here } else { there }))
        };
        let within = Self::of(self.chains().into_iter().filter_map(lower), &self.branches);
        debug_assert!(self.covers_all(&within), "what is within a vector is a part of it");
        within
    }

    /// Without an author's transactions, on whatever branch.
    #[must_use]
    pub fn without(&self, author: &Author) -> Self {
        let others = self.heads.iter().filter(|(chain, _)| chain.author != *author);
        Self::of(others.map(|(chain, head)| (*chain, *head)), &self.branches)
    }

    /// How many transactions are held in all.
    pub fn transactions(&self) -> u64 {
        self.ahead_of(&Self::default())
    }

    /// How many transactions are held here that `other` lacks.
    pub fn ahead_of(&self, other: &Self) -> u64 {
        let ahead = |chain: &Chain| {
            let before = self.branches.origin(chain).map_or(0, |origin| origin.last.seq);
            self.seq(chain).saturating_sub(other.seq(chain).max(before))
        };
        match self.branches.is_empty() {
            true => self.heads.keys().map(ahead).fold(0, u64::saturating_add),
            false => self.chains().iter().map(ahead).fold(0, u64::saturating_add),
        }
    }

    /// A hash of the whole vector: equal on two sites that hold the same transactions.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(&crate::codec::encode(self)).as_bytes()
    }

    /// All chains of which something is held.
    fn chains(&self) -> BTreeSet<Chain> {
        let mut chains: BTreeSet<Chain> = self.heads.keys().copied().collect();
        for (chain, _) in self.branches.iter() {
            chains.extend(self.branches.before(chain).map(|(before, _)| before));
        }
        chains
    }

    /// Takes in a head, if it says more than is known. To be tidied up after.
    fn raise(&mut self, chain: Chain, head: Head, branches: &Branches) {
        let first = self.branches.first(&chain).or_else(|| branches.first(&chain));
        if head.seq <= self.seq(chain) || first.is_none_or(|first| head.seq < first) {
            return;
        }
        match self.branches.adopt(&chain, branches) {
            Ok(()) => {
                let before = self.heads.insert(chain, head);
                assert!(before.is_none_or(|before| before.seq < head.seq), "a vector never goes back");
            }
            // Some of what leads to it may be in already.
            Err(_) => self.tidy(),
        }
    }

    /// Puts aside what follows from other heads, and branches that lead to none.
    fn tidy(&mut self) {
        if self.branches.is_empty() {
            return;
        }
        self.branches.retain_leading_to(self.heads.keys());
        let follows = |chain: &Chain, head: &Head| {
            self.branches.leaving(chain).is_some_and(|leaving| leaving.seq >= head.seq)
        };
        self.heads.retain(|chain, head| !follows(chain, head));
        debug_assert!(
            self.heads.keys().all(|chain| self.branches.first(chain).is_some()),
            "every head is on a chain whose beginning is known"
        );
    }
}

/// Of trunks alone.
impl FromIterator<(Author, Head)> for VersionVector {
    fn from_iter<T: IntoIterator<Item = (Author, Head)>>(heads: T) -> Self {
        Self::of(heads.into_iter().map(|(author, head)| (author.into(), head)), &Branches::NONE)
    }
}

impl<const N: usize> From<[(Author, Head); N]> for VersionVector {
    fn from(heads: [(Author, Head); N]) -> Self {
        heads.into_iter().collect()
    }
}
