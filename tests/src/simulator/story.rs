//! What everything in a run has in common: the time, the dice, what is going to happen, and what
//! has happened so far.

use tandem_protocol::session::ReadRequest;
use tandem_store::simulated::Survival;

use super::counts::Counts;
use super::fault::{FaultKind, Mend};
use super::line::Parcel;
use super::link::Endpoint;
use super::outcome::{Broken, Outcome};
use super::plan::Plan;
use super::queue::Queue;
use super::trace::Trace;
use crate::random::Random;

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
pub struct Story {
    /// What is to happen.
    pub plan: Plan,
    /// Milliseconds since the beginning.
    pub now_ms: u64,
    /// What is drawn while it runs.
    pub random: Random,
    /// What happened how often.
    pub counts: Counts,
    /// Whether all is being mended: nothing new goes wrong, nobody writes.
    pub healing: bool,
    queue: Queue<Event>,
    trace: Trace,
    broken: Option<Broken>,
}

impl Story {
    /// The beginning of a plan's story, of which so many of the last steps are kept.
    pub fn new(plan: Plan, steps: usize) -> Self {
        Self {
            random: Random::of_seed(plan.seed),
            plan,
            now_ms: 0,
            counts: Counts::default(),
            healing: false,
            queue: Queue::default(),
            trace: Trace::new(steps),
            broken: None,
        }
    }

    /// How it went.
    pub fn outcome(&self) -> Outcome {
        Outcome { counts: self.counts.clone(), broken: self.broken.clone(), steps: self.trace.steps() }
    }

    /// What must not be, is. The first thing counts; the run ends.
    pub fn fail(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.say(|| format!("BROKEN: {what}"));
        self.broken.get_or_insert(Broken(what));
    }

    /// Whether something is broken.
    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Writes a step down, where steps are wanted.
    pub fn say(&mut self, step: impl FnOnce() -> String) {
        self.trace.say(self.now_ms, step);
    }

    /// Whether the plan lets that go wrong.
    pub fn has(&self, kind: FaultKind) -> bool {
        self.plan.faults.contains(&kind)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }

    /// How long something stays broken: most of it shortly, some longer than sessions bear.
    pub fn a_while(&mut self) -> u64 {
        let most = [self.plan.pace_ms * 10, self.plan.pace_ms * 100, 30_000][self.below(3)];
        1 + self.random.below(most)
    }

    /// What a power cut leaves.
    pub fn survival(&mut self) -> Survival {
        Survival { changes: self.below(4), torn: self.random.one_in(2) }
    }

    /// An event at a time.
    pub fn at(&mut self, at_ms: u64, event: Event) {
        let tie = self.random.any();
        self.in_order(at_ms.max(self.now_ms), tie, event);
    }

    /// An event after a while.
    pub fn later(&mut self, after_ms: u64, event: Event) {
        self.at(self.now_ms + after_ms, event);
    }

    /// An event at a time, of whose events the one with the lowest `tie` comes first.
    pub fn in_order(&mut self, at_ms: u64, tie: u64, event: Event) {
        self.queue.put(at_ms, tie, event);
    }

    /// The next event, to whose time the story goes on.
    pub fn next(&mut self) -> Option<Event> {
        let (at_ms, event) = self.queue.take()?;
        assert!(self.now_ms <= at_ms, "time goes back");
        self.now_ms = at_ms;
        self.counts.one("events");
        Some(event)
    }
}
