//! Which peer a site that lacks much of a space catches up from: one at a time.

use std::collections::VecDeque;

use super::host::CatchUpStep;
use crate::identity::Author;

/// Gives out the one slot for catching up in a space; shared by the sessions of its peers.
#[derive(Debug, Default)]
pub struct CatchUpScheduler {
    holder: Option<Author>,
    waiting: VecDeque<Author>,
}

impl CatchUpScheduler {
    /// Carries out what the session with `peer` asks or tells. Gives whether `peer` has the slot,
    /// where that follows at once, and the peer that is to be told that it has it now.
    pub fn step(&mut self, peer: Author, step: CatchUpStep) -> (Option<bool>, Option<Author>) {
        let answer = match step {
            CatchUpStep::Claim => (Some(self.claim(peer)), None),
            CatchUpStep::Release => (None, self.release(peer)),
            CatchUpStep::Stalled => {
                let next = self.stalled(peer);
                (next.map(|_| false), next)
            }
        };
        assert!(self.holder.is_some() || self.waiting.is_empty(), "peers wait for a slot nobody has");
        assert!(
            !self.waiting.iter().any(|peer| self.holder == Some(*peer)),
            "a peer waits for the slot it has"
        );
        answer
    }

    /// A peer could fill the gap. `true`: it may, now; else it is told when its turn comes.
    fn claim(&mut self, peer: Author) -> bool {
        match self.holder {
            None => {
                self.holder = Some(peer);
                true
            }
            Some(holder) if holder == peer => true,
            Some(_) => {
                if !self.waiting.contains(&peer) {
                    self.waiting.push_back(peer);
                }
                false
            }
        }
    }

    /// A peer has no more to give, or is gone. Gives the peer whose turn has come.
    pub fn release(&mut self, peer: Author) -> Option<Author> {
        self.waiting.retain(|waiting| *waiting != peer);
        if self.holder != Some(peer) {
            return None;
        }
        self.holder = self.waiting.pop_front();
        self.holder
    }

    /// A peer gives nothing. If another waits, the turn passes to it, and the first waits behind
    /// all others.
    fn stalled(&mut self, peer: Author) -> Option<Author> {
        if self.holder != Some(peer) || self.waiting.is_empty() {
            return None;
        }
        self.waiting.push_back(peer);
        self.holder = self.waiting.pop_front();
        self.holder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: Author = Author([1; 32]);
    const B: Author = Author([2; 32]);
    const C: Author = Author([3; 32]);

    #[test]
    fn turns_pass_on_release_and_on_a_stall() {
        let mut scheduler = CatchUpScheduler::default();
        assert!(scheduler.claim(A));
        assert!(scheduler.claim(A));
        assert!(!scheduler.claim(B));
        assert!(!scheduler.claim(C));
        assert_eq!(scheduler.stalled(B), None);
        assert_eq!(scheduler.stalled(A), Some(B));
        assert_eq!(scheduler.release(C), None);
        assert_eq!(scheduler.release(B), Some(A));
        assert_eq!(scheduler.stalled(A), None, "nobody else waits, so it keeps its turn");
        assert_eq!(scheduler.release(A), None);
        assert!(scheduler.claim(C));
    }

    proptest! {
        #[test]
        fn whoever_waits_gets_a_turn_and_nobody_twice(steps in prop::collection::vec((0u8..3, 0u8..5), 0..60)) {
            let mut scheduler = CatchUpScheduler::default();
            for (step, peer) in steps {
                let peer = Author([peer; 32]);
                match step {
                    0 => { scheduler.claim(peer); }
                    1 => { scheduler.release(peer); }
                    _ => { scheduler.stalled(peer); }
                }
                prop_assert!(scheduler.holder.is_some() || scheduler.waiting.is_empty());
                let mut seen: Vec<_> = scheduler.waiting.iter().chain(&scheduler.holder).collect();
                let all = seen.len();
                seen.sort();
                seen.dedup();
                prop_assert_eq!(seen.len(), all);
            }
        }
    }
}
