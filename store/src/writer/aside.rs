//! A long write aside: run on a copy of the view, so that others can write meanwhile.
//!
//! The writer is one. A statement that has run for a moment while others wait is taken back, and
//! runs again here, where it holds nobody up, for as long as its owner waits. What it changed then
//! comes back to the writer as ops. They are recorded if none of the rows was changed meanwhile and
//! no rule is broken by what was; else it was overtaken, and runs again: aside once more, and after
//! that alone on the writer, for about as long as it has shown to need. A statement that never ends
//! so never holds the writer for longer than that moment; one that ends gets through.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::Author;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, TableId};
use tandem_protocol::transaction::Transaction;

use super::commands::{Command, Job, LocalJob, LocalWork};
use super::failure::JobError;
use super::record::Labels;
use super::recovery::{remove_view, transactions};
use super::run::JobRun;
use super::unseen::unseen;
use super::{OpenFailure, Writer, answer_error};
use crate::identity::Identity;
use crate::log::SpaceLog;
use crate::owner::WRITE_DEADLINE;
use crate::space::Shared;
use crate::view::guard::{End, Leave, WRITE_BYTES};
use crate::view::{Group, Unseen, View, ViewError, copy, heap};
use crate::write::{StatementResult, Write, Written};

/// Name of the copy in the space's folder.
const COPY_FILE: &str = "aside.sqlite";

/// How long a statement may hold up others before it goes aside.
pub(super) const TURN: Duration = Duration::from_millis(40);

/// How often a statement runs aside before it is given the writer alone.
const TIMES: u8 = 2;

/// A write that has run aside, or that did so in vain.
pub(crate) struct Ready {
    pub write: Write,
    /// What it does.
    pub ops: Vec<Op>,
    /// What its statements are answered with.
    pub results: Vec<StatementResult>,
    /// The rows it changes.
    rows: HashSet<(TableId, Vec<u8>)>,
    /// The arrival up to which it knows everything.
    position: u64,
    /// Who this site was: in the ids and documents that it makes.
    me: Author,
    /// How often it ran aside.
    times: u8,
    /// How long it took.
    took: Duration,
}

/// Where long writes run. Ends with the writer.
pub(super) struct Aside {
    place: Place,
    worker: Option<(Sender<Box<Waiting>>, JoinHandle<()>)>,
}

/// A write that waits to run aside.
struct Waiting {
    job: LocalJob,
    write: Write,
    /// How often it did.
    times: u8,
}

#[derive(Clone)]
struct Place {
    view: PathBuf,
    log: SpaceLog,
    shared: Arc<Shared>,
    identity: Identity,
    judge: Judge,
}

impl Aside {
    /// Beside the view at `view`. What an earlier run left there goes.
    pub fn of(
        view: &Path,
        log: SpaceLog,
        shared: Arc<Shared>,
        identity: Identity,
        judge: Judge,
    ) -> Result<Self, OpenFailure> {
        let place = Place { view: view.to_owned(), log, shared, identity, judge };
        remove_view(&place.copy())?;
        Ok(Self { place, worker: None })
    }

    /// Lets a write run aside and come back. It is given back if that cannot be.
    fn put(&mut self, waiting: Box<Waiting>) -> Result<(), Box<Waiting>> {
        if self.worker.is_none() {
            let (send, receive) = channel();
            let place = self.place.clone();
            let thread = std::thread::Builder::new().name("tandem-aside".into());
            match thread.spawn(move || place.serve(&receive)) {
                Ok(thread) => self.worker = Some((send, thread)),
                Err(error) => {
                    tracing::warn!(%error, "a long write cannot run aside, and holds up others");
                    return Err(waiting);
                }
            }
        }
        match &self.worker {
            Some((worker, _)) => worker.send(waiting).map_err(|error| error.0),
            None => Err(waiting),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some((worker, thread)) = self.worker.take() {
            drop(worker);
            let _ended_either_way = thread.join();
        }
    }
}

impl Place {
    fn copy(&self) -> PathBuf {
        self.view.with_file_name(COPY_FILE)
    }

    fn serve(&self, waiting: &Receiver<Box<Waiting>>) {
        while let Ok(waiting) = waiting.recv() {
            let Waiting { mut job, write, times } = *waiting;
            let ran = self.run(&write, times, job.now_ms);
            let _removed_at_the_next_start = remove_view(&self.copy());
            let ready = match ran {
                Ok(ready) => ready,
                Err(error) => {
                    self.shared.comes_back();
                    answer_error(Job::Local(job), error);
                    continue;
                }
            };
            let Some(home) = job.home.clone() else { continue };
            job.work = LocalWork::Ready(Box::new(ready));
            self.shared.comes_back();
            let _dropped_when_closing = home.send(Command::Job(Job::Local(job)));
        }
    }

    fn run(&self, write: &Write, times: u8, now_ms: i64) -> Result<Ready, JobError> {
        let _running = self.shared.running.enter(&write.owner, true, write.begins());
        let is_over = || {
            if self.shared.is_stopping() {
                Some(End::Stopping)
            } else {
                write.owner.has_left().then_some(End::Left)
            }
        };
        if let Some(end) = is_over() {
            return Err(JobError::Ended(end));
        }
        let path = self.copy();
        copy(&self.view, &path, || is_over().is_some()).map_err(|error| match is_over() {
            Some(end) => JobError::Ended(end),
            None => JobError::View(error),
        })?;
        let began = Instant::now();
        let me = self.identity.author();
        let mut view = View::open(&path, me, self.judge)?;
        let position = view.fold.position.next;
        let mut view = Group::begin(&mut view)?;
        view.guard().begin(Leave {
            owner: write.owner.clone(),
            deadline: write.owner.deadline(WRITE_DEADLINE),
            stopping: Arc::clone(&self.shared.stopping),
            gives_way: None,
        });
        let memory = heap::Bound::new(WRITE_BYTES);
        let ran = (|| {
            let unseen = match &write.basis {
                Some(basis) => unseen(&view, &self.log, position, basis, &[])?,
                None => Unseen::default(),
            };
            Ok(view.run_local(&write.statements, &unseen, true, now_ms)?)
        })();
        let end = if memory.was_met() { Some(End::Memory) } else { view.guard().finish() };
        drop(memory);
        let local = match (ran, end) {
            (Ok(local), _) => local,
            (Err(_), Some(end)) => return Err(JobError::Ended(end)),
            (Err(error), None) => return Err(error),
        };
        Ok(Ready {
            write: write.clone(),
            rows: rows_of(&local.ops).collect(),
            ops: local.ops,
            results: local.results,
            position,
            me,
            times: times + 1,
            took: began.elapsed(),
        })
    }
}

impl Writer {
    /// A statement had its turn, and others wait.
    pub(super) fn put_aside(&mut self, mut job: LocalJob) {
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
        // It waits there, not for the writer.
        self.shared.goes_aside();
        if let Err(waiting) = aside.put(Box::new(Waiting { job, write, times })) {
            let Waiting { mut job, write, .. } = *waiting;
            self.shared.comes_back();
            job.work = LocalWork::Alone(write, WRITE_DEADLINE);
            self.run_group(vec![Job::Local(job)]);
        }
    }
}

impl JobRun<'_> {
    /// Records what a write did aside.
    pub(super) fn run_ready(&mut self, ready: &Ready, labels: Labels) -> Result<Written, JobError> {
        if ready.me != self.log.key.author() || self.is_overtaken(ready)? {
            return Err(JobError::Ended(End::GivesWay));
        }
        let open = self.view.fold.conflicts.figures.open;
        let is_judged = labels.basis.is_none();
        let written = self.record(ready.ops.clone(), ready.results.clone(), labels)?;
        // Its rows it has judged; what others wrote meanwhile may not go together with them.
        if is_judged && self.view.fold.conflicts.figures.open > open {
            return Err(JobError::Ended(End::GivesWay));
        }
        Ok(written)
    }

    /// Whether a row it changes was changed since, or the tables were.
    fn is_overtaken(&self, ready: &Ready) -> Result<bool, JobError> {
        let meets = |transaction: &Transaction| {
            let schema = transaction.ops.iter().any(|op| matches!(op, Op::Schema(_)));
            schema || rows_of(&transaction.ops).any(|row| ready.rows.contains(&row))
        };
        let unreadable = |error: crate::log::LogError| ViewError::Behind(Cause::from(&error));
        for record in self.log.log.records(ready.position, self.log.end) {
            let record = record.map_err(unreadable)?;
            for (arrival, transaction, _) in transactions(&record).map_err(unreadable)? {
                if arrival >= ready.position && meets(&transaction) {
                    return Ok(true);
                }
            }
        }
        // Those of the group at hand are not in the log yet.
        let recent = self.before.recent().iter().filter(|recent| recent.arrival >= ready.position);
        Ok(recent.filter_map(|recent| Transaction::decode(&recent.bytes).ok()).any(|one| meets(&one)))
    }
}

fn rows_of(ops: &[Op]) -> impl Iterator<Item = (TableId, Vec<u8>)> {
    let groups = ops.iter().filter_map(|op| match op {
        Op::Rows(group) => Some(group),
        _ => None,
    });
    groups.flat_map(|group| (0..group.rows()).map(|at| (group.table_id, group.key(at).to_bytes())))
}
