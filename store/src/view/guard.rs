//! What ends a user's statement: SQLite asks, every thousand of its steps, whether to go on.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::limits::Limit;
use tandem_protocol::bounds;

use super::file::CACHE_BYTES;
use crate::owner::Owner;

/// Steps of SQLite between two looks: some ten microseconds.
const STEPS: i32 = 1000;

/// Bytes of SQLite's memory that one statement may take.
pub(crate) const STATEMENT_BYTES: usize = 64 << 20;
/// Bytes that a write may take beside, for pages as they were before it.
const PAGES_BYTES: usize = 64 << 20;
/// Bytes of SQLite's memory that a write may take, the view's pages among them.
pub(crate) const WRITE_BYTES: usize = STATEMENT_BYTES + PAGES_BYTES + CACHE_BYTES;
/// Bytes of all rows one request is answered with at once.
pub const ANSWER_BYTES: usize = 64 << 20;
/// Bytes of the rows that one transaction changes, before and after: they are held until it is
/// signed.
pub(crate) const CHANGES_BYTES: usize = 256 << 20;
/// Bytes of the largest value a statement may make. Some functions do not let themselves be
/// interrupted, and take as long as their values are.
pub(crate) const VALUE_BYTES: i32 = 32 << 20;
/// Bytes of the pattern of LIKE and GLOB, which may be compared anew at each place of a text.
pub(crate) const PATTERN_BYTES: i32 = 500;

/// Why a statement was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its owner has left.
    Left,
    /// It ran longer than its owner waits.
    Late(Duration),
    /// The store is closing.
    Stopping,
    /// It took more memory than one statement may.
    Memory,
    /// Its answer is too large.
    Answer,
    /// It changes too much at once.
    Changes,
    /// Others wait for the writer, and it has had its turn.
    GivesWay,
}

/// Whose statement runs, and how long it may.
pub(crate) struct Leave {
    pub owner: Owner,
    /// How long it may run from now on.
    pub deadline: Duration,
    /// True once the store is closing.
    pub stopping: Arc<AtomicBool>,
    /// From when on it gives way to others, and how many wait, itself among them.
    pub gives_way: Option<(Instant, Arc<AtomicUsize>)>,
}

/// Watches over the statements of one connection. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Guard(Arc<Inner>);

#[derive(Default)]
struct Inner {
    on: AtomicBool,
    watched: Mutex<Option<Watched>>,
    /// Bytes of what was changed.
    changed: AtomicUsize,
}

struct Watched {
    leave: Leave,
    until: Instant,
    end: Option<End>,
}

impl Guard {
    /// A guard of that connection.
    pub(crate) fn of(connection: &mut Connection) -> rusqlite::Result<Self> {
        let guard = Self::default();
        let asked = guard.clone();
        connection.progress_handler(STEPS, Some(move || asked.is_over()))?;
        Ok(guard)
    }

    /// Watches over what runs from now on.
    pub(crate) fn begin(&self, leave: Leave) {
        let until = Instant::now() + leave.deadline;
        self.0.changed.store(0, Ordering::Relaxed);
        let before = self.watched().replace(Watched { leave, until, end: None });
        assert!(before.is_none(), "one thing is watched over at a time");
        self.0.on.store(true, Ordering::Relaxed);
    }

    /// Watches no longer. Why what ran was to end, if it was.
    pub(crate) fn finish(&self) -> Option<End> {
        self.0.on.store(false, Ordering::Relaxed);
        self.watched().take().and_then(|watched| watched.end)
    }

    /// Ends what runs.
    pub(crate) fn end(&self, end: End) {
        if let Some(watched) = &mut *self.watched() {
            watched.end.get_or_insert(end);
        }
    }

    /// Takes note of rows that were changed.
    pub(crate) fn changed(&self, bytes: usize) {
        let all = self.0.changed.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if all > CHANGES_BYTES {
            self.end(End::Changes);
        }
    }

    /// Whether what runs is to end.
    pub(crate) fn is_over(&self) -> bool {
        if !self.0.on.load(Ordering::Relaxed) {
            return false;
        }
        let mut watched = self.watched();
        let Some(watched) = &mut *watched else { return false };
        if watched.end.is_none() {
            watched.end = watched.look();
        }
        watched.end.is_some()
    }

    /// An error if what runs is to end, for loops that are not SQLite's.
    pub(crate) fn check(&self) -> rusqlite::Result<()> {
        if self.is_over() { Err(interrupted()) } else { Ok(()) }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Option<Watched>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn look(&self) -> Option<End> {
        let now = Instant::now();
        if self.leave.stopping.load(Ordering::Relaxed) {
            return Some(End::Stopping);
        }
        if self.leave.owner.has_left() {
            return Some(End::Left);
        }
        if now >= self.until {
            return Some(End::Late(self.leave.deadline));
        }
        let (after, others) = self.leave.gives_way.as_ref()?;
        (now >= *after && others.load(Ordering::Relaxed) > 1).then_some(End::GivesWay)
    }
}

/// As SQLite says it.
pub(crate) fn interrupted() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
    rusqlite::Error::SqliteFailure(code, None)
}

/// Bounds what a user's statements may ask of a connection. What tandem itself keeps may be larger:
/// it is set for the time of a statement where a connection serves both.
pub(crate) fn limit(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 2 * (bounds::STATEMENT_MIB << 20) as i32)?;
    Ok(())
}

/// Takes the bounds away again.
pub(crate) fn unlimit(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, i32::MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, i32::MAX)?;
    Ok(())
}
