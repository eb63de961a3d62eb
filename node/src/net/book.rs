//! Where sites were reached or said they can be: `peers.json` in the data folder. Only a help:
//! without it sites are found again by the other ways.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};
use tandem_protocol::identity::Author;
use tandem_store::write_private;

use super::address;

const FILE: &str = "peers.json";
/// Addresses kept of one site, the newest first.
const ADDRESSES: usize = 8;
/// Sites kept.
const SITES: usize = 1024;

/// See the module.
pub(super) struct AddressBook {
    path: PathBuf,
    sites: BTreeMap<Author, Entry>,
    changed: bool,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub addresses: Vec<Multiaddr>,
    /// Milliseconds since the Unix epoch; none: only heard of.
    pub last_seen_ms: Option<i64>,
}

impl AddressBook {
    /// The book of a data folder; an unreadable one counts as empty.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let read: BTreeMap<String, Entry> = std::fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let sites = read.into_iter().filter_map(|(author, entry)| Some((author.parse().ok()?, entry)));
        Self { path, sites: sites.take(SITES).collect(), changed: false }
    }

    /// All sites.
    pub fn sites(&self) -> impl Iterator<Item = (&Author, &Entry)> {
        self.sites.iter()
    }

    /// Addresses of one site, the most promising first.
    pub fn addresses(&self, author: &Author) -> &[Multiaddr] {
        self.sites.get(author).map_or(&[], |entry| &entry.addresses)
    }

    /// A site was reached there, or says it can be.
    pub fn add(&mut self, author: Author, address: &Multiaddr) {
        if address::transport(address).is_none()
            || (!self.sites.contains_key(&author) && self.sites.len() >= SITES)
        {
            return;
        }
        let addresses = &mut self.sites.entry(author).or_default().addresses;
        if addresses.first() != Some(address) {
            addresses.retain(|known| known != address);
            addresses.insert(0, address.clone());
            addresses.truncate(ADDRESSES);
            debug_assert!(!addresses[1..].contains(address), "an address of a site is kept once");
            self.changed = true;
        }
        assert!(self.sites.len() <= SITES, "no more sites are kept than may be");
    }

    /// A session with the site was open at this time.
    pub fn seen(&mut self, author: &Author, wall_ms: i64) {
        if let Some(entry) = self.sites.get_mut(author) {
            entry.last_seen_ms = Some(wall_ms);
            self.changed = true;
        }
    }

    /// Writes the file, if there is anything new.
    pub fn save(&mut self) -> io::Result<()> {
        if self.changed {
            let sites: BTreeMap<String, &Entry> =
                self.sites.iter().map(|(author, entry)| (author.to_string(), entry)).collect();
            write_private(&self.path, &serde_json::to_vec_pretty(&sites)?)?;
            self.changed = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_found_again_and_garbage_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let author = Author([7; 32]);
        let mut book = AddressBook::open(folder.path());
        for port in 1..20u16 {
            book.add(author, &format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap());
        }
        book.add(author, &"/dns/x/tcp/1".parse().unwrap());
        book.seen(&author, 5);
        book.save().unwrap();
        let book = AddressBook::open(folder.path());
        assert_eq!(book.addresses(&author).len(), ADDRESSES);
        assert_eq!(book.addresses(&author)[0].to_string(), "/ip4/10.0.0.1/tcp/19");
        assert_eq!(book.sites().next().unwrap().1.last_seen_ms, Some(5));
        std::fs::write(folder.path().join(FILE), "{nonsense").unwrap();
        assert_eq!(AddressBook::open(folder.path()).sites().count(), 0);
    }
}
