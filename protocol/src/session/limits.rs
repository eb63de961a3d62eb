//! Every limit and pace of the session, with its reason.

use crate::bounds;

/// Lowest and highest version of the session's messages this program speaks.
pub const VERSIONS: (u16, u16) = (1, 1);

/// Bytes of a message before the other side has shown that it knows a shared space: room for a
/// HELLO of [`SPACES`] tags.
pub const GREETING_BYTES: usize = 8 << 10;

/// Bytes of any message but a FRAME: room for a version vector of [`bounds::AUTHORS`] trunks and
/// [`bounds::ALL_BRANCHES`] branches.
pub const MESSAGE_BYTES: usize = 384 << 10;

/// Bytes of a FRAME.
pub const FRAME_BYTES: usize = bounds::FRAME_BYTES;

/// Spaces one session carries.
pub const SPACES: usize = 256;

/// The number of tags in a HELLO is padded to a multiple of this, so that a stranger cannot count
/// the spaces of an ordinary site.
pub const TAGS_PADDED_TO: usize = 8;

/// Bytes on their way to a peer unacknowledged, unless it says otherwise: enough for live work.
pub const WINDOW_BYTES: u64 = 1 << 20;

/// The window of the peer that fills a large gap: several blocks, so that it reads while this
/// site stores.
pub const CATCH_UP_WINDOW_BYTES: u64 = 4 << 20;

/// Frames on their way to a peer unacknowledged. When a site writes faster than the other can
/// store, what is written meanwhile travels together.
pub const FRAMES_IN_FLIGHT: usize = 16;

/// A peer that has more frames than this unacknowledged ignores [`FRAMES_IN_FLIGHT`].
pub const FRAMES_TOLERATED: usize = 4 * FRAMES_IN_FLIGHT;

/// How long a transaction of another site waits before it is passed on, in milliseconds: longer
/// than its author takes to reach the same peer, shorter than a person notices.
pub const RELAY_AFTER_MS: u64 = 50;

/// How long HAVE may wait for more to announce, in milliseconds: well below the above.
pub const ANNOUNCE_AFTER_MS: u64 = 10;

/// How often each side says its digest, in milliseconds.
pub const DIGEST_EVERY_MS: u64 = 30_000;

/// A side that has said nothing for this long says so, in milliseconds.
pub const PING_EVERY_MS: u64 = 5_000;

/// A peer of which nothing was heard for this long is gone, in milliseconds: two pings and some
/// patience with a busy PC.
pub const SILENT_AFTER_MS: u64 = 13_000;

/// How long an answer to an urgent question may take, in milliseconds. Asked when the network
/// has just changed and the stream may be dead.
pub const ANSWER_WITHIN_MS: u64 = 2_000;

/// How long the greeting may take, in milliseconds.
pub const GREETING_WITHIN_MS: u64 = 10_000;

/// A peer that fills a gap and sends nothing for this long gives way to another, in milliseconds.
pub const STALLED_AFTER_MS: u64 = 5_000;

/// The same for one that trickles bytes but completes nothing.
pub const FRUITLESS_AFTER_MS: u64 = 30_000;

/// Blocks in a row that came before what they build on. One or two happen when statements cross;
/// a peer that keeps sending them does not listen.
pub const EARLY_BLOCKS: u32 = 8;

/// Addresses told of one site, sites told of, and bytes of one address.
pub const ADDRESSES: usize = 8;
/// Sites whose addresses one message may tell.
pub const LISTINGS: usize = 64;
/// Bytes of one encoded address.
pub const ADDRESS_BYTES: usize = 128;

/// Most bytes of a head in a vector: its number and its hash.
const HEAD_BYTES: usize = 9 + 16;

// What the reasons above say of two limits at once.
const _: () =
    assert!(SPACES.is_multiple_of(TAGS_PADDED_TO), "the tags of all spaces stay within a HELLO when padded");
const _: () =
    assert!(GREETING_BYTES > SPACES * 16 + 64, "a HELLO of all spaces fits what a stranger may send");
const _: () = assert!(
    MESSAGE_BYTES
        > bounds::AUTHORS * (32 + HEAD_BYTES) + bounds::ALL_BRANCHES * (49 + 17 + 1 + 2 * HEAD_BYTES),
    "the largest vector fits one message"
);
const _: () = assert!(
    MESSAGE_BYTES > LISTINGS * (32 + 9 + ADDRESSES * (9 + ADDRESS_BYTES)),
    "all addresses fit one message"
);
const _: () = assert!(WINDOW_BYTES <= CATCH_UP_WINDOW_BYTES, "the widest window is that of who catches up");
const _: () =
    assert!(FRAMES_IN_FLIGHT < FRAMES_TOLERATED, "who keeps to the number of frames is not at fault");
const _: () =
    assert!(ANNOUNCE_AFTER_MS < RELAY_AFTER_MS, "HAVE comes before what it makes superfluous is sent");
const _: () = assert!(2 * PING_EVERY_MS < SILENT_AFTER_MS, "a lost PING makes nobody silent");
const _: () =
    assert!(ANSWER_WITHIN_MS < SILENT_AFTER_MS, "an urgent question finds out earlier than silence");
const _: () = assert!(
    STALLED_AFTER_MS < FRUITLESS_AFTER_MS,
    "who sends something is given longer than who sends nothing"
);
