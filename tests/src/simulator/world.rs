//! The world: sites, lines, time, and what happens next.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use tandem_protocol::identity::{Author, AuthorKey};
use tandem_protocol::membership::Role;
use tandem_protocol::session::{Input, NotStored, ReadRequest, StoreDone};
use tandem_protocol::version::VersionVector;
use tandem_store::simulated::{self, Answer, FlushFault, Founding, Request, Survival, ViewLoss};
use tandem_store::{ReceiveError, WriteError};

use super::check::Checks;
use super::counts::Counts;
use super::fault::{FaultKind, Mend, Stop};
use super::ledger::Ledger;
use super::line::{Line, Parcel};
use super::link::Endpoint;
use super::outcome::{Broken, Outcome};
use super::plan::Plan;
use super::queue::Queue;
use super::site::{Asker, Site};
use super::statement;
use super::trace::Trace;
use crate::random::Random;

/// What the sites are called.
pub const NAMES: [&str; 8] = ["bureau", "caisse", "atelier", "depot", "ecole", "ferme", "gare", "halle"];

/// How often two sites that are not connected try, in milliseconds.
const DIAL_MS: u64 = 1_500;

/// How long all may take to become equal once everything is mended, in milliseconds.
const HEALING_MS: u64 = 20 * 60_000;

/// How long the writing may take, in milliseconds: a disk may be full, but not for ever.
const WORKING_MS: u64 = 4 * 3_600_000;

/// Something that is going to happen.
#[derive(Debug)]
pub enum Event {
    /// A user writes something.
    Write(usize),
    /// The disk of a site has done its work.
    Disk { at: usize, boot: u64 },
    /// A session's read is done.
    Read { end: Endpoint, boot: u64, request: ReadRequest },
    /// Something arrives.
    Arrive { at: usize, from: usize, parcel: Parcel },
    /// A session's alarm, and for when it was set.
    Alarm(Endpoint, u64),
    /// Two sites connect, if they are not connected and can.
    Dial(usize, usize),
    /// Something goes wrong.
    Trouble,
    /// Something is mended.
    Mend(Mend),
    /// A site starts.
    Start(usize),
    /// An admin admits a site.
    Admit(usize),
}

/// See the module.
pub struct World {
    /// What is to happen.
    pub plan: Plan,
    /// Milliseconds since the beginning.
    pub now_ms: u64,
    /// What is drawn while it runs.
    pub random: Random,
    queue: Queue<Event>,
    /// The sites, by number.
    pub sites: Vec<Site>,
    /// Where their views are.
    pub folder: PathBuf,
    /// The lines, by their ends: from, to.
    pub lines: BTreeMap<(usize, usize), Line>,
    /// Streams opened so far.
    pub streams: u64,
    /// Blocks carried by hand.
    pub stick: Vec<Vec<u8>>,
    /// What users were told.
    pub ledger: Ledger,
    /// Whether the program knows `exactly()`.
    pub exactly: bool,
    /// Schema changes so far.
    pub grown: u64,
    sent: u64,
    /// What sessions are to be told as soon as none runs.
    pub news: VecDeque<(Endpoint, Input)>,
    /// Whether all is being mended: nothing new goes wrong, nobody writes.
    pub healing: bool,
    /// Forks noticed.
    pub forks: u64,
    /// What happened how often.
    pub counts: Counts,
    trace: Trace,
    broken: Option<Broken>,
}

impl World {
    /// The world of a plan, with its views in `folder`.
    pub fn new(plan: Plan, folder: &Path, steps: usize) -> Self {
        let mut random = Random::of_seed(plan.seed);
        let mut key = || {
            let mut secret = [0; 32];
            secret.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.any().to_le_bytes()));
            AuthorKey::from_secret(&secret)
        };
        let founding =
            Founding { space: "school", site: NAMES[0], schema: statement::SCHEMA, nonce: [7; 16] };
        let founded =
            simulated::Site::found(key(), folder.join(NAMES[0]), founding, super::clock::BEGINNING_MS);
        let founder = founded.unwrap();
        let id = founder.id();
        let mut sites = vec![Site::new(NAMES[0], founder)];
        for name in &NAMES[1..plan.sites] {
            let site = simulated::Site::adopt(key(), folder.join(name), id).unwrap();
            sites.push(Site::new(name, site));
        }
        let pairs = plan.pairs().into_iter().flat_map(|(one, other)| [(one, other), (other, one)]);
        let lines = pairs.map(|pair| (pair, Line::new(1))).collect();
        Self {
            plan,
            now_ms: 0,
            random,
            queue: Queue::default(),
            sites,
            folder: folder.to_owned(),
            lines,
            streams: 0,
            stick: Vec::new(),
            ledger: Ledger::default(),
            exactly: false,
            grown: 0,
            sent: 0,
            news: VecDeque::new(),
            healing: false,
            forks: 0,
            counts: Counts::default(),
            trace: Trace::new(steps),
            broken: None,
        }
    }

    /// From beginning to end.
    pub fn run(&mut self) {
        self.begin();
        self.work();
        if self.plan.faults.contains(&FaultKind::Fork) && !self.is_broken() {
            self.copy_site();
        }
        self.heal();
        if !self.is_broken() {
            self.bring_copy();
        }
        if self.broken.is_none() {
            self.check(|checks| checks.all());
        }
    }

    /// Looks whether something is as it must be.
    pub fn check(&mut self, check: impl FnOnce(&mut Checks<'_>) -> Result<(), String>) {
        let Self { sites, plan, ledger, random, counts, .. } = self;
        if let Err(wrong) = check(&mut Checks { sites, plan, ledger, random, counts }) {
            self.fail(wrong);
        }
    }

    /// How it went.
    pub fn outcome(&self) -> Outcome {
        Outcome { counts: self.counts.clone(), broken: self.broken.clone(), steps: self.trace.steps() }
    }

    /// What must not be, is. The first thing counts; the run ends.
    pub fn fail(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.say(|_| format!("BROKEN: {what}"));
        self.broken.get_or_insert(Broken(what));
    }

    /// Whether something is broken.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Writes a step down, where steps are wanted.
    pub fn say(&mut self, step: impl FnOnce(&Self) -> String) {
        let mut trace = std::mem::replace(&mut self.trace, Trace::new(0));
        trace.say(self.now_ms, || step(self));
        self.trace = trace;
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    /// Random bytes for a session.
    pub fn padding(&mut self) -> [u8; 32] {
        let mut padding = [0; 32];
        padding.chunks_mut(8).for_each(|part| part.copy_from_slice(&self.random.any().to_le_bytes()));
        padding
    }

    /// An event at a time.
    pub fn at(&mut self, at_ms: u64, event: Event) {
        let tie = self.random.any();
        self.queue.put(at_ms.max(self.now_ms), tie, event);
    }

    /// An event after a while.
    pub fn later(&mut self, after_ms: u64, event: Event) {
        self.at(self.now_ms + after_ms, event);
    }

    /// Founder and first members, before anything goes wrong.
    fn begin(&mut self) {
        self.sites[0].admitted = true;
        self.prepare_tables();
        let early = self.plan.sites - self.plan.late;
        for at in 1..early {
            self.admit(at);
            self.settle(at);
        }
        for at in early..self.plan.sites {
            let when = self.random.below(self.plan.pace_ms * 40);
            self.later(when, Event::Admit(at));
        }
        for (one, other) in self.plan.pairs() {
            let when = self.random.below(DIAL_MS);
            self.later(when, Event::Dial(one, other));
        }
        for at in 0..self.sites.len() {
            let when = self.random.below(self.plan.pace_ms);
            self.later(when, Event::Write(at));
            if self.plan.faults.contains(&FaultKind::Clock) {
                let offset = self.random.below(240) as i64 - 120;
                self.sites[at].clock.offset_ms = offset * [1, 100, 1000][self.below(3)];
                self.sites[at].clock.drift_ppm = self.random.below(200) as i64 - 100;
            }
        }
        self.later(self.plan.trouble_ms, Event::Trouble);
    }

    /// Lets a disk do all that waits for it.
    fn settle(&mut self, asked: usize) {
        for at in [0, asked] {
            while self.sites[at].busy && !self.is_broken() {
                let boot = self.sites[at].boot;
                self.disk(at, boot);
            }
        }
    }

    /// Until enough is written.
    fn work(&mut self) {
        while self.ledger.recorded() < self.plan.transactions && !self.is_broken() {
            if self.now_ms > WORKING_MS {
                return self.fail("the sites do not get on with their work");
            }
            self.step();
        }
    }

    /// Everything is mended, nobody writes any more; until all hold the same.
    fn heal(&mut self) {
        self.say(|_| "everything is mended".to_owned());
        self.healing = true;
        let ways: Vec<(usize, usize)> = self.lines.keys().copied().collect();
        for (from, to) in ways {
            if let Some(line) = self.lines.get_mut(&(from, to)) {
                line.cuts = 0;
                self.release(from, to);
            }
            self.mend(Mend::Speed(from, to));
        }
        for at in 0..self.sites.len() {
            self.mend(Mend::Room(at));
            self.mend(Mend::Disk(at));
            self.sites[at].doom = None;
            self.sites[at].store.disk().mend();
            self.start(at);
            self.admit(at);
        }
        let until = self.now_ms + HEALING_MS;
        while !self.is_broken() && !self.is_equal() {
            if self.now_ms > until {
                let held: Vec<String> = self
                    .sites
                    .iter()
                    .map(|site| format!("{} holds {:?}", site.name, short(&site.vector())))
                    .collect();
                return self.fail(format!("the sites do not become equal: {}", held.join(", ")));
            }
            self.step();
        }
        self.counts.many("virtual seconds", self.now_ms / 1000);
    }

    fn is_equal(&self) -> bool {
        let first = self.sites[0].space().map(tandem_store::Space::vector);
        self.sites.iter().filter(|site| site.copy_of.is_none()).all(|site| {
            site.admitted && site.waiting.is_empty() && site.space().map(tandem_store::Space::vector) == first
        })
    }

    /// The next event.
    pub fn step(&mut self) {
        let Some((at_ms, event)) = self.queue.take() else {
            return self.fail("nothing happens any more");
        };
        self.now_ms = at_ms;
        self.counts.one("events");
        match event {
            Event::Write(at) => {
                if !self.healing {
                    self.user_writes(at);
                    let pace = self.plan.pace_ms;
                    let after = 1 + self.random.below(2 * pace);
                    self.later(after, Event::Write(at));
                }
            }
            Event::Disk { at, boot } => self.disk(at, boot),
            Event::Read { end, boot, request } => {
                if self.sites[end.at].boot == boot {
                    self.read_late(end, request);
                }
            }
            Event::Arrive { at, from, parcel } => match self.lines.get_mut(&(from, at)) {
                Some(line) if line.is_cut() => line.held.push_back(parcel),
                Some(line) if !line.held.is_empty() => line.held.push_back(parcel),
                _ => self.arrive(at, from, parcel),
            },
            Event::Alarm(end, alarm_ms) => self.alarm(end, alarm_ms),
            Event::Dial(one, other) => self.dial(one, other),
            Event::Trouble => {
                if !self.healing {
                    self.trouble();
                    let after = 1 + self.random.below(2 * self.plan.trouble_ms);
                    self.later(after, Event::Trouble);
                }
            }
            Event::Mend(what) => {
                if !self.healing {
                    self.mend(what);
                }
            }
            Event::Start(at) => self.start(at),
            Event::Admit(at) => self.admit(at),
        }
    }

    fn dial(&mut self, one: usize, other: usize) {
        let cut = |from, to| self.lines.get(&(from, to)).is_none_or(Line::is_cut);
        let reachable = !cut(one, other) && !cut(other, one);
        if reachable
            && self.sites[one].is_on()
            && self.sites[other].is_on()
            && !self.are_connected(one, other)
        {
            let (opener, acceptor) = if self.random.one_in(2) { (one, other) } else { (other, one) };
            self.connect(opener, acceptor);
        }
        let after = DIAL_MS / 2 + self.random.below(DIAL_MS);
        self.later(after, Event::Dial(one, other));
    }

    /// Puts something onto a line.
    pub fn send(&mut self, from: usize, to: usize, parcel: Parcel) {
        let chance = self.random.any();
        let stream = parcel.stream;
        let Some(bytes) = parcel.bytes else {
            return self.put_on_line(from, to, parcel, chance);
        };
        // Now and then in two pieces, as streams are.
        if bytes.len() > 1 && chance.is_multiple_of(4) {
            let (first, second) = bytes.split_at(1 + (chance / 4) as usize % (bytes.len() - 1));
            for piece in [first, second] {
                self.put_on_line(from, to, Parcel { stream, bytes: Some(piece.to_vec()) }, chance);
            }
        } else {
            self.put_on_line(from, to, Parcel { stream, bytes: Some(bytes) }, chance);
        }
    }

    fn put_on_line(&mut self, from: usize, to: usize, parcel: Parcel, chance: u64) {
        let Some(line) = self.lines.get_mut(&(from, to)) else { return };
        let bytes = parcel.bytes.as_ref().map_or(0, Vec::len);
        let arrives_ms = line.arrival(self.now_ms, bytes, chance);
        // In the order in which they were sent: of one time, the line's count decides.
        self.sent += 1;
        self.queue.put(arrives_ms, self.sent, Event::Arrive { at: to, from, parcel });
    }

    /// What a line held while it was cut arrives.
    pub fn release(&mut self, from: usize, to: usize) {
        loop {
            let Some(line) = self.lines.get_mut(&(from, to)) else { return };
            let Some(parcel) = line.held.pop_front() else { return };
            self.arrive(to, from, parcel);
        }
    }

    /// Asks a site for something; it waits for the disk.
    pub fn ask(&mut self, at: usize, asker: Asker, request: Request) {
        if !self.sites[at].is_on() {
            return self.unanswered(at, asker);
        }
        self.sites[at].waiting.push_back((asker, request));
        if !self.sites[at].busy {
            self.sites[at].busy = true;
            let after = self.random.below(self.sites[at].disk_ms);
            let boot = self.sites[at].boot;
            self.later(after, Event::Disk { at, boot });
        }
    }

    /// The disk does all that waits, as one group.
    fn disk(&mut self, at: usize, boot: u64) {
        let site = &mut self.sites[at];
        if site.boot != boot || !site.is_on() {
            return;
        }
        site.busy = false;
        let (askers, requests): (Vec<Asker>, Vec<Request>) = site.waiting.drain(..).unzip();
        let count = requests.len();
        if count == 0 {
            return;
        }
        let wall_ms = site.clock.at(self.now_ms);
        let doom = site.doom;
        let survival = self.survival();
        let site = &mut self.sites[at];
        match doom {
            Some((Stop::BeforeFlush, _)) => {
                let nothing = Survival { changes: 0, torn: false };
                site.store.disk().fail_next_flush(FlushFault::PowerCut(nothing));
            }
            Some((Stop::AmidFlush, _)) => site.store.disk().fail_next_flush(FlushFault::PowerCut(survival)),
            Some((Stop::AfterFlush, _)) => site.store.disk().fail_next_flush(FlushFault::PowerCutAfter),
            _ => {}
        }
        let before = site.vector();
        let answers = site.store.run(requests, wall_ms);
        self.counts.one("groups");
        self.counts.many("requests", count as u64);
        if answers.len() != count {
            return self.fail(format!("{} did not answer everything", self.sites[at].name));
        }
        let off = self.sites[at].store.disk().is_off();
        if let Some((stop, loss)) = doom
            && (off || stop == Stop::BeforeAnswer)
        {
            self.counts.one(&format!("crash: {}", stop.name()));
            askers.into_iter().for_each(|asker| self.unanswered(at, asker));
            return self.crash(at, loss);
        }
        if self.sites[at].store.disk().is_poisoned() {
            // The node refuses all writes until somebody starts it again.
            self.counts.one("flush failed");
            self.doom(at, Stop::Idle, ViewLoss::None);
            return askers.into_iter().for_each(|asker| self.unanswered(at, asker));
        }
        let after = self.sites[at].vector();
        self.sites[at].promised.join(&after);
        let local = before.seq(self.sites[at].author) != after.seq(self.sites[at].author);
        let grew = before != after;
        let first = self.random.one_in(2);
        if grew && first {
            self.announce(at, local);
        }
        for (asker, answer) in askers.into_iter().zip(answers) {
            self.answered(at, asker, answer);
        }
        if grew && !first {
            self.announce(at, local);
        }
        if self.random.one_in(800)
            && let Err(error) = self.sites[at].store.remember_view()
        {
            self.fail(format!("the simulator cannot copy a view: {error}"));
        }
    }

    fn answered(&mut self, at: usize, asker: Asker, answer: Answer) {
        match (asker, answer) {
            (Asker::Link(end), Answer::Received(result)) => {
                self.check(|checks| checks.received(at, &result));
                self.say(|world| {
                    let told = match &result {
                        Ok(received) => format!("stores {} tx", received.transactions),
                        Err(error) => format!("does not store: {error}"),
                    };
                    format!("{} {told} of {}", world.sites[at].name, world.sites[end.peer].name)
                });
                let (space, result) = (self.sites[at].store.id(), result.map(StoreDone::from));
                self.tell_session(end, Input::Stored { space, result: result.map_err(NotStored::from) });
            }
            (Asker::Stick, Answer::Received(result)) => {
                self.check(|checks| checks.received(at, &result));
                let told = match &result {
                    Ok(received) if received.transactions > 0 => "stick: new",
                    Ok(_) => "stick: held already",
                    Err(ReceiveError::Fault(_)) => "stick: too early",
                    Err(_) => "stick: could not be stored",
                };
                self.counts.one(told);
                self.say(|world| format!("{} ◀── {told}", world.sites[at].name));
            }
            (Asker::User(number), Answer::Written(result)) => self.told_user(at, number, result),
            (Asker::Admission(site), Answer::Written(result)) => match result {
                Ok(_) => self.admitted(site),
                Err(WriteError::Refused(refusal)) if refusal.is_by(&["member_already"]) => {
                    self.admitted(site);
                }
                Err(_) => self.later(1_000, Event::Admit(site)),
            },
            (Asker::Nobody, Answer::Written(Ok(_))) => {}
            (Asker::Nobody, Answer::Written(Err(WriteError::Refused(refusal)))) => {
                self.counts.one(&format!("refused: {}", refusal.code));
            }
            (Asker::Nobody, Answer::Written(Err(WriteError::Log(_)))) => {}
            (asker, answer) => self.fail(format!("{asker:?} was answered with {answer:?}")),
        }
    }

    /// Nobody will ever answer: the site crashed.
    pub fn unanswered(&mut self, _at: usize, asker: Asker) {
        match asker {
            Asker::User(number) => self.ledger.unknown(number),
            Asker::Admission(site) => self.later(1_000, Event::Admit(site)),
            Asker::Link(_) | Asker::Stick | Asker::Nobody => {}
        }
    }

    /// An admin admits a site; now and then two do, who may not know of each other.
    fn admit(&mut self, site: usize) {
        if self.sites[site].admitted {
            return;
        }
        let admins: Vec<usize> = (0..self.sites.len()).filter(|at| self.sites[*at].is_admin()).collect();
        if admins.is_empty() {
            return self.later(1_000, Event::Admit(site));
        }
        let times = if self.random.one_in(2) { 2 } else { 1 };
        for _ in 0..times {
            let admin = admins[self.below(admins.len())];
            let roles = [Role::Member, Role::Member, Role::Member, Role::Admin];
            let role = roles[self.below(roles.len())];
            let (author, name) = (self.sites[site].author, self.sites[site].name.to_owned());
            self.ask(admin, Asker::Admission(site), Request::Admit { author, name, role });
        }
    }

    fn admitted(&mut self, site: usize) {
        self.say(|world| format!("{} is admitted", world.sites[site].name));
        self.sites[site].admitted = true;
    }

    /// Two transactions go by one name.
    pub fn noticed_fork(&mut self, at: usize, peer: usize, author: Author) {
        self.counts.one("fork noticed");
        self.forks += 1;
        let copy = self.sites[at].copy_of.is_some() || self.sites[peer].copy_of.is_some();
        if !copy {
            let (site, peer) = (self.sites[at].name, self.sites[peer].name);
            self.fail(format!(
                "{site} and {peer} hold different transactions of {} by one name",
                author.short()
            ));
        }
    }
}

fn short(vector: &VersionVector) -> Vec<String> {
    vector.heads().map(|(chain, head)| format!("{chain:?}:{}", head.seq)).collect()
}
