//! A client's request, by its idempotency key and by what it asks. A retry has the same of both;
//! a key that comes with something else was guessed, or used twice, and names nothing.
//!
//! ```text
//! request = BLAKE3 keyed "tandem request", over: number of statements
//!           · per statement: length · SQL · number of parameter sets
//!             · per set: number of values · values (canonical)
//!           · basis · by · message, each: 0, or 1 · length · bytes
//! ```
//!
//! Numbers and lengths are LEB128; the basis is encoded like everywhere (bincode).

use bincode::{Decode, Encode};

use crate::codec::{self, put_varint};
use crate::value::Value;
use crate::version::VersionVector;

const HASH_KEY: &[u8; 32] = b"tandem request, version one.....";

/// What names a request: the hash of the client's idempotency key, and of what was asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct RequestKey {
    /// BLAKE3 of the key.
    pub key: [u8; 32],
    /// The hash of what was asked.
    pub request: [u8; 32],
}

/// What was asked: all that decides what a write does and says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What the writer had seen.
    pub basis: Option<&'a VersionVector>,
    /// Label: who.
    pub by: Option<&'a str>,
    /// Label: why.
    pub message: Option<&'a str>,
}

impl RequestKey {
    /// Names the request that came with `key`: SQL statements, each with its sets of parameters.
    pub fn new<'a>(
        key: &str,
        statements: impl ExactSizeIterator<Item = (&'a str, &'a [Vec<Value>])>,
        asked: Asked<'_>,
    ) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(HASH_KEY);
        let mut bytes = Vec::new();
        put_varint(&mut bytes, statements.len() as u64);
        for (sql, sets) in statements {
            put_varint(&mut bytes, sql.len() as u64);
            bytes.extend_from_slice(sql.as_bytes());
            put_varint(&mut bytes, sets.len() as u64);
            for set in sets {
                put_varint(&mut bytes, set.len() as u64);
                for value in set {
                    value.write_canonical(&mut bytes);
                }
                // Not all of a large import at once.
                hasher.update(&bytes);
                bytes.clear();
            }
        }
        let basis = asked.basis.map(codec::encode);
        let labels = [asked.by, asked.message].map(|label| label.map(str::as_bytes));
        for part in [basis.as_deref(), labels[0], labels[1]] {
            bytes.push(u8::from(part.is_some()));
            if let Some(part) = part {
                put_varint(&mut bytes, part.len() as u64);
                bytes.extend_from_slice(part);
            }
        }
        hasher.update(&bytes);
        Self { key: *blake3::hash(key.as_bytes()).as_bytes(), request: *hasher.finalize().as_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::identity::{Author, TxHash};
    use crate::version::Head;

    const NOTHING: Asked<'_> = Asked { basis: None, by: None, message: None };

    fn of(statements: &[(&str, Vec<Vec<Value>>)], asked: Asked<'_>) -> [u8; 32] {
        let statements = statements.iter().map(|(sql, sets)| (*sql, sets.as_slice()));
        RequestKey::new("sale-1", statements, asked).request
    }

    #[test]
    fn whatever_differs_in_what_is_asked_differs_in_the_hash() {
        let one = || vec![vec![Value::Integer(1)]];
        let basis = VersionVector::from([(Author([1; 32]), Head::new(1, &TxHash([2; 32])))]);
        let requests = [
            of(&[], NOTHING),
            of(&[("A", vec![])], NOTHING),
            of(&[("A", vec![vec![]])], NOTHING),
            of(&[("A", one())], NOTHING),
            of(&[("A", vec![vec![Value::Text("1".into())]])], NOTHING),
            of(&[("A", vec![vec![Value::Real(1.0)]])], NOTHING),
            of(&[("A", vec![vec![Value::Integer(1), Value::Null]])], NOTHING),
            of(&[("A", vec![vec![Value::Integer(1)], vec![Value::Null]])], NOTHING),
            of(&[("B", one())], NOTHING),
            of(&[("A", one()), ("A", one())], NOTHING),
            of(&[("A", one())], Asked { basis: Some(&basis), ..NOTHING }),
            of(&[("A", one())], Asked { basis: Some(&VersionVector::default()), ..NOTHING }),
            of(&[("A", one())], Asked { by: Some("till"), ..NOTHING }),
            of(&[("A", one())], Asked { message: Some("till"), ..NOTHING }),
            of(&[("A", one())], Asked { message: Some(""), ..NOTHING }),
        ];
        assert_eq!(requests.iter().collect::<BTreeSet<_>>().len(), requests.len());
        assert_eq!(of(&[("A", one())], NOTHING), of(&[("A", one())], NOTHING));
    }

    #[test]
    fn the_key_is_hashed_apart_from_what_is_asked() {
        let name = |key: &str| RequestKey::new(key, std::iter::empty(), NOTHING);
        assert_eq!(name("a").request, name("b").request);
        assert_ne!(name("a").key, name("b").key);
    }
}
