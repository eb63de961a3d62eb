//! A transaction of this site: what it says of itself, its name and place, and how it gets into the view.

use tandem_protocol::bounds;
use tandem_protocol::chain::Chain;
use tandem_protocol::conflict::Conflict;
use tandem_protocol::identity::{Author, Signature, TxHash};
use tandem_protocol::op::Op;
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::verify::ChainHead;
use tandem_protocol::version::Dot;

use super::failure::JobError;
use super::labels::{Labels, Rules};
use super::log_writer::LogWriter;
use super::records::{OwnTransaction, Recorded};
use super::run::JobRun;
use super::unseen::unseen;
use crate::commit::CommittedTransaction;
use crate::edits::Edits;
use crate::log::Offsets;
use crate::recent::Recent;
use crate::refusal::Refusal;
use crate::statement::StatementResult;
use crate::view::{CellWrite, Merged, Position, Unseen};
use crate::write::{SourceOffset, Written};

/// A transaction of this site, ready for the log.
struct Signed {
    bytes: Vec<u8>,
    signature: Signature,
    chain: ChainHead,
    before: ChainHead,
}

impl Signed {
    /// Signs a transaction at its place: the next of its author.
    fn of(transaction: &Transaction, position: &Position, log: &LogWriter) -> Result<Self, JobError> {
        let bytes = transaction.encode();
        if bytes.len() > bounds::TRANSACTION_BYTES {
            return Err(Refusal::too_large(bytes.len()).into());
        }
        if transaction.is_too_much(bytes.len()) {
            return Err(Refusal::too_many_rows(transaction.op_count()).into());
        }
        let before = chain_before(position, log.space.0, transaction.header.dot.author);
        let hash = transaction::hash(Previous(before.hash.0), &bytes);
        let chain = ChainHead { seq: transaction.header.dot.seq, hash };
        assert_eq!(chain.seq, before.seq + 1, "a chain has no gaps");
        let founds = position.next == 0;
        assert!(!founds || hash.0 == log.space.0, "a space is named by its first transaction");
        debug_assert!(
            Transaction::decode(&bytes).is_ok_and(|read| read.header == transaction.header),
            "what is signed can be read"
        );
        Ok(Self { signature: log.key.sign(&hash), before, bytes, chain })
    }
}

impl JobRun<'_> {
    /// Makes edits and records what they did, and `besides`.
    pub fn record_edits(
        &mut self,
        (edits, rules): (&Edits, Rules),
        besides: Vec<Op>,
        labels: Labels,
    ) -> Result<Written, JobError> {
        let unseen = self.unseen(&labels)?;
        // As the transaction's header will say.
        let time_ms = self.clock.clone().next(self.now_ms);
        let mut local = self.view.run_local(edits, &unseen, rules == Rules::Judged, time_ms)?;
        let results = std::mem::take(&mut local.results);
        if local.ops.is_empty() && besides.is_empty() {
            // REPLACE by the same values still moved the row.
            self.view.restart()?;
            return Ok(unchanged(results));
        }
        let ops = std::mem::take(&mut local.ops).into_iter().chain(besides).collect();
        let transaction = self.transaction(ops, labels)?;
        assert_eq!(transaction.header.time_ms, time_ms, "a STAMP shows its transaction's time");
        let signed = Signed::of(&transaction, &self.view.fold.position, self.log)?;
        let merged = if transaction.header.basis.is_some() || rules == Rules::OfAMerge {
            // What others changed meanwhile may win, what others refer to may stay: decided as if it
            // had come from elsewhere.
            self.view.restart()?;
            self.view.merge(&transaction, signed.chain)?
        } else {
            self.view.adopt(local, &transaction, signed.chain)?
        };
        self.recorded(transaction, signed, merged, results)
    }

    /// What lies beyond the basis of a transaction, if it has one.
    pub fn unseen(&self, labels: &Labels) -> Result<Unseen, JobError> {
        match &labels.basis {
            Some(basis) => unseen(&self.view, &self.log.log, self.log.end, basis, self.before.recent()),
            None => Ok(Unseen::default()),
        }
    }

    /// Records a write of one row as it is.
    pub fn record_row(
        &mut self,
        (write, rules): (CellWrite, Rules),
        labels: Labels,
    ) -> Result<Written, JobError> {
        let op = write.group(&self.view.fold.tables).ok_or_else(Refusal::conflict_unknown)?;
        let before = self.view.broken_rules(&write)?;
        let written = self.record(vec![Op::Rows(op)], Vec::new(), labels)?;
        self.view.write_crowded()?;
        let is_new = |rule: &Conflict| before.iter().all(|known| known.id() != rule.id());
        if rules == Rules::Judged
            && let Some(broken) = self.view.broken_rules(&write)?.into_iter().find(is_new)
        {
            return Err(Refusal::of_conflict(&broken).into());
        }
        Ok(written)
    }

    /// Records ops as they are, of statements answered so.
    pub fn record(
        &mut self,
        ops: Vec<Op>,
        results: Vec<StatementResult>,
        labels: Labels,
    ) -> Result<Written, JobError> {
        if ops.is_empty() {
            return Ok(unchanged(results));
        }
        let transaction = self.transaction(ops, labels)?;
        let signed = Signed::of(&transaction, &self.view.fold.position, self.log)?;
        let merged = self.view.merge(&transaction, signed.chain)?;
        self.recorded(transaction, signed, merged, results)
    }

    /// A transaction of this site, at its place.
    fn transaction(&mut self, ops: Vec<Op>, labels: Labels) -> Result<Transaction, JobError> {
        let Labels { key, by, message, basis, offsets } = labels;
        if [&by, &message].into_iter().flatten().any(|label| label.len() > bounds::LABEL_BYTES) {
            return Err(Refusal::label_too_long().into());
        }
        if !SourceOffset::are_short(&offsets) {
            return Err(Refusal::offset_too_long().into());
        }
        self.offsets = offsets;
        let me = self.log.key.author();
        let position = &self.view.fold.position;
        let header = Header {
            dot: Dot::new(me, position.chains.get(&Chain::from(me)).map_or(0, |chain| chain.seq) + 1),
            time_ms: self.clock.next(self.now_ms),
            context: position.growth(&me),
            basis,
            key,
            by,
            message,
        };
        assert_eq!(header.context.seq(Chain::from(me)), 0, "a context is what others wrote");
        assert!(header.time_ms >= self.now_ms, "a transaction is no older than the clock it was made by");
        Ok(Transaction { header, ops })
    }

    /// Leaves a transaction that is in the view to be recorded. All transactions of this site come here:
    /// statements, rows, those that ran aside, ends of conflicts, schema and members.
    fn recorded(
        &mut self,
        transaction: Transaction,
        signed: Signed,
        merged: Merged,
        results: Vec<StatementResult>,
    ) -> Result<Written, JobError> {
        assert!(self.recorded.is_none(), "a job records one transaction");
        let arrival = self.view.fold.position.next - 1;
        let header = transaction.header;
        let dot = header.dot;
        let committed = CommittedTransaction {
            arrival,
            dot,
            time_ms: header.time_ms,
            local: true,
            changes: merged.changes.clone(),
            rows: merged.rows,
        };
        let Signed { bytes, signature, chain, before } = signed;
        let shown = self.view.fold.position.chains.get(&Chain::from(dot.author));
        assert_eq!(shown, Some(&chain), "the view holds what was signed");
        let recent = Recent {
            arrival,
            header,
            bytes,
            signature: Some(signature),
            hash: chain.hash,
            ends_record: true,
        };
        let offsets = std::mem::take(&mut self.offsets);
        let offsets: Offsets = offsets.into_iter().map(SourceOffset::into_entry).collect();
        self.view.put_offsets(&offsets)?;
        self.recorded = Some(Recorded::Own(Box::new(OwnTransaction { recent, committed, before, offsets })));
        Ok(Written { dot: Some(dot), results, changes: merged.changes, repeated: false })
    }
}

/// The answer to statements that changed nothing.
pub(super) fn unchanged(results: Vec<StatementResult>) -> Written {
    Written { dot: None, results, changes: Vec::new(), repeated: false }
}

/// The author's last transaction; before its first, the space itself; before the very first
/// transaction of the space, nothing.
pub(super) fn chain_before(position: &Position, space: [u8; 32], author: Author) -> ChainHead {
    let first = if position.next == 0 { Previous::GENESIS.0 } else { space };
    position.chains.get(&Chain::from(author)).copied().unwrap_or(ChainHead { seq: 0, hash: TxHash(first) })
}
