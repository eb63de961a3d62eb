//! How two sites that are members of the same spaces exchange what each lacks, told from zero.
//!
//! A *session* is one stream between two peers whose identities the channel has proved. It ends
//! with the stream; nothing of it survives but what both sites have made durable. One side opened
//! the stream (the *opener*), the other took it (the *acceptor*); apart from the first two
//! messages both do exactly the same.
//!
//! ```text
//! opener                                   acceptor
//!   │ HELLO  versions, clock, tags            │   A tag is a keyed hash: who does not know a
//!   ├────────────────────────────────────────►│   space's id cannot recognise it, nor count the
//!   │                                         │   spaces, for the list is padded. A stranger
//!   │ WELCOME  version, clock, shared tags    │   gets no answer at all: the stream is closed.
//!   │◄────────────────────────────────────────┤
//!   │ per shared space, both ways:            │
//!   │ (REQUEST_ADMISSION → ADMISSION, where   │
//!   │  the other is not known as a member)    │
//!   │ OPEN  digest of my version vector       │   Digests equal: that was all.
//!   │◄───────────────────────────────────────►│
//!   │ VECTOR, WINDOW                          │   Digests differ: what I hold, and how much I
//!   │◄───────────────────────────────────────►│   take before you must wait.
//!   │ FRAME  heads, block                     │   What the other lacks, in the order it arrived
//!   │◄───────────────────────────────────────►│   here, which is a causal order.
//!   │ STORED                                  │   Said once it is durable, one per frame.
//! ```
//!
//! **One mechanism.** For each shared space the sender keeps a *cursor* into its own log. It reads
//! on from there, leaving out what the other has or is about to get, until it stands at the end;
//! there it waits, and that waiting is what people call live. A transaction written here moves the
//! cursor at once. One that came from elsewhere waits [`limits::RELAY_AFTER_MS`], for its author
//! probably reaches the other site directly; that site then says so with HAVE and it is never sent.
//!
//! **Whose word counts.** A vector is only ever a hint of what to leave out: it costs whoever
//! lies in it, nobody else. The newest statement replaces the earlier ones, also where it is
//! lower (a restored backup). What a site holds changes by verified blocks alone.
//!
//! **Nothing is forgotten.** Every [`limits::DIGEST_EVERY_MS`] each side says its digest; where
//! they differ the vectors are exchanged again and the cursor starts over, so no lost announcement
//! and no error of this module can leave two sites apart for long.
//!
//! **Forks.** Where two sites hold different transactions under one name, nothing of that author
//! passes between them from there on, nor what was written knowing it; all else does. Whoever finds
//! it first (the reader who compares what the other says to have, the receiver who looks at a
//! block, either who sees a vector) says so with FORKED, and with WITHHELD from which number on
//! nothing passes. A frame that held such a thing is DECLINED, with a VECTOR of what is held now.
//!
//! **Flow.** A receiver says how many bytes may be on their way to it unacknowledged (WINDOW). When
//! it lacks much, [`CatchUpScheduler`] gives the large window to one peer at a time and lets the
//! others wait, so that the same history does not arrive three times.
//!
//! **Asks and is told.** A session neither reads nor stores: [`SessionDriver`] has its [`Host`] begin
//! to read or to store, and hears the result as an [`Input`]. It can therefore only acknowledge what
//! was reported durable, and a whole network of sessions runs inside a test that owns the time.
//!
//! Every message is `kind · length · body`; kinds this program does not know are skipped, and
//! bytes behind the known end of a body are ignored, so that later versions can say more.

pub mod limits;

mod session_end;
mod message_kind;
mod frame;
mod message;
mod greeting;

mod catch_up_scheduler;
mod cursor;
mod intake;
mod keepalive;
mod membership_check;
mod catch_up_slot;
mod known_forks;
mod opening;
mod peer_report;
mod space_session;

mod host;
mod event;
mod outbox;
#[expect(clippy::module_inception, reason = "the noun the module is about")]
mod session;
mod driver;

#[cfg(test)]
mod simulator;
#[cfg(test)]
mod tests;

pub use catch_up_scheduler::CatchUpScheduler;
pub use driver::SessionDriver;
pub use event::Input;
pub use host::{
    Answer, CatchUpStep, Host, NotStored, Notice, Now, PeerState, ReadDone, ReadRequest, StoreDone,
    StoreRequest,
};
pub use membership_check::may_exchange;
pub use message::{Listing, name_of};
pub use session::{Config, Side, SpaceConfig};
pub use session_end::{Farewell, SessionEnd};
