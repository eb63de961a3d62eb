//! Where sites can be reached: what is heard, told, and written down.

use libp2p::Multiaddr;
use tandem_protocol::identity::Author;
use tandem_protocol::session::{Listing, limits};

use super::{Driver, Scene};
use crate::net::address;

/// Addresses told of another site.
const TOLD: usize = 4;

impl Driver {
    /// What a member says of where sites can be reached.
    pub(super) fn told_of(&mut self, from: Author, listings: Vec<Listing>) {
        let now_ms = self.now_ms();
        for Listing { author, addresses } in listings {
            if self.hub.authors().contains(&author) || (author != from && !self.hub.knows(&author)) {
                continue;
            }
            for bytes in addresses.into_iter().rev() {
                let Ok(address) = Multiaddr::try_from(bytes) else { continue };
                let (address, _) = address::split(address);
                self.dialer.add(author, &address, false, now_ms);
                if self.hub.knows(&author) && (author == from || self.book.addresses(&author).is_empty()) {
                    self.book.add(author, &address);
                }
            }
            if self.links.runs(&author) {
                self.dialer.busy(&author);
            }
        }
        self.tell_addresses();
    }

    /// Tells all members where this site, and those connected with it, can be reached.
    pub(super) fn tell_addresses(&self) {
        let all: Vec<&Multiaddr> = self.swarm.listeners().collect();
        let mut own: Vec<&Multiaddr> =
            all.iter().copied().filter(|address| address::is_for_others(address)).collect();
        if own.is_empty() {
            own = all;
        }
        let others =
            self.connections.authors().filter(|author| self.links.runs(author) && self.hub.knows(author));
        let mut listings = vec![listing(self.local, &own)];
        for author in others.take(limits::LISTINGS - 1) {
            let addresses: Vec<&Multiaddr> = self.book.addresses(&author).iter().take(TOLD).collect();
            if !addresses.is_empty() {
                listings.push(listing(author, &addresses));
            }
        }
        self.hub.set_listings(listings);
    }

    pub(super) fn show(&self) {
        let listening = self.swarm.listeners().cloned().collect();
        let connected = self.connections.authors().collect();
        self.scene.send_replace(Scene { listening, connected, paused: self.paused });
    }

    /// Who became a member after it was reached: what is known of it is written down now.
    pub(super) fn remember(&mut self) {
        for author in self.hub.members() {
            if self.book.addresses(&author).is_empty() {
                self.dialer
                    .addresses(&author)
                    .iter()
                    .rev()
                    .for_each(|address| self.book.add(author, address));
            }
        }
    }

    pub(super) fn save(&mut self) {
        if let Err(error) = self.book.save() {
            tracing::warn!(%error, "where other sites are could not be written down");
        }
    }
}

fn listing(author: Author, addresses: &[&Multiaddr]) -> Listing {
    Listing {
        author,
        addresses: addresses.iter().take(limits::ADDRESSES).map(|address| address.to_vec()).collect(),
    }
}
