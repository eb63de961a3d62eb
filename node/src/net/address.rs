//! Addresses: libp2p's multiaddresses, and what people type instead.

use std::net::{IpAddr, SocketAddr};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::settings::DEFAULT_PORT;

/// Reads `/ip4/192.168.1.20/tcp/7118`, `192.168.1.20:7118` or `192.168.1.20`.
pub(super) fn parse(text: &str) -> Option<Multiaddr> {
    let text = text.trim();
    if text.starts_with('/') {
        return text.parse().ok().filter(|address| transport(address).is_some());
    }
    let socket = text.parse::<SocketAddr>().ok().or_else(|| {
        let ip: IpAddr = text.trim_matches(['[', ']']).parse().ok()?;
        Some(SocketAddr::new(ip, DEFAULT_PORT))
    })?;
    Some(Multiaddr::from(socket.ip()).with(Protocol::Tcp(socket.port())))
}

/// How an address is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    Tcp,
    Quic,
}

/// The transport of an address this program can dial; `None` for any other.
pub(super) fn transport(address: &Multiaddr) -> Option<Transport> {
    let mut parts = address.iter();
    if !matches!(parts.next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_))) {
        return None;
    }
    let transport = match (parts.next()?, parts.next()) {
        (Protocol::Tcp(_), None | Some(Protocol::P2p(_))) => Transport::Tcp,
        (Protocol::Udp(_), Some(Protocol::QuicV1)) => Transport::Quic,
        _ => return None,
    };
    parts.all(|part| matches!(part, Protocol::P2p(_))).then_some(transport)
}

/// The address without, and the identity of, the `/p2p/…` at its end.
pub(super) fn split(mut address: Multiaddr) -> (Multiaddr, Option<PeerId>) {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => {
            address.pop();
            (address, Some(peer))
        }
        _ => (address, None),
    }
}

/// The IP address at its beginning.
pub(super) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => Some(ip.into()),
        Some(Protocol::Ip6(ip)) => Some(ip.into()),
        _ => None,
    }
}

/// Whether others can use this address of ours: loopback and link-local ones mean something else
/// on another PC.
pub(super) fn is_for_others(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        Some(Protocol::Ip6(ip)) => {
            !ip.is_loopback() && !ip.is_unspecified() && (ip.segments()[0] & 0xffc0) != 0xfe80
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_may_type_what_they_know() {
        let expect = |text: &str, address: &str| assert_eq!(parse(text).unwrap().to_string(), address);
        expect("192.168.1.20", "/ip4/192.168.1.20/tcp/7118");
        expect(" 192.168.1.20:99 ", "/ip4/192.168.1.20/tcp/99");
        expect("[fd00::1]:99", "/ip6/fd00::1/tcp/99");
        expect("fd00::1", "/ip6/fd00::1/tcp/7118");
        expect("/ip4/10.0.0.1/udp/5/quic-v1", "/ip4/10.0.0.1/udp/5/quic-v1");
        for wrong in
            ["", "office", "/ip4/10.0.0.1", "/ip4/10.0.0.1/udp/5", "/dns/x/tcp/1", "/ip4/1.2.3.4/tcp/5/ws"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_identity_at_the_end_is_split_off() {
        let peer = PeerId::random();
        let plain: Multiaddr = "/ip4/10.0.0.1/tcp/5".parse().unwrap();
        let full = plain.clone().with(Protocol::P2p(peer));
        assert_eq!(transport(&full), Some(Transport::Tcp));
        assert_eq!(split(full), (plain.clone(), Some(peer)));
        assert_eq!(split(plain.clone()), (plain, None));
    }
}
