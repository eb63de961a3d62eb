//! The sending half of a shared space: where in the own log the peer's reading has come to.

use std::collections::VecDeque;

use super::limits;
use super::session_end::SessionEnd;
use crate::bounds;
use crate::fork::Withheld;
use crate::version::VersionVector;

/// A read to be asked for.
pub(super) struct Wanted {
    pub from: u64,
    pub have: VersionVector,
    pub max_bytes: usize,
}

/// A frame that was sent and is not yet acknowledged.
struct SentFrame {
    bytes: u64,
    heads: VersionVector,
}

/// How far the peer's reading has come in the own log. `claimed` is what the peer holds, `ahead` that
/// and what is on its way.
#[derive(Default)]
pub(super) struct Cursor {
    next: u64,
    /// Whether the peer has said what it holds at all.
    stated: bool,
    claimed: VersionVector,
    ahead: VersionVector,
    in_flight: VecDeque<SentFrame>,
    bytes_in_flight: u64,
    /// What the peer takes unacknowledged; none while it has not said.
    window: Option<u64>,
    /// Where the read under way began.
    reading: Option<u64>,
    /// The cursor started over while a read was under way: that read does not move it.
    restarted: bool,
    /// When to read on; none while there is nothing to read.
    due_ms: Option<u64>,
}

impl Cursor {
    /// The peer holds exactly `vector`, which is all of this log before `end`.
    pub fn start_level(&mut self, vector: VersionVector, end: u64) {
        assert!(self.is_idle(), "two sites are level before anything is sent, or not at all");
        self.next = end;
        self.stated = true;
        self.ahead.clone_from(&vector);
        self.claimed = vector;
        self.window = Some(limits::WINDOW_BYTES);
    }

    /// The peer says what it holds: that replaces whatever was known, and the cursor starts over.
    pub fn state(&mut self, vector: VersionVector, now_ms: u64) {
        self.stated = true;
        self.claimed = vector;
        self.ahead.clone_from(&self.claimed);
        for sent in &self.in_flight {
            self.ahead.join(&sent.heads);
        }
        self.next = 0;
        self.restarted = self.reading.is_some();
        self.due_ms = Some(now_ms);
    }

    /// The peer also holds this.
    pub fn learn(&mut self, heads: &VersionVector) {
        self.claimed.join(heads);
        self.ahead.join(heads);
    }

    /// What the peer holds.
    pub fn claimed(&self) -> &VersionVector {
        &self.claimed
    }

    /// Whether the peer is known to hold nothing that is missing here and can come.
    pub fn offers_nothing(&self, local: &VersionVector, withheld: &Withheld) -> bool {
        self.stated
            && self.claimed.heads().all(|(chain, head)| {
                let held = local.seq(chain);
                held >= head.seq || withheld.reaches(chain, held + 1)
            })
    }

    /// Bytes on their way to the peer.
    pub fn bytes_in_flight(&self) -> u64 {
        self.bytes_in_flight
    }

    /// Whether nothing is on its way to the peer.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.reading.is_none()
    }

    /// The log grew; what is due at `at_ms` may be due earlier already.
    pub fn grew(&mut self, at_ms: u64) {
        self.due_ms = Some(self.due_ms.map_or(at_ms, |due| due.min(at_ms)));
    }

    /// The peer says how much it takes.
    pub fn open_window(&mut self, bytes: u64) {
        self.window = Some(bytes);
    }

    /// When [`Self::poll`] will have something to do by the passing of time alone.
    pub fn wake_ms(&self, now_ms: u64) -> Option<u64> {
        self.due_ms.filter(|due| *due > now_ms)
    }

    /// The read to be asked for now, if any. `local` is what is held here, up to `end`.
    pub fn poll(&mut self, local: &VersionVector, end: u64, now_ms: u64) -> Option<Wanted> {
        if self.reading.is_some() || self.due_ms? > now_ms {
            return None;
        }
        if self.next >= end || self.ahead.covers_all(local) {
            self.next = self.next.max(end);
            self.due_ms = None;
            return None;
        }
        if !self.may_send() {
            return None;
        }
        self.reading = Some(self.next);
        let max_bytes = bounds::BLOCK_TARGET_BYTES;
        Some(Wanted { from: self.next, have: self.ahead.clone(), max_bytes })
    }

    /// A read is done; the cursor stands at `next`, unless it started over meanwhile.
    pub fn read_done(&mut self, next: u64) {
        let from = self.reading.take();
        assert!(from.is_some_and(|from| from <= next), "a read goes back from {from:?} to {next}");
        if !std::mem::take(&mut self.restarted) {
            self.next = self.next.max(next);
        }
    }

    /// A frame was sent.
    pub fn sent(&mut self, bytes: u64, heads: VersionVector) {
        self.ahead.join(&heads);
        self.bytes_in_flight += bytes;
        self.in_flight.push_back(SentFrame { bytes, heads });
        self.assert_sums();
    }

    /// The oldest frame is durable at the peer.
    pub fn acknowledged(&mut self) -> Result<(), SessionEnd> {
        let sent = self.answered("STORED")?;
        self.learn(&sent.heads);
        Ok(())
    }

    /// The oldest frame was not taken; a statement follows.
    pub fn declined(&mut self) -> Result<(), SessionEnd> {
        self.answered("DECLINED").map(|_| ())
    }

    fn answered(&mut self, what: &'static str) -> Result<SentFrame, SessionEnd> {
        let sent = self.in_flight.pop_front().ok_or(SessionEnd::OutOfTurn(what))?;
        self.bytes_in_flight -= sent.bytes;
        self.assert_sums();
        // What is acknowledged was sent, whatever the peer has said meanwhile.
        assert!(self.ahead.covers_all(&sent.heads), "more is acknowledged than was sent");
        Ok(sent)
    }

    /// What is on its way is what was counted, and no more than may be.
    fn assert_sums(&self) {
        let bytes: u64 = self.in_flight.iter().map(|sent| sent.bytes).sum();
        assert_eq!(bytes, self.bytes_in_flight, "the bytes on their way do not add up");
        assert!(self.in_flight.len() <= limits::FRAMES_IN_FLIGHT, "too many frames on their way");
    }

    fn may_send(&self) -> bool {
        // A window smaller than one frame must still let one frame through.
        let room = |window| window > 0 && (self.in_flight.is_empty() || self.bytes_in_flight < window);
        self.window.is_some_and(room) && self.in_flight.len() < limits::FRAMES_IN_FLIGHT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "a read goes back from Some(7) to 6")]
    fn a_read_never_goes_back() {
        let mut cursor = Cursor::default();
        cursor.start_level(VersionVector::default(), 7);
        cursor.grew(0);
        let head = crate::version::Head { seq: 1, prefix: [0; 16] };
        let local = VersionVector::from([(crate::identity::Author([1; 32]), head)]);
        assert_eq!(cursor.poll(&local, 8, 0).map(|wanted| wanted.from), Some(7));
        cursor.read_done(6);
    }

    #[test]
    #[should_panic(expected = "a read goes back from None to 6")]
    fn what_was_not_asked_for_is_not_read() {
        Cursor::default().read_done(6);
    }
}
