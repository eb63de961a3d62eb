//! What the writer tells everybody else: the newest durable state, the newest transactions, and
//! that something was committed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tandem_protocol::cause::Cause;
use tandem_protocol::chain::Head;
use tandem_protocol::identity::{Author, Prefix};
use tandem_protocol::membership::Membership;
use tandem_protocol::schema::{Schema, TableId};
use tandem_protocol::version::{Dot, VersionVector};

use crate::acknowledged::Acknowledged;
use crate::commit::Commit;
use crate::conflict_stats::ConflictStats;
use crate::forks::Forks;
use crate::recent::Recent;
use crate::reply::Reply;
use crate::running::Running;
use crate::table_status::TableStatus;
use crate::view::{Authors, FoldState, Unread};

/// Bytes of the newest transactions kept at hand for connected peers.
const RECENT_BYTES: usize = 1 << 20;

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
    recent: Mutex<VecDeque<Recent>>,
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

    /// Keeps the newest transactions, contiguous to the end.
    pub(crate) fn extend_recent(&self, transactions: Vec<Recent>) {
        let follows = |pair: &[Recent]| pair[0].arrival + 1 == pair[1].arrival;
        debug_assert!(transactions.windows(2).all(follows), "transactions are told in order of arrival");
        let last = transactions.last();
        assert!(last.is_none_or(|last| last.ends_record), "records are told whole");
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let next = recent.back().map(|last| last.arrival + 1);
        if next != transactions.first().map(|first| first.arrival) {
            // Some came into the view another way (it had to catch up): what is kept has no gaps.
            recent.clear();
        }
        recent.extend(transactions);
        let mut kept = 0;
        let fits = recent.iter().rev().take_while(|transaction| {
            kept += transaction.bytes.len();
            kept <= RECENT_BYTES
        });
        let excess = recent.len() - fits.count();
        recent.drain(..excess);
        if recent.capacity() > 4 * recent.len() + 64 {
            recent.shrink_to_fit();
        }
    }

    /// Runs `read` over the newest transactions, if `from` is among them.
    pub(crate) fn with_recent<T>(
        &self,
        from: u64,
        read: impl FnOnce(&mut dyn Iterator<Item = &Recent>) -> T,
    ) -> Option<T> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.arrival;
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        (skip < recent.len()).then(|| read(&mut recent.iter().skip(skip)))
    }

    /// What stands for a transaction, if it is one of the last few: who is told of each commit at once asks
    /// for no other.
    pub(crate) fn recent_prefix(&self, dot: &Dot) -> Option<Prefix> {
        const FEW: usize = 64;
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().rev().take(FEW).find(|one| one.header.dot == *dot);
        found.map(|one| Head::new(dot.seq, &one.hash).prefix)
    }

    pub(crate) fn subscribe(&self, watcher: Watcher) {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(watcher));
    }

    pub(crate) fn tell(&self, commit: &Commit) {
        let watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        watchers.iter().for_each(|watcher| watcher(commit));
    }
}

#[cfg(test)]
mod tests {
    use tandem_protocol::identity::TxHash;
    use tandem_protocol::transaction::Header;

    use super::*;

    fn recent(arrival: u64) -> Recent {
        let header = Header {
            dot: Dot::new(Author([1; 32]), arrival + 1),
            time_ms: 0,
            context: VersionVector::default(),
            basis: None,
            key: None,
            by: None,
            message: None,
        };
        let hash = TxHash([arrival as u8; 32]);
        Recent { arrival, header, bytes: vec![0; 8], signature: None, hash, ends_record: true }
    }

    fn from(published: &Published, arrival: u64) -> Option<Vec<u64>> {
        published.with_recent(arrival, |recent| recent.map(|one| one.arrival).collect())
    }

    #[test]
    fn the_newest_transactions_are_kept_without_gaps() {
        let published = Published::default();
        published.extend_recent(vec![recent(0), recent(1)]);
        published.extend_recent(vec![recent(2)]);
        assert_eq!(from(&published, 1), Some(vec![1, 2]));
        assert_eq!(from(&published, 3), None);
        published.extend_recent(vec![recent(5), recent(6)]);
        assert_eq!(from(&published, 6), Some(vec![6]));
        assert_eq!(from(&published, 5), Some(vec![5, 6]));
        assert_eq!(from(&published, 3), None, "3 and 4 are to be read from the log");
    }

    #[test]
    fn the_last_few_are_told_by_their_names() {
        let published = Published::default();
        published.extend_recent((0..100).map(recent).collect());
        let told = |seq| published.recent_prefix(&Dot::new(Author([1; 32]), seq)).map(|prefix| prefix[0]);
        assert_eq!((told(100), told(99), told(37)), (Some(99), Some(98), Some(36)));
        assert_eq!((told(36), told(101)), (None, None), "asked for by the index");
        assert_eq!(published.recent_prefix(&Dot::new(Author([2; 32]), 100)), None);
    }
}
