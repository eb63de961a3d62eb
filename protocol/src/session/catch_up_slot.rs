//! Whether the peer has the slot for catching up, as [`super::CatchUpScheduler`] gives it out.

use super::limits;

/// Whether it is the peer's turn.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Turn {
    /// There is no gap this peer could fill.
    #[default]
    None,
    /// It could, and was asked to wait.
    Waiting,
    /// It is its turn.
    Filling,
}

/// Whether the peer fills the gap here, waits for its turn, or has nothing to give.
#[derive(Default)]
pub(super) struct CatchUpSlot {
    turn: Turn,
    heard_ms: u64,
    stored_ms: u64,
}

impl CatchUpSlot {
    /// The peer may have what is missing here.
    pub fn claim(&mut self) {
        assert!(self.turn == Turn::None, "a gap is claimed once");
        self.turn = Turn::Waiting;
    }

    /// Its turn has come or is over. Gives the window to tell it; none when it claims no more.
    pub fn set(&mut self, granted: bool, now_ms: u64) -> Option<u64> {
        if self.turn == Turn::None {
            return None;
        }
        self.turn = if granted { Turn::Filling } else { Turn::Waiting };
        (self.heard_ms, self.stored_ms) = (now_ms, now_ms);
        Some(if granted { limits::CATCH_UP_WINDOW_BYTES } else { 0 })
    }

    /// There is no gap any more. Whether there was a claim, and the window to tell the peer if it
    /// was waiting.
    pub fn release(&mut self) -> (bool, Option<u64>) {
        let before = std::mem::take(&mut self.turn);
        (before != Turn::None, (before == Turn::Waiting).then_some(limits::WINDOW_BYTES))
    }

    /// The peer sent something.
    pub fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
    }

    /// Something it sent became durable.
    pub fn stored(&mut self, now_ms: u64) {
        self.stored_ms = now_ms;
    }

    /// When the peer will have stalled.
    pub fn wake_ms(&self) -> Option<u64> {
        let silent = self.heard_ms + limits::STALLED_AFTER_MS;
        let fruitless = self.stored_ms + limits::FRUITLESS_AFTER_MS;
        (self.turn == Turn::Filling).then_some(silent.min(fruitless))
    }

    /// Whether it has stalled; asked again only after as long again.
    pub fn has_stalled(&mut self, now_ms: u64) -> bool {
        let stalled = self.wake_ms().is_some_and(|at| at <= now_ms);
        if stalled {
            (self.heard_ms, self.stored_ms) = (now_ms, now_ms);
        }
        stalled
    }
}
