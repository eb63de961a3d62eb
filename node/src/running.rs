//! The file `node.json`: how other programs on this PC find the node that runs on a data folder.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Name of the file inside the data folder.
pub const RUNNING_FILE: &str = "node.json";

/// A node that runs, or did when it was last able to say so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Where it answers HTTP.
    pub http: SocketAddr,
    /// Its program version.
    pub version: String,
}

impl Running {
    /// This process, answering at that address.
    pub fn here(http: SocketAddr) -> Self {
        Self { pid: std::process::id(), http, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// What the data folder says; none when no node runs, or the file is not (yet) readable.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path(folder)).ok()?).ok()
    }

    /// Tells others of this account. Replaces the file in one step, so that no one reads half of it.
    pub fn announce(&self, folder: &Path) -> io::Result<()> {
        tandem_store::write_private(&path(folder), &serde_json::to_vec(self)?)
    }

    /// Tells others that this node runs no longer.
    pub fn withdraw(&self, folder: &Path) -> io::Result<()> {
        match std::fs::remove_file(path(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// An address to send requests to: a node bound to all interfaces is reached on loopback.
    pub fn url(&self) -> String {
        let mut address = self.http;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}")
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(RUNNING_FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_found_while_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let node = Running::here("0.0.0.0:7117".parse().unwrap());
        assert_eq!(Running::read(folder.path()), None);
        node.announce(folder.path()).unwrap();
        assert_eq!(Running::read(folder.path()), Some(node.clone()));
        assert_eq!(node.url(), "http://127.0.0.1:7117");
        node.withdraw(folder.path()).unwrap();
        node.withdraw(folder.path()).unwrap();
        assert_eq!(Running::read(folder.path()), None);
    }
}
