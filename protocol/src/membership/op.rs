//! What changes a membership: foundings, admissions, names.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::identity::{Author, SpaceId};
use crate::public_key::PublicKeys;

/// Ordinals that there are; the founder keeps the first.
pub const ORDINALS: Ordinals = Ordinals { first: 1, last: 1023 };

/// Ordinals that a second founding key owns, if there is one: enough to admit the PCs of a new
/// beginning, and another admin among them. It keeps the first.
pub const SECOND_ORDINALS: Ordinals = Ordinals { first: 896, last: ORDINALS.last };

const _: () =
    assert!(ORDINALS.first > 0 && ORDINALS.last < 1 << 10, "an ordinal is ten bits of an id, not all 0");
const _: () =
    assert!(ORDINALS.first < SECOND_ORDINALS.first, "the founder keeps ordinals beside a second one");

/// What a member may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub enum Role {
    /// Reads.
    Reader,
    /// Reads and writes.
    Member,
    /// Reads, writes, and admits others.
    Admin,
}

/// A range of ordinals, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Ordinals {
    /// Lowest.
    pub first: u16,
    /// Highest.
    pub last: u16,
}

/// A membership change.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum MemberOp {
    /// A new space; its author is the founder, an admin with ordinal 1.
    Found(Founding),
    /// A new member. Void unless its author is an admin who owns the ordinals given.
    Admit(Admission),
    /// A site's new name. Void unless by the site itself or an admin.
    Rename {
        /// The site.
        author: Author,
        /// Its new name.
        name: String,
        /// One above that of every name its author knew: of two names the later revision wins. It
        /// counts once all smaller ones are there.
        revision: u32,
    },
}

/// What begins a space.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Founding {
    /// Name of the space.
    pub space: String,
    /// Name of the founder's site.
    pub site: String,
    /// Random bytes: two spaces of one name founded in one millisecond differ.
    pub nonce: [u8; 16],
    /// The public keys that the founder's site shows.
    pub keys: PublicKeys,
    /// Another key that is an admin from the start.
    pub second: Option<SecondFounder>,
}

/// An admin key that the founding names beside its own author: whoever holds it can admit others
/// when no other admin is left.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct SecondFounder {
    /// The key.
    pub author: Author,
    /// What people are shown of it.
    pub name: String,
    /// The public keys that it shows.
    pub keys: PublicKeys,
}

/// Who asks to be admitted.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// The site.
    pub author: Author,
    /// What it wants to be called.
    pub name: String,
    /// The public keys that it shows.
    pub keys: PublicKeys,
}

/// What an admin grants.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Admission {
    /// The space: an admission is also shown on its own, without the log it stands in.
    pub space: SpaceId,
    /// The new member.
    pub author: Author,
    /// Its site's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its ordinal: the low ten bits of the ids it generates.
    pub ordinal: u16,
    /// For an admin: the ordinals it may grant in turn.
    pub ordinals: Option<Ordinals>,
    /// Id of the invitation used; each is good for one admission.
    pub invitation: Option<[u8; 16]>,
    /// The public keys that the new member's site shows, as it asked.
    pub keys: PublicKeys,
}

impl MemberOp {
    /// Whether this op of `by` makes `author` a member, if it has an effect.
    pub fn admits(&self, by: &Author, author: &Author) -> bool {
        match self {
            Self::Found(founding) => {
                by == author || founding.second.as_ref().is_some_and(|second| second.author == *author)
            }
            Self::Admit(admission) => admission.author == *author,
            Self::Rename { .. } => false,
        }
    }
}

impl Founding {
    /// A space that shows no public keys and has one founder.
    pub fn new(space: impl Into<String>, site: impl Into<String>, nonce: [u8; 16]) -> Self {
        Self { space: space.into(), site: site.into(), nonce, keys: PublicKeys::default(), second: None }
    }

    /// The ordinals that its author owns.
    pub(super) fn ordinals(&self) -> Ordinals {
        match self.second {
            None => ORDINALS,
            Some(_) => Ordinals { last: SECOND_ORDINALS.first - 1, ..ORDINALS },
        }
    }
}

impl Candidate {
    /// A site that shows no public keys.
    pub fn new(author: Author, name: impl Into<String>) -> Self {
        Self { author, name: name.into(), keys: PublicKeys::default() }
    }
}

impl Ordinals {
    pub(super) fn contains(&self, ordinal: u16) -> bool {
        (self.first..=self.last).contains(&ordinal)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Reader => "reader",
        })
    }
}

/// A word that is no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is one of: admin, member, reader")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        match text {
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            "reader" => Ok(Self::Reader),
            _ => Err(UnknownRole),
        }
    }
}
