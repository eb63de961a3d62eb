//! What happened how often: who runs the simulator sees that nothing stood idle.

use std::collections::BTreeMap;

/// Counters by name.
#[derive(Clone, Debug, Default)]
pub struct Counts(pub BTreeMap<String, u64>);

impl Counts {
    /// One more.
    pub fn one(&mut self, what: &str) {
        self.many(what, 1);
    }

    /// Some more.
    pub fn many(&mut self, what: &str, count: u64) {
        match self.0.get_mut(what) {
            Some(known) => *known += count,
            None => {
                self.0.insert(what.to_owned(), count);
            }
        }
    }

    /// How often so far.
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            self.many(what, *count);
        }
    }
}
