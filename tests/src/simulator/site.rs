//! One PC: its store, its clock, its disk's queue, its links.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tandem_protocol::identity::Author;
use tandem_protocol::membership::{Member, Membership, Role};
use tandem_protocol::session::{CatchUpScheduler, may_exchange};
use tandem_protocol::verify::SignedTransaction;
use tandem_protocol::version::VersionVector;
use tandem_store::Space;
use tandem_store::simulated::{self, Answer, FlushFault, Request, Survival, ViewLoss};

use super::clock::WallClock;
use super::fault::{FaultKind, Mend, Stop};
use super::form::Reading;
use super::link::{Endpoint, Link};
use super::story::{Event, Story};

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

/// What a disk did of what waited for it, as one group.
pub enum Group {
    /// Nothing waited.
    Nothing,
    /// All of it; nobody has been told yet.
    Done {
        /// Who asked, and the answer.
        answers: Vec<(Asker, Answer)>,
        /// Whether the site holds more than before.
        grew: bool,
        /// Whether some of that is its own.
        local: bool,
    },
    /// The flush failed: the site refuses every write until somebody starts it again.
    Failed(Vec<Asker>),
    /// The site is gone, and its view with it as far as that says.
    Gone(Vec<Asker>, ViewLoss),
}

/// See the module.
pub struct Site {
    /// Its number.
    pub at: usize,
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
    pub fn new(at: usize, name: &'static str, store: simulated::Site) -> Self {
        Self {
            at,
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

    /// The end of a stream that it is, if that still stands.
    pub fn link_mut(&mut self, end: Endpoint) -> Option<&mut Link> {
        assert_eq!(end.at, self.at, "an end of another site");
        self.links.get_mut(&end.peer).filter(|link| link.stream == end.stream)
    }

    /// Asks it for something, which waits for the disk. `false`: it is off, and nobody will answer.
    #[must_use]
    pub fn ask(&mut self, story: &mut Story, asker: Asker, request: Request) -> bool {
        if !self.is_on() {
            return false;
        }
        self.waiting.push_back((asker, request));
        if !self.busy {
            self.busy = true;
            let after = story.random.below(self.disk_ms);
            story.later(after, Event::Disk { at: self.at, boot: self.boot });
        }
        true
    }

    /// The disk does all that waits, as one group.
    pub fn work(&mut self, story: &mut Story) -> Group {
        self.busy = false;
        let (askers, requests): (Vec<Asker>, Vec<Request>) = self.waiting.drain(..).unzip();
        let count = requests.len();
        if count == 0 {
            return Group::Nothing;
        }
        self.fail_flush(story.survival());
        let before = self.vector();
        let answers = self.store.run(requests, self.clock.at(story.now_ms));
        story.counts.one("groups");
        story.counts.many("requests", count as u64);
        if answers.len() != count {
            story.fail(format!("{} did not answer everything", self.name));
            return Group::Nothing;
        }
        if let Some((stop, loss)) = self.doom
            && (self.store.disk().is_off() || stop == Stop::BeforeAnswer)
        {
            story.counts.one(&format!("crash: {}", stop.name()));
            return Group::Gone(askers, loss);
        }
        if self.store.disk().is_poisoned() {
            story.counts.one("flush failed");
            return Group::Failed(askers);
        }
        let after = self.vector();
        self.promised.join(&after);
        Group::Done {
            answers: askers.into_iter().zip(answers).collect(),
            grew: before != after,
            local: before.seq(self.author) != after.seq(self.author),
        }
    }

    /// Where the site is to crash while it flushes, the next flush is where.
    fn fail_flush(&mut self, survival: Survival) {
        let fault = match self.doom {
            Some((Stop::BeforeFlush, _)) => FlushFault::PowerCut(Survival { changes: 0, torn: false }),
            Some((Stop::AmidFlush, _)) => FlushFault::PowerCut(survival),
            Some((Stop::AfterFlush, _)) => FlushFault::PowerCutAfter,
            _ => return,
        };
        self.store.disk().fail_next_flush(fault);
    }

    /// What goes wrong with disks and clocks does with this one, for a while.
    pub fn trouble(&mut self, story: &mut Story, kind: FaultKind, for_ms: u64) {
        match kind {
            FaultKind::BadFlush => {
                let survival = story.survival();
                self.store.disk().fail_next_flush(FlushFault::Fails(survival));
            }
            FaultKind::DiskFull => {
                story.say(|| format!("the disk of {} is full", self.name));
                self.store.disk().set_full(true);
                // While it is, users do little.
                story.later(1 + for_ms / 5, Event::Mend(Mend::Room(self.at)));
            }
            FaultKind::SlowDisk => {
                self.disk_ms = 400;
                story.later(for_ms, Event::Mend(Mend::Disk(self.at)));
            }
            FaultKind::Clock => {
                self.clock.set(story.random.any());
                story.say(|| format!("the clock of {} is set", self.name));
            }
            _ => unreachable!("{} is no trouble of one PC", kind.name()),
        }
    }

    /// Its view is made anew from its log.
    pub fn rebuild(&mut self, story: &mut Story) {
        if let Err(error) = self.store.rebuild_view() {
            story.fail(format!("{} cannot rebuild its view: {error}", self.name));
        }
    }

    /// The power goes: what waited is asked for in vain.
    pub fn crash(&mut self, story: &mut Story, loss: ViewLoss) -> Vec<Asker> {
        let survival = story.survival();
        story.say(|| format!("{} ╳ crashes (view: {loss:?})", self.name));
        story.counts.one(&format!("crash, view: {loss:?}"));
        self.boot += 1;
        (self.busy, self.doom) = (false, None);
        if let Err(error) = self.store.crash(survival, loss) {
            story.fail(format!("the simulator cannot crash a site: {error}"));
        }
        self.waiting.drain(..).map(|(asker, _)| asker).collect()
    }
}
