//! The receiving half of a shared space: frames taken and not yet durable, and what the peer has
//! been told of what is held here.

use std::collections::VecDeque;

use super::limits;
use super::session_end::SessionEnd;
use crate::version::VersionVector;

/// A frame that came and is not yet acknowledged.
struct UnansweredFrame {
    bytes: u64,
    heads: VersionVector,
    /// All of it was held before it came: nothing to store, only to acknowledge in its turn.
    held: bool,
}

/// What came of a space and is not yet durable, frame by frame, and what the peer was told.
#[derive(Default)]
pub(super) struct Intake {
    unanswered: VecDeque<UnansweredFrame>,
    bytes: u64,
    told: VersionVector,
    announce_at_ms: Option<u64>,
    early: u32,
    /// Frames in a row of which something was left out, and nothing came.
    in_vain: usize,
}

impl Intake {
    /// The peer now knows that this is held here.
    pub fn tell(&mut self, vector: VersionVector) {
        self.told = vector;
        self.announce_at_ms = None;
    }

    /// The peer now knows that this is held here, too.
    pub fn tell_more(&mut self, heads: &VersionVector) {
        self.told.join(heads);
    }

    /// A frame came. Whether it is to be stored; a sender that ignores its window is at fault.
    pub fn arrived(
        &mut self,
        bytes: u64,
        heads: VersionVector,
        local: &VersionVector,
    ) -> Result<bool, SessionEnd> {
        // The window may have shrunk while frames were on their way, so the widest one counts.
        if self.bytes > limits::CATCH_UP_WINDOW_BYTES || self.unanswered.len() >= limits::FRAMES_TOLERATED {
            return Err(SessionEnd::Overrun);
        }
        let held = holds(local, &heads);
        self.bytes += bytes;
        self.unanswered.push_back(UnansweredFrame { bytes, heads, held });
        Ok(!held)
    }

    /// The next acknowledgement due for a frame that needed no storing: its heads.
    pub fn next_held(&mut self) -> Option<VersionVector> {
        if !self.unanswered.front()?.held {
            return None;
        }
        let frame = self.unanswered.pop_front()?;
        Some(self.counted(frame))
    }

    /// The oldest frame is durable: its heads.
    pub fn stored(&mut self) -> VersionVector {
        self.early = 0;
        self.pop_stored()
    }

    /// The oldest frame came before what it builds on.
    pub fn came_early(&mut self) -> Result<(), SessionEnd> {
        self.pop_stored();
        self.early += 1;
        if self.early > limits::EARLY_BLOCKS { Err(SessionEnd::Early) } else { Ok(()) }
    }

    /// Something of the oldest frame does not pass. Who sends such things on and on, though nothing
    /// new comes of it, does not listen.
    pub fn left_out(&mut self, news: bool) -> Result<(), SessionEnd> {
        self.pop_stored();
        self.in_vain = if news { 0 } else { self.in_vain + 1 };
        if self.in_vain > limits::FRAMES_TOLERATED { Err(SessionEnd::Early) } else { Ok(()) }
    }

    /// Whether nothing is waiting to become durable.
    pub fn is_idle(&self) -> bool {
        self.unanswered.is_empty()
    }

    /// Something was stored that the peer may not know of: say so before long.
    pub fn announce(&mut self, local: &VersionVector, now_ms: u64) {
        if self.announce_at_ms.is_none() && !self.told.covers_all(local) {
            self.announce_at_ms = Some(now_ms + limits::ANNOUNCE_AFTER_MS);
        }
    }

    /// When an announcement is due.
    pub fn wake_ms(&self) -> Option<u64> {
        self.announce_at_ms
    }

    /// What the peer has not been told; it counts as told from now on.
    pub fn untold(&mut self, local: &VersionVector) -> VersionVector {
        let grown = local.growth_since(&self.told);
        self.told.join(&grown);
        self.announce_at_ms = None;
        grown
    }

    /// The oldest frame, which was being stored: those that were held are acknowledged as soon as they
    /// are the oldest.
    fn pop_stored(&mut self) -> VersionVector {
        let Some(frame) = self.unanswered.pop_front().filter(|frame| !frame.held) else {
            panic!("a block is durable that was not being stored")
        };
        self.counted(frame)
    }

    fn counted(&mut self, frame: UnansweredFrame) -> VersionVector {
        self.bytes -= frame.bytes;
        let bytes: u64 = self.unanswered.iter().map(|frame| frame.bytes).sum();
        assert_eq!(bytes, self.bytes, "the bytes taken and not yet durable do not add up");
        frame.heads
    }
}

/// Whether all up to `heads` is held and is the same, as equal hashes under equal numbers tell. A
/// block that ends below what is held must be looked at: it may be of another branch.
fn holds(local: &VersionVector, heads: &VersionVector) -> bool {
    heads.heads().all(|(chain, head)| local.get(chain) == Some(*head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Author;
    use crate::version::Head;

    fn heads(seq: u64) -> VersionVector {
        VersionVector::from([(Author([1; 32]), Head { seq, prefix: [seq as u8; 16] })])
    }

    #[test]
    fn frames_are_answered_in_order_whether_they_were_held_or_not() {
        let mut intake = Intake::default();
        assert_eq!(intake.arrived(5, heads(2), &heads(1)), Ok(true));
        assert_eq!(intake.arrived(7, heads(1), &heads(1)), Ok(false));
        assert_eq!(intake.next_held(), None, "an older one is not durable yet");
        assert_eq!(intake.stored(), heads(2));
        assert_eq!(intake.next_held(), Some(heads(1)));
        assert!(intake.is_idle() && intake.bytes == 0);
    }

    #[test]
    #[should_panic(expected = "a block is durable that was not being stored")]
    fn what_was_not_being_stored_cannot_become_durable() {
        let mut intake = Intake::default();
        assert_eq!(intake.arrived(5, heads(1), &heads(1)), Ok(false));
        intake.stored();
    }
}
