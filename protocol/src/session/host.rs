//! What a session asks of the site it runs on.

use super::message::Listing;
use super::session_end::SessionEnd;
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

/// The site a session runs on, as [`super::SessionDriver::run`] sees it: the stream, the store, the
/// clock, and whoever wants to know.
///
/// Each method begins something and returns; none waits. What takes longer is answered
/// [`Answer::Later`], and its answer given as an [`super::Input`], once, when it is there. No method
/// can reach the driver that calls it: nothing is taken in while something is being carried out.
pub trait Host {
    /// The time.
    fn now(&self) -> Now;

    /// Puts these bytes onto the stream, behind all that was put there before.
    fn send(&mut self, bytes: Vec<u8>);

    /// Whether the peer is a member of a space, by the membership here or by the admission it shows.
    /// Later: [`super::Input::MemberChecked`].
    fn check_member(&mut self, space: SpaceId, proof: Option<SignedTransaction>) -> Answer<bool>;

    /// Looks up this site's own admission to a space, to show it to the peer. Later:
    /// [`super::Input::Admission`].
    fn find_admission(&mut self, space: SpaceId) -> Answer<Option<SignedTransaction>>;

    /// Reads durable transactions; one read at a time for each space. Later:
    /// [`super::Input::Read`].
    fn read(&mut self, request: ReadRequest) -> Answer<Result<ReadDone, String>>;

    /// Verifies, stores and merges a block; those of one space in the order in which they come. The
    /// answer means that it is durable. Later: [`super::Input::Stored`].
    fn store(&mut self, request: StoreRequest) -> Answer<Result<StoreDone, NotStored>>;

    /// Asks or tells the [`super::CatchUpScheduler`] of a space. Whether this peer has the slot, where
    /// that follows at once; every later change is an [`super::Input::CatchUp`].
    fn catch_up(&mut self, space: SpaceId, step: CatchUpStep) -> Option<bool>;

    /// Something became known.
    fn notice(&mut self, notice: Notice);

    /// Close the stream, after what was sent. Nothing comes after it.
    fn end(&mut self, end: SessionEnd);

    /// A message has come whole and is about to be taken in; see [`super::name_of`]. For traces.
    fn arrived(&mut self, _message: &[u8]) {}
}

/// What the site says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// The answer.
    Now(T),
    /// It takes a while; the answer comes as an [`super::Input`].
    Later,
}

/// What to read of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// In this space.
    pub space: SpaceId,
    /// From this arrival number on.
    pub from: u64,
    /// Leaving out what this covers.
    pub have: VersionVector,
    /// Leaving out what does not pass, and what was written knowing it.
    pub withheld: Withheld,
    /// So many bytes, roughly.
    pub max_bytes: usize,
}

/// What was read of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadDone {
    /// The transactions asked for; none when all up to `next` were left out.
    pub block: Option<Vec<u8>>,
    /// The arrival number to read on from.
    pub next: u64,
    /// The newest transaction of each author in `block`.
    pub last: VersionVector,
    /// What was left out because it does not pass, with what was known not to.
    pub withheld: Withheld,
    /// Where what the peer is said to have is not what is held here.
    pub forks: Vec<Fork>,
}

/// A block to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRequest {
    /// In this space.
    pub space: SpaceId,
    /// The block.
    pub block: Vec<u8>,
    /// What does not pass.
    pub withheld: Withheld,
}

/// What came of a block that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreDone {
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
pub enum NotStored {
    /// It is wrong, or comes before what it builds on.
    Fault(verify::BlockFault),
    /// This site could not store it.
    Local(String),
}

/// What is asked or told of the slot for catching up. See [`Host::catch_up`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUpStep {
    /// This peer could fill the gap.
    Claim,
    /// It has no more to give.
    Release,
    /// It gives nothing although it could.
    Stalled,
}

/// What became known.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// What is known of the peer changed.
    Peer(PeerState),
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
