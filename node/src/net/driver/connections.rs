//! Which connections there are.

use std::collections::BTreeMap;
use std::time::Instant;

use libp2p::swarm::ConnectionId;
use tandem_protocol::identity::Author;

/// All connections, by site.
#[derive(Default)]
pub(super) struct Connections(BTreeMap<Author, Vec<(ConnectionId, Instant)>>);

impl Connections {
    /// One more.
    pub fn opened(&mut self, author: Author, id: ConnectionId) {
        let ids = self.0.entry(author).or_default();
        assert!(ids.iter().all(|(known, _)| *known != id), "a connection opens once");
        ids.push((id, Instant::now()));
    }

    /// One less. Whether it was known, and the last one with that site.
    pub fn closed(&mut self, author: Author, id: ConnectionId) -> bool {
        let Some(ids) = self.0.get_mut(&author) else { return false };
        let before = ids.len();
        ids.retain(|(known, _)| *known != id);
        assert!(before - ids.len() <= 1, "a connection closes once");
        ids.is_empty() && self.0.remove(&author).is_some()
    }

    /// Whether there is one with that site.
    pub fn any(&self, author: &Author) -> bool {
        self.0.contains_key(author)
    }

    /// Those with a site that were there before `then`.
    pub fn older(&self, author: &Author, then: Instant) -> Vec<ConnectionId> {
        let ids = self.0.get(author).into_iter().flatten();
        debug_assert!(
            ids.clone().is_sorted_by_key(|(_, opened)| opened),
            "the newest connection is the last"
        );
        ids.filter(|(_, opened)| *opened <= then).map(|(id, _)| *id).collect()
    }

    /// The sites with which there is one.
    pub fn authors(&self) -> impl Iterator<Item = Author> {
        debug_assert!(self.0.values().all(|ids| !ids.is_empty()), "with a site that is listed there is one");
        self.0.keys().copied()
    }
}
