//! When what goes wrong, and when it is mended.

use tandem_store::simulated::{FlushFault, Request, Survival, ViewLoss};

use super::fault::{FaultKind, Mend, Stop};
use super::site::{Asker, DISK_MS};
use super::world::{Event, World};

impl World {
    /// One of the plan's faults happens.
    pub fn trouble(&mut self) {
        let kinds: Vec<FaultKind> = self.plan.faults.iter().copied().collect();
        if kinds.is_empty() {
            return;
        }
        let kind = kinds[self.below(kinds.len())];
        let at = self.below(self.sites.len());
        let peer = (at + 1 + self.below(self.sites.len() - 1)) % self.sites.len();
        let for_ms = self.a_while();
        match kind {
            FaultKind::Cut => self.cut_for(&[(at, peer), (peer, at)], for_ms),
            FaultKind::OneWay => self.cut_for(&[(at, peer)], for_ms),
            FaultKind::Split => {
                let sides: Vec<bool> = (0..self.sites.len()).map(|_| self.random.one_in(2)).collect();
                let apart = |(one, other): &(usize, usize)| sides[*one] != sides[*other];
                let pairs: Vec<(usize, usize)> = self.lines.keys().copied().filter(apart).collect();
                self.cut_for(&pairs, for_ms);
            }
            FaultKind::HangUp => {
                if self.are_connected(at, peer) {
                    self.say(|world| {
                        format!(
                            "the connection of {} and {} breaks",
                            world.sites[at].name, world.sites[peer].name
                        )
                    });
                    self.hang_up(at, peer);
                }
            }
            FaultKind::SlowLine => {
                if let Some(line) = self.lines.get_mut(&(at, peer)) {
                    (line.latency_ms, line.jitter_ms, line.bytes_per_ms) = (400, 300, 2);
                    self.later(for_ms, Event::Mend(Mend::Speed(at, peer)));
                }
            }
            FaultKind::Crash => {
                let stop = Stop::ALL[self.below(Stop::ALL.len())];
                let lost = [ViewLoss::Older, ViewLoss::Lost, ViewLoss::Damaged];
                let loss = if self.random.one_in(3) { lost[self.below(lost.len())] } else { ViewLoss::None };
                self.doom(at, stop, loss);
            }
            FaultKind::BadFlush => {
                let survival = self.survival();
                self.sites[at].store.disk().fail_next_flush(FlushFault::Fails(survival));
            }
            FaultKind::DiskFull => {
                self.say(|world| format!("the disk of {} is full", world.sites[at].name));
                self.sites[at].store.disk().set_full(true);
                // While it is, users do little.
                self.later(1 + for_ms / 5, Event::Mend(Mend::Room(at)));
            }
            FaultKind::SlowDisk => {
                self.sites[at].disk_ms = 400;
                self.later(for_ms, Event::Mend(Mend::Disk(at)));
            }
            FaultKind::Clock => {
                let choice = self.random.any();
                self.sites[at].clock.set(choice);
                self.say(|world| format!("the clock of {} is set", world.sites[at].name));
            }
            FaultKind::Stick => self.plug_in_stick(at),
            FaultKind::Rename => {
                let (author, name) = (self.sites[peer].author, format!("site {}", self.random.below(100)));
                self.ask(at, Asker::Nobody, Request::Rename { author, name });
            }
            // Now and then: it costs as much as many writes.
            FaultKind::Rebuild if !self.random.one_in(10) => return,
            FaultKind::Rebuild => {
                if let Err(error) = self.sites[at].store.rebuild_view() {
                    self.fail(format!("{} cannot rebuild its view: {error}", self.sites[at].name));
                }
            }
            FaultKind::Schema => self.grow_schema(at),
            // What users do is drawn with each write; a copied folder is used at the end.
            FaultKind::Basis | FaultKind::Retry | FaultKind::Resolve | FaultKind::Fork => return,
            FaultKind::Newer => self.newer_program_writes(at),
        }
        self.counts.one(&format!("fault: {}", kind.name()));
    }

    /// How long something stays broken: most of it shortly, some longer than sessions bear.
    fn a_while(&mut self) -> u64 {
        let most = [self.plan.pace_ms * 10, self.plan.pace_ms * 100, 30_000][self.below(3)];
        1 + self.random.below(most)
    }

    /// What a power cut leaves.
    pub fn survival(&mut self) -> Survival {
        Survival { changes: self.below(4), torn: self.random.one_in(2) }
    }

    /// Nothing passes these ways for a while.
    fn cut_for(&mut self, ways: &[(usize, usize)], for_ms: u64) {
        for (from, to) in ways {
            self.cut(*from, *to);
            self.later(for_ms, Event::Mend(Mend::Line(*from, *to)));
        }
    }

    /// Nothing passes from one site to another.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.say(|world| format!("{} ──╳  {}: cut", world.sites[from].name, world.sites[to].name));
        if let Some(line) = self.lines.get_mut(&(from, to)) {
            line.cuts += 1;
        }
    }

    /// Mends one thing.
    pub fn mend(&mut self, what: Mend) {
        match what {
            Mend::Line(from, to) => {
                let Some(line) = self.lines.get_mut(&(from, to)) else { return };
                line.cuts = line.cuts.saturating_sub(1);
                if !line.is_cut() {
                    self.release(from, to);
                }
            }
            Mend::Speed(from, to) => {
                if let Some(line) = self.lines.get_mut(&(from, to)) {
                    (line.latency_ms, line.jitter_ms, line.bytes_per_ms) = (1, 2, 10_000);
                }
            }
            Mend::Room(at) => self.sites[at].store.disk().set_full(false),
            Mend::Disk(at) => self.sites[at].disk_ms = DISK_MS,
        }
    }

    /// A site will crash at that stop of its next group.
    pub fn doom(&mut self, at: usize, stop: Stop, loss: ViewLoss) {
        if !self.sites[at].is_on() {
            return;
        }
        if stop == Stop::Idle {
            self.counts.one("crash: idle");
            return self.crash(at, loss);
        }
        self.sites[at].doom = Some((stop, loss));
    }

    /// A site is gone, and starts again after a while.
    pub fn crash(&mut self, at: usize, loss: ViewLoss) {
        let survival = self.survival();
        self.say(|world| format!("{} ╳ crashes (view: {loss:?})", world.sites[at].name));
        self.counts.one(&format!("crash, view: {loss:?}"));
        let site = &mut self.sites[at];
        site.boot += 1;
        (site.busy, site.doom) = (false, None);
        let unanswered: Vec<Asker> = site.waiting.drain(..).map(|(asker, _)| asker).collect();
        if let Err(error) = site.store.crash(survival, loss) {
            self.fail(format!("the simulator cannot crash a site: {error}"));
        }
        unanswered.into_iter().for_each(|asker| self.unanswered(at, asker));
        let peers: Vec<usize> = self.sites[at].links.keys().copied().collect();
        for peer in peers {
            self.drop_link(at, peer);
            // The other side hears of it, or waits in vain.
            if self.random.one_in(2) {
                self.drop_link(peer, at);
            }
        }
        let for_ms = self.a_while();
        self.later(for_ms, Event::Start(at));
    }

    /// A site that crashed starts again.
    pub fn start(&mut self, at: usize) {
        if self.sites[at].is_on() {
            return;
        }
        if let Err(error) = self.sites[at].store.start() {
            return self.fail(format!("{} does not start: {error}", self.sites[at].name));
        }
        self.say(|world| format!("{} starts", world.sites[at].name));
        self.check(|checks| checks.started(at));
    }
}
