//! Public keys that a site shows beside its author: for whoever seals something to it.

use bincode::de::Decoder;
use bincode::error::DecodeError;
use bincode::{Decode, Encode};

use crate::bounds;

/// A public key of a site, for a purpose that its kind names. A kind that this program does not know
/// is kept: a newer one may.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct PublicKey {
    /// What it is for. None is given out yet; 1 is kept for a recipient of `age`.
    pub kind: u16,
    /// The key, in whatever form its kind has.
    pub bytes: Vec<u8>,
}

/// The public keys that one site shows, as its request says them and its admission repeats them.
#[derive(Clone, PartialEq, Eq, Default, Debug, Encode)]
pub struct PublicKeys(Vec<PublicKey>);

/// More keys than a site may show, or a longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a site shows at most {max} public keys of {bytes} bytes", max = bounds::PUBLIC_KEYS, bytes = bounds::PUBLIC_KEY_BYTES)]
pub struct TooManyKeys;

impl PublicKeys {
    /// These keys, in this order.
    pub fn new(keys: Vec<PublicKey>) -> Result<Self, TooManyKeys> {
        let too_long = keys.iter().any(|key| key.bytes.len() > bounds::PUBLIC_KEY_BYTES);
        if too_long || keys.len() > bounds::PUBLIC_KEYS { Err(TooManyKeys) } else { Ok(Self(keys)) }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }

    /// The first of a kind.
    pub fn of_kind(&self, kind: u16) -> Option<&[u8]> {
        self.iter().find(|key| key.kind == kind).map(|key| key.bytes.as_slice())
    }
}

impl<Context> Decode<Context> for PublicKeys {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let count = u64::decode(decoder)?;
        if count > bounds::PUBLIC_KEYS as u64 {
            return Err(DecodeError::Other("too many public keys"));
        }
        let keys = (0..count).map(|_| PublicKey::decode(decoder)).collect::<Result<_, _>>()?;
        Self::new(keys).map_err(|_| DecodeError::Other("a public key that is too long"))
    }
}

bincode::impl_borrow_decode!(PublicKeys);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use proptest::prelude::*;

    fn key(kind: u16, len: usize) -> PublicKey {
        PublicKey { kind, bytes: vec![7; len] }
    }

    #[test]
    fn keys_of_any_kind_are_kept_in_their_order() {
        let keys = PublicKeys::new(vec![key(9, 32), key(1, 0), key(u16::MAX, bounds::PUBLIC_KEY_BYTES)]);
        let keys = keys.unwrap();
        let again: PublicKeys = codec::decode(&codec::encode(&keys), "keys").unwrap();
        assert_eq!(again, keys);
        assert_eq!(again.iter().map(|key| key.kind).collect::<Vec<_>>(), [9, 1, u16::MAX]);
        assert_eq!(again.of_kind(9), Some(&[7; 32][..]));
        assert_eq!(again.of_kind(2), None);
    }

    /// Also where somebody else encoded them.
    #[test]
    fn more_keys_or_longer_ones_are_neither_made_nor_read() {
        let many = vec![key(1, 1); bounds::PUBLIC_KEYS + 1];
        let long = vec![key(1, bounds::PUBLIC_KEY_BYTES + 1)];
        for keys in [many, long] {
            assert_eq!(PublicKeys::new(keys.clone()), Err(TooManyKeys));
            assert!(codec::decode::<PublicKeys>(&codec::encode(&keys), "keys").is_err());
        }
        let most = vec![key(1, bounds::PUBLIC_KEY_BYTES); bounds::PUBLIC_KEYS];
        assert!(codec::decode::<PublicKeys>(&codec::encode(&most), "keys").is_ok());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = codec::decode::<PublicKeys>(&bytes, "keys");
        }
    }
}
