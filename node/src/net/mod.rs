//! The network: finding the other sites, one connection and one sync session with each.
//!
//! [`Network`] is what the rest of the node holds. Behind it runs one task, the `runner`; as long as
//! the site has one key, a `driver` in it owns the libp2p swarm. When to try whom is decided by the `dialer`, which knows neither
//! sockets nor clocks. Everything said on a sync stream is decided in
//! [`tandem_protocol::session`] and carried out in [`crate::sync`].

mod address;
mod book;
mod dialer;
mod driver;
mod error;
mod gate;
mod identity;
mod link;
mod network;
mod peers;
mod runner;
mod settings;
mod swarm;

pub use error::{JoinError, NetError};
pub use identity::{author_of, peer_id};
pub use network::{JoinProgress, Network};
pub use peers::NetworkPeers;
pub use settings::{DEFAULT_PORT, NetSettings};
