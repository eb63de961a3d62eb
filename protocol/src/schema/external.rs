//! The name of a type that another database has, and tandem has not.

use std::fmt;

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

/// Bytes of a name: as many as PostgreSQL gives the name of a type.
const LENGTH: usize = 63;

/// The name of another database's type, spelled as there: `int4range`, `text[]`. Nothing is done with
/// it here but to keep it: whoever gives a value back to that database asks for the type by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExternalType {
    length: u8,
    /// The name, and zeros behind it.
    bytes: [u8; LENGTH],
}

impl ExternalType {
    /// The type of that name. None, if that is nothing, longer than 63 bytes, or has characters that
    /// cannot be seen.
    pub fn named(name: &str) -> Option<Self> {
        let is_sound = !name.is_empty() && name.trim() == name && !name.chars().any(char::is_control);
        (is_sound && name.len() <= LENGTH).then(|| Self::of(name))
    }

    /// The type of a name that is sound.
    pub(super) const fn of(name: &str) -> Self {
        let mut bytes = [0; LENGTH];
        let mut at = 0;
        while at < name.len() {
            bytes[at] = name.as_bytes()[at];
            at += 1;
        }
        Self { length: name.len() as u8, bytes }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

/// As it is declared.
impl fmt::Display for ExternalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EXTERNAL('{}')", self.name().replace('\'', "''"))
    }
}

impl fmt::Debug for ExternalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Encode for ExternalType {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.name().encode(encoder)
    }
}

impl<Context> Decode<Context> for ExternalType {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let name = String::decode(decoder)?;
        Self::named(&name).ok_or(DecodeError::Other("what is no name of a type"))
    }
}

bincode::impl_borrow_decode!(ExternalType);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn a_name_is_kept_as_it_is_spelled_and_comes_back_from_its_bytes() {
        for name in ["int4range", "timestamp(3) with time zone[]", "mood's", "été", &"x".repeat(LENGTH)] {
            let external = ExternalType::named(name).unwrap();
            assert_eq!(external.name(), name);
            let bytes = codec::encode(&external);
            assert_eq!(bytes, codec::encode(&name.to_owned()));
            assert_eq!(codec::decode::<ExternalType>(&bytes, "name"), Ok(external));
        }
        assert_eq!(ExternalType::named("mood's").unwrap().to_string(), "EXTERNAL('mood''s')");
    }

    #[test]
    fn what_is_no_name_is_refused_from_anybody() {
        for name in ["", " inet", "inet ", "in\net", "in\0et", &"x".repeat(LENGTH + 1)] {
            assert_eq!(ExternalType::named(name), None, "{name:?}");
            assert!(
                codec::decode::<ExternalType>(&codec::encode(&name.to_owned()), "name").is_err(),
                "{name:?}"
            );
        }
    }
}
