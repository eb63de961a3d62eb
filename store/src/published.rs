//! What the writer tells everybody else: the newest durable state, the newest transactions, and
//! that something was committed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::Author;
use tandem_protocol::membership::Membership;
use tandem_protocol::schema::{Schema, TableId};
use tandem_protocol::version::VersionVector;

use crate::acknowledged::Acknowledged;
use crate::commit::Commit;
use crate::conflict_stats::ConflictStats;
use crate::forks::Forks;
use crate::recent::Newest;
use crate::reply::Reply;
use crate::running::Running;
use crate::table_status::TableStatus;
use crate::view::{Authors, FoldState, Unread};

/// The newest durable state.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    pub end: u64,
    pub vector: Arc<VersionVector>,
    /// What each author held when it wrote its last transaction, besides its own.
    pub contexts: BTreeMap<Author, Arc<VersionVector>>,
    pub membership: Arc<Membership>,
    pub schema: Arc<Schema>,
    /// Tables that count, but that SQLite refused to lay out.
    pub unshown: Arc<BTreeMap<TableId, Cause>>,
    /// Queries under a name that SQLite does not take here.
    pub unread: Arc<Unread>,
    pub tables: Arc<Vec<TableStatus>>,
    pub conflicts: ConflictStats,
    pub authors: Arc<Authors>,
    pub ops: u64,
    /// Transactions whose rows are more than one may have.
    pub void: u64,
}

/// Told each commit.
type Watcher = Box<dyn Fn(&Commit) + Send + Sync>;

/// What the writer of a space publishes; and beside it what it is told: who waits, and that it is to stop.
#[derive(Default)]
pub(crate) struct Published {
    snapshot: RwLock<Arc<Snapshot>>,
    newest: Mutex<Newest>,
    watchers: Mutex<Vec<Arc<Watcher>>>,
    pub(crate) forks: Forks,
    /// What other sites said to hold.
    pub(crate) acknowledged: Acknowledged,
    /// Tables that another program had written to, put right when the view was opened.
    mended: OnceLock<Vec<String>>,
    /// Why there is no view.
    without_view: OnceLock<Cause>,
    /// The statements that run.
    pub(crate) running: Running,
    /// True once the store is closing.
    pub(crate) stopping: Arc<AtomicBool>,
    /// Jobs that wait for the writer, the one at hand among them.
    pub(crate) waiting: Arc<AtomicUsize>,
    /// Users' writes among them that the writer has not taken up.
    users: AtomicUsize,
}

impl Published {
    /// A job's reply, the job counted among those that wait until it is answered.
    pub(crate) fn counted<T: 'static>(self: Arc<Self>, reply: Reply<T>) -> Reply<T> {
        self.comes_back();
        Box::new(move |answer| {
            self.goes_aside();
            reply(answer);
        })
    }

    /// A job does not wait for the writer for a while.
    pub(crate) fn goes_aside(&self) {
        let before = self.waiting.fetch_sub(1, Ordering::Relaxed);
        assert!(before > 0, "a job that leaves was counted among those that wait");
    }

    /// It does.
    pub(crate) fn comes_back(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// A user's write waits for the writer to take it up.
    pub(crate) fn user_waits(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// The writer takes it up.
    pub(crate) fn user_taken_up(&self) {
        let before = self.users.fetch_sub(1, Ordering::Relaxed);
        assert!(before > 0, "a write that is taken up was counted among those that wait");
    }

    /// Whether users' writes wait.
    pub(crate) fn users_wait(&self) -> bool {
        self.users.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn set_without_view(&self, reason: Cause) {
        let _first_counts = self.without_view.set(reason);
    }

    pub(crate) fn without_view(&self) -> Option<Cause> {
        self.without_view.get().cloned()
    }

    pub(crate) fn set_mended(&self, tables: Vec<String>) {
        self.mended.get_or_init(|| tables);
    }

    pub(crate) fn mended(&self) -> Vec<String> {
        self.mended.get().cloned().unwrap_or_default()
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set(&self, fold: &FoldState) {
        let FoldState { position, membership, tables, figures, conflicts, .. } = fold;
        let status = tables.all().map(|table| {
            let figures = figures.of(table.number);
            let (rows, fingerprint) = (figures.rows, figures.fingerprint);
            TableStatus { name: table.def.name.clone(), rows, fingerprint }
        });
        let mut status: Vec<TableStatus> = status.collect();
        status.sort_by(|a, b| a.name.cmp(&b.name));
        let snapshot = Snapshot {
            end: position.next,
            vector: Arc::new(position.vector()),
            contexts: position.contexts.clone(),
            membership: Arc::clone(membership),
            schema: Arc::clone(&tables.schema),
            unshown: Arc::clone(&tables.unshown),
            unread: Arc::clone(&tables.unread),
            tables: Arc::new(status),
            conflicts: conflicts.figures,
            authors: Arc::clone(&position.authors),
            ops: position.ops,
            void: position.void,
        };
        let mut published = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        assert!(snapshot.end >= published.end, "what has been published is never taken back");
        *published = Arc::new(snapshot);
    }

    /// The newest transactions. Held for a moment only: the writer waits for it at each commit.
    pub(crate) fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn subscribe(&self, watcher: Watcher) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(watcher));
    }

    pub(crate) fn tell(&self, commit: &Commit) {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        watchers.iter().for_each(|watcher| watcher(commit));
    }
}
