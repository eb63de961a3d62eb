//! Brings the view to where the log is: after a crash, after a failed commit, or from nothing.

use std::path::Path;
use std::sync::Arc;

use tandem_protocol::cause::Cause;
use tandem_protocol::clock::Clock;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::membership::Membership;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, OpPlaces, Schema};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::verify::ChainHead;

use super::Writer;
use super::log_writer::LogWriter;
use crate::identity::Identity;
use crate::log::{LogError, Record, SpaceLog};
use crate::space::{ConflictStats, Shared, TableStatus};
use crate::view::{FoldState, Group, Position, Tables, View, ViewError};

/// Transactions replayed per SQLite transaction.
const REPLAY_TRANSACTIONS: u64 = 10_000;

impl Writer {
    /// Opens the view beside its log and lets it catch up.
    pub(crate) fn open(
        space: SpaceId,
        identity: Identity,
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
        let key = identity.key();
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
        let log =
            LogWriter { space, key, log, answers, forks, clock, end: log_end, sealed, unsealed_bytes: 0 };
        let mut writer = Self { identity, log, view, shared, aside: None, put_off: Vec::new() };
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
        if writer.view.fold.tables.needs_rebuild {
            writer.rebuild()?;
        }
        writer.log.clock = Clock::resume(writer.view.last_times()?);
        writer.shared.set(&writer.view.fold, writer.log.log.disk_bytes());
        Ok(writer)
    }

    /// Whether the log at the view's position is the one the view was made from.
    fn follows_log(&self) -> Result<bool, LogError> {
        let position = self.view.fold.position.next;
        if position == 0 {
            return Ok(true);
        }
        if position > self.log.end {
            return Ok(false);
        }
        let Some(record) = self.log.log.holding(position - 1)? else { return Ok(false) };
        let opened = record.open()?;
        let at = (position - 1 - record.arrival) as usize;
        Ok(opened.entries.get(at).is_some_and(|(header, _, hash)| {
            let chain = ChainHead { seq: header.dot.seq, hash: *hash };
            self.view.fold.position.chains.get(&header.dot.chain()) == Some(&chain)
        }))
    }

    /// Merges what the log has beyond the view.
    pub(crate) fn catch_up(&mut self) -> Result<(), ViewError> {
        while self.view.fold.position.next < self.log.end {
            let mut group = Group::begin(&mut self.view)?;
            let until = self.log.end.min(group.fold.position.next + REPLAY_TRANSACTIONS);
            replay(&mut group, &self.log.log, self.log.end, until)?;
            group.commit()?;
        }
        Ok(())
    }

    /// Builds the view anew from the log, in one SQLite transaction: readers see the old one until
    /// the new one is complete.
    pub(crate) fn rebuild(&mut self) -> Result<(), ViewError> {
        let sealed = self.log.sealed as i64;
        let log = &self.log;
        build(&mut self.view, &log.log, log.end, |view| view.put_state("sealed", sealed))?;
        self.shared.set(&self.view.fold, self.log.log.disk_bytes());
        Ok(())
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
    let mut group = Group::begin(view)?;
    group.clear(schema)?;
    replay(&mut group, log, end, end)?;
    finish(&group)?;
    group.commit()
}

/// Reads the log of a space whose view cannot be opened or built: who holds what, who may write, and
/// what the schema is follow from it alone.
pub(crate) fn read_log(
    space: SpaceId,
    log: &SpaceLog,
    shared: &Shared,
    judge: Judge,
    reason: Cause,
) -> Result<(), OpenFailure> {
    shared.forks.load(&log.forks(space)?)?;
    let (end, _) = log.end()?;
    let tables = Tables::of(schema_of(log, end, judge)?);
    let mut fold = FoldState { tables, ..FoldState::default() };
    let mut membership = Membership::default();
    for record in log.records(0, end) {
        for (_, transaction, chain) in transactions(&record?)? {
            let header = &transaction.header;
            for op in &transaction.ops {
                if let Op::Member(op) = op {
                    let _void = membership.apply(header.write_id(), op);
                }
            }
            fold.position.ops += transaction.op_count() as u64;
            let context = fold.position.context(header);
            fold.position.advance(header, chain, context);
        }
    }
    fold.membership = Arc::new(membership);
    tracing::error!(
        %reason,
        "the tables of a space cannot be shown; its log can be read, verified and exported"
    );
    shared.set(&fold, log.disk_bytes());
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
    let mut contexts = Position::default();
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
    for record in log.records(view.fold.position.next, end) {
        let record = record.map_err(unreadable)?;
        for (arrival, transaction, chain) in transactions(&record).map_err(unreadable)? {
            if arrival == view.fold.position.next && arrival < end {
                view.merge(&transaction, chain)?;
            }
        }
        if view.fold.position.next >= until {
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
    remove_view(path).map_err(|error| ViewError::Behind(Cause::from(&error)))?;
    let mut view = View::open(path, me, judge)?;
    build(&mut view, log, end, |_| Ok(()))?;
    let shared = Shared::default();
    shared.set(&view.fold, 0);
    let snapshot = shared.snapshot();
    Ok((snapshot.tables.to_vec(), snapshot.conflicts))
}

fn unreadable(error: LogError) -> ViewError {
    ViewError::Behind(Cause::from(&error))
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
