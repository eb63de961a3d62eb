//! The world: sites, sessions, users, a stick, and what happens next.

use std::path::{Path, PathBuf};

use tandem_protocol::identity::AuthorKey;
use tandem_protocol::membership::Role;
use tandem_protocol::session::{Input, NotStored, StoreDone};
use tandem_store::simulated::{self, Answer, Founding, Request, ViewLoss};
use tandem_store::{ReceiveError, WriteError};

use super::check::Checks;
use super::fault::{FaultKind, Mend, Stop};
use super::lines::Lines;
use super::outcome::Outcome;
use super::plan::Plan;
use super::sessions::{Sessions, are_connected};
use super::site::{Asker, Group, Site};
use super::statement;
use super::stick::Stick;
use super::story::{Event, Story};
use super::users::{self, Users};
use crate::random::Random;

/// What the sites are called.
pub const NAMES: [&str; 8] = ["bureau", "caisse", "atelier", "depot", "ecole", "ferme", "gare", "halle"];

/// How often two sites that are not connected try, in milliseconds.
pub const DIAL_MS: u64 = 1_500;

/// See the module.
pub struct World {
    /// The story so far.
    pub story: Story,
    /// The sites, by number.
    pub sites: Vec<Site>,
    /// Their sessions.
    pub sessions: Sessions,
    /// The people at them.
    pub users: Users,
    /// Where the views are.
    pub folder: PathBuf,
    stick: Stick,
}

impl World {
    /// The world of a plan, with its views in `folder`.
    pub fn new(plan: Plan, folder: &Path, steps: usize) -> Self {
        let lines = Lines::new(&plan);
        let mut story = Story::new(plan, steps);
        let founder = simulated::Site::found(
            key(&mut story.random),
            folder.join(NAMES[0]),
            Founding { space: "school", site: NAMES[0], schema: statement::SCHEMA, nonce: [7; 16] },
            super::clock::BEGINNING_MS,
        );
        let founder = founder.unwrap();
        let id = founder.id();
        let mut sites = vec![Site::new(0, NAMES[0], founder)];
        for name in &NAMES[1..story.plan.sites] {
            let site = simulated::Site::adopt(key(&mut story.random), folder.join(name), id).unwrap();
            sites.push(Site::new(sites.len(), name, site));
        }
        Self {
            story,
            sites,
            sessions: Sessions::new(lines),
            users: Users::default(),
            folder: folder.to_owned(),
            stick: Stick::default(),
        }
    }

    /// How it went.
    pub fn outcome(&self) -> Outcome {
        self.story.outcome()
    }

    /// Looks whether something is as it must be.
    pub fn check(&mut self, check: impl FnOnce(&mut Checks<'_>) -> Result<(), String>) {
        Checks::look(&mut self.story, &mut self.sites, &self.users.ledger, check);
    }

    /// The next event.
    pub fn step(&mut self) {
        let Some(event) = self.story.next() else {
            return self.story.fail("nothing happens any more");
        };
        let Self { story, sites, sessions, users, .. } = self;
        match event {
            Event::Write(at) => {
                if !story.healing {
                    users.user_writes(story, sites, at);
                    let after = 1 + story.random.below(2 * story.plan.pace_ms);
                    story.later(after, Event::Write(at));
                }
            }
            Event::Disk { at, boot } => self.disk(at, boot),
            Event::Read { end, boot, request } => {
                if sites[end.at].boot == boot {
                    sessions.read_late(story, sites, end, request);
                }
            }
            Event::Arrive { at, from, parcel } => {
                if let Some(parcel) = sessions.lines.comes_out(from, at, parcel) {
                    sessions.arrive(story, sites, at, from, parcel);
                }
            }
            Event::Alarm(end, alarm_ms) => sessions.alarm(story, sites, end, alarm_ms),
            Event::Dial(one, other) => self.dial(one, other),
            Event::Trouble => {
                if !story.healing {
                    self.trouble();
                    let after = 1 + self.story.random.below(2 * self.story.plan.trouble_ms);
                    self.story.later(after, Event::Trouble);
                }
            }
            Event::Mend(what) => {
                if !story.healing {
                    self.mend(what);
                }
            }
            Event::Start(at) => self.start(at),
            Event::Admit(at) => self.admit(at),
        }
    }

    fn dial(&mut self, one: usize, other: usize) {
        let Self { story, sites, sessions, .. } = self;
        if sessions.lines.join_up(one, other)
            && sites[one].is_on()
            && sites[other].is_on()
            && !are_connected(sites, one, other)
        {
            let (opener, acceptor) = if story.random.one_in(2) { (one, other) } else { (other, one) };
            sessions.connect(story, sites, opener, acceptor);
        }
        let after = DIAL_MS / 2 + story.random.below(DIAL_MS);
        story.later(after, Event::Dial(one, other));
    }

    /// The disk of a site does all that waits, and everybody is told.
    pub fn disk(&mut self, at: usize, boot: u64) {
        let site = &mut self.sites[at];
        if site.boot != boot || !site.is_on() {
            return;
        }
        let (answers, grew, local) = match site.work(&mut self.story) {
            Group::Nothing => return,
            Group::Gone(askers, loss) => {
                self.unanswered(askers);
                return self.crash(at, loss);
            }
            Group::Failed(askers) => {
                self.doom(at, Stop::Idle, ViewLoss::None);
                return self.unanswered(askers);
            }
            Group::Done { answers, grew, local } => (answers, grew, local),
        };
        let first = self.story.random.one_in(2);
        if grew && first {
            self.sessions.announce(&mut self.story, &mut self.sites, at, local);
        }
        for (asker, answer) in answers {
            self.answered(at, asker, answer);
        }
        if grew && !first {
            self.sessions.announce(&mut self.story, &mut self.sites, at, local);
        }
        if self.story.random.one_in(800)
            && let Err(error) = self.sites[at].store.remember_view()
        {
            self.story.fail(format!("the simulator cannot copy a view: {error}"));
        }
    }

    fn answered(&mut self, at: usize, asker: Asker, answer: Answer) {
        if let Answer::Received(result) = &answer {
            self.check(|checks| checks.received(at, result));
        }
        let Self { story, sites, sessions, users, .. } = self;
        match (asker, answer) {
            (Asker::Link(end), Answer::Received(result)) => {
                story.say(|| {
                    let told = match &result {
                        Ok(received) => format!("stores {} tx", received.transactions),
                        Err(error) => format!("does not store: {error}"),
                    };
                    format!("{} {told} of {}", sites[at].name, sites[end.peer].name)
                });
                let (space, result) = (sites[at].store.id(), result.map(StoreDone::from));
                let stored = Input::Stored { space, result: result.map_err(NotStored::from) };
                sessions.tell(story, sites, end, stored);
            }
            (Asker::Stick, Answer::Received(result)) => {
                let told = match &result {
                    Ok(received) if received.transactions > 0 => "stick: new",
                    Ok(_) => "stick: held already",
                    Err(ReceiveError::Fault(_)) => "stick: too early",
                    Err(_) => "stick: could not be stored",
                };
                story.counts.one(told);
                story.say(|| format!("{} ◀── {told}", sites[at].name));
            }
            (Asker::User(number), Answer::Written(result)) => users.told(story, sites, at, number, result),
            (Asker::Admission(site), Answer::Written(result)) => match result {
                Ok(_) => self.admitted(site),
                Err(WriteError::Refused(refusal)) if refusal.is_by(&["member_already"]) => {
                    self.admitted(site);
                }
                Err(_) => story.later(1_000, Event::Admit(site)),
            },
            (Asker::Nobody, Answer::Written(Err(WriteError::Refused(refusal)))) => {
                story.counts.one(&format!("refused: {}", refusal.code));
            }
            (Asker::Nobody, Answer::Written(Ok(_) | Err(WriteError::Log(_)))) => {}
            (asker, answer) => story.fail(format!("{asker:?} was answered with {answer:?}")),
        }
    }

    /// Nobody will ever answer these: the site crashed.
    fn unanswered(&mut self, askers: Vec<Asker>) {
        for asker in askers {
            match asker {
                Asker::User(number) => self.users.unanswered(number),
                Asker::Admission(site) => self.story.later(1_000, Event::Admit(site)),
                Asker::Link(_) | Asker::Stick | Asker::Nobody => {}
            }
        }
    }

    /// An admin admits a site; now and then two do, who may not know of each other.
    pub fn admit(&mut self, site: usize) {
        let Self { story, sites, .. } = self;
        if sites[site].admitted {
            return;
        }
        let admins: Vec<usize> = (0..sites.len()).filter(|at| sites[*at].is_admin()).collect();
        if admins.is_empty() {
            return story.later(1_000, Event::Admit(site));
        }
        for _ in 0..if story.random.one_in(2) { 2 } else { 1 } {
            let admin = *story.random.pick(&admins);
            let role = *story.random.pick(&[Role::Member, Role::Member, Role::Member, Role::Admin]);
            let (author, name) = (sites[site].author, sites[site].name.to_owned());
            let admit = Request::Admit { author, name, role };
            if !sites[admin].ask(story, Asker::Admission(site), admit) {
                story.later(1_000, Event::Admit(site));
            }
        }
    }

    fn admitted(&mut self, site: usize) {
        self.story.say(|| format!("{} is admitted", self.sites[site].name));
        self.sites[site].admitted = true;
    }

    /// One of the plan's faults happens.
    fn trouble(&mut self) {
        let Self { story, sites, sessions, users, stick, .. } = self;
        let kinds: Vec<FaultKind> = story.plan.faults.iter().copied().collect();
        if kinds.is_empty() {
            return;
        }
        let kind = kinds[story.below(kinds.len())];
        let at = story.below(sites.len());
        let peer = (at + 1 + story.below(sites.len() - 1)) % sites.len();
        let for_ms = story.a_while();
        match kind {
            FaultKind::Cut | FaultKind::OneWay | FaultKind::Split | FaultKind::SlowLine => {
                sessions.lines.trouble(story, sites, kind, (at, peer), for_ms);
            }
            FaultKind::BadFlush | FaultKind::DiskFull | FaultKind::SlowDisk | FaultKind::Clock => {
                sites[at].trouble(story, kind, for_ms);
            }
            FaultKind::HangUp => {
                if are_connected(sites, at, peer) {
                    let (one, other) = (sites[at].name, sites[peer].name);
                    story.say(|| format!("the connection of {one} and {other} breaks"));
                    sessions.hang_up(story, sites, at, peer);
                }
            }
            FaultKind::Crash => {
                let stop = *story.random.pick(&Stop::ALL);
                let lost = [ViewLoss::Older, ViewLoss::Lost, ViewLoss::Damaged];
                let loss = if story.random.one_in(3) { *story.random.pick(&lost) } else { ViewLoss::None };
                self.doom(at, stop, loss);
            }
            FaultKind::Stick => stick.plug_in(story, sites, at),
            FaultKind::Rename => {
                let (author, name) = (sites[peer].author, format!("site {}", story.random.below(100)));
                let _asked = sites[at].ask(story, Asker::Nobody, Request::Rename { author, name });
            }
            // Now and then: it costs as much as many writes.
            FaultKind::Rebuild if !story.random.one_in(10) => return,
            FaultKind::Rebuild => sites[at].rebuild(story),
            FaultKind::Schema => users.grow_schema(story, sites, at),
            // What users do is drawn with each write; a copied folder is used at the end.
            FaultKind::Basis | FaultKind::Retry | FaultKind::Resolve | FaultKind::Fork => return,
            FaultKind::Newer => users::newer_program_writes(story, &mut sites[at]),
        }
        self.story.counts.one(&format!("fault: {}", kind.name()));
    }

    /// Mends one thing.
    fn mend(&mut self, what: Mend) {
        let Self { story, sites, sessions, .. } = self;
        match what {
            Mend::Line(from, to) => {
                sessions.lines.mend(from, to);
                sessions.release(story, sites, from, to);
            }
            Mend::Speed(from, to) => sessions.lines.speed_up(from, to),
            Mend::Room(at) => sites[at].store.disk().set_full(false),
            Mend::Disk(at) => sites[at].disk_ms = super::site::DISK_MS,
        }
    }

    /// A site will crash at that stop of its next group.
    fn doom(&mut self, at: usize, stop: Stop, loss: ViewLoss) {
        if !self.sites[at].is_on() {
            return;
        }
        if stop == Stop::Idle {
            self.story.counts.one("crash: idle");
            return self.crash(at, loss);
        }
        self.sites[at].doom = Some((stop, loss));
    }

    /// A site is gone, and starts again after a while.
    fn crash(&mut self, at: usize, loss: ViewLoss) {
        let unanswered = self.sites[at].crash(&mut self.story, loss);
        self.unanswered(unanswered);
        let Self { story, sites, sessions, .. } = self;
        let peers: Vec<usize> = sites[at].links.keys().copied().collect();
        for peer in peers {
            sessions.drop(story, sites, at, peer);
            // The other side hears of it, or waits in vain.
            if story.random.one_in(2) {
                sessions.drop(story, sites, peer, at);
            }
        }
        let for_ms = story.a_while();
        story.later(for_ms, Event::Start(at));
    }

    /// A site that crashed starts again.
    pub fn start(&mut self, at: usize) {
        let site = &mut self.sites[at];
        if site.is_on() {
            return;
        }
        if let Err(error) = site.store.start() {
            return self.story.fail(format!("{} does not start: {error}", site.name));
        }
        self.story.say(|| format!("{} starts", site.name));
        self.check(|checks| checks.started(at));
    }
}

fn key(random: &mut Random) -> AuthorKey {
    let mut secret = [0; 32];
    secret.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.any().to_le_bytes()));
    AuthorKey::from_secret(&secret)
}
