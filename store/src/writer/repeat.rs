//! A request that came before: answered with the first one's answer, and not carried out again.

use tandem_protocol::cause::Cause;
use tandem_protocol::op::{Action, Op};
use tandem_protocol::request::RequestKey;
use tandem_protocol::transaction::Transaction;
use tandem_protocol::version::Dot;

use super::failure::JobError;
use super::run::JobRun;
use super::unseen::recorded_transaction;
use crate::refusal::Refusal;
use crate::table_change::{TableChange, add_changes};
use crate::view::{ViewError, read_again};
use crate::write::{Write, Written};

impl JobRun<'_> {
    /// The answer to a request that was carried out before, here or at another site. Refused where
    /// its key was used for another one: who guesses a key swallows nobody's request.
    pub(super) fn answered_before(
        &mut self,
        key: &RequestKey,
        write: &Write,
    ) -> Result<Option<Written>, JobError> {
        let recorded = self.view.recorded_under(&key.key)?;
        let kept = match self.before.answer(&key.key) {
            Some(answer) => Some(answer),
            None => self.log.answers.get(&key.key).map_err(|error| ViewError::Behind(Cause::from(&error)))?,
        };
        if recorded.is_empty() {
            // It changed nothing, so the log does not know of it. (An answer that names a
            // transaction has outlived it: a crash took that before anybody was answered.)
            return match kept.filter(|answer| answer.written.dot.is_none()) {
                Some(answer) if answer.request == key.request => Ok(Some(answer.written)),
                Some(_) => Err(Refusal::key_reused().into()),
                None => Ok(None),
            };
        }
        let same: Vec<_> =
            recorded.iter().filter(|(_, request)| *request == key.request).map(|(dot, _)| *dot).collect();
        let Some(first) = same.first() else { return Err(Refusal::key_reused().into()) };
        let whole = kept.filter(|answer| {
            answer.request == key.request && answer.written.dot.is_some_and(|dot| same.contains(&dot))
        });
        if let Some(answer) = whole {
            return Ok(Some(answer.written));
        }
        let transaction = self
            .transaction_of(first)?
            .ok_or(ViewError::Inconsistent("a request's transaction that is not in the log"))?;
        Ok(Some(Written {
            dot: Some(*first),
            results: read_again(
                &self.view,
                &write.edits.statements(&self.view.fold.tables),
                &transaction.ops,
            )?,
            changes: changes_of(&transaction.ops),
            repeated: true,
        }))
    }

    fn transaction_of(&self, dot: &Dot) -> Result<Option<Transaction>, JobError> {
        // Those of the group at hand are not in the log yet.
        match self.before.recent().iter().find(|recent| recent.header.dot == *dot) {
            Some(recent) => Ok(Transaction::decode(&recent.bytes).ok()),
            None => recorded_transaction(&self.view, &self.log.log, dot),
        }
    }
}

/// What a transaction says it changes, per table.
fn changes_of(ops: &[Op]) -> Vec<TableChange> {
    let mut changes = Vec::new();
    for op in ops {
        let Op::Rows(group) = op else { continue };
        let mut change = TableChange { table: group.table.clone(), ..TableChange::default() };
        *match group.action {
            Action::Insert => &mut change.inserted,
            Action::Update => &mut change.updated,
            Action::Delete => &mut change.deleted,
        } = group.rows() as u64;
        add_changes(&mut changes, &[change]);
    }
    changes
}
