//! A group of jobs: run, made durable together, committed together, answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_protocol::block::{Block, BlockBuilder};
use tandem_protocol::bounds;
use tandem_protocol::chain::Chain;
use tandem_protocol::conflict::Conflict;
use tandem_protocol::identity::{Author, Signature, TxHash};
use tandem_protocol::op::Op;
use tandem_protocol::request::RequestKey;
use tandem_protocol::schema::{SchemaOp, ddl};
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::verify::{self, ChainHead, Chains, Known, Verified};
use tandem_protocol::version::{Dot, VersionVector};

use super::Writer;
use super::aside::{Ready, TURN};
use super::commands::{Job, LocalJob, LocalWork, RemoteJob};
use super::held::HeldHere;
use super::unseen::unseen;
use crate::answers::Answer;
use crate::effect::SharedEffect;
use crate::log::{LogError, Record};
use crate::owner::WRITE_DEADLINE;
use crate::receive::{ReceiveError, Received, add_changes};
use crate::space::{Commit, CommittedTransaction, Recent};
use crate::view::guard::{End, Leave, WRITE_BYTES};
use crate::view::{CellWrite, LocalError, Memory, Merged, Unseen, ViewError, heap};
use crate::write::{Refusal, Statement, StatementResult, Write, WriteError, Written};

/// Bytes of small records at which they are joined.
const SEAL_AFTER_BYTES: usize = bounds::BLOCK_TARGET_BYTES;

/// What a transaction of this site says of itself.
#[derive(Default)]
pub(super) struct Labels {
    pub key: Option<RequestKey>,
    pub by: Option<String>,
    pub message: Option<String>,
    pub basis: Option<VersionVector>,
}

/// What becomes of a write that breaks a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// It is refused, unless the rule was broken before.
    Judged,
    /// It stands, and what it breaks is listed, as if it had come from elsewhere.
    OfAMerge,
}

/// What a group has recorded so far, not yet durable.
#[derive(Default)]
pub(super) struct Pending {
    records: Vec<Record>,
    /// Local transactions that share one record, and the chains before them.
    open: Option<(u64, Chains, BlockBuilder)>,
    recent: Vec<Recent>,
    committed: Vec<CommittedTransaction>,
    /// Answers to keep.
    answers: Vec<(RequestKey, Written, i64)>,
}

/// A job that ran, and how it is answered once durable.
struct Done {
    job: Job,
    outcome: Outcome,
}

enum Outcome {
    Written(Written),
    Received(Received),
    /// Part of a block; the rest is to be asked for again.
    Part,
}

/// How long blocks of others are taken in while users' writes wait.
const SLICE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(50) };

impl Writer {
    /// Runs jobs, those of one kind together and in order. Users' writes go first: whoever made one
    /// cannot have seen a block that still waits, so it must not count as knowing it, and is not to
    /// wait for it either.
    pub(crate) fn run_group(&mut self, mut jobs: Vec<Job>) {
        jobs.sort_by_key(Kind::of);
        let mut jobs = jobs.into_iter().peekable();
        while let Some(first) = jobs.next() {
            let kind = Kind::of(&first);
            let mut same = vec![first];
            while let Some(next) = jobs.next_if(|job| Kind::of(job) == kind) {
                same.push(next);
            }
            self.run_same(same);
        }
    }

    /// Whether those who wrote something here have waited long enough for what others wrote elsewhere.
    fn is_pressed(&self, since: Instant) -> bool {
        self.shared.users_wait() && since.elapsed() >= SLICE
    }

    fn run_same(&mut self, jobs: Vec<Job>) {
        let since = Instant::now();
        if let Err(error) = self.log.has_room() {
            let full = Arc::new(error);
            return jobs.into_iter().for_each(|job| answer_log_failed(job, &full));
        }
        let before = self.view.memory.clone();
        if let Err(error) = self.catch_up().and_then(|()| self.view.begin()) {
            let failed = Arc::new(error);
            return jobs.into_iter().for_each(|job| answer_failed(job, &failed));
        }
        let alone = jobs.len() == 1;
        let mut pending = Pending::default();
        let mut done: Vec<Done> = Vec::new();
        let mut aside: Vec<LocalJob> = Vec::new();
        let mut put_off: Vec<Job> = Vec::new();
        let mut jobs = jobs.into_iter();
        while let Some(mut job) = jobs.next() {
            let cut = done.last().is_some_and(|done| matches!(done.outcome, Outcome::Part));
            if cut || Kind::of(&job) == Kind::Other && !done.is_empty() && self.is_pressed(since) {
                put_off.push(job);
                put_off.extend(jobs);
                break;
            }
            let memory = self.view.memory.clone();
            let marked = if alone { Ok(()) } else { self.view.savepoint() };
            let ran = marked.map_err(JobError::from);
            let ran = ran.and_then(|()| self.run_one(&mut job, &mut pending));
            if self.view.group_lost() {
                // OR ROLLBACK, or SQLite where a statement is interrupted, took the whole group back:
                // only its own job is to blame.
                let error = match (ran, &job) {
                    (Err(error @ JobError::Ended(_)), _) => error,
                    (_, Job::Local(LocalJob { work: LocalWork::Sql(write), .. })) => {
                        JobError::Refused(Refusal::ended_transaction(write.begins()))
                    }
                    _ => JobError::Refused(Refusal::ended_transaction("")),
                };
                self.view.rollback(before);
                self.failed(job, error);
                let again = done.into_iter().map(|done| done.job).chain(jobs).collect();
                self.run_same(again);
                return aside.into_iter().for_each(|job| self.put_aside(job));
            }
            let settled = match ran {
                Ok(outcome) => self.view.release().map(|()| Ok(outcome)),
                Err(error) => {
                    self.view.take_back(memory).and_then(|()| self.view.release()).map(|()| Err(error))
                }
            };
            match settled {
                Ok(Ok(outcome)) => done.push(Done { job, outcome }),
                Ok(Err(JobError::Ended(End::GivesWay))) => aside.extend(local(job)),
                Ok(Err(error)) => answer_error(job, error),
                Err(error) => answer_error(job, JobError::View(error)),
            }
        }
        self.finish(before, pending, done);
        self.put_off.extend(put_off);
        aside.into_iter().for_each(|job| self.put_aside(job));
    }

    /// A job came to nothing; or its statement goes aside.
    fn failed(&mut self, job: Job, error: JobError) {
        match (job, error) {
            (Job::Local(job), JobError::Ended(End::GivesWay)) => self.put_aside(job),
            (job, error) => answer_error(job, error),
        }
    }

    /// Log first, then the view, then the answers.
    fn finish(&mut self, before: Memory, mut pending: Pending, done: Vec<Done>) {
        pending.close();
        if pending.records.is_empty() && pending.answers.is_empty() {
            self.view.rollback(before);
            return done.into_iter().for_each(Done::answer);
        }
        let logged = pending.records.iter().try_for_each(|record| self.log.append(record));
        // After the records: an answer is never there without what it tells of.
        let kept = logged.and_then(|()| self.keep_answers(&pending.answers));
        if let Err(error) = kept.and_then(|()| self.log.flush()) {
            tracing::error!(%error, "the log could not be made durable");
            self.view.rollback(before);
            let failed = Arc::new(error);
            return done.into_iter().for_each(|done| answer_log_failed(done.job, &failed));
        }
        self.unsealed_bytes += pending
            .records
            .iter()
            .filter(|record| record.is_small())
            .map(|record| record.block.len())
            .sum::<usize>();
        self.log_end += pending.records.iter().map(|record| u64::from(record.count)).sum::<u64>();
        if let Err(error) = self.view.commit() {
            // The log has it all; the view follows as soon as it can.
            tracing::error!(%error, "the view could not be committed");
            self.view.rollback(before);
            if let Err(error) = self.catch_up() {
                let failed = Arc::new(error);
                return done.into_iter().for_each(|done| answer_failed(done.job, &failed));
            }
        }
        if self.view.stale
            && let Err(error) = self.rebuild()
        {
            tracing::error!(%error, "the view could not be rebuilt");
        }
        self.publish(pending.recent, pending.committed);
        for done in done {
            match done.outcome {
                // What came before it is durable; the rest is asked for again.
                Outcome::Part => self.put_off.push(done.job),
                _ => done.answer(),
            }
        }
    }

    /// Tells readers and watchers what is durable now.
    fn publish(&mut self, recent: Vec<Recent>, transactions: Vec<CommittedTransaction>) {
        self.shared.set(&self.view.memory, self.log.disk_bytes());
        self.shared.extend_recent(recent);
        let snapshot = self.shared.snapshot();
        let commit = Commit { end: snapshot.end, vector: Arc::clone(&snapshot.vector), transactions };
        self.shared.tell(&commit);
    }

    fn run_one(&mut self, job: &mut Job, pending: &mut Pending) -> Result<Outcome, JobError> {
        match job {
            Job::Local(job) => self.run_local(job, pending).map(Outcome::Written),
            Job::Remote(job) => {
                let received = self.run_remote(job, pending)?;
                Ok(if job.goes_on { Outcome::Part } else { Outcome::Received(received) })
            }
        }
    }

    fn run_local(&mut self, job: &mut LocalJob, pending: &mut Pending) -> Result<Written, JobError> {
        let me = self.key.author();
        let now_ms = job.now_ms;
        if !matches!(job.work, LocalWork::Found(..)) {
            if !self.view.memory.membership.is_founded() {
                return Err(Refusal::not_founded().into());
            }
            if !self.view.memory.membership.may_write(&me) {
                return Err(Refusal::not_a_writer().into());
            }
        }
        match &mut job.work {
            LocalWork::Sql(write) => {
                // Where nobody can come back, nobody gives way.
                let turn = (self.aside.is_some() && job.home.is_some()).then(|| Instant::now() + TURN);
                let deadline = write.owner.deadline(WRITE_DEADLINE);
                self.watched(write, deadline, turn, |writer| writer.run_sql(write, None, now_ms, pending))
            }
            LocalWork::Ready(ready) => self.run_sql(&ready.write, Some(ready), now_ms, pending),
            LocalWork::Alone(write, deadline) => {
                let deadline = write.owner.deadline(WRITE_DEADLINE).min(*deadline);
                self.watched(write, deadline, None, |writer| writer.run_sql(write, None, now_ms, pending))
            }
            LocalWork::Nothing => Err(WriteError::Closed.into()),
            LocalWork::Schema(sql) => {
                self.view.lay_out()?;
                let ops =
                    ddl::plan(sql, &self.view.memory.schema).map_err(|error| Refusal::of_ddl(&error))?;
                self.try_out(&ops)?;
                let ops: Vec<Op> = ops.into_iter().map(Op::Schema).collect();
                self.record_ops(
                    ops,
                    Labels { message: Some("schema".into()), ..Labels::default() },
                    now_ms,
                    pending,
                )
            }
            LocalWork::Resolve(resolution) => self.run_resolution(resolution, now_ms, pending),
            LocalWork::Member(make) => {
                let op = make(&self.view.memory.membership).map_err(JobError::Write)?;
                self.record_ops(vec![Op::Member(op)], Labels::default(), now_ms, pending)
            }
            LocalWork::Found(founding, schema) => {
                self.try_out(schema)?;
                let founding = Op::Member((**founding).clone());
                let ops = std::iter::once(founding).chain(schema.iter().cloned().map(Op::Schema)).collect();
                self.record_ops(ops, Labels::default(), now_ms, pending)
            }
            #[cfg(any(test, feature = "simulation"))]
            LocalWork::Ops(ops) => self.record_ops(ops.clone(), Labels::default(), now_ms, pending),
        }
    }

    /// Runs a user's statements within the bounds of one write.
    fn watched(
        &mut self,
        write: &Write,
        deadline: Duration,
        turn: Option<Instant>,
        run: impl FnOnce(&mut Self) -> Result<Written, JobError>,
    ) -> Result<Written, JobError> {
        let _running = self.shared.running.enter(&write.owner, true, write.begins());
        self.view.guard.begin(Leave {
            owner: write.owner.clone(),
            deadline,
            stopping: Arc::clone(&self.shared.stopping),
            gives_way: turn.map(|until| (until, Arc::clone(&self.shared.waiting))),
        });
        let memory = heap::Bound::new(WRITE_BYTES);
        let ran = run(self);
        let end = self.view.guard.finish();
        match (ran, if memory.was_met() { Some(End::Memory) } else { end }) {
            (Err(JobError::View(_) | JobError::Refused(_)), Some(end)) => Err(JobError::Ended(end)),
            (ran, _) => ran,
        }
    }

    fn run_sql(
        &mut self,
        write: &Write,
        ready: Option<&Ready>,
        now_ms: i64,
        pending: &mut Pending,
    ) -> Result<Written, JobError> {
        let key = write.request_key();
        if let Some(key) = &key
            && let Some(answer) = self.answered_before(key, write, pending)?
        {
            return Ok(answer);
        }
        if let Some(basis) = &write.basis
            && !self.holds(basis)?
        {
            return Err(Refusal::unknown_basis().into());
        }
        let labels =
            Labels { key, by: write.by.clone(), message: write.message.clone(), basis: write.basis.clone() };
        let written = match ready {
            Some(ready) => self.run_ready(ready, labels, now_ms, pending)?,
            None => {
                self.record_sql((&write.statements, Rules::Judged), Vec::new(), labels, now_ms, pending)?
            }
        };
        pending.answers.extend(key.map(|key| (key, written.clone(), now_ms)));
        Ok(written)
    }

    /// Whether what a vector names is held here, and is the same.
    fn holds(&self, vector: &VersionVector) -> Result<bool, ViewError> {
        for (chain, head) in vector.heads() {
            if self.view.prefix_of(&Dot::new(chain, head.seq))? != Some(head.prefix) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs statements and records what they did, and `besides`.
    pub(super) fn record_sql(
        &mut self,
        (statements, rules): (&[Statement], Rules),
        besides: Vec<Op>,
        labels: Labels,
        now_ms: i64,
        pending: &mut Pending,
    ) -> Result<Written, JobError> {
        let unseen = match &labels.basis {
            Some(basis) => unseen(&self.view, &self.log, self.log_end, basis, pending.recent())?,
            None => Unseen::default(),
        };
        let memory = self.view.memory.clone();
        // As the transaction's header will say.
        let time_ms = self.clock.clone().next(now_ms);
        let mut local = self.view.run_local(statements, &unseen, rules == Rules::Judged, time_ms)?;
        let results = std::mem::take(&mut local.results);
        if local.ops.is_empty() && besides.is_empty() {
            // REPLACE by the same values still moved the row.
            self.view.take_back(memory)?;
            return Ok(Written { dot: None, results, changes: Vec::new(), repeated: false });
        }
        let ops = std::mem::take(&mut local.ops).into_iter().chain(besides).collect();
        let transaction = self.transaction(ops, labels, now_ms)?;
        let signed = self.sign(&transaction)?;
        let merged = if transaction.header.basis.is_some() || rules == Rules::OfAMerge {
            // What others changed meanwhile may win, what others refer to may stay: decided as if it
            // had come from elsewhere.
            self.view.take_back(memory)?;
            self.view.merge(&transaction, signed.chain)?
        } else {
            self.view.adopt(local, &transaction, signed.chain)?
        };
        Ok(self.recorded(transaction, signed, merged, results, pending))
    }

    /// Records a write of one row as it is.
    pub(super) fn record_row(
        &mut self,
        (write, rules): (CellWrite, Rules),
        labels: Labels,
        now_ms: i64,
        pending: &mut Pending,
    ) -> Result<Written, JobError> {
        let op = self.view.row_group(&write).ok_or_else(Refusal::conflict_unknown)?;
        let transaction = self.transaction(vec![Op::Rows(op)], labels, now_ms)?;
        let signed = self.sign(&transaction)?;
        let before = self.view.broken_rules(&write)?;
        let merged = self.view.merge(&transaction, signed.chain)?;
        self.view.write_crowded()?;
        let is_new = |rule: &Conflict| before.iter().all(|known| known.id() != rule.id());
        if rules == Rules::Judged
            && let Some(broken) = self.view.broken_rules(&write)?.into_iter().find(is_new)
        {
            return Err(Refusal::of_conflict(&broken).into());
        }
        Ok(self.recorded(transaction, signed, merged, Vec::new(), pending))
    }

    pub(super) fn record_ops(
        &mut self,
        ops: Vec<Op>,
        labels: Labels,
        now_ms: i64,
        pending: &mut Pending,
    ) -> Result<Written, JobError> {
        if ops.is_empty() {
            return Ok(Written { dot: None, results: Vec::new(), changes: Vec::new(), repeated: false });
        }
        self.record(ops, Vec::new(), labels, now_ms, pending)
    }

    /// Records ops as they are, of statements answered so.
    pub(super) fn record(
        &mut self,
        ops: Vec<Op>,
        results: Vec<StatementResult>,
        labels: Labels,
        now_ms: i64,
        pending: &mut Pending,
    ) -> Result<Written, JobError> {
        let transaction = self.transaction(ops, labels, now_ms)?;
        let signed = self.sign(&transaction)?;
        let merged = self.view.merge(&transaction, signed.chain)?;
        Ok(self.recorded(transaction, signed, merged, results, pending))
    }

    /// Refuses a schema change that this program could not lay out, before it is signed.
    fn try_out(&self, ops: &[SchemaOp]) -> Result<(), Refusal> {
        let mut after = (*self.view.memory.schema).clone();
        after.add_next(ops);
        after.settle();
        crate::view::try_out(&after).map_err(|error| Refusal::of_schema_sql(&error))
    }

    /// A transaction of this site, at its place.
    fn transaction(&mut self, ops: Vec<Op>, labels: Labels, now_ms: i64) -> Result<Transaction, JobError> {
        let Labels { key, by, message, basis } = labels;
        if [&by, &message].into_iter().flatten().any(|label| label.len() > bounds::LABEL_BYTES) {
            return Err(Refusal::label_too_long().into());
        }
        Ok(Transaction { header: Header { key, by, message, basis, ..self.header(now_ms) }, ops })
    }

    fn header(&mut self, now_ms: i64) -> Header {
        let me = self.key.author();
        let memory = &self.view.memory;
        Header {
            dot: Dot::new(me, memory.chains.get(&Chain::from(me)).map_or(0, |chain| chain.seq) + 1),
            time_ms: self.clock.next(now_ms),
            context: memory.growth(&me),
            basis: None,
            key: None,
            by: None,
            message: None,
        }
    }

    fn sign(&self, transaction: &Transaction) -> Result<Signed, JobError> {
        let bytes = transaction.encode();
        if bytes.len() > bounds::TRANSACTION_BYTES {
            return Err(Refusal::too_large(bytes.len()).into());
        }
        if transaction.is_too_much(bytes.len()) {
            return Err(Refusal::too_many_rows(transaction.op_count()).into());
        }
        let before = before(&self.view.memory, self.space.0, transaction.header.dot.author);
        let hash = transaction::hash(Previous(before.hash.0), &bytes);
        let chain = ChainHead { seq: transaction.header.dot.seq, hash };
        Ok(Signed { signature: self.key.sign(&hash), before, bytes, chain })
    }

    fn recorded(
        &mut self,
        transaction: Transaction,
        signed: Signed,
        merged: Merged,
        results: Vec<crate::write::StatementResult>,
        pending: &mut Pending,
    ) -> Written {
        let arrival = self.view.memory.position - 1;
        let header = transaction.header;
        let dot = header.dot;
        pending.committed.push(CommittedTransaction {
            arrival,
            dot,
            time_ms: header.time_ms,
            local: true,
            changes: merged.changes.clone(),
        });
        pending.push_local(arrival, dot.author, &signed);
        pending.recent.push(Recent {
            arrival,
            header,
            bytes: signed.bytes,
            signature: Some(signed.signature),
            hash: signed.chain.hash,
            ends_record: true,
        });
        Written { dot: Some(dot), results, changes: merged.changes, repeated: false }
    }

    pub(super) fn run_remote(
        &mut self,
        job: &mut RemoteJob,
        pending: &mut Pending,
    ) -> Result<Received, JobError> {
        job.goes_on = false;
        self.view.effect = job.effect.as_ref().map(SharedEffect::take);
        let received = self.take_block(job, pending);
        if let (Some(shared), Some(effect)) = (&job.effect, self.view.effect.take()) {
            shared.put(effect);
        }
        received
    }

    /// Takes in a block; of a long one, for which users' writes would have to wait, a part: `job` is then
    /// what is left of it.
    fn take_block(&mut self, job: &mut RemoteJob, pending: &mut Pending) -> Result<Received, JobError> {
        let since = Instant::now();
        let block = Block::decode(&job.block).map_err(verify::Fault::from).map_err(ReceiveError::from)?;
        let memory = &self.view.memory;
        let held = HeldHere { view: &self.view, log: &self.log, recent: &pending.recent };
        let known = Known {
            space: self.space,
            chains: &memory.chains,
            branches: None,
            held: &held,
            membership: &memory.membership,
            withheld: &job.withheld,
        };
        let Verified { incoming, forks, withheld, left_out, .. } =
            verify::verify(&block, known).map_err(ReceiveError::from)?;
        for fork in &forks {
            self.shared.forks.note(&self.log, &self.forks, *fork);
        }
        let first = self.view.memory.position;
        let mut chains_before = Chains::new();
        let mut builder = (incoming.len() < block.len()).then(BlockBuilder::default);
        let mut received = std::mem::take(&mut job.before);
        received.forks.extend(forks);
        received.withheld.join(&withheld);
        received.left_out |= left_out;
        let mut count = 0;
        let mut recent: Vec<Recent> = Vec::new();
        let mut committed: Vec<CommittedTransaction> = Vec::new();
        // Authors whose last transaction so far has no signature: up to there, nobody could verify it.
        let mut unsigned: BTreeSet<Author> = BTreeSet::new();
        let mut incoming = incoming.into_iter();
        while let Some(one) = incoming.next() {
            let header = &one.transaction.header;
            let author = header.dot.author;
            let arrival = self.view.memory.position;
            chains_before
                .entry(author.into())
                .or_insert_with(|| before(&self.view.memory, self.space.0, author));
            self.clock.observe(header.time_ms, job.now_ms);
            let chain = ChainHead { seq: header.dot.seq, hash: one.hash };
            let merged = self.view.merge(&one.transaction, chain)?;
            let (bytes, signature) = block.get(one.at).unwrap_or_default();
            if let Some(builder) = &mut builder {
                builder.push(author, bytes, signature);
            }
            recent.push(Recent {
                arrival,
                header: header.clone(),
                bytes: bytes.to_vec(),
                signature,
                hash: one.hash,
                ends_record: false,
            });
            add_changes(&mut received.changes, &merged.changes);
            committed.push(CommittedTransaction {
                arrival,
                dot: header.dot,
                time_ms: header.time_ms,
                local: false,
                changes: merged.changes,
            });
            count += 1;
            match signature {
                Some(_) => unsigned.remove(&author),
                None => unsigned.insert(author),
            };
            if unsigned.is_empty() && incoming.len() > 0 && !job.at_once && self.is_pressed(since) {
                let mut part = BlockBuilder::default();
                let mut rest = BlockBuilder::default();
                for one in &recent {
                    part.push(one.header.dot.author, &one.bytes, one.signature);
                }
                for one in incoming.by_ref() {
                    let (bytes, signature) = block.get(one.at).unwrap_or_default();
                    rest.push(one.transaction.header.dot.author, bytes, signature);
                }
                (job.block, job.goes_on) = (rest.finish(), true);
                builder = Some(part);
            }
        }
        received.transactions += count;
        if count > 0 {
            pending.close();
            let bytes = builder.map_or_else(|| job.block.clone(), BlockBuilder::finish);
            let count = count as u32;
            pending.records.push(Record { arrival: first, block: bytes, count, before: chains_before });
            recent.iter_mut().for_each(|one| one.ends_record = one.arrival + 1 == self.view.memory.position);
            pending.recent.append(&mut recent);
            pending.committed.append(&mut committed);
        }
        if self.view.effect.is_some() {
            // Rows that waited for a table are there with it; conflicts of crowded rows are listed.
            self.view.lay_out()?;
            self.view.write_crowded()?;
        }
        received.vector = self.view.memory.vector();
        if job.goes_on {
            job.withheld.join(&received.withheld);
            job.before = received.clone();
        }
        Ok(received)
    }

    /// Joins small records once they make a full block together.
    pub(crate) fn seal(&mut self) {
        if self.unsealed_bytes < SEAL_AFTER_BYTES {
            return;
        }
        self.unsealed_bytes = 0;
        loop {
            match self.log.seal(self.sealed, self.log_end) {
                Ok(next) if next == self.sealed => break,
                Ok(next) => self.sealed = next,
                Err(error) => {
                    tracing::warn!(%error, "records could not be joined");
                    break;
                }
            }
        }
        if let Err(error) = self.view.put_state("sealed", self.sealed as i64) {
            tracing::warn!(%error, "the view could not be changed");
        }
    }
}

/// A transaction of this site, ready for the log.
struct Signed {
    bytes: Vec<u8>,
    signature: Signature,
    chain: ChainHead,
    before: ChainHead,
}

/// The author's last transaction; before its first, the space itself; before the very first
/// transaction of the space, nothing.
fn before(memory: &Memory, space: [u8; 32], author: Author) -> ChainHead {
    let first = if memory.position == 0 { Previous::GENESIS.0 } else { space };
    memory.chains.get(&Chain::from(author)).copied().unwrap_or(ChainHead { seq: 0, hash: TxHash(first) })
}

impl Pending {
    /// What was answered so far to the request of that key.
    pub(super) fn answer(&self, key: &[u8; 32]) -> Option<Answer> {
        let (key, written, _) = self.answers.iter().find(|(name, ..)| name.key == *key)?;
        Some(Answer { request: key.request, written: Written { repeated: true, ..written.clone() } })
    }

    /// Keeps of the transactions recorded so far only what later ones are compared with.
    pub(super) fn forget_bytes(&mut self) {
        self.records.clear();
        self.committed.clear();
        self.recent.iter_mut().for_each(|recent| recent.bytes = Vec::new());
    }

    /// The transactions recorded so far.
    pub(super) fn recent(&self) -> &[Recent] {
        &self.recent
    }

    fn push_local(&mut self, arrival: u64, author: Author, signed: &Signed) {
        let (_, before, builder) =
            self.open.get_or_insert_with(|| (arrival, Chains::new(), BlockBuilder::default()));
        before.entry(author.into()).or_insert(signed.before);
        builder.push(author, &signed.bytes, Some(signed.signature));
        if builder.is_full() {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some((arrival, before, builder)) = self.open.take() {
            let count = builder.len() as u32;
            self.records.push(Record { arrival, block: builder.finish(), count, before });
        }
    }
}

/// Jobs of one kind share a SQLite transaction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Users' statements and choices.
    User,
    /// Received blocks, changes of members and schema.
    Other,
}

impl Kind {
    fn of(job: &Job) -> Self {
        match job {
            Job::Local(LocalJob { work, .. }) => match work {
                LocalWork::Sql(_) | LocalWork::Ready(_) | LocalWork::Alone(..) | LocalWork::Resolve(_) => {
                    Self::User
                }
                _ => Self::Other,
            },
            Job::Remote(_) => Self::Other,
        }
    }
}

pub(super) enum JobError {
    /// A user's statement was ended.
    Ended(End),
    Refused(Refusal),
    Write(WriteError),
    Receive(ReceiveError),
    View(ViewError),
}

impl From<Refusal> for JobError {
    fn from(error: Refusal) -> Self {
        Self::Refused(error)
    }
}

impl From<WriteError> for JobError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<ReceiveError> for JobError {
    fn from(error: ReceiveError) -> Self {
        Self::Receive(error)
    }
}

impl From<ViewError> for JobError {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

impl From<LocalError> for JobError {
    fn from(error: LocalError) -> Self {
        match error {
            LocalError::Refused(refusal) => Self::Refused(refusal),
            LocalError::View(error) => Self::View(error),
        }
    }
}

impl Done {
    fn answer(self) {
        match (self.job, self.outcome) {
            (Job::Local(job), Outcome::Written(written)) => (job.reply)(Ok(written)),
            (Job::Remote(job), Outcome::Received(received)) => (job.reply)(Ok(received)),
            _ => {}
        }
    }
}

/// A job of this site.
fn local(job: Job) -> Option<LocalJob> {
    match job {
        Job::Local(job) => Some(job),
        Job::Remote(_) => None,
    }
}

pub(super) fn answer_error(job: Job, error: JobError) {
    if matches!(&error, JobError::View(error) if error.is_full_disk()) {
        return answer_log_failed(job, &Arc::new(full_disk()));
    }
    match job {
        Job::Local(LocalJob { reply, .. }) => reply(Err(match error {
            JobError::Ended(End::Stopping) => WriteError::Closed,
            JobError::Ended(end) => Refusal::of_end(end).into(),
            JobError::Refused(refusal) => refusal.into(),
            JobError::Write(error) => error,
            JobError::View(error) => error.into(),
            JobError::Receive(_) => WriteError::Closed,
        })),
        Job::Remote(RemoteJob { reply, .. }) => reply(Err(match error {
            JobError::Receive(error) => error,
            JobError::View(error) => error.into(),
            JobError::Ended(_) | JobError::Refused(_) | JobError::Write(_) => ReceiveError::Closed,
        })),
    }
}

pub(super) fn answer_failed(job: Job, error: &Arc<ViewError>) {
    if error.is_full_disk() {
        return answer_log_failed(job, &Arc::new(full_disk()));
    }
    answer_error(job, JobError::View(ViewError::Behind(error.to_string())));
}

fn answer_log_failed(job: Job, error: &Arc<LogError>) {
    let error = match &**error {
        LogError::Poisoned => LogError::Poisoned,
        LogError::ReadOnly => LogError::ReadOnly,
        // The kind is what tells a full disk from others.
        LogError::Io(error) => LogError::Io(std::io::Error::new(error.kind(), error.to_string())),
        other => LogError::Io(std::io::Error::other(other.to_string())),
    };
    match job {
        Job::Local(job) => (job.reply)(Err(error.into())),
        Job::Remote(job) => (job.reply)(Err(error.into())),
    }
}

/// A full disk is told the same way whether it is the log or the view that finds no room.
fn full_disk() -> LogError {
    LogError::Io(std::io::ErrorKind::StorageFull.into())
}
