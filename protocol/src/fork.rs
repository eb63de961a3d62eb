//! Two transactions under one name: a chain that forked, because a folder was copied and both
//! copies wrote, or because somebody signed twice on purpose.
//!
//! Whoever holds one branch can take in nothing of the other, nor what was written knowing it. All
//! else still passes. A log holds one branch of every chain, and each transaction in it knew only
//! that one; so between two sites (or a file and a site) it is enough to remember, chain by
//! chain, from which number on nothing passes: [`Withheld`].

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::bounds;
use crate::chain::{Branch, Chain, Head};
use crate::identity::{Author, Prefix};
use crate::transaction::Header;
use crate::version::{Dot, VersionVector};

/// Two transactions under one name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct Fork {
    /// Whose chain.
    pub author: Author,
    /// On which of the author's branches.
    pub branch: Branch,
    /// The number under which two are known; the first that differs may be an earlier one.
    pub seq: u64,
    /// The hash of the one held here.
    pub held: Prefix,
    /// The hash of the other.
    pub other: Prefix,
}

impl Fork {
    /// Of what a chain holds under a number here, and elsewhere.
    pub fn new(dot: Dot, held: Prefix, other: Prefix) -> Self {
        assert_ne!(held, other, "two that are the same are no fork");
        let Dot { author, branch, seq } = dot;
        Self { author, branch, seq, held, other }
    }

    /// The chain that forked.
    pub fn chain(&self) -> Chain {
        Chain { author: self.author, branch: self.branch }
    }

    /// What is held here under the number.
    pub fn held_head(&self) -> Head {
        Head { seq: self.seq, prefix: self.held }
    }

    /// What is held elsewhere under the number.
    pub fn other_head(&self) -> Head {
        Head { seq: self.seq, prefix: self.other }
    }
}

/// Per chain, the number from which on nothing passes between two sites.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode, Decode)]
pub struct Withheld(pub BTreeMap<Chain, u64>);

impl Withheld {
    /// Whether the chain's transaction of that number does not pass.
    pub fn reaches(&self, chain: impl Into<Chain>, seq: u64) -> bool {
        self.0.get(&chain.into()).is_some_and(|from| *from <= seq)
    }

    /// Whether something of the chain does not pass.
    pub fn is_about(&self, chain: impl Into<Chain>) -> bool {
        self.0.contains_key(&chain.into())
    }

    /// Whether one of what a vector names does not pass.
    pub fn reaches_into(&self, vector: &VersionVector) -> bool {
        self.0.iter().any(|(chain, from)| vector.get(chain).is_some_and(|head| head.seq >= *from))
    }

    /// Nothing of the chain passes from that number on. Whether that is news.
    pub fn add(&mut self, chain: impl Into<Chain>, seq: u64) -> bool {
        let chain = chain.into();
        let news = self.0.get(&chain).is_none_or(|from| seq < *from)
            && (self.0.len() < bounds::AUTHORS || self.0.contains_key(&chain));
        if news {
            self.0.insert(chain, seq);
        }
        news
    }

    /// Adds all of another one. Gives what was news.
    pub fn join(&mut self, other: &Self) -> Self {
        let news = other.0.iter().filter(|(chain, seq)| self.add(**chain, **seq));
        Self(news.map(|(chain, seq)| (*chain, *seq)).collect())
    }

    /// Whether a transaction does not pass: it is one of those, or was written knowing one. Then
    /// its chain's later ones do not pass either.
    pub fn holds_back(&mut self, header: &Header) -> bool {
        let chain = header.dot.chain();
        let held = self.reaches(chain, header.dot.seq)
            || self.reaches_into(&header.context)
            || header.basis.as_ref().is_some_and(|basis| self.reaches_into(basis));
        if held {
            self.add(chain, header.dot.seq);
        }
        held
    }

    /// Whether there is nothing of the kind.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
