//! What lies between a write's basis and now. A counter that is set (a stock-take, an import) says
//! its value minus the deltas the writer had seen, so the others must be known.
//!
//! The log is read once for the whole write, however many rows it sets, from the first transaction that
//! the basis does not cover. A basis is mostly what somebody has just read; from an old one on it may be
//! long, so that the write can be ended meanwhile, and gives way, like a long statement.

use tandem_protocol::cause::Cause;
use tandem_protocol::merge::units;
use tandem_protocol::op::{Mode, Op};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::version::{Dot, VersionVector};

use super::failure::JobError;
use super::replay::transactions;
use crate::log::{LogError, SpaceLog};
use crate::recent::Recent;
use crate::view::{Past, Unseen, View, ViewError, ViewResult};

/// What a view of the log up to `end` shows that `basis` does not cover; `recent` are those of the
/// group at hand, which are not in the log yet.
pub(super) fn unseen(
    view: &View,
    log: &SpaceLog,
    end: u64,
    basis: &VersionVector,
    recent: &[Recent],
) -> Result<Unseen, JobError> {
    let mut unseen = Unseen { basis: Some(basis.clone()), ..Unseen::default() };
    unseen.first = end;
    if let Some(first) = view.first_beyond(basis)? {
        unseen.first = first;
        unseen.past = Some(Box::new(Logged(log.clone())));
    }
    for record in log.records(unseen.first, end) {
        view.guard().check().map_err(ViewError::from)?;
        for (_, transaction, _) in record.and_then(|record| transactions(&record)).map_err(unreadable)? {
            add(&mut unseen, basis, &transaction);
        }
    }
    for recent in recent {
        assert!(recent.arrival >= end, "of the group at hand nothing is in the log");
        let transaction = Transaction::decode(&recent.bytes);
        debug_assert!(transaction.is_ok(), "what is recorded can be read");
        transaction.into_iter().for_each(|transaction| add(&mut unseen, basis, &transaction));
    }
    Ok(unseen)
}

/// The past as the log has it. Of the group at hand nobody has seen anything.
struct Logged(SpaceLog);

impl Past for Logged {
    fn read(
        &self,
        arrivals: &[u64],
        take: &mut dyn FnMut(u64, Transaction) -> ViewResult<bool>,
    ) -> ViewResult<bool> {
        debug_assert!(arrivals.windows(2).all(|pair| pair[0] < pair[1]), "what is asked for ascends");
        let failed = |error: LogError| ViewError::Behind(Cause::from(&error));
        let mut wanted = arrivals.iter().copied().peekable();
        while let Some(first) = wanted.peek().copied() {
            let Some(record) = self.0.holding(first).map_err(failed)? else { return Ok(false) };
            for (arrival, transaction, _) in transactions(&record).map_err(failed)? {
                if wanted.next_if_eq(&arrival).is_some() && !take(arrival, transaction)? {
                    return Ok(true);
                }
            }
            if wanted.peek() == Some(&first) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A transaction of the log.
pub(super) fn recorded_transaction(
    view: &View,
    log: &SpaceLog,
    dot: &Dot,
) -> Result<Option<Transaction>, JobError> {
    let Some(arrival) = view.arrival_of(dot)? else { return Ok(None) };
    let Some(record) = log.holding(arrival).map_err(unreadable)? else { return Ok(None) };
    let found = transactions(&record).map_err(unreadable)?.into_iter().find(|(at, _, _)| *at == arrival);
    Ok(found.map(|(_, transaction, _)| transaction))
}

/// Whether what a vector names is held here, and is the same.
pub(super) fn holds(view: &View, vector: &VersionVector) -> Result<bool, ViewError> {
    for (chain, head) in vector.heads() {
        if view.prefix_of(&Dot::new(chain, head.seq))? != Some(head.prefix) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn add(unseen: &mut Unseen, basis: &VersionVector, transaction: &Transaction) {
    if basis.covers(&transaction.header.dot) {
        return;
    }
    for op in &transaction.ops {
        let Op::Rows(group) = op else { continue };
        unseen.tables.insert(group.table_id);
        for (column, values) in group.columns.iter().zip(&group.cells) {
            if column.mode != Mode::Delta {
                continue;
            }
            for (at, value) in values.iter().enumerate() {
                let name = (group.table_id, group.key(at).to_bytes(), column.id);
                unseen.deltas.entry(name).or_default().add(units(value).unwrap_or_default());
            }
        }
    }
}

fn unreadable(error: LogError) -> JobError {
    JobError::from(ViewError::Behind(Cause::from(&error)))
}
