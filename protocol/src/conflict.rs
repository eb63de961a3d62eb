//! Open conflicts: what concurrent edits left for a person to decide. A pure function of the set
//! of transactions, so every site lists the same ones under the same ids.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::codec;
use crate::fingerprint::RowHash;
use crate::identity::InvalidId;
use crate::merge::WriteId;
use crate::schema::Constant;
use crate::value::{Key, Value};
use crate::version::Dot;

/// What is in conflict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub enum ConflictKind {
    /// A cell was given different values.
    Register,
    /// A row was deleted by one and written by another.
    Deleted,
    /// Several rows hold a value that only one may hold.
    Unique,
    /// A deleted row is shown because others refer to it.
    Reference,
    /// A row breaks NOT NULL or CHECK.
    Check,
    /// A name was declared in several ways.
    Schema,
    /// One request was recorded by several sites.
    Duplicate,
}

impl ConflictKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Register,
        Self::Deleted,
        Self::Unique,
        Self::Reference,
        Self::Check,
        Self::Schema,
        Self::Duplicate,
    ];

    /// Its name, for people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Deleted => "deleted",
            Self::Unique => "unique",
            Self::Reference => "reference",
            Self::Check => "check",
            Self::Schema => "schema",
            Self::Duplicate => "duplicate",
        }
    }
}

/// A conflict's name: the hash of what is in conflict, whoever wrote what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ConflictId(pub [u8; 10]);

impl fmt::Display for ConflictId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for ConflictId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ConflictId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes());
        bytes.ok().and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(InvalidId)
    }
}

/// One of the things that cannot all be had.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Version {
    /// The write it comes from.
    pub by: WriteId,
    /// What it is.
    pub held: VersionContent,
}

/// What one version of a conflict holds.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum VersionContent {
    /// A cell's value, as it would be shown.
    Value {
        /// The column.
        column: String,
        /// The value.
        value: Constant,
    },
    /// The row is there.
    Alive,
    /// The row is deleted.
    Deleted,
    /// A row that holds the value: its key, as [`Key::to_bytes`].
    Row(Vec<u8>),
    /// A definition, in SQL.
    Definition(String),
    /// A whole transaction.
    Transaction,
}

/// One open conflict.
///
/// | kind | key | columns | versions |
/// |---|---|---|---|
/// | register | the row | the column | all siblings, greatest first (the first is shown) |
/// | deleted | the row | none | all siblings of its life, greatest first |
/// | unique | the value, column by column | the rule's columns | the rows, smallest (write, key) first |
/// | reference | the deleted row | none | all siblings of its life, greatest first |
/// | check | the row | the rule: the NOT NULL column, or the CHECK expression | the writes that made the cells it names what they are, in the order of the table's columns; of a counter the latest deltas, greatest first |
/// | schema | none | the column; none for the table itself | the definitions, smallest first |
/// | duplicate | the request's hash | none | the transactions, smallest first |
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Conflict {
    /// What kind of thing.
    pub kind: ConflictKind,
    /// The table; empty where there is none.
    pub table: String,
    /// See above, as [`Key::to_bytes`].
    pub key: Vec<u8>,
    /// See above.
    pub columns: Vec<String>,
    /// See above.
    pub versions: Vec<Version>,
}

impl Conflict {
    /// Its name.
    pub fn id(&self) -> ConflictId {
        let mut hasher = blake3::Hasher::new_keyed(b"tandem conflict, version one....");
        hasher.update(&codec::encode(&(self.kind, &self.table, &self.key, &self.columns)));
        let mut id = [0; 10];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..10]);
        ConflictId(id)
    }

    /// A hash of its id and of the writes in it: who resolves it says which ones were looked at.
    pub fn versions_hash(&self) -> u64 {
        let writes: Vec<(WriteId, Option<&Vec<u8>>)> = self
            .versions
            .iter()
            .map(|version| match &version.held {
                VersionContent::Row(key) => (version.by, Some(key)),
                _ => (version.by, None),
            })
            .collect();
        short_hash(&codec::encode(&(self.id(), writes)))
    }

    /// What the fingerprint of open conflicts adds up.
    pub fn hash(&self) -> RowHash {
        RowHash::of_bytes(&codec::encode(self))
    }

    /// The values of [`Conflict::key`].
    pub fn key_values(&self) -> Vec<Value> {
        Key::from_bytes(&self.key).map(|key| key.0).unwrap_or_default()
    }
}

impl Version {
    /// The transaction it comes from.
    pub fn dot(&self) -> Dot {
        self.by.dot()
    }
}

fn short_hash(bytes: &[u8]) -> u64 {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    u64::from_le_bytes(short)
}
