//! Whoever waits for a statement: it ends with its owner, and by its owner's deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a write may run unless its owner says otherwise: it holds the one place where this
/// site writes.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(30);
/// How long a read may run unless its owner says otherwise.
pub const READ_DEADLINE: Duration = Duration::from_secs(120);

/// Whoever waits for statements. Cheap to clone; all clones are one owner.
#[derive(Clone, Debug, Default)]
pub struct Owner(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    name: String,
    deadline: Option<Duration>,
    left: AtomicBool,
}

impl Owner {
    /// An owner of that name (people are told it), who waits for each statement so long at most;
    /// without a time, as long as is usual.
    pub fn new(name: impl Into<String>, deadline: Option<Duration>) -> Self {
        Self(Arc::new(Inner { name: name.into(), deadline, left: AtomicBool::new(false) }))
    }

    /// Its name; empty if nobody said.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How long it waits.
    pub fn deadline(&self, usual: Duration) -> Duration {
        self.0.deadline.unwrap_or(usual)
    }

    /// It waits no longer: what runs for it ends, and what has not begun never will.
    pub fn leave(&self) {
        self.0.left.store(true, Ordering::Relaxed);
    }

    /// Whether it has left.
    pub fn has_left(&self) -> bool {
        self.0.left.load(Ordering::Relaxed)
    }
}
