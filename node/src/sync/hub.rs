//! What all sessions of this node share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::membership::{Member, Membership};
use tandem_protocol::session::{
    CatchUpScheduler, CatchUpStep, Input, Listing, Now, PeerState, SpaceConfig, may_exchange,
};
use tandem_protocol::verify::SignedTransaction;
use tandem_protocol::version::VersionVector;
use tandem_store::{Commit, Space, Store};
use tokio::sync::watch;

use super::inbox::Inbox;
use super::peer::{PeerStatus, SharedSpace};

/// Sites of which something is noted: members, and strangers that were met. A stranger can take
/// on any number of identities.
const PEERS: usize = 4096;

/// See the module. Handed around as `Arc<Hub>`.
pub struct Hub {
    store: Store,
    began: Instant,
    /// Sessions so far.
    sessions: AtomicU64,
    state: Mutex<State>,
    /// Counts changes of what [`Hub::peer`] says.
    peers_changed: watch::Sender<u64>,
    /// Counts changes of who is a member of anything.
    members_changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    spaces: HashMap<SpaceId, Watched>,
    links: HashMap<Author, (u64, Arc<Inbox>)>,
    peers: BTreeMap<Author, PeerStatus>,
    listings: Vec<Listing>,
}

impl State {
    /// What is noted of a site; nothing, of one more than there is room for.
    fn peer(&mut self, peer: Author) -> Option<&mut PeerStatus> {
        if self.peers.len() >= PEERS && !self.peers.contains_key(&peer) {
            return None;
        }
        let status = self.peers.entry(peer).or_insert_with(|| PeerStatus::new(peer));
        assert_eq!(status.author, peer, "what is noted of a site stands under its name");
        Some(status)
    }
}

struct Watched {
    space: Space,
    members: Arc<Membership>,
    catch_up: CatchUpScheduler,
}

impl Hub {
    /// The hub of a store; follows its commits from now on.
    pub fn new(store: Store) -> Arc<Self> {
        let hub = Arc::new(Self {
            store,
            began: Instant::now(),
            sessions: AtomicU64::new(0),
            state: Mutex::default(),
            peers_changed: watch::Sender::new(0),
            members_changed: watch::Sender::new(0),
        });
        hub.watch_spaces();
        hub
    }

    /// Follows the commits of spaces that are new. Whether there was one.
    pub fn watch_spaces(self: &Arc<Self>) -> bool {
        let mut found = false;
        for space in self.store.spaces() {
            let id = space.id();
            if self.state().spaces.contains_key(&id) {
                continue;
            }
            found = true;
            let watched = Watched {
                members: space.membership(),
                catch_up: CatchUpScheduler::default(),
                space: space.clone(),
            };
            self.state().spaces.insert(id, watched);
            let hub: Weak<Self> = Arc::downgrade(self);
            space.subscribe(move |commit| {
                if let Some(hub) = hub.upgrade() {
                    hub.committed(id, commit);
                }
            });
        }
        found
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// This site, at present.
    pub fn author(&self) -> Author {
        self.store.author()
    }

    /// All that this site is or was.
    pub fn authors(&self) -> Vec<Author> {
        self.store.identity().authors()
    }

    /// The time, as sessions take it.
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let wall_ms = wall.map_or_else(
            |before| -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
            |after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        );
        Now { ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX), wall_ms }
    }

    /// A space this node holds.
    pub fn space(&self, id: &SpaceId) -> Option<Space> {
        self.state().spaces.get(id).map(|watched| watched.space.clone())
    }

    /// What a session starts with.
    pub fn space_configs(&self) -> Vec<SpaceConfig> {
        let spaces: Vec<Space> = self.state().spaces.values().map(|watched| watched.space.clone()).collect();
        let config = |space: Space| SpaceConfig {
            id: space.id(),
            end: space.end(),
            vector: VersionVector::clone(&space.vector()),
        };
        spaces.into_iter().map(config).collect()
    }

    /// Whether `peer` may share a space: see [`may_exchange`].
    pub fn is_member(&self, space: &SpaceId, peer: &Author, proof: Option<&SignedTransaction>) -> bool {
        let Some(members) = self.space(space).map(|space| space.membership()) else { return false };
        may_exchange(&members, *space, &self.authors(), peer, proof)
    }

    /// Whether `peer` is a member of any space here.
    pub fn knows(&self, peer: &Author) -> bool {
        self.state().spaces.values().any(|watched| watched.members.member(peer).is_some())
    }

    /// All members of any space here, without this site.
    pub fn members(&self) -> Vec<Author> {
        let own = self.authors();
        let state = self.state();
        let members = state.spaces.values().flat_map(|watched| watched.members.members());
        let mut authors: Vec<Author> =
            members.map(|member| member.author).filter(|author| !own.contains(author)).collect();
        authors.sort_unstable();
        authors.dedup();
        debug_assert!(own.iter().all(|author| !authors.contains(author)), "no site is its own peer");
        authors
    }

    /// The number of a new session, that no other has.
    pub fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    /// A session begins; one with the same peer that still runs is told to leave.
    pub(super) fn enter(&self, peer: Author, id: u64, inbox: &Arc<Inbox>) {
        let mut state = self.state();
        inbox.push(Input::Addresses(state.listings.clone()));
        if let Some((number, before)) = state.links.insert(peer, (id, inbox.clone())) {
            assert_ne!(number, id, "a session enters once");
            before.push(Input::Leave);
        }
    }

    /// A session is over.
    pub(super) fn leave(&self, peer: Author, id: u64, trouble: Option<Cause>) {
        let now = self.now();
        let mut turns = Vec::new();
        {
            let mut state = self.state();
            if state.links.get(&peer).is_none_or(|(current, _)| *current != id) {
                return;
            }
            state.links.remove(&peer);
            for (space, watched) in &mut state.spaces {
                turns.extend(watched.catch_up.release(peer).map(|next| (*space, next)));
            }
            if let Some(status) = state.peer(peer) {
                if status.connected {
                    status.last_seen_ms = Some(now.wall_ms);
                }
                status.connected = false;
                status.trouble = trouble;
                status.spaces.values_mut().for_each(|shared| shared.open = false);
            }
        }
        turns.into_iter().for_each(|(space, next)| self.grant(space, next));
        self.peers_changed.send_modify(|count| *count += 1);
    }

    /// A session asks or tells who has the slot for catching up. Gives the answer for itself, if any.
    pub(super) fn catch_up(&self, space: SpaceId, peer: Author, step: CatchUpStep) -> Option<bool> {
        let (granted, next) = self.state().spaces.get_mut(&space)?.catch_up.step(peer, step);
        if let Some(next) = next {
            self.grant(space, next);
        }
        granted
    }

    fn grant(&self, space: SpaceId, peer: Author) {
        let Some(held) = self.space(&space) else { return };
        if let Some(inbox) = self.inbox(&peer) {
            inbox.log_grew(space, held.end(), held.vector(), false);
            inbox.push(Input::CatchUp { space, granted: true });
        }
    }

    /// The inbox of the session with `peer`.
    pub fn inbox(&self, peer: &Author) -> Option<Arc<Inbox>> {
        self.state().links.get(peer).map(|(_, inbox)| inbox.clone())
    }

    /// Tells all sessions.
    pub fn tell_all(&self, input: impl Fn() -> Input) {
        for (_, inbox) in self.state().links.values() {
            inbox.push(input());
        }
    }

    /// Where this site, and others it knows of, can be reached.
    pub fn set_listings(&self, listings: Vec<Listing>) {
        self.state().listings.clone_from(&listings);
        self.tell_all(|| Input::Addresses(listings.clone()));
    }

    /// Notes something about a peer.
    pub fn note(&self, peer: Author, note: impl FnOnce(&mut PeerStatus)) {
        let changed = {
            let mut state = self.state();
            let Some(status) = state.peer(peer) else { return };
            let connected = status.connected;
            note(status);
            connected != status.connected
        };
        if changed {
            self.peers_changed.send_modify(|count| *count += 1);
        }
    }

    pub(super) fn note_state(&self, peer: Author, said: PeerState) {
        self.note(peer, |status| {
            status.connected |= said.open;
            if said.open {
                status.trouble = None;
            }
            // A space that is not open yet has said nothing; what was known before stays known.
            let shared = status.spaces.entry(said.space).or_default();
            shared.open = said.open;
            if said.open && !said.vector.is_empty() {
                *shared = SharedSpace { open: true, vector: said.vector.clone() };
            }
        });
        if let Some(space) = self.space(&said.space).filter(|_| said.open && !said.vector.is_empty()) {
            space.note_acknowledged(peer, &said.vector);
        }
    }

    /// What is known of a site.
    pub fn peer(&self, peer: &Author) -> PeerStatus {
        let now = self.now();
        let mut status = self.state().peers.get(peer).cloned().unwrap_or_else(|| PeerStatus::new(*peer));
        if status.connected {
            status.last_seen_ms = Some(now.wall_ms);
        }
        status
    }

    /// The other members of a space.
    pub fn peers(&self, space: &SpaceId) -> Vec<PeerStatus> {
        let own = self.authors();
        let Some(held) = self.space(space) else { return Vec::new() };
        let peer = |member: &Member| {
            let mut status = self.peer(&member.author);
            let shared = status.spaces.entry(*space).or_default();
            if shared.vector.is_empty() {
                // Not heard of since this node started.
                shared.vector = held.acknowledged_by(&member.author);
            }
            status
        };
        held.membership().members().filter(|member| !own.contains(&member.author)).map(peer).collect()
    }

    /// Changes whenever a site comes or goes.
    pub fn peers_changed(&self) -> watch::Receiver<u64> {
        self.peers_changed.subscribe()
    }

    /// Changes whenever who is a member of a space changes.
    pub fn members_changed(&self) -> watch::Receiver<u64> {
        self.members_changed.subscribe()
    }

    /// Called from the writer's thread after every durable commit.
    fn committed(&self, id: SpaceId, commit: &Commit) {
        let local = commit.transactions.iter().any(|transaction| transaction.local);
        let Some(members) = self.space(&id).map(|space| space.membership()) else { return };
        let mut state = self.state();
        for (_, inbox) in state.links.values() {
            inbox.log_grew(id, commit.end, commit.vector.clone(), local);
        }
        let Some(watched) = state.spaces.get_mut(&id) else { return };
        if !Arc::ptr_eq(&members, &watched.members) && *members != *watched.members {
            watched.members = members;
            for (_, inbox) in state.links.values() {
                inbox.push(Input::MembersChanged(id));
            }
            self.members_changed.send_modify(|count| *count += 1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stranger_with_ever_new_identities_no_more_is_noted_than_there_is_room_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "a test").unwrap();
        let hub = Hub::new(store.clone());
        let met = |number: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            Author(bytes)
        };
        for number in 0..PEERS + 10 {
            let (peer, id) = (met(number), hub.next_session());
            hub.enter(peer, id, &Arc::default());
            hub.leave(peer, id, Some(Cause::new("unreachable")));
        }
        assert_eq!(hub.state().peers.len(), PEERS);
        // Whoever is noted already still is.
        hub.note(met(0), |status| status.connected = true);
        assert!(hub.peer(&met(0)).connected);
        store.close();
    }
}
