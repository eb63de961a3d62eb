//! One PC: its store, its clock, its disk's queue, its links.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tandem_protocol::identity::Author;
use tandem_protocol::membership::{Member, Membership, Role};
use tandem_protocol::session::{CatchUpScheduler, may_exchange};
use tandem_protocol::verify::SignedTransaction;
use tandem_protocol::version::VersionVector;
use tandem_store::Space;
use tandem_store::simulated::{self, Request, ViewLoss};

use super::clock::WallClock;
use super::fault::Stop;
use super::form::Reading;
use super::link::{Endpoint, Link};

/// How long a disk in good order works, at most, in milliseconds.
pub const DISK_MS: u64 = 40;

/// Who asked the site for something, and is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A user; the number of the write.
    User(u64),
    /// That session.
    Link(Endpoint),
    /// Somebody with a USB stick.
    Stick,
    /// The admin who admits that site.
    Admission(usize),
    /// Nobody waits for an answer.
    Nobody,
}

/// See the module.
pub struct Site {
    /// What it is called in traces.
    pub name: &'static str,
    /// Its author.
    pub author: Author,
    /// The real thing.
    pub store: simulated::Site,
    /// Its clock.
    pub clock: WallClock,
    /// Its sessions, by peer.
    pub links: BTreeMap<usize, Link>,
    /// Whose turn it is to fill its gaps.
    pub catch_up: CatchUpScheduler,
    /// What waits for its disk.
    pub waiting: VecDeque<(Asker, Request)>,
    /// Whether the disk is at work.
    pub busy: bool,
    /// How long it works at most, in milliseconds.
    pub disk_ms: u64,
    /// Where it is going to crash, and what then happens to its view.
    pub doom: Option<(Stop, ViewLoss)>,
    /// Counts its starts: what was meant for an earlier one is forgotten.
    pub boot: u64,
    /// Everything it ever called durable.
    pub promised: VersionVector,
    /// What people read here, and may name as the basis of a write.
    pub seen: Vec<Reading>,
    /// The members its links were told of.
    pub members: Arc<Membership>,
    /// Whether an admin has admitted it, as far as the simulator knows.
    pub admitted: bool,
    /// A copy of another site under the same key: that site, while its writes may not leave it.
    pub copy_of: Option<usize>,
}

impl Site {
    /// A site that runs.
    pub fn new(name: &'static str, store: simulated::Site) -> Self {
        Self {
            name,
            author: store.me(),
            store,
            clock: WallClock::default(),
            links: BTreeMap::new(),
            catch_up: CatchUpScheduler::default(),
            waiting: VecDeque::new(),
            busy: false,
            disk_ms: DISK_MS,
            doom: None,
            boot: 0,
            promised: VersionVector::default(),
            seen: Vec::new(),
            members: Arc::default(),
            admitted: false,
            copy_of: None,
        }
    }

    /// Its space, while it runs.
    pub fn space(&self) -> Option<&Space> {
        self.store.space()
    }

    /// Whether it runs.
    pub fn is_on(&self) -> bool {
        self.space().is_some()
    }

    /// What it holds; of a site that is off: what it last said it held.
    pub fn vector(&self) -> VersionVector {
        self.space().map_or_else(|| self.promised.clone(), |space| (*space.vector()).clone())
    }

    /// Whether it runs and may admit others. A copied folder is left out: what it admits is refused.
    pub fn is_admin(&self) -> bool {
        let is_admin = |member: &Member| member.role == Role::Admin;
        let known = self.space().map(Space::membership);
        self.copy_of.is_none() && known.is_some_and(|known| known.member(&self.author).is_some_and(is_admin))
    }

    /// Whether a peer may share its space, as a node decides it.
    pub fn trusts(&self, peer: &Author, proof: Option<&SignedTransaction>) -> bool {
        let Some(space) = self.space() else { return false };
        may_exchange(&space.membership(), space.id(), &[self.author], peer, proof)
    }
}
