//! The statements of users that run at this moment, for people who wonder what takes so long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::now::now_ms;
use crate::owner::Owner;
use crate::refusal::shortened;

/// A statement that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningStatement {
    /// Whether it writes.
    pub writes: bool,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// For how long by now.
    pub elapsed: Duration,
    /// Whose it is.
    pub owner: String,
    /// How it begins.
    pub text: String,
}

/// All that run in one space.
#[derive(Clone, Default)]
pub(crate) struct Running(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    next: u64,
    by_number: BTreeMap<u64, (Instant, RunningStatement)>,
}

/// One that runs, until this is dropped.
pub(crate) struct RunningEntry {
    running: Running,
    number: u64,
}

impl Running {
    pub(crate) fn enter(&self, owner: &Owner, writes: bool, sql: &str) -> RunningEntry {
        let statement = RunningStatement {
            writes,
            since_ms: now_ms(),
            elapsed: Duration::ZERO,
            owner: owner.name().to_owned(),
            text: shortened(sql.trim_start()),
        };
        let mut entries = self.entries();
        entries.next += 1;
        let number = entries.next;
        entries.by_number.insert(number, (Instant::now(), statement));
        RunningEntry { running: self.clone(), number }
    }

    /// Those that run, the oldest first.
    pub(crate) fn list(&self) -> Vec<RunningStatement> {
        let entries = self.entries();
        let told = |(began, statement): &(Instant, RunningStatement)| RunningStatement {
            elapsed: began.elapsed(),
            ..statement.clone()
        };
        entries.by_number.values().map(told).collect()
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunningEntry {
    fn drop(&mut self) {
        self.running.entries().by_number.remove(&self.number);
    }
}
