//! The wish of a site to join a space, as a file: for sites that share no network with any other.
//! An admin who trusts whoever brought it admits the site it names, and sends a bundle back.
//!
//! ```text
//! text      = "tandem-join-" · base32, lower case, no padding, of: content · signature (64)
//! content   = version (1) · bincode: site · its name · the public keys it shows
//! signature = by the site, over BLAKE3 in key-derivation mode of content
//! ```
//!
//! It holds no secret and proves one thing: that the site named in it wants that name, and shows those keys.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::bounds;
use crate::codec;
use crate::identity::{Author, AuthorKey, Signature, TxHash};
use crate::public_key::PublicKeys;

const PREFIX: &str = "tandem-join-";
const VERSION: u8 = 1;
const SIGNATURE_BYTES: usize = 64;

/// Bytes of the longest text that can be one: room for all the keys that a site may show.
pub const TEXT_BYTES: usize = 4096;

const _: () = assert!(
    5 * (TEXT_BYTES - PREFIX.len())
        > 8 * (1
            + 32
            + bounds::NAME_BYTES
            + bounds::PUBLIC_KEYS * (3 + 3 + bounds::PUBLIC_KEY_BYTES)
            + SIGNATURE_BYTES),
    "a request with the longest name and all keys can be read"
);

/// A site's wish to join. One that exists was signed by the site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinFile {
    wish: Wish,
    signature: Signature,
}

/// What a site asks for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Wish {
    site: Author,
    name: String,
    keys: PublicKeys,
}

/// Text that is no request to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJoinFile {
    /// It is something else.
    #[error("the file holds something else")]
    Other,
    /// It is cut, mistyped, or was changed since the site signed it.
    #[error("it is incomplete, or was changed since the site wrote it")]
    Changed,
    /// It was made by a newer program.
    #[error("it was made by a newer version of tandem: update this one")]
    Newer,
}

impl JoinFile {
    /// The wish of the site with that key, to be called `name`; `keys` are those it shows.
    pub fn new(key: &AuthorKey, name: String, keys: PublicKeys) -> Self {
        let wish = Wish { site: key.author(), name, keys };
        let signature = key.sign(&digest(&wish.content()));
        Self { wish, signature }
    }

    /// The site.
    pub fn site(&self) -> Author {
        self.wish.site
    }

    /// What it wants to be called; at most [`bounds::NAME_BYTES`] bytes, of any kind.
    pub fn name(&self) -> &str {
        &self.wish.name
    }

    /// The public keys that it shows.
    pub fn keys(&self) -> &PublicKeys {
        &self.wish.keys
    }
}

impl Wish {
    fn content(&self) -> Vec<u8> {
        let mut content = vec![VERSION];
        content.extend_from_slice(&codec::encode(self));
        content
    }
}

/// What is signed: never the hash of a transaction.
fn digest(content: &[u8]) -> TxHash {
    TxHash(blake3::derive_key("tandem request to join", content))
}

impl fmt::Display for JoinFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.wish.content();
        bytes.extend_from_slice(&self.signature.0);
        f.write_str(PREFIX)?;
        f.write_str(&data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }
}

impl FromStr for JoinFile {
    type Err = InvalidJoinFile;

    fn from_str(text: &str) -> Result<Self, InvalidJoinFile> {
        use InvalidJoinFile::{Changed, Newer, Other};
        if text.len() > TEXT_BYTES {
            return Err(Other);
        }
        // A mail may have broken it over lines.
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let text = text.strip_prefix(PREFIX).ok_or(Other)?.to_ascii_uppercase();
        let bytes = data_encoding::BASE32_NOPAD.decode(text.as_bytes()).map_err(|_| Changed)?;
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) if version > VERSION => return Err(Newer),
            _ => return Err(Changed),
        }
        let (content, signature) = bytes.split_last_chunk::<SIGNATURE_BYTES>().ok_or(Changed)?;
        let wish: Wish = codec::decode(content.get(1..).ok_or(Changed)?, "request").map_err(|_| Changed)?;
        let signature = Signature(*signature);
        let signed = wish.site.verifies(&digest(content), &signature);
        if signed && wish.name.len() <= bounds::NAME_BYTES {
            Ok(Self { wish, signature })
        } else {
            Err(Changed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::public_key::PublicKey;
    use proptest::prelude::*;

    fn file() -> JoinFile {
        JoinFile::new(&AuthorKey::from_secret(&[7; 32]), "salle 4".into(), keys(1, 3))
    }

    fn keys(count: usize, len: usize) -> PublicKeys {
        PublicKeys::new(vec![PublicKey { kind: 1, bytes: vec![9; len] }; count]).unwrap()
    }

    #[test]
    fn the_text_form_round_trips_also_over_lines() {
        let text = file().to_string();
        assert_eq!(text.parse(), Ok(file()));
        let (front, back) = text.split_at(60);
        assert_eq!(format!("{front}\r\n{back}\n").parse(), Ok(file()));
        assert_eq!((file().name(), file().site()), ("salle 4", AuthorKey::from_secret(&[7; 32]).author()));
        assert_eq!(file().keys(), &keys(1, 3));
    }

    #[test]
    fn there_is_room_for_all_keys_and_the_longest_name() {
        let most = keys(bounds::PUBLIC_KEYS, bounds::PUBLIC_KEY_BYTES);
        let file = JoinFile::new(&AuthorKey::from_secret(&[7; 32]), "x".repeat(bounds::NAME_BYTES), most);
        assert_eq!(file.to_string().parse(), Ok(file));
    }

    #[test]
    fn the_text_form_is_frozen() {
        crate::golden::pinned("join-file.txt", &file().to_string());
    }

    #[test]
    fn tampered_or_cut_text_is_refused() {
        let text = file().to_string();
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'q' { b'r' } else { b'q' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong.parse::<JoinFile>().is_err(), "changed at {at}");
            assert!(text[..at].parse::<JoinFile>().is_err(), "cut at {at}");
        }
    }

    #[test]
    fn another_site_cannot_be_named() {
        let other = AuthorKey::from_secret(&[8; 32]).author();
        let forged = JoinFile { wish: Wish { site: other, ..file().wish }, ..file() };
        assert_eq!(forged.to_string().parse::<JoinFile>(), Err(InvalidJoinFile::Changed));
    }

    #[test]
    fn other_texts_and_newer_ones_are_told_apart() {
        assert_eq!("SELECT 1".parse::<JoinFile>(), Err(InvalidJoinFile::Other));
        let newer = data_encoding::BASE32_NOPAD.encode(&[VERSION + 1; 80]).to_ascii_lowercase();
        assert_eq!(format!("{PREFIX}{newer}").parse::<JoinFile>(), Err(InvalidJoinFile::Newer));
        let long = JoinFile::new(&AuthorKey::from_secret(&[7; 32]), "é".repeat(65), keys(0, 0)).to_string();
        assert_eq!(long.parse::<JoinFile>(), Err(InvalidJoinFile::Changed));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,300}", valid in "[a-z2-7]{0,300}") {
            let _ = text.parse::<JoinFile>();
            let valid = format!("{PREFIX}{valid}");
            prop_assert!(valid.parse::<JoinFile>().is_err());
        }
    }
}
