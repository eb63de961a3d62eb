//! The view: SQLite tables anyone can read with SQL, derived from the log and nothing else.
//!
//! `local` runs users' statements and turns what they changed into ops; `merge` applies the ops
//! of others; both end in the same rows, row states, runs and fingerprints. Everything one group
//! of transactions changes is committed together with the log position it brings the view to.

mod access;
mod again;
mod bind;
mod canonical;
mod capture;
pub(crate) mod census;
mod conflicts;
mod copy;
mod crowded;
mod ddl;
mod decimals;
mod dialect;
mod documents;
mod exactly;
mod forms;
mod functions;
pub(crate) mod guard;
pub(crate) mod heap;
mod ids;
mod integrity;
mod local;
mod meanwhile;
mod memory;
mod merge;
mod or_clause;
mod persist;
mod preupdate;
pub(crate) mod reader;
mod references;
mod row_op;
mod rows;
mod rules;
mod schema;
mod table;
pub(crate) mod touched;
mod unique;
mod words;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tandem_protocol::fingerprint::RowHasher;
use tandem_protocol::identity::Author;
use tandem_protocol::schema::Judge;

pub(crate) use bind::read_row;
pub(crate) use conflicts::{decode, kind_code};
pub(crate) use copy::copy;
pub(crate) use local::{LocalError, is_refusal};
pub(crate) use memory::{Authors, Memory};
pub(crate) use merge::Merged;
pub(crate) use persist::PREFIX_SQL;
pub(crate) use row_op::{CellWrite, Unseen, push_cell};
pub(crate) use rules::Broken;
pub(crate) use schema::try_out;
pub(crate) use table::{ViewTable, quoted, to_storage};

use crate::effect::Effect;
use capture::Capture;
use crowded::CrowdedRows;
use documents::Documents;
use forms::Forms;
use functions::SharedIds;
use guard::Guard;
use preupdate::Attached;
use references::Pending;

/// Bytes of the view's pages kept in memory.
pub(crate) const CACHE_BYTES: usize = 40 << 20;

/// Format of the view's own tables. A view of another version is rebuilt.
const VERSION: i64 = 6;

/// Bytes that SQLite's own journal keeps on the disk when it has been used up.
const JOURNAL_BYTES: i64 = 8 << 20;

/// Bytes of SQLite's own journal beyond which it is not left for the next write to shorten it.
const LONG_JOURNAL_BYTES: u64 = 64 << 20;

/// How long another program that has the view locked is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Why the view could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// SQLite said no.
    #[error("the view could not be read or changed: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The view contradicts itself; it is rebuilt from the log.
    #[error("the view is inconsistent: {0}")]
    Inconsistent(&'static str),
    /// The view does not follow the log at the moment. What the log holds is safe.
    #[error("the view cannot follow the log at the moment: {0}")]
    Behind(String),
}

impl ViewError {
    /// Whether it is for want of room on the disk.
    pub(crate) fn is_full_disk(&self) -> bool {
        let code = match self {
            Self::Sql(error) => error.sqlite_error_code(),
            Self::Inconsistent(_) | Self::Behind(_) => None,
        };
        code == Some(rusqlite::ErrorCode::DiskFull)
    }
}

pub(crate) type ViewResult<T> = Result<T, ViewError>;

/// Rows changed in one table.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize)]
pub struct TableChange {
    /// The table.
    pub table: String,
    /// Rows that were not shown before.
    pub inserted: u64,
    /// Rows shown with other values.
    pub updated: u64,
    /// Rows no longer shown.
    pub deleted: u64,
}

/// The writer's connection and what it keeps in memory. Lives on the writer's thread.
pub(crate) struct View {
    /// Dropped before the capture it calls.
    connection: Connection,
    capture: Attached<Capture>,
    ids: SharedIds,
    forms: Forms,
    /// On while a user's statement is prepared or runs.
    user: Arc<AtomicBool>,
    /// Ends a user's statements.
    pub(crate) guard: Guard,
    /// Bytes of what the statements at hand are answered with.
    answered: Cell<usize>,
    /// Whether the statement at hand called `exactly()`.
    exactly: Arc<AtomicBool>,
    /// Whether a savepoint is open inside the group.
    savepoint: bool,
    hasher: RowHasher,
    me: Author,
    /// What this program knows of expressions.
    judge: Judge,
    pub(crate) memory: Memory,
    documents: Documents,
    crowded: CrowdedRows,
    /// What the transaction at hand leaves to follow up.
    pending: Pending,
    /// What becomes of the rows and conflicts touched, while somebody wants to know.
    pub(crate) effect: Option<Effect>,
    /// A schema change that the tables cannot follow in place was merged.
    pub(crate) stale: bool,
}

impl View {
    /// Opens the view at `path`, creating it if it is not there, for the site of author `me`.
    pub(crate) fn open(path: &Path, me: Author, judge: Judge) -> ViewResult<Self> {
        heap::count();
        // Made here, for SQLite would let everybody read it; its other files take after this one. Where
        // that fails, SQLite says why.
        let _told_by_sqlite = crate::private::options().open(path);
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.set_prepared_statement_cache_capacity(256);
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // The log is the truth: a power cut may take back the view's last transactions, which are
        // then replayed, but must never leave it corrupt. That is what NORMAL promises in WAL mode.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 2000)?;
        connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES)?;
        connection.pragma_update(None, "cache_size", -(CACHE_BYTES as i64 >> 10))?;
        // Whether references lead somewhere is our own question; see `integrity`.
        connection.pragma_update(None, "foreign_keys", false)?;
        // What a statement sorts or sets aside is memory, which is bounded; a file would not be.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        let user = Arc::new(AtomicBool::new(false));
        let ids = SharedIds::default();
        access::restrict(&mut connection, Arc::clone(&user))?;
        let exactly = Arc::new(AtomicBool::new(false));
        functions::install(&connection, Arc::clone(&ids), Arc::clone(&exactly))?;
        let guard = Guard::of(&mut connection)?;
        let capture = Capture::new(Arc::clone(&ids), guard.clone());
        let capture = Attached::new(&connection, Rc::new(RefCell::new(capture)));
        let mut view = Self {
            connection,
            capture,
            ids,
            forms: Forms::default(),
            user,
            guard,
            answered: Cell::new(0),
            exactly,
            savepoint: false,
            hasher: RowHasher::default(),
            me,
            judge,
            memory: Memory::default(),
            documents: Documents::default(),
            crowded: CrowdedRows::default(),
            pending: Pending::default(),
            effect: None,
            stale: false,
        };
        view.load()?;
        Ok(view)
    }

    /// Begins a group of transactions.
    pub(crate) fn begin(&mut self) -> ViewResult<()> {
        Ok(self.run("BEGIN IMMEDIATE")?)
    }

    /// Makes the group visible to readers.
    pub(crate) fn commit(&mut self) -> ViewResult<()> {
        self.write_crowded()?;
        self.lay_out()?;
        self.tighten_unique()?;
        self.save()?;
        self.run("COMMIT")?;
        self.documents.decide();
        Ok(())
    }

    /// Gives back the room of a journal that one large group made long. A reader that still needs it
    /// is not waited for: the next group tries again.
    pub(crate) fn shorten_journal(&self) -> ViewResult<()> {
        let journal = self.connection.path().map(|path| format!("{path}-wal"));
        let long = journal.and_then(|path| std::fs::metadata(path).ok());
        if long.is_some_and(|journal| journal.len() > LONG_JOURNAL_BYTES) {
            self.connection.busy_timeout(Duration::ZERO)?;
            let shortened = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            self.connection.busy_timeout(BUSY_WAIT)?;
            shortened?;
        }
        Ok(())
    }

    /// Takes the group back; `memory` is what it was before.
    pub(crate) fn rollback(&mut self, memory: Memory) {
        if !self.connection.is_autocommit() {
            // A rollback that fails leaves a transaction open, which the next BEGIN reports.
            let _reported_by_the_next_begin = self.run("ROLLBACK");
        }
        self.savepoint = false;
        self.restore(memory);
        self.documents.decide();
    }

    /// Whether a statement ended the group's transaction behind our back.
    pub(crate) fn group_lost(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Marks the place to which one job of a group of several can be taken back. SQLite then keeps
    /// a copy of every page the job changes; a job alone in its group goes without.
    pub(crate) fn savepoint(&mut self) -> ViewResult<()> {
        self.run("SAVEPOINT one")?;
        self.savepoint = true;
        Ok(())
    }

    /// Ends one job.
    pub(crate) fn release(&mut self) -> ViewResult<()> {
        self.write_crowded()?;
        if std::mem::take(&mut self.savepoint) {
            self.run("RELEASE one")?;
        }
        Ok(())
    }

    /// Takes back what one job did, to the place marked. `memory` is what it was before.
    pub(crate) fn take_back(&mut self, memory: Memory) -> ViewResult<()> {
        if self.savepoint {
            self.run("ROLLBACK TO one")?;
        } else {
            self.run("ROLLBACK")?;
            self.run("BEGIN IMMEDIATE")?;
        }
        self.restore(memory);
        Ok(())
    }

    fn run(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn restore(&mut self, memory: Memory) {
        self.memory = memory;
        self.documents.forget_undecided();
        self.crowded.clear();
        self.pending = Pending::default();
        self.refresh_tables();
        let mut capture = self.capture.watcher().borrow_mut();
        capture.on = false;
    }

    fn as_user<T>(&self, run: impl FnOnce() -> T) -> T {
        self.user.store(true, Ordering::Relaxed);
        // A limit that cannot be set is one that SQLite does not have: nothing then depends on it.
        let _set = guard::limit(&self.connection);
        let result = run();
        let _unset = guard::unlimit(&self.connection);
        self.user.store(false, Ordering::Relaxed);
        result
    }

    /// What the capture and the id generator know follows the tables in memory.
    fn refresh_tables(&mut self) {
        let mut capture = self.capture.watcher().borrow_mut();
        let by_name = self.memory.tables.values().map(|table| (table.def.name.clone(), Arc::clone(table)));
        capture.tables = by_name.collect();
        capture.follow_deletions_of(self.memory.tables.values());
        if !self.forms.is_of(&self.memory.schema) {
            self.forms = Forms::new(Arc::clone(&self.memory.schema));
        }
        let ordinal = self.memory.membership.member(&self.me).map(|member| member.ordinal);
        functions::locked(&self.ids).set_ordinal(ordinal);
    }
}
