//! Invitations: the one-time token by which a site finds its way into a space.
//!
//! ```text
//! text    = base32, lower case, no padding, of: content · first 4 bytes of BLAKE3(content)
//! content = version (1) · bincode: inviter · secret · expiry · addresses
//! ```
//!
//! The token is a secret between the two people who pass it on. It never travels: the joining
//! site proves that it has it (see [`crate::join`]), and only to the inviter named in it.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};

use crate::codec;
use crate::identity::Author;

const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;

/// Addresses one invitation carries at most, and bytes of each.
pub const ADDRESSES: usize = 6;
/// Bytes of one address.
pub const ADDRESS_BYTES: usize = 128;
/// Characters of the longest text that can be an invitation.
const TEXT_CHARS: usize = 2048;

const _: () = assert!(
    5 * TEXT_CHARS > 8 * (1 + 32 + 16 + 9 + 9 + ADDRESSES * (9 + ADDRESS_BYTES) + CHECKSUM_BYTES),
    "the longest invitation can be read"
);

/// What only the inviter and the invited know.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Secret(pub [u8; 16]);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The invitation's public name: recorded with the admission, so that it is good once only.
    pub fn invitation_id(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_derive_key("tandem invitation id");
        hasher.update(&self.0);
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        id
    }
}

/// An invitation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Invitation {
    /// The site that invites, and that alone can admit with it.
    pub inviter: Author,
    /// What proves it.
    pub secret: Secret,
    /// When it ends, in milliseconds since the Unix epoch on the inviter's clock.
    pub expires_ms: i64,
    /// Where the inviter was reachable when it invited: libp2p multiaddresses in text form.
    pub addresses: Vec<String>,
}

/// Text that is no invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInvitation {
    /// A character is missing or wrong.
    #[error("the invitation is incomplete or mistyped: copy it whole, from the first to the last character")]
    Mistyped,
    /// It was made by a newer program.
    #[error("the invitation was made by a newer version of tandem: update this one")]
    Newer,
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&codec::encode(self));
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        f.write_str(&data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }
}

impl FromStr for Invitation {
    type Err = InvalidInvitation;

    fn from_str(text: &str) -> Result<Self, InvalidInvitation> {
        let mistyped = InvalidInvitation::Mistyped;
        if text.len() > 2 * TEXT_CHARS {
            return Err(mistyped);
        }
        // A token pasted from a mail may be broken over lines.
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let text = text.to_ascii_uppercase();
        let bytes = data_encoding::BASE32_NOPAD.decode(text.as_bytes()).map_err(|_| mistyped)?;
        let at = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(mistyped)?;
        let (content, sum) = bytes.split_at(at);
        if checksum(content) != *sum {
            return Err(mistyped);
        }
        match content.split_first() {
            Some((&VERSION, body)) => {
                let invitation: Self = codec::decode(body, "invitation").map_err(|_| mistyped)?;
                let fits = |address: &String| address.len() <= ADDRESS_BYTES;
                let bounded =
                    invitation.addresses.len() <= ADDRESSES && invitation.addresses.iter().all(fits);
                if bounded { Ok(invitation) } else { Err(mistyped) }
            }
            Some((&version, _)) if version > VERSION => Err(InvalidInvitation::Newer),
            _ => Err(mistyped),
        }
    }
}

fn checksum(content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&blake3::hash(content).as_bytes()[..CHECKSUM_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn invitation() -> Invitation {
        Invitation {
            inviter: Author([7; 32]),
            secret: Secret([9; 16]),
            expires_ms: 1_700_000_000_000,
            addresses: vec!["/ip4/192.168.1.20/tcp/7118".into(), "/ip4/192.168.1.20/udp/7118/quic-v1".into()],
        }
    }

    #[test]
    fn the_text_form_round_trips_also_in_capitals_and_over_lines() {
        let text = invitation().to_string();
        assert_eq!(text.parse(), Ok(invitation()));
        let (front, back) = text.split_at(40);
        assert_eq!(format!(" {}\n{} ", front.to_uppercase(), back).parse(), Ok(invitation()));
        assert!(text.len() < 300, "{} characters", text.len());
    }

    #[test]
    fn the_text_form_is_frozen() {
        let plain = Invitation { addresses: vec!["/x".into()], ..invitation() };
        assert_eq!(
            plain.to_string(),
            "aedqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqobyha4dqocijbeeqscijbeeqscijbeeqscp5adimvhyxamaaaaicf54hri6qoe",
        );
    }

    #[test]
    fn tampered_or_cut_text_is_refused() {
        let text = invitation().to_string();
        for at in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'q' { b'r' } else { b'q' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(wrong.parse::<Invitation>().is_err(), "changed at {at}");
            assert!(text[..at].parse::<Invitation>().is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_secret_is_not_printed_and_its_id_does_not_give_it_away() {
        assert!(!format!("{:?}", invitation()).contains("9, 9"));
        assert_ne!(Secret([9; 16]).invitation_id(), [9; 16]);
        assert_ne!(Secret([9; 16]).invitation_id(), Secret([8; 16]).invitation_id());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,300}", valid in "[a-z2-7]{0,300}") {
            let _ = text.parse::<Invitation>();
            prop_assert!(valid.parse::<Invitation>().is_err());
        }
    }
}
