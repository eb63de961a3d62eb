//! Brings the view to where the log is: after a crash, after a failed commit, or from nothing.

use std::path::Path;
use std::sync::Arc;

use tandem_protocol::clock::Clock;
use tandem_protocol::identity::{Author, AuthorKey, SpaceId};
use tandem_protocol::membership::Membership;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, OpPlaces, Schema};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::verify::ChainHead;

use super::Writer;
use crate::log::{LogError, Record, SpaceLog};
use crate::space::{ConflictStats, Shared, TableStatus};
use crate::view::{Memory, View, ViewError};

/// Transactions replayed per SQLite transaction.
const REPLAY_TRANSACTIONS: u64 = 10_000;

impl Writer {
    /// Opens the view beside its log and lets it catch up.
    pub(crate) fn open(
        space: SpaceId,
        key: AuthorKey,
        log: SpaceLog,
        view_path: &Path,
        shared: Arc<Shared>,
        judge: Judge,
    ) -> Result<Self, OpenFailure> {
        let (log_end, cut) = log.end()?;
        if cut > 0 {
            tracing::warn!(
                cut,
                "the last records of the log were not completely written and have been cut off; they had not been acknowledged"
            );
        }
        let me = key.author();
        let view = match View::open(view_path, me, judge) {
            Ok(view) => view,
            Err(error) => {
                tracing::warn!(%error, "the view cannot be used and is built anew from the log");
                remove_view(view_path)?;
                View::open(view_path, me, judge)?
            }
        };
        let sealed = view.state("sealed")?.unwrap_or(0) as u64;
        let clock = Clock::default();
        let (answers, forks) = (log.answers(space)?, log.forks(space)?);
        shared.forks.load(&forks)?;
        let mut writer = Self {
            space,
            key,
            log,
            view,
            answers,
            forks,
            shared,
            clock,
            sealed,
            unsealed_bytes: 0,
            log_end,
            aside: None,
            put_off: Vec::new(),
        };
        let altered = writer.view.altered_tables();
        if !altered.is_empty() {
            tracing::warn!(
                tables = altered.join(", "),
                "another program has written into the view, which is built anew from the log; nothing of the log was lost"
            );
            writer.rebuild()?;
            writer.shared.set_mended(altered);
        } else if writer.follows_log()? {
            writer.catch_up()?;
        } else {
            tracing::warn!("the view does not match the log and is built anew");
            writer.rebuild()?;
        }
        if writer.view.stale {
            writer.rebuild()?;
        }
        writer.clock = Clock::resume(writer.view.last_times()?);
        writer.shared.set(&writer.view.memory, writer.log.disk_bytes());
        Ok(writer)
    }

    /// Whether the log at the view's position is the one the view was made from.
    fn follows_log(&self) -> Result<bool, LogError> {
        let position = self.view.memory.position;
        if position == 0 {
            return Ok(true);
        }
        if position > self.log_end {
            return Ok(false);
        }
        let Some(record) = self.log.holding(position - 1)? else { return Ok(false) };
        let opened = record.open()?;
        let at = (position - 1 - record.arrival) as usize;
        Ok(opened.entries.get(at).is_some_and(|(header, _, hash)| {
            let chain = ChainHead { seq: header.dot.seq, hash: *hash };
            self.view.memory.chains.get(&header.dot.chain()) == Some(&chain)
        }))
    }

    /// Merges what the log has beyond the view.
    pub(crate) fn catch_up(&mut self) -> Result<(), ViewError> {
        while self.view.memory.position < self.log_end {
            let before = self.view.memory.clone();
            self.view.begin()?;
            let until = self.log_end.min(before.position + REPLAY_TRANSACTIONS);
            let replayed = replay(&mut self.view, &self.log, self.log_end, until);
            if let Err(error) = replayed.and_then(|()| self.view.commit()) {
                self.view.rollback(before);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Builds the view anew from the log, in one SQLite transaction: readers see the old one until
    /// the new one is complete.
    pub(crate) fn rebuild(&mut self) -> Result<(), ViewError> {
        let before = self.view.memory.clone();
        let sealed = self.sealed as i64;
        let rebuilt = build(&mut self.view, &self.log, self.log_end, |view| view.put_state("sealed", sealed));
        match rebuilt {
            Ok(()) => {
                self.shared.set(&self.view.memory, self.log.disk_bytes());
                Ok(())
            }
            Err(error) => {
                self.view.rollback(before);
                Err(error)
            }
        }
    }
}

/// Empties a view and folds the log into it.
fn build(
    view: &mut View,
    log: &SpaceLog,
    end: u64,
    finish: impl FnOnce(&View) -> Result<(), ViewError>,
) -> Result<(), ViewError> {
    let schema = schema_of(log, end, view.judge())?;
    view.begin()?;
    view.clear(schema)?;
    replay(view, log, end, end)?;
    finish(view)?;
    view.commit()
}

/// Reads the log of a space whose view cannot be opened or built: who holds what, who may write, and
/// what the schema is follow from it alone.
pub(crate) fn read_log(
    space: SpaceId,
    log: &SpaceLog,
    shared: &Shared,
    judge: Judge,
    reason: String,
) -> Result<(), OpenFailure> {
    shared.forks.load(&log.forks(space)?)?;
    let (end, _) = log.end()?;
    let mut memory = Memory { schema: Arc::new(schema_of(log, end, judge)?), ..Memory::default() };
    let mut membership = Membership::default();
    for record in log.records(0, end) {
        for (_, transaction, chain) in transactions(&record?)? {
            let header = &transaction.header;
            for op in &transaction.ops {
                if let Op::Member(op) = op {
                    let _void = membership.apply(header.write_id(), op);
                }
            }
            memory.ops += transaction.op_count() as u64;
            let context = memory.context(header);
            memory.advance(header, chain, context);
        }
    }
    memory.membership = Arc::new(membership);
    tracing::error!(
        reason,
        "the tables of a space cannot be shown; its log can be read, verified and exported"
    );
    shared.set(&memory, log.disk_bytes());
    shared.set_without_view(reason);
    Ok(())
}

/// The members that a log names, as far as it can be read.
pub(crate) fn members_of(log: &SpaceLog) -> Result<Membership, LogError> {
    let mut membership = Membership::default();
    let (end, _) = log.end()?;
    for record in log.records(0, end) {
        let Ok(transactions) = record.and_then(|record| transactions(&record)) else { break };
        for (_, transaction, _) in transactions {
            for op in &transaction.ops {
                if let Op::Member(op) = op {
                    let _void = membership.apply(transaction.header.write_id(), op);
                }
            }
        }
    }
    Ok(membership)
}

/// What all schema ops of the log come to, and who wrote by which definitions.
fn schema_of(log: &SpaceLog, end: u64, judge: Judge) -> Result<Schema, ViewError> {
    let (mut schema, mut places) = (Schema::new(judge), OpPlaces::default());
    let mut contexts = Memory::default();
    for record in log.records(0, end) {
        for (_, transaction, chain) in transactions(&record.map_err(unreadable)?).map_err(unreadable)? {
            let header = &transaction.header;
            let context = contexts.context(header);
            schema.note_writes(&transaction.ops, header.dot.author, &places.known(header, &context));
            for (place, op) in transaction.ops.iter().enumerate() {
                if let Op::Schema(op) = op {
                    let at = places.of(header, &context, place as u32);
                    places.note(at);
                    schema.add(at, op);
                }
            }
            contexts.advance(header, chain, context);
        }
    }
    schema.settle();
    Ok(schema)
}

/// Merges what the log has beyond the view, up to at least `until`.
fn replay(view: &mut View, log: &SpaceLog, end: u64, until: u64) -> Result<(), ViewError> {
    for record in log.records(view.memory.position, end) {
        let record = record.map_err(unreadable)?;
        for (arrival, transaction, chain) in transactions(&record).map_err(unreadable)? {
            if arrival == view.memory.position && arrival < end {
                view.merge(&transaction, chain)?;
            }
        }
        if view.memory.position >= until {
            break;
        }
    }
    Ok(())
}

/// The figures of a view built from the log at `path`, beside the real one.
pub(crate) fn fold(
    log: &SpaceLog,
    end: u64,
    path: &Path,
    me: Author,
    judge: Judge,
) -> Result<(Vec<TableStatus>, ConflictStats), ViewError> {
    remove_view(path).map_err(|error| ViewError::Behind(error.to_string()))?;
    let mut view = View::open(path, me, judge)?;
    build(&mut view, log, end, |_| Ok(()))?;
    let shared = Shared::default();
    shared.set(&view.memory, 0);
    let snapshot = shared.snapshot();
    Ok((snapshot.tables.to_vec(), snapshot.conflicts))
}

fn unreadable(error: LogError) -> ViewError {
    ViewError::Behind(error.to_string())
}

pub(super) fn transactions(record: &Record) -> Result<Vec<(u64, Transaction, ChainHead)>, LogError> {
    let opened = record.open()?;
    let entries = opened.entries.iter().zip(opened.block.iter()).zip(record.arrival..);
    entries
        .map(|(((header, _, hash), (bytes, _)), arrival)| {
            let transaction = Transaction::decode(bytes).map_err(|_| LogError::Damaged { arrival })?;
            Ok((arrival, transaction, ChainHead { seq: header.dot.seq, hash: *hash }))
        })
        .collect()
}

/// Removes the view's files. The log has everything.
pub(crate) fn remove_view(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Why a space could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenFailure {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    View(#[from] ViewError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
