//! What the network is told before it starts.

use libp2p::Multiaddr;

use super::address;
use super::error::NetError;

/// The port on which sites listen for each other unless told otherwise. When another program has
/// it, any free one is taken instead.
pub const DEFAULT_PORT: u16 = 7118;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct NetSettings {
    /// Where to listen; empty: on every interface, at [`DEFAULT_PORT`] or a free port.
    pub listen: Vec<Multiaddr>,
    /// Where to look for other sites, beside those found by mDNS, remembered, or learnt.
    pub peers: Vec<Multiaddr>,
    /// Whether to look for, and be found by, other sites on the local network.
    pub mdns: bool,
}

impl Default for NetSettings {
    fn default() -> Self {
        Self { listen: Vec::new(), peers: Vec::new(), mdns: true }
    }
}

impl NetSettings {
    /// From text: multiaddresses, or `IP`, or `IP:PORT`.
    pub fn parse(listen: &[String], peers: &[String], mdns: bool) -> Result<Self, NetError> {
        let read = |text: &String| address::parse(text).ok_or_else(|| NetError::Address(text.clone()));
        Ok(Self {
            listen: listen.iter().map(read).collect::<Result<_, _>>()?,
            peers: peers.iter().map(read).collect::<Result<_, _>>()?,
            mdns,
        })
    }
}
