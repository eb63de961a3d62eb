//! What is known of another site, for people to see.

use std::collections::BTreeMap;

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::version::VersionVector;

/// Another site.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerStatus {
    /// Which.
    pub author: Author,
    /// Whether a session with it is open.
    pub connected: bool,
    /// Where it is, or was last: a multiaddress.
    pub address: Option<String>,
    /// When it was last heard of, in milliseconds since the Unix epoch on this PC's clock.
    pub last_seen_ms: Option<i64>,
    /// Its clock minus this PC's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// Bytes put onto its stream since this node started.
    pub bytes_sent: u64,
    /// Bytes that came on its stream since this node started.
    pub bytes_received: u64,
    /// Why its last session ended, or none could begin.
    pub trouble: Option<Cause>,
    /// The spaces shared with it.
    pub spaces: BTreeMap<SpaceId, SharedSpace>,
}

/// What is known of another site in one space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SharedSpace {
    /// Whether both sites hold each other for members, in a session that is open now.
    pub open: bool,
    /// What it holds, by its own word.
    pub vector: VersionVector,
}

impl PeerStatus {
    /// A site of which nothing is known yet.
    pub fn new(author: Author) -> Self {
        Self {
            author,
            connected: false,
            address: None,
            last_seen_ms: None,
            clock_offset_ms: None,
            bytes_sent: 0,
            bytes_received: 0,
            trouble: None,
            spaces: BTreeMap::new(),
        }
    }

    /// How many transactions it holds, by its own word, that are missing in `held`.
    pub fn missing_here(&self, space: &SpaceId, held: &VersionVector) -> u64 {
        self.spaces.get(space).map_or(0, |shared| shared.vector.ahead_of(held))
    }

    /// How many transactions in `held` it does not hold, as far as it has said, or shows in what it
    /// wrote: `shown`.
    pub fn missing_there(&self, space: &SpaceId, held: &VersionVector, shown: &VersionVector) -> u64 {
        let mut there = shown.clone();
        if let Some(shared) = self.spaces.get(space) {
            there.join(&shared.vector);
        }
        held.ahead_of(&there)
    }
}
