//! What can go wrong with the network, as people are told.

use std::io;

use tandem_protocol::cause::Cause;
use tandem_protocol::join::JoinRefused;

use crate::sync::join::JoinFailure;

/// Why the network could not start. The data is not touched by any of these.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// Text that is no address.
    #[error("\"{0}\" is not an address; write 192.168.1.20, 192.168.1.20:7118 or /ip4/192.168.1.20/tcp/7118")]
    Address(String),
    /// Another program listens there.
    #[error("another program already listens on {address}; stop it, or choose another port with --listen")]
    PortTaken {
        /// Where.
        address: String,
    },
    /// Listening failed.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The site's key is no Ed25519 key.
    #[error("the key in site.key is damaged; put back the file from a backup of the data folder")]
    Identity,
    /// A file in the data folder.
    #[error("a file of the network in the data folder cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The network is shutting down.
    #[error("the network is stopped")]
    Stopped,
}

/// Why this site did not join. Nothing here was changed.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It holds a space already.
    #[error(
        "this site already holds {}; a site joins another's space with an empty data folder: \
         use --data with a new folder, or invite the other site from here instead", .0.join(", ")
    )]
    HoldsASpace(Vec<String>),
    /// The invitation was made by this very site.
    #[error("this invitation was made here; use it on the site that is to join")]
    Own,
    /// The inviter was not found.
    #[error(
        "the inviting site was not found; is it running, and on the same network? Tried: {}", .0.join(", ")
    )]
    NotFound(Vec<String>),
    /// The inviter refused.
    #[error(transparent)]
    Refused(#[from] JoinRefused),
    /// The exchange broke off.
    #[error("the connection to the inviting site broke ({0}); try again with the same invitation")]
    Broken(io::Error),
    /// Admitted, but the space could not be set up here.
    #[error("admitted, but the space could not be set up here: {0}; try again with the same invitation")]
    Store(Cause),
    /// The network is shutting down.
    #[error("the network is stopped")]
    Stopped,
}

impl From<&NetError> for Cause {
    fn from(error: &NetError) -> Self {
        match error {
            NetError::Address(text) => Self::new("network_address").with("address", text),
            NetError::PortTaken { address } => Self::new("network_other_address").with("address", address),
            NetError::Listen { address, source } => {
                Self::new("network_listen").with("address", address).with("fault", Self::from(source))
            }
            NetError::Identity => Self::new("network_key"),
            NetError::Io(error) => Self::new("network_file").with("fault", Self::from(error)),
            NetError::Stopped => Self::new("network_stopped"),
        }
    }
}

impl From<JoinFailure> for JoinError {
    fn from(failure: JoinFailure) -> Self {
        match failure {
            JoinFailure::Refused(refused) => Self::Refused(refused),
            JoinFailure::Broken(error) => Self::Broken(error),
        }
    }
}
