//! The gate: how many connections of others are let in, and of whom, so that who has no key cannot
//! keep out who has one.
//!
//! Before the handshake only the address is known. Half of the places are kept for addresses at
//! which a member was met; of the other half, no address gets more than a few. A member with a new
//! address is not shut out either: it is found by mDNS, and dialled from here.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::identity::author_of;
use crate::sync::Hub;

/// Connections of others whose handshake is not finished.
const HANDSHAKES: usize = 32;
/// Those that are kept for addresses of members.
const OF_MEMBERS: usize = 16;
/// Those of one address at which no member was met, and the connections of strangers from one
/// address.
const OF_ONE: usize = 8;
/// Addresses of members that are remembered.
const ADDRESSES: usize = 4096;

/// See the module.
pub(super) struct Gate {
    hub: Arc<Hub>,
    /// Where members were met.
    known: HashSet<IpAddr>,
    counts: Counts,
}

/// What came in, and from where.
#[derive(Default)]
struct Counts {
    /// Unfinished handshakes.
    pending: HashMap<ConnectionId, Option<IpAddr>>,
    /// Connections of strangers.
    strangers: HashMap<ConnectionId, Option<IpAddr>>,
}

/// Why a connection was not let in.
#[derive(Debug, thiserror::Error)]
#[error("too many connections from there")]
struct TooMany;

impl Gate {
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub, known: HashSet::new(), counts: Counts::default() }
    }

    /// A member was met there.
    pub fn know(&mut self, address: &Multiaddr) {
        if self.known.len() < ADDRESSES {
            self.known.extend(ip(address));
        }
        assert!(self.known.len() <= ADDRESSES, "no more addresses are remembered than may be");
    }
}

impl Counts {
    /// Whether a handshake may begin. `is_known`: at that address a member was met.
    fn begin(&mut self, id: ConnectionId, from: Option<IpAddr>, is_known: impl Fn(&IpAddr) -> bool) -> bool {
        let known = |ip: &Option<IpAddr>| ip.as_ref().is_some_and(&is_known);
        let fits = self.pending.len() < HANDSHAKES
            && (known(&from) || {
                let others = self.pending.values().filter(|ip| !known(ip));
                let same = self.pending.values().filter(|ip| **ip == from);
                others.count() < HANDSHAKES - OF_MEMBERS && same.count() < OF_ONE
            });
        if fits {
            let before = self.pending.insert(id, from);
            assert!(before.is_none(), "a connection asks once");
        }
        assert!(self.pending.len() <= HANDSHAKES, "no more handshakes go on than there is room for");
        fits
    }

    /// Whether a stranger's connection may stay.
    fn stay(&mut self, id: ConnectionId, from: Option<IpAddr>) -> bool {
        let fits = self.strangers.values().filter(|ip| **ip == from).count() < OF_ONE;
        if fits {
            let before = self.strangers.insert(id, from);
            assert!(before.is_none(), "a connection is let in once");
        }
        fits
    }

    fn ended(&mut self, id: ConnectionId) {
        self.pending.remove(&id);
        self.strangers.remove(&id);
    }
}

/// The address's IP; one PC has many of version 6, all with one beginning.
fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(match ip.to_ipv4_mapped() {
            Some(ip) => ip.into(),
            None if ip.is_unicast_link_local() => ip.into(),
            None => std::net::Ipv6Addr::from(u128::from(ip) >> 64 << 64).into(),
        }),
        _ => None,
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = std::convert::Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _here: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let known = &self.known;
        match self.counts.begin(id, ip(from), |ip| known.contains(ip)) {
            true => Ok(()),
            false => Err(ConnectionDenied::new(TooMany)),
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _here: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.counts.pending.remove(&id);
        if author_of(&peer).is_some_and(|author| self.hub.knows(&author)) {
            self.know(from);
        } else if !self.counts.stay(id, ip(from)) {
            return Err(ConnectionDenied::new(TooMany));
        }
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _id: ConnectionId,
        peer: PeerId,
        there: &Multiaddr,
        _role: Endpoint,
        _port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if author_of(&peer).is_some_and(|author| self.hub.knows(&author)) {
            self.know(there);
        }
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ListenFailure(failed) => self.counts.ended(failed.connection_id),
            FromSwarm::ConnectionClosed(closed) => self.counts.ended(closed.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _peer: PeerId,
        _id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(counts: &mut Counts, from: &str, id: usize) -> bool {
        let known: IpAddr = "10.0.0.1".parse().unwrap();
        counts.begin(ConnectionId::new_unchecked(id), from.parse().ok(), |ip| *ip == known)
    }

    #[test]
    fn strangers_leave_room_for_members() {
        let mut counts = Counts::default();
        let from_one = (0..100).filter(|id| begin(&mut counts, "10.0.0.66", *id)).count();
        assert_eq!(from_one, OF_ONE);
        let from_many =
            (100..300).filter(|id| begin(&mut counts, &format!("10.0.1.{}", id - 100), *id)).count();
        assert_eq!(from_one + from_many, HANDSHAKES - OF_MEMBERS);
        let of_members = (300..400).filter(|id| begin(&mut counts, "10.0.0.1", *id)).count();
        assert_eq!(of_members, OF_MEMBERS);
        for id in 0..400 {
            counts.ended(ConnectionId::new_unchecked(id));
        }
        assert!(begin(&mut counts, "10.0.0.66", 400));
    }

    #[test]
    fn a_stranger_stays_with_few_identities() {
        let mut counts = Counts::default();
        let stay =
            |counts: &mut Counts, id| counts.stay(ConnectionId::new_unchecked(id), "10.0.0.66".parse().ok());
        assert_eq!((0..100).filter(|id| stay(&mut counts, *id)).count(), OF_ONE);
        counts.ended(ConnectionId::new_unchecked(0));
        assert!(stay(&mut counts, 100));
    }

    #[test]
    fn one_pc_is_one_whatever_its_address() {
        let of = |text: &str| ip(&text.parse().unwrap());
        assert_eq!(of("/ip6/fd00::1/tcp/1"), of("/ip6/fd00::2/udp/2/quic-v1"));
        assert_ne!(of("/ip6/fe80::1/tcp/1"), of("/ip6/fe80::2/tcp/1"));
        assert_eq!(of("/ip6/::ffff:10.0.0.1/tcp/1"), of("/ip4/10.0.0.1/tcp/2"));
    }
}
