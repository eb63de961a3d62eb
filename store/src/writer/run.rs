//! One job as it runs: what it changes, and what it leaves to be recorded, is undecided until it is
//! kept. Each kind of work has a file of its own; here they part.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_protocol::clock::Clock;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Schema, SchemaOp, ddl};

use super::commands::{Job, LocalJob, LocalWork};
use super::failure::JobError;
use super::labels::{Labels, Rules};
use super::log_writer::LogWriter;
use super::observed;
use super::ready::{Ready, rows_of};
use super::records::{GivenAnswer, Recorded, Records};
use super::unseen::holds;
use crate::edits::Edits;
use crate::owner::WRITE_DEADLINE;
use crate::published::Published;
use crate::receive::Received;
use crate::refusal::Refusal;
use crate::view::guard::{End, Leave, WRITE_BYTES};
use crate::view::{Place, Savepoint, Tables, ViewResult, heap};
use crate::write::{SourceOffset, Write, WriteError, Written};

/// How long a statement may hold up others before it goes aside.
const TURN: Duration = Duration::from_millis(40);

/// A job as it runs: what it changes in the view, and what it leaves to be recorded.
pub(super) struct JobRun<'r> {
    pub view: Savepoint<'r>,
    pub log: &'r LogWriter,
    pub published: &'r Arc<Published>,
    /// What the group has recorded before it.
    pub before: &'r Records,
    pub clock: Clock,
    pub now_ms: i64,
    /// Whether a long write can go aside.
    pub has_aside: bool,
    pub recorded: Option<Recorded>,
    pub answer: Option<GivenAnswer>,
    /// How far the sources of its edits have come.
    pub offsets: Vec<SourceOffset>,
}

/// What a job came to.
pub(super) enum Outcome {
    Written(Written),
    Received(Received),
    /// Part of a block; the rest is to be asked for again.
    Part,
}

impl JobRun<'_> {
    /// Keeps what it did in the view, and gives what it leaves to be recorded.
    pub fn keep(self) -> ViewResult<(Clock, Option<Recorded>, Option<GivenAnswer>)> {
        let Self { view, clock, recorded, answer, offsets, .. } = self;
        assert!(offsets.is_empty(), "an offset is kept with the transaction that brought it");
        let is_answered_alike = |answer: &GivenAnswer| answer.written.dot.is_some() == recorded.is_some();
        assert!(
            answer.as_ref().is_none_or(is_answered_alike),
            "who is told of a transaction finds it recorded"
        );
        view.keep()?;
        Ok((clock, recorded, answer))
    }

    pub fn run(&mut self, job: &mut Job) -> Result<Outcome, JobError> {
        assert!(self.recorded.is_none() && self.answer.is_none(), "a job runs once");
        match job {
            Job::Local(job) => self.run_local(job).map(Outcome::Written),
            Job::Remote(job) => {
                let received = self.run_remote(job)?;
                Ok(if job.goes_on { Outcome::Part } else { Outcome::Received(received) })
            }
        }
    }

    fn run_local(&mut self, job: &mut LocalJob) -> Result<Written, JobError> {
        let me = self.log.key.author();
        if !matches!(job.work, LocalWork::Found(..)) {
            if !self.view.fold.membership.is_founded() {
                return Err(Refusal::not_founded().into());
            }
            if !self.view.fold.membership.may_write(&me) {
                return Err(Refusal::not_a_writer().into());
            }
        }
        match &mut job.work {
            LocalWork::Sql(write) => {
                // Where nobody can come back, nobody gives way.
                let gives_way = self.has_aside && job.home.is_some() && write.edits.are_statements();
                let turn = gives_way.then(|| Instant::now() + TURN);
                let deadline = write.owner.deadline(WRITE_DEADLINE);
                self.watched(write, deadline, turn, |run| run.run_sql(write, None))
            }
            LocalWork::Ready(ready) => self.run_sql(&ready.write, Some(ready)),
            LocalWork::Alone(write, deadline) => {
                let deadline = write.owner.deadline(WRITE_DEADLINE).min(*deadline);
                self.watched(write, deadline, None, |run| run.run_sql(write, None))
            }
            LocalWork::Nothing => Err(WriteError::Closed.into()),
            LocalWork::Schema(sql) => self.change_schema(sql),
            LocalWork::Resolve(resolution) => self.run_resolution(resolution),
            LocalWork::Member(make) => {
                let op = make(&self.view.fold.membership, &me).map_err(JobError::Write)?;
                self.record(vec![Op::Member(op)], Vec::new(), Labels::default())
            }
            LocalWork::Found(founding, schema) => {
                try_out(&self.view.fold.tables, schema)?;
                let founding = Op::Member((**founding).clone());
                let ops = std::iter::once(founding).chain(schema.iter().cloned().map(Op::Schema)).collect();
                self.record(ops, Vec::new(), Labels::default())
            }
            #[cfg(any(test, feature = "simulation"))]
            LocalWork::Ops(ops) => self.record(ops.clone(), Vec::new(), Labels::default()),
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
        let _running = self.published.running.enter(&write.owner, true, write.begins());
        self.view.guard().begin(Leave {
            owner: write.owner.clone(),
            deadline,
            stopping: Arc::clone(&self.published.stopping),
            gives_way: turn.map(|until| (until, Arc::clone(&self.published.waiting))),
        });
        let memory = heap::Bound::new(WRITE_BYTES);
        let ran = run(self);
        let end = self.view.guard().finish();
        match (ran, if memory.was_met() { Some(End::Memory) } else { end }) {
            (Err(JobError::View(_) | JobError::Refused(_)), Some(end)) => Err(JobError::Ended(end)),
            (ran, _) => ran,
        }
    }

    fn run_sql(&mut self, write: &Write, ready: Option<&Ready>) -> Result<Written, JobError> {
        let key = write.request_key();
        if let Some(key) = &key
            && let Some(answer) = self.answered_before(key, write)?
        {
            return Ok(answer);
        }
        if let Some(basis) = &write.basis
            && !holds(&self.view, basis)?
        {
            return Err(Refusal::unknown_basis().into());
        }
        let labels = Labels {
            key,
            by: write.by.clone(),
            message: write.message.clone(),
            basis: write.basis.clone(),
            offsets: write.offsets.clone(),
        };
        let written = match ready {
            Some(ready) => self.run_ready(ready, labels)?,
            None => match &write.edits {
                Edits::Observed(changes) => observed::record(self, changes, labels)?,
                edits => self.record_edits((edits, Rules::Judged), Vec::new(), labels)?,
            },
        };
        let now_ms = self.now_ms;
        self.answer = key.map(|key| GivenAnswer { key, written: written.clone(), now_ms });
        Ok(written)
    }

    /// Records what a write did aside.
    fn run_ready(&mut self, ready: &Ready, labels: Labels) -> Result<Written, JobError> {
        let numbers = &self.view.fold.numbers;
        let has_given_on = |(place, before): &(Place, u64)| numbers.greatest(*place) != *before;
        if ready.me != self.log.key.author()
            || ready.numbers.iter().any(has_given_on)
            || ready.is_overtaken(&self.log.log, self.log.end, self.before.recent())?
        {
            return Err(JobError::Ended(End::GivesWay));
        }
        debug_assert!(
            rows_of(&ready.ops).all(|row| ready.rows.contains(&row)),
            "what ran aside names the rows it changes"
        );
        let open = self.view.fold.conflicts.figures.open;
        let is_judged = labels.basis.is_none();
        let written = self.record(ready.ops.clone(), ready.results.clone(), labels)?;
        // Its rows it has judged; what others wrote meanwhile may not go together with them.
        if is_judged && self.view.fold.conflicts.figures.open > open {
            return Err(JobError::Ended(End::GivesWay));
        }
        Ok(written)
    }

    fn change_schema(&mut self, sql: &str) -> Result<Written, JobError> {
        self.view.lay_out()?;
        let ops = ddl::plan(sql, &self.view.fold.tables.schema).map_err(|error| Refusal::of_ddl(&error))?;
        try_out(&self.view.fold.tables, &ops)?;
        let ops = ops.into_iter().map(Op::Schema).collect();
        self.record(ops, Vec::new(), Labels { message: Some("schema".into()), ..Labels::default() })
    }
}

/// Refuses a schema change that this program could not lay out, before it is signed.
fn try_out(tables: &Tables, ops: &[SchemaOp]) -> Result<(), Refusal> {
    let mut after = Schema::clone(&tables.schema);
    after.add_next(ops);
    after.rejudge();
    crate::view::try_out(&after, &tables.unread).map_err(Refusal::of_layout)
}
