//! The libp2p swarm: TCP with Noise and Yamux, QUIC, mDNS, and streams.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, TransportError, mdns, noise, tcp, yamux};
use socket2::{Domain, Socket, Type};

use super::error::NetError;
use super::gate::Gate;
use super::settings::{DEFAULT_PORT, NetSettings};
use crate::sync::Hub;

/// A connection on which nothing is open is closed after this: long enough to open something.
const IDLE: Duration = Duration::from_secs(20);
/// How often other sites are asked for on the local network. An address that changed is found
/// within this.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long an answer to that holds.
const SEEN_FOR: Duration = Duration::from_secs(30);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections in all: more than any small organisation has PCs.
const CONNECTIONS: u32 = 512;
/// Connections with one site: both may have dialled at once, by two transports each.
const CONNECTIONS_PER_SITE: u32 = 6;

/// What the swarm can do.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub gate: Gate,
    pub streams: libp2p_stream::Behaviour,
    pub mdns: Toggle<mdns::tokio::Behaviour>,
}

/// Builds the swarm and starts to listen.
pub(super) fn build(
    keypair: Keypair,
    settings: &NetSettings,
    hub: Arc<Hub>,
) -> Result<Swarm<Behaviour>, NetError> {
    let finder = if settings.mdns { finder(&keypair) } else { None };
    let limits = ConnectionLimits::default()
        .with_max_established(Some(CONNECTIONS))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_SITE));
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        gate: Gate::new(hub),
        streams: libp2p_stream::Behaviour::new(),
        mdns: finder.into(),
    };
    let transport = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let builder = transport.with_quic().with_behaviour(move |_| behaviour);
    let mut swarm = builder
        .map_err(|error| io::Error::other(error.to_string()))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
        .with_connection_timeout(HANDSHAKE)
        .build();
    listen(&mut swarm, &settings.listen)?;
    Ok(swarm)
}

/// mDNS, where this PC allows it; without it sites are found by the other ways.
fn finder(keypair: &Keypair) -> Option<mdns::tokio::Behaviour> {
    let config = mdns::Config { ttl: SEEN_FOR, query_interval: LOOK_EVERY, enable_ipv6: false };
    mdns::tokio::Behaviour::new(config, keypair.public().to_peer_id())
        .inspect_err(|error| tracing::warn!(%error, "sites on the local network cannot be found by mDNS"))
        .ok()
}

fn listen(swarm: &mut Swarm<Behaviour>, asked: &[Multiaddr]) -> Result<(), NetError> {
    for address in asked {
        listen_on(swarm, address)?;
    }
    if asked.is_empty() {
        // Another node on this PC may have the port: any free one does, for others are told.
        match listen_everywhere(swarm, DEFAULT_PORT) {
            Err(NetError::PortTaken { .. }) => listen_everywhere(swarm, 0)?,
            done => done?,
        }
    }
    Ok(())
}

fn listen_everywhere(swarm: &mut Swarm<Behaviour>, port: u16) -> Result<(), NetError> {
    let quic = |address: Multiaddr| address.with(Protocol::Udp(port)).with(Protocol::QuicV1);
    let [v4, v6] = ["/ip4/0.0.0.0", "/ip6/::"]
        .map(|any| any.parse::<Multiaddr>().unwrap_or_else(|_| Multiaddr::empty()));
    listen_on(swarm, &v4.clone().with(Protocol::Tcp(port)))?;
    // The rest is welcome where this PC has it.
    for address in [quic(v4), v6.clone().with(Protocol::Tcp(port)), quic(v6)] {
        if let Err(error) = listen_on(swarm, &address) {
            tracing::debug!(%error, "not listening everywhere");
        }
    }
    Ok(())
}

fn listen_on(swarm: &mut Swarm<Behaviour>, address: &Multiaddr) -> Result<(), NetError> {
    let source = match probe(address).map(|()| swarm.listen_on(address.clone())) {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(TransportError::MultiaddrNotSupported(_))) => {
            return Err(NetError::Address(address.to_string()));
        }
        Ok(Err(TransportError::Other(source))) | Err(source) => source,
    };
    let address = address.to_string();
    // The kind may be hidden inside the transport's own error.
    let taken = source.kind() == io::ErrorKind::AddrInUse || source.to_string().contains("in use");
    Err(if taken { NetError::PortTaken { address } } else { NetError::Listen { address, source } })
}

/// Whether a TCP port is free. libp2p lets two programs of one user share a port (SO_REUSEPORT),
/// and each would get half of the connections; a socket that does not share notices the other.
fn probe(address: &Multiaddr) -> io::Result<()> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::V6(ip),
        _ => return Ok(()),
    };
    let (Some(Protocol::Tcp(port)), None) = (parts.next(), parts.next()) else { return Ok(()) };
    if port == 0 {
        return Ok(());
    }
    let address = SocketAddr::new(ip, port);
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Not to take connections of an earlier run, which the system still remembers, for a program.
    // On Windows the option means that a port may be shared.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1)
}
