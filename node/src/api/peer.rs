//! What the requests need of the network. It is there while a node runs.

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::version::VersionVector;

use super::error::Result;
use super::invitation::{Invitation, Invite, Join, Joined};

/// Another site, as the network sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// Id of the site.
    pub site: String,
    /// Its name.
    pub name: String,
    /// Whether it is connected now.
    pub connected: bool,
    /// Where it is, or was last.
    pub address: Option<String>,
    /// When it was last heard of, ISO 8601.
    pub last_seen: Option<String>,
    /// How many of its transactions, as far as known, are not here yet.
    pub missing_here: u64,
    /// How many of ours, as far as known, it does not hold yet.
    pub missing_there: u64,
    /// How far its clock is ahead of this one.
    pub clock_offset_ms: Option<i64>,
    /// Why its last session ended, or none could begin.
    #[serde(default)]
    pub trouble: Option<Cause>,
    /// Bytes put onto its sync stream since this node started, for all spaces.
    #[serde(default)]
    pub bytes_sent: u64,
    /// Bytes that came on its sync stream since this node started, for all spaces.
    #[serde(default)]
    pub bytes_received: u64,
}

/// Whether this site exchanges anything with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// No session is open and none begins until this is false again, or the node starts anew.
    pub paused: bool,
}

/// The network of a running node.
pub trait Peers: Send + std::marker::Sync {
    /// The other sites of a space.
    fn peers(&self, space: &SpaceId) -> Vec<Peer>;

    /// What a site has said to hold of a space; empty when it has said nothing since this node
    /// started.
    fn held(&self, space: &SpaceId, site: &Author) -> VersionVector;

    /// The addresses at which other sites reach this one.
    fn addresses(&self) -> Vec<String>;

    /// Whether nothing is exchanged until told otherwise.
    fn paused(&self) -> bool;

    /// Ends all sessions and begins none until told otherwise.
    fn pause(&self, paused: bool);

    /// To be told when this site has a new space.
    fn spaces_changed(&self);

    /// Makes an invitation.
    fn invite(&self, space: &SpaceId, request: &Invite) -> Result<Invitation>;

    /// Follows an invitation; blocks until admitted.
    fn join(&self, request: &Join) -> Result<Joined>;
}
