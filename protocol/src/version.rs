//! What was seen: dots, heads and version vectors.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::identity::{Author, InvalidId, Prefix, TxHash};

/// The name of a transaction: its author and its number, from 1 without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Dot {
    /// Who wrote it.
    pub author: Author,
    /// The author's how-many-eth transaction it is.
    pub seq: u64,
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.author, self.seq)
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.author.short(), self.seq)
    }
}

impl FromStr for Dot {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (author, seq) = text.split_once(':').ok_or(InvalidId)?;
        Ok(Self { author: author.parse()?, seq: seq.parse().map_err(|_| InvalidId)? })
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

/// The newest transaction of one author that is known: its number, and the first 16 bytes of
/// its hash, so that two different transactions under one name are noticed at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct Head {
    /// Number of the author's newest known transaction.
    pub seq: u64,
    /// First bytes of that transaction's hash.
    pub prefix: Prefix,
}

impl Head {
    /// The head that a transaction with this number and hash makes.
    pub fn new(seq: u64, hash: &TxHash) -> Self {
        Self { seq, prefix: hash.prefix() }
    }
}

/// Per author, the last transaction held. Everything before it is held too.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
pub struct VersionVector(pub BTreeMap<Author, Head>);

impl VersionVector {
    /// Whether the transaction named by `dot` is held.
    pub fn covers(&self, dot: &Dot) -> bool {
        self.seq(&dot.author) >= dot.seq
    }

    /// Number of the last transaction held of `author`; 0 when none is.
    pub fn seq(&self, author: &Author) -> u64 {
        self.0.get(author).map_or(0, |head| head.seq)
    }

    /// Whether everything `other` holds is held here too.
    pub fn covers_all(&self, other: &Self) -> bool {
        other.0.iter().all(|(author, head)| self.seq(author) >= head.seq)
    }

    /// Raises one author's entry; a lower one changes nothing.
    pub fn advance(&mut self, author: Author, head: Head) {
        let entry = self.0.entry(author).or_insert(head);
        if head.seq > entry.seq {
            *entry = head;
        }
    }

    /// Raises every entry to at least that of `other`.
    pub fn join(&mut self, other: &Self) {
        for (author, head) in &other.0 {
            self.advance(*author, *head);
        }
    }

    /// The entries that are higher here than in `earlier`.
    pub fn growth_since(&self, earlier: &Self) -> Self {
        let grown = |(author, head): &(&Author, &Head)| head.seq > earlier.seq(author);
        Self(self.0.iter().filter(grown).map(|(author, head)| (*author, *head)).collect())
    }

    /// How many transactions are held in all.
    pub fn transactions(&self) -> u64 {
        self.0.values().map(|head| head.seq).sum()
    }

    /// How many transactions are held here that `other` lacks.
    pub fn ahead_of(&self, other: &Self) -> u64 {
        self.0.iter().map(|(author, head)| head.seq.saturating_sub(other.seq(author))).sum()
    }

    /// A hash of the whole vector: equal on two sites that hold the same transactions.
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(&crate::codec::encode(self)).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vectors() -> impl Strategy<Value = VersionVector> {
        prop::collection::btree_map(0u8..5, 1u64..9, 0..5).prop_map(|map| {
            let head = |seq| Head { seq, prefix: [seq as u8; 16] };
            VersionVector(map.into_iter().map(|(a, seq)| (Author([a; 32]), head(seq))).collect())
        })
    }

    proptest! {
        #[test]
        fn join_is_a_least_upper_bound(a in vectors(), b in vectors(), c in vectors()) {
            let join = |x: &VersionVector, y: &VersionVector| { let mut z = x.clone(); z.join(y); z };
            prop_assert_eq!(join(&a, &b), join(&b, &a));
            prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
            prop_assert_eq!(join(&a, &a), a.clone());
            prop_assert!(join(&a, &b).covers_all(&a));
            prop_assert_eq!(a.covers_all(&b), join(&a, &b) == a);
        }

        #[test]
        fn growth_is_what_the_earlier_vector_lacks(a in vectors(), b in vectors()) {
            let mut later = a.clone();
            later.join(&b);
            let growth = later.growth_since(&a);
            let mut again = a.clone();
            again.join(&growth);
            prop_assert_eq!(&again, &later);
            prop_assert_eq!(later.ahead_of(&a), later.transactions() - a.transactions());
            prop_assert_eq!(growth.0.is_empty(), later.digest() == a.digest());
        }
    }
}
