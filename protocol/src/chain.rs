//! Chains: what transactions are numbered along. An author's chain is one, its trunk, until it forks;
//! then what follows the fork are branches, each a chain of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::bounds;
use crate::identity::{Author, InvalidId, Prefix, TxHash};

/// A branch of what an author wrote: the trunk, or what follows a fork of it (or of another branch). It
/// has no number: its name follows from its first transaction, the same wherever it is heard of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct Branch(Option<Prefix>);

/// A chain: an author, and which branch of what it wrote.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Chain {
    /// Whose.
    pub author: Author,
    /// Which branch.
    pub branch: Branch,
}

/// The newest transaction of one chain that is known: its number, and the first 16 bytes of
/// its hash, so that two different transactions under one name are noticed at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct Head {
    /// Number of the chain's newest known transaction.
    pub seq: u64,
    /// First bytes of that transaction's hash.
    pub prefix: Prefix,
}

/// Where a branch begins. Its numbers go on from there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct Origin {
    /// The branch of the same author that it leaves.
    pub parent: Branch,
    /// The last transaction of the parent that comes before it; number 0 where it follows none.
    pub last: Head,
}

/// Branches, and where each begins. Every parent is among them, so each leads back to its trunk.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Branches(BTreeMap<Chain, Origin>);

/// Why a branch cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BranchFault {
    /// The trunk begins nowhere.
    #[error("a trunk is no branch")]
    Trunk,
    /// Its parent is not known.
    #[error("the branch that it leaves is not known")]
    UnknownParent,
    /// It is said to leave its parent where that has not begun, or where no transaction can be.
    #[error("it does not leave the other branch where it says")]
    Place,
    /// It was known to begin elsewhere.
    #[error("it begins elsewhere")]
    OtherOrigin,
    /// It is not called by the hash of its first transaction.
    #[error("its name is not that of its first transaction")]
    Name,
    /// Its author has more branches than count.
    #[error("its author has too many branches")]
    TooMany,
}

impl Branch {
    /// What an author writes as long as nothing forks.
    pub const TRUNK: Self = Self(None);

    /// The branch that begins with the transaction of this hash.
    pub fn named(first: &TxHash) -> Self {
        Self(Some(first.prefix()))
    }

    /// Its name: the first 16 bytes of the hash of its first transaction. None: the trunk.
    pub fn name(&self) -> Option<Prefix> {
        self.0
    }

    /// Whether it is the trunk.
    pub fn is_trunk(&self) -> bool {
        self.0.is_none()
    }
}

impl From<Prefix> for Branch {
    fn from(name: Prefix) -> Self {
        Self(Some(name))
    }
}

impl From<Author> for Chain {
    /// The author's trunk.
    fn from(author: Author) -> Self {
        Self { author, branch: Branch::TRUNK }
    }
}

impl From<&Author> for Chain {
    fn from(author: &Author) -> Self {
        Self::from(*author)
    }
}

impl From<&Chain> for Chain {
    fn from(chain: &Chain) -> Self {
        *chain
    }
}

impl Head {
    /// The head that a transaction with this number and hash makes.
    pub fn new(seq: u64, hash: &TxHash) -> Self {
        Self { seq, prefix: hash.prefix() }
    }
}

impl Origin {
    /// Number of the first transaction of a branch that begins here.
    pub fn first(&self) -> u64 {
        self.last.seq + 1
    }
}

impl Branches {
    /// No branches: every chain is a trunk.
    pub const NONE: Self = Self(BTreeMap::new());

    /// Takes in where a branch begins. Said again it changes nothing.
    pub fn begin(&mut self, chain: Chain, origin: Origin) -> Result<(), BranchFault> {
        if chain.branch.is_trunk() {
            return Err(BranchFault::Trunk);
        }
        if let Some(known) = self.origin(&chain) {
            return if *known == origin { Ok(()) } else { Err(BranchFault::OtherOrigin) };
        }
        let first = self.first(&chain.beside(origin.parent)).ok_or(BranchFault::UnknownParent)?;
        // A branch has a transaction of its own before another leaves it; the trunk may have none.
        let on_parent = origin.last.seq >= first || origin.parent.is_trunk();
        let is_nothing = origin.last.seq == 0 && origin.last.prefix != Prefix::default();
        if !on_parent || is_nothing || origin.last.seq >= i64::MAX as u64 {
            return Err(BranchFault::Place);
        }
        let of_author = self.0.range(Chain::from(chain.author)..);
        let others = of_author.take_while(|(other, _)| other.author == chain.author).count();
        if others >= bounds::BRANCHES || self.0.len() >= bounds::ALL_BRANCHES {
            return Err(BranchFault::TooMany);
        }
        self.0.insert(chain, origin);
        debug_assert!(self.lead_to_trunks(), "every branch leads back to its trunk");
        Ok(())
    }

    /// Where a branch begins; none of a trunk, and of a branch that is not known.
    pub fn origin(&self, chain: &Chain) -> Option<&Origin> {
        self.0.get(chain)
    }

    /// Number of a chain's first transaction; none of a branch that is not known.
    pub fn first(&self, chain: &Chain) -> Option<u64> {
        if chain.branch.is_trunk() { Some(1) } else { self.origin(chain).map(Origin::first) }
    }

    /// The chains that come before one, each with the last transaction of it that does, nearest first.
    pub fn before(&self, chain: &Chain) -> impl Iterator<Item = (Chain, Head)> {
        let parent =
            move |chain: &Chain| Some((chain.beside(self.origin(chain)?.parent), self.origin(chain)?.last));
        std::iter::successors(parent(chain), move |(before, _)| parent(before))
    }

    /// The last transaction of a chain that comes before one of these branches.
    pub fn leaving(&self, chain: &Chain) -> Option<Head> {
        let of_author = self.0.range(Chain::from(chain.author)..);
        let of_author = of_author.take_while(|(other, _)| other.author == chain.author);
        let children = of_author.filter(|(_, origin)| origin.parent == chain.branch && origin.last.seq > 0);
        children.map(|(_, origin)| origin.last).max()
    }

    /// Takes in what another one knows of a chain: where it and all before it begin.
    pub fn adopt(&mut self, chain: &Chain, other: &Self) -> Result<(), BranchFault> {
        let before: Vec<Chain> = other.before(chain).map(|(before, _)| before).collect();
        for chain in before.iter().rev().chain([chain]).filter(|chain| !chain.branch.is_trunk()) {
            match other.origin(chain) {
                Some(origin) => self.begin(*chain, *origin)?,
                None if self.origin(chain).is_some() => {}
                None => return Err(BranchFault::UnknownParent),
            }
        }
        Ok(())
    }

    /// Forgets those that lead to none of these chains.
    pub fn retain_leading_to<'a>(&mut self, chains: impl Iterator<Item = &'a Chain>) {
        let mut leading = BTreeSet::new();
        for chain in chains {
            leading.insert(*chain);
            leading.extend(self.before(chain).map(|(before, _)| before));
        }
        self.0.retain(|chain, _| leading.contains(chain));
        debug_assert!(self.lead_to_trunks(), "no branch is kept without those it leads back to");
    }

    /// Whether the parent of each is a trunk, or among them and has begun before it is left.
    fn lead_to_trunks(&self) -> bool {
        self.0.iter().all(|(chain, origin)| {
            let parent = chain.beside(origin.parent);
            origin.parent.is_trunk()
                || self.origin(&parent).is_some_and(|parent| parent.last.seq < origin.last.seq)
        })
    }

    /// All of them, every parent before what leaves it.
    pub fn iter(&self) -> impl Iterator<Item = (&Chain, &Origin)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(chain, origin)| (chain.author, origin.last.seq));
        all.into_iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Chain {
    /// Another branch of the same author.
    pub fn beside(&self, branch: Branch) -> Self {
        Self { branch, ..*self }
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("trunk"),
            Some(name) => write!(f, "{:032x}", u128::from_be_bytes(name)),
        }
    }
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Branch {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text == "trunk" {
            return Ok(Self::TRUNK);
        }
        let name = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| InvalidId)?;
        name.try_into().map(|name| Self(Some(name))).map_err(|_| InvalidId)
    }
}

/// `AUTHOR` where it is the trunk, else `AUTHOR.BRANCH`.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.branch.is_trunk() {
            true => write!(f, "{}", self.author),
            false => write!(f, "{}.{}", self.author, self.branch),
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.branch.name() {
            None => f.write_str(&self.author.short()),
            Some(name) => write!(f, "{}.{:02x}{:02x}…", self.author.short(), name[0], name[1]),
        }
    }
}

impl FromStr for Chain {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once('.') {
            None => Ok(Self::from(text.parse::<Author>()?)),
            Some((author, branch)) => Ok(Self { author: author.parse()?, branch: branch.parse()? }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    fn chain(branch: u8) -> Chain {
        Chain { author: Author([1; 32]), branch: Branch(Some([branch; 16])) }
    }

    fn at(parent: Branch, seq: u64) -> Origin {
        Origin { parent, last: Head { seq, prefix: if seq == 0 { [0; 16] } else { [seq as u8; 16] } } }
    }

    #[test]
    fn a_trunk_takes_one_byte_and_the_text_of_every_chain_reads_back() {
        assert_eq!(codec::encode(&Branch::TRUNK), [0]);
        assert_eq!(codec::encode(&chain(7).branch).len(), 17);
        let author = Author([1; 32]);
        assert_eq!(Chain::from(author).to_string(), author.to_string());
        for chain in [Chain::from(author), chain(7)] {
            assert_eq!(chain.to_string().parse(), Ok(chain));
        }
        for wrong in ["", ".", "x.00", &format!("{author}."), &format!("{author}.{}", "0".repeat(31))] {
            assert_eq!(wrong.parse::<Chain>(), Err(InvalidId), "{wrong}");
        }
    }

    #[test]
    fn a_branch_leaves_one_that_is_there_where_that_has_begun() {
        let mut branches = Branches::default();
        let begin = |branches: &mut Branches, branch, origin| branches.begin(chain(branch), origin);
        assert_eq!(branches.begin(Author([1; 32]).into(), at(Branch::TRUNK, 4)), Err(BranchFault::Trunk));
        assert_eq!(begin(&mut branches, 3, at(chain(2).branch, 9)), Err(BranchFault::UnknownParent));
        assert_eq!(begin(&mut branches, 2, at(Branch::TRUNK, 4)), Ok(()));
        assert_eq!(
            begin(&mut branches, 3, at(chain(2).branch, 4)),
            Err(BranchFault::Place),
            "none of its own"
        );
        assert_eq!(begin(&mut branches, 3, at(chain(2).branch, 5)), Ok(()));
        assert_eq!(begin(&mut branches, 3, at(chain(2).branch, 5)), Ok(()), "said again");
        assert_eq!(begin(&mut branches, 3, at(chain(2).branch, 6)), Err(BranchFault::OtherOrigin));
        assert_eq!(begin(&mut branches, 4, at(Branch::TRUNK, 0)), Ok(()), "the very first ones differ");
        let odd = Origin { parent: Branch::TRUNK, last: Head { seq: 0, prefix: [1; 16] } };
        assert_eq!(begin(&mut branches, 5, odd), Err(BranchFault::Place));
        let far = Origin { parent: Branch::TRUNK, last: Head { seq: u64::MAX, prefix: [1; 16] } };
        assert_eq!(begin(&mut branches, 5, far), Err(BranchFault::Place));
        assert_eq!(branches.first(&chain(3)), Some(6));
        let before: Vec<u64> = branches.before(&chain(3)).map(|(_, head)| head.seq).collect();
        assert_eq!(before, [5, 4]);
        let order: Vec<&Chain> = branches.iter().map(|(chain, _)| chain).collect();
        assert_eq!(order, [&chain(4), &chain(2), &chain(3)]);
    }

    #[test]
    fn an_author_has_no_more_branches_than_count() {
        let mut branches = Branches::default();
        for number in 0..bounds::BRANCHES {
            branches.begin(chain(number as u8), at(Branch::TRUNK, 4)).unwrap();
        }
        assert_eq!(branches.begin(chain(200), at(Branch::TRUNK, 4)), Err(BranchFault::TooMany));
        let other = Chain { author: Author([2; 32]), ..chain(200) };
        assert_eq!(branches.begin(other, at(Branch::TRUNK, 4)), Ok(()), "of another author");
    }
}
