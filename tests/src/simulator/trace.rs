//! The last steps of a run, as arrows.

use std::collections::VecDeque;

/// So many are kept, if nobody wants more.
pub const STEPS: usize = 60;

/// Steps, where they are wanted: a run is first made without, and again with them if it fails.
pub struct Trace {
    most: usize,
    steps: VecDeque<String>,
}

impl Trace {
    /// A trace that keeps so many of the last steps.
    pub fn new(most: usize) -> Self {
        Self { most, steps: VecDeque::new() }
    }

    /// Writes down one step.
    pub fn say(&mut self, now_ms: u64, step: impl FnOnce() -> String) {
        if self.most == 0 {
            return;
        }
        if self.steps.len() == self.most {
            self.steps.pop_front();
        }
        let (s, ms) = (now_ms / 1000, now_ms % 1000);
        self.steps.push_back(format!("{s:4}.{ms:03}s  {}", step()));
    }

    /// What was kept, oldest first.
    pub fn steps(&self) -> Vec<String> {
        self.steps.iter().cloned().collect()
    }
}
