//! Who writes, and where: authors (Ed25519 keys), spaces, and the hashes that name them.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

/// An author: the public half of a site's current Ed25519 key. Also its libp2p identity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Author(pub [u8; 32]);

/// A space: the hash of its first (genesis) transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SpaceId(pub [u8; 32]);

/// The hash of a transaction; covers the author's whole chain before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct TxHash(pub [u8; 32]);

/// The first half of a [`TxHash`].
pub type Prefix = [u8; 16];

/// An Ed25519 signature over a [`TxHash`].
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Signature(pub [u8; 64]);

/// The secret key of a site. Never printed, never encoded into anything that leaves the site.
#[derive(Clone)]
pub struct AuthorKey(SigningKey);

impl AuthorKey {
    /// A key from 32 secret bytes, fresh from the operating system's randomness or read from
    /// `site.key`.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// The 32 secret bytes, to be written to `site.key`.
    pub fn secret(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn author(&self) -> Author {
        Author(self.0.verifying_key().to_bytes())
    }

    /// Signs a transaction's hash.
    pub fn sign(&self, hash: &TxHash) -> Signature {
        Signature(self.0.sign(&hash.0).to_bytes())
    }
}

impl fmt::Debug for AuthorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorKey({})", self.author().short())
    }
}

impl Author {
    /// Whether `signature` over `hash` was made with this author's secret key.
    pub fn verifies(&self, hash: &TxHash, signature: &Signature) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else { return false };
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(&hash.0, &signature).is_ok()
    }
}

impl TxHash {
    /// The first half: enough, with author and seq beside them, to notice at once that two
    /// different transactions go by one name, also where somebody looks for two that agree in it.
    pub fn prefix(&self) -> Prefix {
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&self.0[..16]);
        prefix
    }
}

/// Text that is not an identity: a character is wrong, missing or mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: it has 53 characters a-z and 2-7, the last one a check digit")]
pub struct InvalidId;

/// Characters of an id: 32 bytes, five bits each, and a check digit.
const TEXT_CHARS: usize = 53;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Lower-case base32 (RFC 4648, no padding) and a check digit: the low five bits of the BLAKE3
/// hash of the bytes. Catches every single mistyped character with a chance of 31/32.
fn to_text(bytes: &[u8; 32]) -> String {
    let mut text = data_encoding::BASE32_NOPAD.encode(bytes).to_ascii_lowercase();
    text.push(check_digit(bytes));
    debug_assert_eq!(text.len(), TEXT_CHARS, "an id has one length, by which it is read");
    text
}

fn check_digit(bytes: &[u8; 32]) -> char {
    let low = blake3::hash(bytes).as_bytes()[0] & 31;
    char::from(ALPHABET[usize::from(low)])
}

fn from_text(text: &str) -> Result<[u8; 32], InvalidId> {
    let text = text.trim().to_ascii_lowercase();
    if !text.is_ascii() || text.len() != TEXT_CHARS {
        return Err(InvalidId);
    }
    let (body, check) = text.split_at(TEXT_CHARS - 1);
    let bytes =
        data_encoding::BASE32_NOPAD.decode(body.to_ascii_uppercase().as_bytes()).map_err(|_| InvalidId)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| InvalidId)?;
    if check.chars().eq([check_digit(&bytes)]) { Ok(bytes) } else { Err(InvalidId) }
}

macro_rules! text_form {
    ($name:ident) => {
        impl $name {
            /// The first seven characters: what people read and type.
            pub fn short(&self) -> String {
                let mut text = to_text(&self.0);
                text.truncate(7);
                text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_text(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                from_text(text).map(Self)
            }
        }
    };
}

text_form!(Author);
text_form!(SpaceId);
text_form!(TxHash);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_catches_a_typo() {
        let author = AuthorKey::from_secret(&[7; 32]).author();
        let text = author.to_string();
        assert_eq!(text.parse(), Ok(author));
        assert_eq!(text.to_uppercase().parse(), Ok(author));
        let mut caught = 0;
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
            let wrong = String::from_utf8(wrong).unwrap();
            caught += usize::from(wrong.parse::<Author>() != Ok(author) && wrong.parse::<Author>().is_err());
        }
        assert!(caught > 45, "only {caught} of 53 mistyped characters noticed");
        assert_eq!("".parse::<Author>(), Err(InvalidId));
        assert_eq!("é".repeat(30).parse::<Author>(), Err(InvalidId));
    }

    #[test]
    fn a_signature_holds_for_its_hash_and_author_only() {
        let key = AuthorKey::from_secret(&[1; 32]);
        let other = AuthorKey::from_secret(&[2; 32]);
        let signature = key.sign(&TxHash([9; 32]));
        assert!(key.author().verifies(&TxHash([9; 32]), &signature));
        assert!(!key.author().verifies(&TxHash([8; 32]), &signature));
        assert!(!other.author().verifies(&TxHash([9; 32]), &signature));
    }
}
