//! The network as the requests of people and programs see it.

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::invitation::Invitation as Token;
use tandem_protocol::version::VersionVector;
use tokio::runtime::Handle;

use super::address;
use super::error::JoinError;
use super::network::Network;
use crate::api::error::Result;
use crate::api::invitation::{GOOD_FOR_MS, Invitation, Invite, Join, Joined};
use crate::api::peer::{Peer, Peers};
use crate::api::{error_kind, to_iso};
use crate::sync::PeerStatus;

/// The network, and the runtime it runs in: requests come from threads outside of it.
pub struct NetworkPeers {
    network: Network,
    runtime: Handle,
}

impl NetworkPeers {
    /// Inside the runtime of the network.
    pub fn new(network: Network) -> Self {
        Self { network, runtime: Handle::current() }
    }
}

impl Peers for NetworkPeers {
    fn peers(&self, space: &SpaceId) -> Vec<Peer> {
        let Some(held) = self.network.space(space) else { return Vec::new() };
        let (members, vector) = (held.membership(), held.vector());
        let peer = |status: PeerStatus| Peer {
            site: status.author.to_string(),
            name: members.shown_name(&status.author),
            connected: status.connected,
            missing_here: status.missing_here(space, &vector),
            // By the same knowledge with which a bundle is made for it.
            missing_there: status.missing_there(space, &vector, &held.shown_by(&status.author)),
            address: status.address,
            last_seen: status.last_seen_ms.map(to_iso),
            clock_offset_ms: status.clock_offset_ms,
            trouble: status.trouble,
            bytes_sent: status.bytes_sent,
            bytes_received: status.bytes_received,
        };
        self.network.peers(space).into_iter().map(peer).collect()
    }

    fn held(&self, space: &SpaceId, site: &Author) -> VersionVector {
        let known = self.network.peer(site).spaces.remove(space);
        known.map(|shared| shared.vector).unwrap_or_default()
    }

    fn addresses(&self) -> Vec<String> {
        self.network.addresses()
    }

    fn paused(&self) -> bool {
        self.network.paused()
    }

    fn pause(&self, paused: bool) {
        if paused {
            self.network.pause();
        } else {
            self.network.resume();
        }
    }

    fn spaces_changed(&self) {
        self.network.spaces_changed();
    }

    fn invite(&self, space: &SpaceId, request: &Invite) -> Result<Invitation> {
        let held = self.network.space(space).ok_or_else(|| error_kind::space_missing.error())?;
        let invitation = self.network.invite(&held, request.role()?, GOOD_FOR_MS)?;
        Ok(Invitation { token: invitation.to_string(), expires: to_iso(invitation.expires_ms) })
    }

    fn join(&self, request: &Join) -> Result<Joined> {
        let token: Token = request
            .token
            .parse()
            .map_err(|error| error_kind::invitation_malformed.with("detail", Cause::from(&error)))?;
        if let Some(wrong) = request.peers.iter().find(|text| address::parse(text).is_none()) {
            return Err(error_kind::address_refused.with("address", wrong));
        }
        let join = self.network.join(&token, &request.site_name, &request.peers, |_| ());
        let space = self.runtime.block_on(join).map_err(|error| match &error {
            JoinError::HoldsASpace(own) => error_kind::two_spaces.with("own", own.join(", ")),
            JoinError::NotFound(_) => {
                error_kind::inviter_unreachable.with("seconds", Network::SEARCH.as_secs())
            }
            JoinError::Stopped => error_kind::stopping.error(),
            JoinError::Own => error_kind::invitation_refused.with("detail", Cause::new("own_invitation")),
            JoinError::Refused(refused) => {
                error_kind::invitation_refused.with("detail", Cause::from(refused))
            }
            JoinError::Broken(error) => {
                let cause = Cause::new("join_broken").with("fault", Cause::from(error));
                error_kind::failed.with("detail", cause)
            }
            JoinError::Store(fault) => {
                let cause = Cause::new("join_not_set_up").with("fault", fault.clone());
                error_kind::failed.with("detail", cause)
            }
        })?;
        Ok(Joined { space: space.name().to_owned(), id: space.id().to_string() })
    }
}
