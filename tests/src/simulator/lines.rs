//! The lines between the sites: what is under way on them, and which are cut.

use std::collections::BTreeMap;

use super::fault::{FaultKind, Mend};
use super::line::{Line, Parcel};
use super::plan::Plan;
use super::site::Site;
use super::story::{Event, Story};

/// See the module.
pub struct Lines {
    /// By their ends: from, to.
    lines: BTreeMap<(usize, usize), Line>,
    /// How many parcels so far.
    sent: u64,
}

impl Lines {
    /// The lines of a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut lines = Self { lines: BTreeMap::new(), sent: 0 };
        plan.pairs().into_iter().for_each(|(one, other)| lines.join(one, other));
        lines
    }

    /// Lays a line between two sites.
    pub fn join(&mut self, one: usize, other: usize) {
        self.lines.insert((one, other), Line::new(1));
        self.lines.insert((other, one), Line::new(1));
    }

    /// From where to where they lead.
    pub fn ways(&self) -> Vec<(usize, usize)> {
        self.lines.keys().copied().collect()
    }

    /// Whether two sites can reach each other.
    pub fn join_up(&self, one: usize, other: usize) -> bool {
        let passes = |from, to| self.lines.get(&(from, to)).is_some_and(|line| !line.is_cut());
        passes(one, other) && passes(other, one)
    }

    /// Puts something onto a line.
    pub fn send(&mut self, story: &mut Story, from: usize, to: usize, parcel: Parcel) {
        let chance = story.random.any();
        let stream = parcel.stream;
        let Some(bytes) = parcel.bytes else {
            return self.put(story, from, to, parcel, chance);
        };
        // Now and then in two pieces, as streams are.
        if bytes.len() > 1 && chance.is_multiple_of(4) {
            let (first, second) = bytes.split_at(1 + (chance / 4) as usize % (bytes.len() - 1));
            for piece in [first, second] {
                self.put(story, from, to, Parcel { stream, bytes: Some(piece.to_vec()) }, chance);
            }
        } else {
            self.put(story, from, to, Parcel { stream, bytes: Some(bytes) }, chance);
        }
    }

    fn put(&mut self, story: &mut Story, from: usize, to: usize, parcel: Parcel, chance: u64) {
        let Some(line) = self.lines.get_mut(&(from, to)) else { return };
        let bytes = parcel.bytes.as_ref().map_or(0, Vec::len);
        let arrives_ms = line.arrival(story.now_ms, bytes, chance);
        // In the order in which they were sent: of one time, the line's count decides.
        self.sent += 1;
        story.in_order(arrives_ms, self.sent, Event::Arrive { at: to, from, parcel });
    }

    /// What comes out of a line at its end: nothing, while it is cut, and nothing before what it
    /// held while it was.
    pub fn comes_out(&mut self, from: usize, to: usize, parcel: Parcel) -> Option<Parcel> {
        match self.lines.get_mut(&(from, to)) {
            Some(line) if line.is_cut() || !line.held.is_empty() => {
                line.held.push_back(parcel);
                None
            }
            _ => Some(parcel),
        }
    }

    /// The next thing of what a line held while it was cut.
    pub fn release(&mut self, from: usize, to: usize) -> Option<Parcel> {
        self.lines.get_mut(&(from, to)).filter(|line| !line.is_cut())?.held.pop_front()
    }

    /// What goes wrong on lines happens there, for a while.
    pub fn trouble(
        &mut self,
        story: &mut Story,
        sites: &[Site],
        kind: FaultKind,
        (at, peer): (usize, usize),
        for_ms: u64,
    ) {
        match kind {
            FaultKind::Cut => self.cut(story, sites, &[(at, peer), (peer, at)], for_ms),
            FaultKind::OneWay => self.cut(story, sites, &[(at, peer)], for_ms),
            FaultKind::Split => {
                let sides: Vec<bool> = sites.iter().map(|_| story.random.one_in(2)).collect();
                let mut ways = self.ways();
                ways.retain(|(one, other)| sides[*one] != sides[*other]);
                self.cut(story, sites, &ways, for_ms);
            }
            FaultKind::SlowLine => {
                if let Some(line) = self.lines.get_mut(&(at, peer)) {
                    (line.latency_ms, line.jitter_ms, line.bytes_per_ms) = (400, 300, 2);
                    story.later(for_ms, Event::Mend(Mend::Speed(at, peer)));
                }
            }
            _ => unreachable!("{} is no trouble of lines", kind.name()),
        }
    }

    /// Nothing passes these ways for a while.
    fn cut(&mut self, story: &mut Story, sites: &[Site], ways: &[(usize, usize)], for_ms: u64) {
        for (from, to) in ways {
            story.say(|| format!("{} ──╳  {}: cut", sites[*from].name, sites[*to].name));
            if let Some(line) = self.lines.get_mut(&(*from, *to)) {
                line.cuts += 1;
            }
            story.later(for_ms, Event::Mend(Mend::Line(*from, *to)));
        }
    }

    /// One reason less why nothing passes.
    pub fn mend(&mut self, from: usize, to: usize) {
        if let Some(line) = self.lines.get_mut(&(from, to)) {
            line.cuts = line.cuts.saturating_sub(1);
        }
    }

    /// A line is as fast as before.
    pub fn speed_up(&mut self, from: usize, to: usize) {
        if let Some(line) = self.lines.get_mut(&(from, to)) {
            (line.latency_ms, line.jitter_ms, line.bytes_per_ms) = (1, 2, 10_000);
        }
    }

    /// A line is mended, whatever was wrong with it.
    pub fn mend_wholly(&mut self, from: usize, to: usize) {
        if let Some(line) = self.lines.get_mut(&(from, to)) {
            line.cuts = 0;
        }
        self.speed_up(from, to);
    }
}
