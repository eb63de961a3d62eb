//! What happens on the network: connections, listeners, sites seen by mDNS.

use libp2p::core::ConnectedPoint;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{PeerId, mdns};
use tandem_protocol::cause::Cause;
use tandem_protocol::session::Input;

use super::{Driver, random};
use crate::net::address;
use crate::net::dialer::Attempt;
use crate::net::identity::author_of;
use crate::net::swarm::BehaviourEvent;

/// Connections from sites that are no members here.
const STRANGERS: usize = 32;
/// The site with the higher id leaves it to the other to open the session, for so long.
const COURTESY_MS: u64 = 500;

impl Driver {
    pub(super) fn happened(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.connected(&peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                if let Some(author) = author_of(&peer_id)
                    && self.connections.closed(author, connection_id)
                {
                    self.show();
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(attempt) = self.dials.remove(&connection_id) {
                    tracing::debug!(?attempt, %error, "not reached");
                    if let Attempt::Site(author, _) = &attempt {
                        self.hub.note(*author, |status| status.trouble = Some(Cause::new("unreachable")));
                    }
                    self.dialer.failed(&attempt, random(), self.now_ms());
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                self.network_changed();
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                tracing::info!(%address, "no longer listening");
                self.network_changed();
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener has a problem"),
            SwarmEvent::ListenerClosed { reason: Err(error), .. } => {
                tracing::error!(%error, "a listener closed")
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => {
                for (peer, address) in found {
                    if let Some(author) = author_of(&peer) {
                        let (address, now_ms) = (address::split(address).0, self.now_ms());
                        self.dialer.add(author, &address, true, now_ms);
                    }
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Expired(gone))) => {
                for (peer, address) in gone {
                    if let Some(author) = author_of(&peer) {
                        let (address, _) = address::split(address);
                        if self.hub.knows(&author) {
                            self.dialer.doubt(&author, &address);
                        } else {
                            self.dialer.forget(&author, &address);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn connected(&mut self, peer: &PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let attempt = self.dials.remove(&id);
        let Some(author) = author_of(peer) else {
            self.swarm.close_connection(id);
            return;
        };
        if endpoint.is_listener() && !self.hub.knows(&author) && self.strangers() >= STRANGERS {
            tracing::debug!(peer = author.short(), "too many strangers");
            self.swarm.close_connection(id);
            return;
        }
        let now_ms = self.now_ms();
        let (address, _) = address::split(endpoint.get_remote_address().clone());
        if endpoint.is_dialer() {
            self.dialer.connected(author, matches!(attempt, Some(Attempt::Address(_))).then_some(&address));
            self.dialer.add(author, &address, false, now_ms);
            if self.hub.knows(&author) {
                self.book.add(author, &address);
            }
        }
        self.hub.note(author, |status| status.address = Some(address.to_string()));
        self.connections.opened(author, id);
        self.show();
        if self.links.runs(&author) {
            // It would not have connected again if it believed in the session that runs.
            self.dialer.busy(&author);
            if let Some(inbox) = self.hub.inbox(&author) {
                inbox.push(Input::Probe);
            }
        } else {
            let wait_ms = if self.local < author { 0 } else { COURTESY_MS };
            self.dialer.after(author, wait_ms, now_ms);
        }
    }

    fn network_changed(&mut self) {
        self.hub.tell_all(|| Input::Probe);
        self.dialer.hurry(self.now_ms());
        self.show();
        self.tell_addresses();
    }

    fn strangers(&self) -> usize {
        self.connections.authors().filter(|author| !self.hub.knows(author)).count()
    }
}
