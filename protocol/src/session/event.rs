//! What a session takes in and what it wants done: the words between it and its driver.

use super::host::{CatchUpStep, NotStored, Notice, ReadDone, ReadRequest, StoreDone, StoreRequest};
use super::message::Listing;
use super::session_end::SessionEnd;
use crate::identity::SpaceId;
use crate::verify::SignedTransaction;
use crate::version::VersionVector;

/// What a site tells a session: what happened there, and the answers it gives later.
#[derive(Debug)]
pub enum Input {
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
    /// The answer to [`super::Host::read`].
    Read {
        /// In this space.
        space: SpaceId,
        /// What was read, or why nothing could be.
        result: Result<ReadDone, String>,
    },
    /// The answer to [`super::Host::store`]; those of one space in the order they were asked for.
    Stored {
        /// In this space.
        space: SpaceId,
        /// What came of it, or why the block was not taken.
        result: Result<StoreDone, NotStored>,
    },
    /// The answer to [`super::Host::check_member`].
    MemberChecked {
        /// In this space.
        space: SpaceId,
        /// Whether the peer is a member.
        member: bool,
    },
    /// The answer to [`super::Host::find_admission`].
    Admission {
        /// In this space.
        space: SpaceId,
        /// This site's own admission, where the log has it.
        proof: Option<SignedTransaction>,
    },
    /// Who is a member changed.
    MembersChanged(SpaceId),
    /// Whether this session's peer has the slot for catching up in this space; see
    /// [`super::CatchUpScheduler`]. Where it comes from another peer, give [`Input::LogGrew`]
    /// first: that one has brought much.
    CatchUp {
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
}

/// What happened, as the driver tells the session.
#[derive(Debug)]
pub(super) enum Event {
    /// The stream is open. Always first.
    Connected,
    /// The stream brought a message, as [`super::frame::FrameReader`] cuts it.
    Message(Vec<u8>),
    /// The stream brought a part of a message: the peer is alive.
    Heard,
    /// The site says something.
    Told(Input),
    /// The time the session asked to be woken at has come.
    Tick,
}

/// What the session wants done, in this order. See [`super::Host`], which most of it comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Output {
    /// To put bytes onto the stream.
    Send(Vec<u8>),
    /// To take longer messages from now on: the other side has shown that it knows a space.
    Greeted,
    /// To be answered with [`Input::MemberChecked`].
    CheckMember {
        /// In this space.
        space: SpaceId,
        /// What the peer shows.
        proof: Option<SignedTransaction>,
    },
    /// To be answered with [`Input::Admission`].
    FindAdmission(SpaceId),
    /// To be answered with [`Input::Read`].
    Read(ReadRequest),
    /// To be answered with [`Input::Stored`].
    Store(StoreRequest),
    /// To ask or tell who catches up from whom.
    CatchUp {
        /// In this space.
        space: SpaceId,
        /// What.
        step: CatchUpStep,
    },
    /// To tell whoever wants to know.
    Notice(Notice),
    /// To close the stream. Nothing comes after it.
    Close(SessionEnd),
}
