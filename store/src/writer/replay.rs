//! The log read again from its beginning: into a view, or for what follows from it without one.

use std::path::Path;
use std::sync::Arc;

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::membership::Membership;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, OpPlaces, Schema};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::verify::ChainHead;

use super::open_failure::OpenFailure;
use crate::conflict_stats::ConflictStats;
use crate::log::{LogError, Record, SpaceLog};
use crate::published::Published;
use crate::table_status::TableStatus;
use crate::view::{FoldState, Group, Position, Tables, View, ViewError, file};

/// Empties a view and folds the log into it.
pub(super) fn build(
    view: &mut View,
    log: &SpaceLog,
    end: u64,
    finish: impl FnOnce(&View) -> Result<(), ViewError>,
) -> Result<(), ViewError> {
    let schema = schema_of(log, end, view.judge())?;
    let mut group = Group::begin(view)?;
    group.clear(schema)?;
    assert_eq!(group.fold.position.next, 0, "a view is built from the log's beginning");
    replay(&mut group, log, end, end)?;
    finish(&group)?;
    group.commit()
}

/// Reads the log of a space whose view cannot be opened or built: who holds what, who may write, and
/// what the schema is follow from it alone.
pub(crate) fn read_log(
    space: SpaceId,
    log: &SpaceLog,
    published: &Published,
    judge: Judge,
    reason: Cause,
) -> Result<(), OpenFailure> {
    published.forks.load(&log.forks(space)?)?;
    published.acknowledged.load(&log.acknowledged(space)?)?;
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
    published.set(&fold);
    published.set_without_view(reason);
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
    schema.rejudge();
    Ok(schema)
}

/// Merges what the log has beyond the view, up to at least `until`.
pub(super) fn replay(view: &mut View, log: &SpaceLog, end: u64, until: u64) -> Result<(), ViewError> {
    for record in log.records(view.fold.position.next, end) {
        let record = record.map_err(unreadable)?;
        for (arrival, transaction, chain) in transactions(&record).map_err(unreadable)? {
            if arrival == view.fold.position.next && arrival < end {
                view.merge(&transaction, chain)?;
            }
        }
        view.put_offsets(&record.offsets)?;
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
    file::remove(path).map_err(|error| ViewError::Behind(Cause::from(&error)))?;
    let mut view = View::open(path, me, judge)?;
    build(&mut view, log, end, |_| Ok(()))?;
    let published = Published::default();
    published.set(&view.fold);
    let snapshot = published.snapshot();
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
