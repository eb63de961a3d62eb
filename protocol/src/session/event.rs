//! What a session is told, and what it wants done.

use super::fault::Fault;
use super::message::Listing;
use crate::chain::{Chain, Head};
use crate::fork::{Fork, Withheld};
use crate::identity::SpaceId;
use crate::verify::{self, SignedTransaction};
use crate::version::VersionVector;

/// The time at which something happens, passed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds on a clock that never steps back.
    pub ms: u64,
    /// Milliseconds since the Unix epoch on the PC's clock, right or wrong.
    pub wall_ms: i64,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The stream is open. Always first.
    Connected,
    /// The stream brought a message, as [`super::FrameReader`] cuts it.
    Message(Vec<u8>),
    /// The stream brought a part of a message. Says that the peer is alive; need not come often.
    Heard,
    /// Transactions became durable here.
    LogGrew {
        /// In this space.
        space: SpaceId,
        /// The arrival number after the last one.
        end: u64,
        /// What is held now.
        vector: VersionVector,
        /// Whether one of them was written here.
        local: bool,
    },
    /// An [`Output::Read`] is done.
    ReadDone {
        /// In this space.
        space: SpaceId,
        /// The transactions asked for; none when all up to `next` were left out.
        block: Option<Vec<u8>>,
        /// The arrival number to read on from.
        next: u64,
        /// The newest transaction of each chain in `block`.
        last: VersionVector,
        /// What was left out because it does not pass, with what was known not to.
        withheld: Withheld,
        /// Where what the peer is said to have is not what is held here.
        forks: Vec<Fork>,
    },
    /// An [`Output::Read`] failed.
    ReadFailed {
        /// In this space.
        space: SpaceId,
        /// Why.
        error: String,
    },
    /// An [`Output::Store`] is done; those of one space in the order they were asked for.
    Stored {
        /// In this space.
        space: SpaceId,
        /// What came of it, or why the block was not taken.
        result: Result<Taken, Refusal>,
    },
    /// The answer to [`Output::Judge`].
    Judged {
        /// In this space.
        space: SpaceId,
        /// Whether the peer is a member.
        member: bool,
    },
    /// The answer to [`Output::FindAdmission`].
    Admission {
        /// In this space.
        space: SpaceId,
        /// This site's own admission, where the log has it.
        proof: Option<SignedTransaction>,
    },
    /// Who is a member changed.
    MembersChanged(SpaceId),
    /// Whether this session's peer may fill the gap of this space now; see [`super::Bulk`]. Where
    /// the turn comes from another peer, give [`Input::LogGrew`] first: that one has filled much.
    Bulk {
        /// In this space.
        space: SpaceId,
        /// Its turn has come, or is over.
        granted: bool,
    },
    /// Where this site, and others it knows of, can be reached. Told to members only.
    Addresses(Vec<Listing>),
    /// The network changed: find out at once whether the peer is still there.
    Probe,
    /// This site stops or pauses.
    Leave,
    /// The time asked for by [`Output::WakeAt`] has come.
    Tick,
}

/// What came of a block that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taken {
    /// What is held durably now.
    pub vector: VersionVector,
    /// Chains found to have forked.
    pub forks: Vec<Fork>,
    /// What does not pass, besides what was known not to.
    pub withheld: Withheld,
    /// Whether something of the block was left out.
    pub left_out: bool,
}

/// Why a block was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is wrong, or comes before what it builds on.
    Fault(verify::Fault),
    /// This site could not store it.
    Local(String),
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Put these bytes onto the stream.
    Send(Vec<u8>),
    /// The other side has shown that it knows a space: [`super::FrameReader::greeted`].
    Greeted,
    /// Find out whether the peer is a member, by the membership here or by what it shows; answer
    /// with [`Input::Judged`].
    Judge {
        /// In this space.
        space: SpaceId,
        /// What it shows.
        proof: Option<SignedTransaction>,
    },
    /// Look up this site's own admission, to show it to the peer; answer with
    /// [`Input::Admission`].
    FindAdmission(SpaceId),
    /// Read durable transactions; answer with [`Input::ReadDone`]. One at a time for each space.
    Read {
        /// In this space.
        space: SpaceId,
        /// From this arrival number on.
        from: u64,
        /// Leaving out what this covers.
        have: VersionVector,
        /// Leaving out what does not pass, and what was written knowing it.
        withheld: Withheld,
        /// So many bytes, roughly.
        max_bytes: usize,
    },
    /// Verify, store and merge a block; answer with [`Input::Stored`] when it is durable.
    Store {
        /// In this space.
        space: SpaceId,
        /// The block.
        block: Vec<u8>,
        /// What does not pass.
        withheld: Withheld,
    },
    /// Ask or tell the [`super::Bulk`] of the space.
    Bulk {
        /// In this space.
        space: SpaceId,
        /// What.
        step: BulkStep,
    },
    /// What is known of the peer changed.
    PeerState(PeerState),
    /// The peer's clock minus this PC's, in milliseconds.
    ClockOffset(i64),
    /// Where sites can be reached, by the word of the peer.
    Addresses(Vec<Listing>),
    /// The peer says that it holds this under a number, and something else seems to be held here: a
    /// copied or restored folder, or somebody who signs twice. Not the peer's fault. To be compared
    /// with what is held, and told if it differs.
    Forked {
        /// In this space.
        space: SpaceId,
        /// Of this chain.
        chain: Chain,
        /// What the peer holds.
        head: Head,
    },
    /// Give [`Input::Tick`] at this time ([`Now::ms`]); replaces the time asked for before.
    WakeAt(u64),
    /// Close the stream, after what is to be sent. Nothing comes after it.
    Close(Fault),
}

/// See [`Output::Bulk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkStep {
    /// This peer could fill the gap.
    Claim,
    /// It has no more to give.
    Release,
    /// It gives nothing although it could.
    Stalled,
}

/// What is known of a peer in one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerState {
    /// The space.
    pub space: SpaceId,
    /// Whether both sides hold each other for members.
    pub open: bool,
    /// What the peer holds, as far as it has said.
    pub vector: VersionVector,
    /// Bytes on their way to it.
    pub in_flight: u64,
}
