//! Joining: one question and one answer on a stream of their own, between a site that holds an
//! invitation and the inviter named in it.
//!
//! ```text
//! joiner  ► REQUEST  invitation's id · proof · name and public keys of the joining site
//! inviter ► ADMITTED space · its name · the admission, a signed transaction   or   REFUSED code
//! ```
//!
//! The proof is a hash keyed by the invitation's secret, over both authors (which the channel has
//! proved), the name and the keys: worth nothing to another pair. Who has no valid proof is told nothing
//! but "not valid", whatever the reason.

use bincode::{Decode, Encode};

use crate::bounds;
use crate::codec::{self, DecodeError};
use crate::identity::{Author, SpaceId};
use crate::invitation::Secret;
use crate::membership::Candidate;
use crate::public_key::PublicKeys;
use crate::verify::SignedTransaction;

const VERSION: u8 = 1;

/// Bytes of either message.
pub const MESSAGE_BYTES: usize = 256 << 10;

/// What the joiner asks.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct JoinRequest {
    /// Which invitation.
    pub invitation: [u8; 16],
    /// That the joiner has it.
    pub proof: [u8; 32],
    /// What the joining site wants to be called.
    pub site_name: String,
    /// The public keys that it shows.
    pub keys: PublicKeys,
}

/// What the inviter answers.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Admitted {
    /// The space.
    pub space: SpaceId,
    /// Its name.
    pub space_name: String,
    /// The admission, as the log of the inviter has it.
    pub admission: SignedTransaction,
}

/// Why a joiner is not admitted. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefused {
    /// There is no such invitation, or the proof is wrong.
    #[error("the invitation is not valid there: ask for a new one")]
    Invalid,
    /// Its time is over.
    #[error("the invitation has expired: ask for a new one")]
    Expired,
    /// Another site was admitted with it.
    #[error("the invitation was used already, by another site: ask for a new one")]
    Used,
    /// The inviter may no longer admit.
    #[error("the inviting site may no longer admit others: ask another admin")]
    NotAllowed,
    /// The name is empty, too long, or taken.
    #[error("the name of this site is empty, too long, or taken there: choose another with --name")]
    Name,
    /// The inviter could not write the admission.
    #[error("the inviting site has a problem of its own at the moment: look at its status, then try again")]
    Trouble,
    /// A reason this program does not know.
    #[error("the inviting site refused, code {0}")]
    Other(u8),
}

impl JoinRefused {
    /// The stable code.
    pub fn code(self) -> u8 {
        match self {
            Self::Invalid => 1,
            Self::Expired => 2,
            Self::Used => 3,
            Self::NotAllowed => 4,
            Self::Name => 5,
            Self::Trouble => 6,
            Self::Other(code) => code,
        }
    }

    fn from_code(code: u8) -> Self {
        let known = [Self::Invalid, Self::Expired, Self::Used, Self::NotAllowed, Self::Name, Self::Trouble];
        known.into_iter().find(|refused| refused.code() == code).unwrap_or(Self::Other(code))
    }
}

/// What the inviter answers, as it is encoded.
#[derive(Encode, Decode)]
enum Answer {
    Admitted(Admitted),
    Refused(u8),
}

impl JoinRequest {
    /// A joiner's request.
    pub fn new(secret: &Secret, joiner: Candidate, inviter: &Author) -> Self {
        let Candidate { author, name: site_name, keys } = joiner;
        let proof = proof(secret, &author, inviter, &site_name, &keys);
        Self { invitation: secret.invitation_id(), proof, site_name, keys }
    }

    /// Whether it was made with that secret, by that joiner, for that inviter.
    pub fn proves(&self, secret: &Secret, joiner: &Author, inviter: &Author) -> bool {
        // Comparing BLAKE3 hashes takes the same time wherever they differ.
        self.invitation == secret.invitation_id()
            && blake3::Hash::from(self.proof) == proof(secret, joiner, inviter, &self.site_name, &self.keys)
    }

    /// The bytes sent.
    pub fn encode(&self) -> Vec<u8> {
        versioned(self)
    }

    /// Reads the bytes received.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let request: Self = body(bytes, "join request")?;
        if request.site_name.len() > bounds::NAME_BYTES {
            return Err(DecodeError::TooLarge("join request"));
        }
        Ok(request)
    }
}

fn proof(secret: &Secret, joiner: &Author, inviter: &Author, site_name: &str, keys: &PublicKeys) -> [u8; 32] {
    let key = blake3::derive_key("tandem join proof", &secret.0);
    let mut hasher = blake3::Hasher::new_keyed(&key);
    hasher.update(&joiner.0).update(&inviter.0).update(&codec::encode(&(site_name, keys)));
    *hasher.finalize().as_bytes()
}

/// The bytes of an answer.
pub fn encode_answer(answer: &Result<Admitted, JoinRefused>) -> Vec<u8> {
    versioned(&match answer {
        Ok(admitted) => Answer::Admitted(admitted.clone()),
        Err(refused) => Answer::Refused(refused.code()),
    })
}

/// Reads an answer.
pub fn decode_answer(bytes: &[u8]) -> Result<Result<Admitted, JoinRefused>, DecodeError> {
    Ok(match body(bytes, "join answer")? {
        Answer::Admitted(admitted) if admitted.space_name.len() > bounds::NAME_BYTES => {
            return Err(DecodeError::TooLarge("join answer"));
        }
        Answer::Admitted(admitted) => Ok(admitted),
        Answer::Refused(code) => Err(JoinRefused::from_code(code)),
    })
}

fn versioned(value: &impl Encode) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&codec::encode(value));
    bytes
}

fn body<T: Decode<()>>(bytes: &[u8], what: &'static str) -> Result<T, DecodeError> {
    match bytes.split_first() {
        Some((&VERSION, body)) => codec::decode(body, what),
        Some((&version, _)) if version > VERSION => Err(DecodeError::Newer { what, version }),
        _ => Err(DecodeError::Malformed(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Signature;
    use crate::public_key::PublicKey;
    use proptest::prelude::*;

    const JOINER: Author = Author([1; 32]);
    const INVITER: Author = Author([2; 32]);
    const SECRET: Secret = Secret([3; 16]);

    fn request() -> JoinRequest {
        let keys = PublicKeys::new(vec![PublicKey { kind: 1, bytes: vec![4; 32] }]).unwrap();
        JoinRequest::new(&SECRET, Candidate { keys, ..Candidate::new(JOINER, "salle") }, &INVITER)
    }

    #[test]
    fn a_proof_holds_for_its_pair_secret_name_and_keys_only() {
        let request = request();
        assert!(request.proves(&SECRET, &JOINER, &INVITER));
        assert!(!request.proves(&SECRET, &INVITER, &JOINER));
        assert!(!request.proves(&SECRET, &Author([9; 32]), &INVITER));
        assert!(!request.proves(&Secret([4; 16]), &JOINER, &INVITER));
        let renamed = JoinRequest { site_name: "bureau".into(), ..request.clone() };
        assert!(!renamed.proves(&SECRET, &JOINER, &INVITER));
        let others = JoinRequest { keys: PublicKeys::default(), ..request };
        assert!(!others.proves(&SECRET, &JOINER, &INVITER));
    }

    #[test]
    fn both_messages_round_trip() {
        let request = request();
        assert_eq!(JoinRequest::decode(&request.encode()), Ok(request));
        let admission =
            SignedTransaction { previous: [1; 32], bytes: vec![2; 40], signature: Signature([3; 64]) };
        let admitted = Admitted { space: SpaceId([5; 32]), space_name: "école".into(), admission };
        for answer in [Ok(admitted), Err(JoinRefused::Used), Err(JoinRefused::Other(99))] {
            assert_eq!(decode_answer(&encode_answer(&answer)), Ok(answer));
        }
    }

    #[test]
    fn codes_are_frozen() {
        let known = [
            JoinRefused::Invalid,
            JoinRefused::Expired,
            JoinRefused::Used,
            JoinRefused::NotAllowed,
            JoinRefused::Name,
            JoinRefused::Trouble,
        ];
        assert_eq!(known.map(JoinRefused::code), [1, 2, 3, 4, 5, 6]);
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = JoinRequest::decode(&bytes);
            let _ = decode_answer(&bytes);
            let mut versioned = vec![VERSION];
            versioned.extend_from_slice(&bytes);
            let _ = JoinRequest::decode(&versioned);
            let _ = decode_answer(&versioned);
        }
    }
}
