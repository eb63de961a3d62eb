//! Ids of what a schema declares: hashes of what each definition says, the same wherever it is declared.

use std::fmt;

use bincode::{Decode, Encode};

use crate::codec;

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hash_id! {
    /// A column's definition: the hash of its name, type and default. Two definitions of one name
    /// are two columns.
    ColumnId
}
hash_id! {
    /// A table's identity: the hash of its name, and of the names and types of its key's columns.
    TableId
}
hash_id! {
    /// A rule's or an index's identity: the hash of its table and of what it says.
    RuleId
}

/// The id of a definition of that kind.
pub(super) fn id_of(what: &str, definition: &impl Encode) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(what.as_bytes());
    hasher.update(&codec::encode(definition));
    let mut short = [0; 16];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    short
}
