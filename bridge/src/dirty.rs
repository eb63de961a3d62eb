//! Rows that may differ between the view and the database: those that a commit changed. It is told by the
//! space's writer, which it must not hold up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tandem_protocol::value::Key;
use tandem_protocol::version::{Dot, VersionVector};
use tandem_store::{ChangedRows, Commit};

/// The place of a table, and the key of a row of it.
pub(crate) type Place = (usize, Vec<u8>);

#[derive(Default)]
struct Inner {
    /// The names of the tables.
    names: Vec<String>,
    rows: BTreeSet<Place>,
    /// Tables of which so many rows changed that none is named, and by which transactions.
    whole: BTreeMap<usize, Vec<Dot>>,
    /// Tables to be looked through whoever changed them.
    all: BTreeSet<usize>,
    vector: Arc<VersionVector>,
    is_stopping: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Dirty {
    inner: Mutex<Inner>,
    wake: Condvar,
}

/// What was dirty, and the vector of the last commit that was told by then.
pub(crate) struct Taken {
    pub rows: Vec<Place>,
    pub whole: BTreeSet<usize>,
    pub vector: Arc<VersionVector>,
}

impl Dirty {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears of a commit.
    pub fn hear(&self, commit: &Commit) {
        let mut inner = self.inner();
        // A space tells for as long as it is open, whether somebody still listens or not.
        if inner.is_stopping {
            return;
        }
        let inner = &mut *inner;
        debug_assert!(
            commit.vector.covers_all(&inner.vector) || inner.vector.is_empty(),
            "a space only grows"
        );
        let place = |name: &str| inner.names.iter().position(|one| one.eq_ignore_ascii_case(name));
        for transaction in &commit.transactions {
            match &transaction.rows {
                ChangedRows::Named(rows) => {
                    let places = rows.iter().filter_map(|(table, key)| Some((place(table)?, key.to_bytes())));
                    inner.rows.extend(places);
                }
                ChangedRows::Many => {
                    for table in transaction.changes.iter().filter_map(|change| place(&change.table)) {
                        inner.whole.entry(table).or_default().push(transaction.dot);
                    }
                }
            }
        }
        inner.vector = Arc::clone(&commit.vector);
        self.wake.notify_one();
    }

    /// Listens for these tables from now on. What commits before it is called is not heard.
    pub fn listen(&self, names: Vec<String>) {
        self.inner().names = names;
    }

    /// Begins with what the space holds now, all of it to be looked at.
    pub fn begin(&self, vector: Arc<VersionVector>) {
        let mut inner = self.inner();
        inner.vector = vector;
        inner.all = (0..inner.names.len()).collect();
    }

    /// A whole table is to be looked through.
    pub fn put_whole(&self, table: usize) {
        self.inner().all.insert(table);
    }

    /// A row is to be looked at.
    pub fn put(&self, table: usize, key: &Key) {
        self.inner().rows.insert((table, key.to_bytes()));
    }

    /// Rows that were taken are to be looked at again.
    pub fn put_back(&self, rows: impl IntoIterator<Item = Place>) {
        self.inner().rows.extend(rows);
    }

    /// A transaction that changed many rows was looked at row by row.
    pub fn forget(&self, dot: Dot) {
        let mut inner = self.inner();
        inner.whole.values_mut().for_each(|dots| dots.retain(|one| *one != dot));
        inner.whole.retain(|_, dots| !dots.is_empty());
    }

    /// Takes so many rows at most, and all tables to be looked through.
    pub fn take(&self, most: usize) -> Taken {
        let mut inner = self.inner();
        let rows = match inner.rows.iter().nth(most).cloned() {
            Some(first_left) => {
                let left = inner.rows.split_off(&first_left);
                std::mem::replace(&mut inner.rows, left)
            }
            None => std::mem::take(&mut inner.rows),
        };
        debug_assert!(rows.len() <= most, "no more are taken than asked for");
        let mut whole = std::mem::take(&mut inner.all);
        whole.extend(std::mem::take(&mut inner.whole).into_keys());
        Taken { rows: rows.into_iter().collect(), whole, vector: Arc::clone(&inner.vector) }
    }

    /// Whether nothing is left to look at.
    pub fn is_clean(&self) -> bool {
        let inner = self.inner();
        inner.rows.is_empty() && inner.whole.is_empty() && inner.all.is_empty()
    }

    /// Nothing is to be done any more.
    pub fn stop(&self) {
        self.inner().is_stopping = true;
        self.wake.notify_all();
    }

    /// Whether that was said.
    pub fn is_stopping(&self) -> bool {
        self.inner().is_stopping
    }

    /// Waits until something is dirty, or for so long.
    pub fn wait(&self, most: Duration) {
        let inner = self.inner();
        let idle = |inner: &mut Inner| {
            !inner.is_stopping && inner.rows.is_empty() && inner.whole.is_empty() && inner.all.is_empty()
        };
        let _either_way = self.wake.wait_timeout_while(inner, most, idle);
    }

    /// Waits for so long, or until it is to stop.
    pub fn pause(&self, most: Duration) {
        let inner = self.inner();
        let _either_way = self.wake.wait_timeout_while(inner, most, |inner| !inner.is_stopping);
    }
}
