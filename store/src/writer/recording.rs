//! A group of jobs as it is recorded: what they change in the view, and what the log is to say of it.
//! `commit` decides it; dropped, it never was.

use std::sync::Arc;

use tandem_protocol::clock::Clock;

use super::commands::Job;
use super::failure::JobError;
use super::log_writer::LogWriter;
use super::records::Records;
use super::run::{JobRun, Outcome};
use crate::log::LogError;
use crate::published::Published;
use crate::view::{Group, View, ViewError, ViewResult};

/// A group of jobs that is being recorded: `commit` decides it; dropped, it never was.
pub(super) struct Recording<'w> {
    log: &'w mut LogWriter,
    view: Group<'w>,
    published: &'w Arc<Published>,
    records: Records,
    clock: Clock,
    /// Whether long writes can go aside.
    has_aside: bool,
}

/// What became of a recording.
pub(super) enum Decided {
    /// There was nothing to record.
    Empty,
    /// The log could not be made durable: nothing was recorded.
    Failed(LogError),
    /// It is in the log, and in the view, if that could be committed.
    Durable(Box<Records>, Result<(), ViewError>),
}

impl<'w> Recording<'w> {
    pub fn begin(
        log: &'w mut LogWriter,
        view: &'w mut View,
        published: &'w Arc<Published>,
        has_aside: bool,
    ) -> ViewResult<Self> {
        assert_eq!(view.fold.position.next, log.end, "a recording begins where view and log end");
        let (view, clock) = (Group::begin(view)?, log.clock.clone());
        Ok(Self { log, view, published, records: Records::default(), clock, has_aside })
    }

    /// Runs a job. What it comes to is kept as a whole, or vanishes as a whole.
    pub fn run(&mut self, job: &mut Job, is_alone: bool) -> Result<Outcome, JobError> {
        assert!(!self.is_lost(), "no job runs in a group that was taken back");
        let mut run = JobRun {
            view: self.view.job(is_alone)?,
            log: self.log,
            published: self.published,
            before: &self.records,
            clock: self.clock.clone(),
            now_ms: job.now_ms(),
            has_aside: self.has_aside,
            recorded: None,
            answer: None,
            offsets: Vec::new(),
        };
        let outcome = run.run(job)?;
        let (clock, recorded, answer) = run.keep()?;
        self.clock = clock;
        if let Some(recorded) = recorded {
            self.records.add(recorded);
        }
        if let Some(answer) = answer {
            self.records.add_answer(answer);
        }
        Ok(outcome)
    }

    /// Whether its jobs are gone: SQLite took the whole group back.
    pub fn is_lost(&self) -> bool {
        self.view.is_lost()
    }

    /// Keeps of what was recorded so far only what later jobs are compared with. It is then not to be
    /// committed.
    pub fn forget_bytes(&mut self) {
        self.records.forget_bytes();
    }

    /// Log first, then the view.
    pub fn commit(mut self) -> Decided {
        self.records.close();
        if self.records.is_empty() {
            return Decided::Empty;
        }
        assert!(!self.is_lost(), "what is recorded is in the view");
        if let Err(error) = self.log.write(&self.records) {
            return Decided::Failed(error);
        }
        self.log.clock = self.clock;
        assert_eq!(self.view.fold.position.next, self.log.end, "the view is to hold what the log holds");
        Decided::Durable(Box::new(self.records), self.view.commit())
    }
}
