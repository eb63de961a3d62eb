//! What is said on the stream. `golden` in the tests pins every byte of it.

use bincode::{Decode, Encode};

use super::frame::envelope;
use super::message_kind::*;
use super::session_end::Farewell;
use super::{SessionEnd, limits};
use crate::bounds;
use crate::chain::{Chain, Head};
use crate::codec;
use crate::fork::Withheld;
use crate::identity::Author;
use crate::verify::SignedTransaction;
use crate::version::VersionVector;

/// A keyed hash by which a site that knows a space's id recognises it. See `greeting`.
pub(super) type Tag = [u8; 16];

/// A version vector in short: equal for sites that hold the same transactions.
pub(super) type Digest = [u8; 16];

/// A shared space in this session: its place in the opener's list of tags.
pub(super) type Handle = u16;

/// What one side says to the other.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    /// The opener's first word.
    Hello(Hello),
    /// The acceptor's answer, given only where a space is shared.
    Welcome(Welcome),
    /// "I do not know you as a member: show me your admission."
    RequestAdmission(Handle),
    /// The admission asked for, where there is one.
    Admission(Handle, Option<SignedTransaction>),
    /// "You are a member; this is what I hold, in short."
    Open(Handle, Digest),
    /// "You are not, or no longer, a member."
    Refuse(Handle),
    /// "This is what I hold." Replaces what was said before. `true`: "and what do you hold?"
    Vector(Handle, VersionVector, bool),
    /// "So many bytes may be on their way to me unacknowledged."
    Window(Handle, u64),
    /// Transactions, and the newest of each chain among them.
    Frame(Handle, VersionVector, Vec<u8>),
    /// "The oldest frame not yet answered is durable here", and what else grew here.
    Stored(Handle, VersionVector),
    /// "The oldest frame not yet answered came too early." A statement follows.
    Declined(Handle),
    /// What grew here and the other may not know.
    Have(Handle, VersionVector),
    /// What I hold, in short; every now and then.
    Digest(Handle, Digest),
    /// A sign of life. `true`: "answer at once".
    Ping(bool),
    /// The local clock, every now and then.
    Clock(i64),
    /// Where sites can be reached.
    Addresses(Vec<Listing>),
    /// The last word.
    Bye(Farewell),
    /// "Under this number of its chain I hold this, and you something else."
    Forked(Handle, Chain, Head),
    /// "Of these chains nothing passes between us from these numbers on."
    Withheld(Handle, Withheld),
    /// A kind this program does not know.
    Unknown,
}

/// What the opener says first: which versions it speaks, its clock, and the tags of its spaces.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(super) struct Hello {
    pub min_version: u16,
    pub max_version: u16,
    pub clock_ms: i64,
    pub tags: Vec<Tag>,
}

/// What the acceptor answers: the version, its clock, and the spaces that both share.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(super) struct Welcome {
    pub version: u16,
    pub clock_ms: i64,
    pub shared: Vec<(Handle, Tag)>,
}

/// Where a site can be reached: addresses as the transport encodes them, opaque here.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Listing {
    /// The site.
    pub author: Author,
    /// At most [`limits::ADDRESSES`] of at most [`limits::ADDRESS_BYTES`].
    pub addresses: Vec<Vec<u8>>,
}

/// The name of a message as [`super::FrameReader`] cuts it, for traces.
pub fn name_of(message: &[u8]) -> &'static str {
    Message::decode(message).map_or("GARBLED", |message| message.name())
}

impl Message {
    /// Its name in errors and traces.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "HELLO",
            Self::Welcome(_) => "WELCOME",
            Self::RequestAdmission(_) => "REQUEST_ADMISSION",
            Self::Admission(..) => "ADMISSION",
            Self::Open(..) => "OPEN",
            Self::Refuse(_) => "REFUSE",
            Self::Vector(..) => "VECTOR",
            Self::Window(..) => "WINDOW",
            Self::Frame(..) => "FRAME",
            Self::Stored(..) => "STORED",
            Self::Declined(_) => "DECLINED",
            Self::Have(..) => "HAVE",
            Self::Digest(..) => "DIGEST",
            Self::Ping(_) => "PING",
            Self::Clock(_) => "CLOCK",
            Self::Addresses(_) => "ADDRESSES",
            Self::Bye(_) => "BYE",
            Self::Forked(..) => "FORKED",
            Self::Withheld(..) => "WITHHELD",
            Self::Unknown => "a message of unknown kind",
        }
    }

    /// The shared space it speaks about.
    pub fn handle(&self) -> Option<Handle> {
        match self {
            Self::RequestAdmission(handle)
            | Self::Admission(handle, _)
            | Self::Open(handle, _)
            | Self::Refuse(handle)
            | Self::Vector(handle, ..)
            | Self::Window(handle, _)
            | Self::Frame(handle, ..)
            | Self::Stored(handle, _)
            | Self::Declined(handle)
            | Self::Have(handle, _)
            | Self::Digest(handle, _)
            | Self::Forked(handle, ..)
            | Self::Withheld(handle, _) => Some(*handle),
            _ => None,
        }
    }

    /// The bytes that go onto the stream.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Hello(hello) => (HELLO, codec::encode(hello)),
            Self::Welcome(welcome) => (WELCOME, codec::encode(welcome)),
            Self::RequestAdmission(handle) => (REQUEST_ADMISSION, codec::encode(handle)),
            Self::Admission(handle, proof) => (ADMISSION, codec::encode(&(handle, proof))),
            Self::Open(handle, digest) => (OPEN, codec::encode(&(handle, digest))),
            Self::Refuse(handle) => (REFUSE, codec::encode(handle)),
            Self::Vector(handle, vector, ask) => (VECTOR, codec::encode(&(handle, ask, vector))),
            Self::Window(handle, bytes) => (WINDOW, codec::encode(&(handle, bytes))),
            Self::Frame(handle, heads, block) => {
                let mut body = codec::encode(&(handle, heads));
                body.extend_from_slice(block);
                (FRAME, body)
            }
            Self::Stored(handle, grown) => (STORED, codec::encode(&(handle, grown))),
            Self::Declined(handle) => (DECLINED, codec::encode(handle)),
            Self::Have(handle, grown) => (HAVE, codec::encode(&(handle, grown))),
            Self::Digest(handle, digest) => (DIGEST, codec::encode(&(handle, digest))),
            Self::Ping(ask) => (PING, codec::encode(ask)),
            Self::Clock(clock_ms) => (CLOCK, codec::encode(clock_ms)),
            Self::Addresses(listings) => (ADDRESSES, codec::encode(listings)),
            Self::Bye(farewell) => (BYE, codec::encode(&farewell.code())),
            Self::Forked(handle, chain, head) => (FORKED, codec::encode(&(handle, chain, head))),
            Self::Withheld(handle, withheld) => (WITHHELD, codec::encode(&(handle, withheld))),
            Self::Unknown => (0, Vec::new()),
        };
        envelope(kind, &body)
    }

    /// Reads one message as [`super::FrameReader`] cuts it: its kind, then its body.
    pub fn decode(bytes: &[u8]) -> Result<Self, SessionEnd> {
        let (&kind, body) = bytes.split_first().ok_or(SessionEnd::Garbled("nothing"))?;
        let message = match kind {
            HELLO => Self::Hello(front(body, "HELLO")?.0),
            WELCOME => Self::Welcome(front(body, "WELCOME")?.0),
            REQUEST_ADMISSION => Self::RequestAdmission(front(body, "REQUEST_ADMISSION")?.0),
            ADMISSION => {
                let (handle, proof) = front(body, "ADMISSION")?.0;
                Self::Admission(handle, proof)
            }
            OPEN => {
                let (handle, digest) = front(body, "OPEN")?.0;
                Self::Open(handle, digest)
            }
            REFUSE => Self::Refuse(front(body, "REFUSE")?.0),
            VECTOR => {
                let (handle, ask, vector) = front(body, "VECTOR")?.0;
                Self::Vector(handle, vector, ask)
            }
            WINDOW => {
                let (handle, bytes) = front(body, "WINDOW")?.0;
                Self::Window(handle, bytes)
            }
            FRAME => {
                let ((handle, heads), read) = front(body, "FRAME")?;
                Self::Frame(handle, heads, body[read..].to_vec())
            }
            STORED => {
                let (handle, grown) = front(body, "STORED")?.0;
                Self::Stored(handle, grown)
            }
            DECLINED => Self::Declined(front(body, "DECLINED")?.0),
            HAVE => {
                let (handle, grown) = front(body, "HAVE")?.0;
                Self::Have(handle, grown)
            }
            DIGEST => {
                let (handle, digest) = front(body, "DIGEST")?.0;
                Self::Digest(handle, digest)
            }
            PING => Self::Ping(front(body, "PING")?.0),
            CLOCK => Self::Clock(front(body, "CLOCK")?.0),
            ADDRESSES => Self::Addresses(front(body, "ADDRESSES")?.0),
            BYE => Self::Bye(Farewell::from_code(front(body, "BYE")?.0)),
            FORKED => {
                let (handle, chain, head) = front(body, "FORKED")?.0;
                Self::Forked(handle, chain, head)
            }
            WITHHELD => {
                let (handle, withheld) = front(body, "WITHHELD")?.0;
                Self::Withheld(handle, withheld)
            }
            _ => Self::Unknown,
        };
        if message.is_bounded() {
            Ok(message)
        } else {
            Err(SessionEnd::Garbled("a list longer than allowed"))
        }
    }

    fn is_bounded(&self) -> bool {
        match self {
            Self::Hello(hello) => hello.tags.len() <= limits::SPACES,
            Self::Welcome(welcome) => welcome.shared.len() <= limits::SPACES,
            Self::Withheld(_, withheld) => withheld.0.len() <= bounds::AUTHORS,
            Self::Addresses(listings) => {
                listings.len() <= limits::LISTINGS
                    && listings.iter().all(|listing| {
                        listing.addresses.len() <= limits::ADDRESSES
                            && listing.addresses.iter().all(|bytes| bytes.len() <= limits::ADDRESS_BYTES)
                    })
            }
            _ => true,
        }
    }
}

/// What stands at the front of a body, and how many bytes it took. What follows is for later
/// versions.
fn front<T: bincode::Decode<()>>(body: &[u8], what: &'static str) -> Result<(T, usize), SessionEnd> {
    codec::decode_prefix(body, what).map_err(|_| SessionEnd::Garbled(what))
}

/// A vector in short.
pub(super) fn digest(vector: &VersionVector) -> Digest {
    let mut short = [0; 16];
    short.copy_from_slice(&vector.digest()[..16]);
    short
}
