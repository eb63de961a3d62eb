//! A group of jobs: run, made durable together, committed together, answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Writer;
use super::aside::Waiting;
use super::commands::{Job, LocalJob, LocalWork};
use super::failure::{JobError, answer_error, answer_failed, answer_log_failed};
use super::intake::is_pressed;
use super::recording::{Decided, Recording};
use super::run::Outcome;
use crate::commit::{Commit, CommittedTransaction};
use crate::log::LogError;
use crate::owner::WRITE_DEADLINE;
use crate::published::Published;
use crate::recent::Recent;
use crate::refusal::Refusal;
use crate::view::ViewError;
use crate::view::guard::End;

/// How often a statement runs aside before it is given the writer alone.
const TIMES: u8 = 2;

/// A job that ran, and how it is answered once durable.
struct RanJob {
    job: Job,
    outcome: Outcome,
}

/// The jobs of a group that have run, and those that have not.
#[derive(Default)]
struct Progress {
    done: Vec<RanJob>,
    /// Long writes that go aside.
    aside: Vec<LocalJob>,
    /// Those that let users' writes go first.
    put_off: Vec<Job>,
}

impl Writer {
    /// Runs jobs, those of one kind together and in order. Users' writes go first: whoever made one
    /// cannot have seen a block that still waits, so it must not count as knowing it, and is not to
    /// wait for it either.
    pub(crate) fn run_group(&mut self, mut jobs: Vec<Job>) {
        self.take_up_identity();
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

    fn run_same(&mut self, jobs: Vec<Job>) {
        if let Err(error) = self.log.log.has_room() {
            let full = Arc::new(error);
            return jobs.into_iter().for_each(|job| answer_log_failed(job, &full));
        }
        let Some((progress, ended)) = self.record(jobs) else { return };
        match ended {
            Ended::Decided(decided) => {
                self.finish(decided, progress.done);
                self.put_off.extend(progress.put_off);
            }
            Ended::Lost(lost) => {
                let Lost { job, error, rest } = *lost;
                self.failed(job, error);
                self.run_same(progress.done.into_iter().map(|done| done.job).chain(rest).collect());
            }
        }
        progress.aside.into_iter().for_each(|job| self.put_aside(job));
    }

    /// Runs jobs in one recording. Nothing, if it could not begin; they are answered then.
    fn record(&mut self, jobs: Vec<Job>) -> Option<(Progress, Ended)> {
        let is_same = |pair: &[Job]| Kind::of(&pair[0]) == Kind::of(&pair[1]);
        debug_assert!(jobs.windows(2).all(is_same), "jobs that are recorded together are of one kind");
        let has_aside = self.aside.is_some();
        let recording = self
            .catch_up()
            .and_then(|()| Recording::begin(&mut self.log, &mut self.view, &self.published, has_aside));
        match recording {
            Ok(recording) => Some(run_all(recording, jobs, &self.published)),
            Err(error) => {
                let failed = Arc::new(error);
                jobs.into_iter().for_each(|job| answer_failed(job, &failed));
                None
            }
        }
    }

    /// A job came to nothing; or its statement goes aside.
    fn failed(&mut self, job: Job, error: JobError) {
        match (job, error) {
            (Job::Local(job), JobError::Ended(End::GivesWay)) => self.put_aside(job),
            (job, error) => answer_error(job, error),
        }
    }

    /// A statement had its turn, and others wait.
    fn put_aside(&mut self, mut job: LocalJob) {
        let work = std::mem::replace(&mut job.work, LocalWork::Nothing);
        let (write, times) = match work {
            LocalWork::Sql(write) => (write, 0),
            LocalWork::Ready(ready) if ready.times < TIMES => (ready.write, ready.times),
            LocalWork::Ready(ready) => {
                let deadline = 2 * ready.took + Duration::from_secs(1);
                job.work = LocalWork::Alone(ready.write, deadline);
                return self.run_group(vec![Job::Local(job)]);
            }
            other => {
                job.work = other;
                return answer_error(Job::Local(job), JobError::Ended(End::GivesWay));
            }
        };
        let Some(aside) = &mut self.aside else {
            job.work = LocalWork::Alone(write, WRITE_DEADLINE);
            return self.run_group(vec![Job::Local(job)]);
        };
        assert!(times < TIMES, "a write that was overtaken so often has the writer alone");
        // It waits there, not for the writer.
        self.published.goes_aside();
        if let Err(waiting) = aside.put(Box::new(Waiting { job, write, times })) {
            let Waiting { mut job, write, .. } = *waiting;
            self.published.comes_back();
            job.work = LocalWork::Alone(write, WRITE_DEADLINE);
            self.run_group(vec![Job::Local(job)]);
        }
    }

    /// Answers those who asked, once readers and watchers are told.
    fn finish(&mut self, decided: Decided, done: Vec<RanJob>) {
        let (records, committed) = match decided {
            Decided::Empty => return done.into_iter().for_each(RanJob::answer),
            Decided::Failed(error) => {
                tracing::error!(%error, "the log could not be made durable");
                let failed: Arc<LogError> = Arc::new(error);
                return done.into_iter().for_each(|done| answer_log_failed(done.job, &failed));
            }
            Decided::Durable(records, committed) => (records, committed),
        };
        if let Err(error) = committed {
            // The log has it all; the view follows as soon as it can.
            tracing::error!(%error, "the view could not be committed");
            if let Err(error) = self.catch_up() {
                let failed: Arc<ViewError> = Arc::new(error);
                return done.into_iter().for_each(|done| answer_failed(done.job, &failed));
            }
        }
        if self.view.fold.tables.needs_rebuild
            && let Err(error) = self.rebuild()
        {
            tracing::error!(%error, "the view could not be rebuilt");
        }
        let (recent, committed) = records.told();
        self.publish(recent, committed);
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
        let end = self.view.fold.position.next;
        assert_eq!(end, self.log.end, "a reader sees what the log holds, and nothing else");
        self.published.set(&self.view.fold);
        self.published.newest().extend(recent);
        let snapshot = self.published.snapshot();
        let commit = Commit { end: snapshot.end, vector: Arc::clone(&snapshot.vector), transactions };
        self.published.tell(&commit);
    }
}

/// How the recording of a group ended.
enum Ended {
    Decided(Decided),
    Lost(Box<Lost>),
}

/// A job that took its whole group back. Those that had run, and `rest`, are to run again.
struct Lost {
    job: Job,
    error: JobError,
    rest: std::vec::IntoIter<Job>,
}

/// Runs jobs one after the other, and decides.
fn run_all(mut recording: Recording<'_>, jobs: Vec<Job>, published: &Published) -> (Progress, Ended) {
    let since = Instant::now();
    let is_alone = jobs.len() == 1;
    let mut progress = Progress::default();
    let mut jobs = jobs.into_iter();
    while let Some(mut job) = jobs.next() {
        let is_cut = progress.done.last().is_some_and(|done| matches!(done.outcome, Outcome::Part));
        let may_wait = Kind::of(&job) == Kind::Other && !progress.done.is_empty();
        if is_cut || may_wait && is_pressed(published, since) {
            progress.put_off.push(job);
            progress.put_off.extend(jobs);
            break;
        }
        let ran = recording.run(&mut job, is_alone);
        if recording.is_lost() {
            // OR ROLLBACK, or SQLite where a statement is interrupted, took the whole group back:
            // only its own job is to blame.
            let error = blamed(ran, &job);
            let lost = Lost { job, error, rest: jobs };
            return (progress, Ended::Lost(Box::new(lost)));
        }
        match (ran, job) {
            (Ok(outcome), job) => progress.done.push(RanJob { job, outcome }),
            (Err(JobError::Ended(End::GivesWay)), Job::Local(job)) => progress.aside.push(job),
            (Err(error), job) => answer_error(job, error),
        }
    }
    (progress, Ended::Decided(recording.commit()))
}

/// Why a job took its group back.
fn blamed(ran: Result<Outcome, JobError>, job: &Job) -> JobError {
    match (ran, job) {
        (Err(error @ JobError::Ended(_)), _) => error,
        (_, Job::Local(LocalJob { work: LocalWork::Sql(write), .. })) => {
            JobError::Refused(Refusal::ended_transaction(write.begins()))
        }
        _ => JobError::Refused(Refusal::ended_transaction("")),
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

impl RanJob {
    fn answer(self) {
        match (self.job, self.outcome) {
            (Job::Local(job), Outcome::Written(written)) => (job.reply)(Ok(written)),
            (Job::Remote(job), Outcome::Received(received)) => (job.reply)(Ok(received)),
            _ => {}
        }
    }
}
