//! A long write aside: run on a copy of the view, so that others can write meanwhile.
//!
//! The writer is one. A statement that has run for a moment while others wait is taken back, and
//! runs again here, where it holds nobody up, for as long as its owner waits. What it changed then
//! comes back to the writer as ops. They are recorded if none of the rows was changed meanwhile and
//! no rule is broken by what was; else it was overtaken, and runs again: aside once more, and after
//! that alone on the writer, for about as long as it has shown to need. A statement that never ends
//! so never holds the writer for longer than that moment; one that ends gets through.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use tandem_protocol::schema::Judge;

use super::commands::{Command, Job, LocalJob, LocalWork};
use super::failure::{JobError, answer_error};
use super::open_failure::OpenFailure;
use super::ready::{Ready, rows_of};
use super::unseen::unseen;
use crate::identity::Identity;
use crate::log::SpaceLog;
use crate::owner::WRITE_DEADLINE;
use crate::published::Published;
use crate::view::guard::{End, Leave, WRITE_BYTES};
use crate::view::{Group, Unseen, View, copy, file, heap};
use crate::write::Write;

/// Name of the copy in the space's folder.
const COPY_FILE: &str = "aside.sqlite";

/// Where long writes run. Ends with the writer.
pub(super) struct Aside {
    around: Surroundings,
    worker: Option<(Sender<Box<Waiting>>, JoinHandle<()>)>,
}

/// A write that waits to run aside.
pub(super) struct Waiting {
    pub job: LocalJob,
    pub write: Box<Write>,
    /// How often it did.
    pub times: u8,
}

/// What a write needs to run aside: the view to copy, the log beside it, and who this site is.
#[derive(Clone)]
struct Surroundings {
    view: PathBuf,
    log: SpaceLog,
    published: Arc<Published>,
    identity: Identity,
    judge: Judge,
}

impl Aside {
    /// Beside the view at `view`. What an earlier run left there goes.
    pub fn of(
        view: &Path,
        log: SpaceLog,
        published: Arc<Published>,
        identity: Identity,
        judge: Judge,
    ) -> Result<Self, OpenFailure> {
        let around = Surroundings { view: view.to_owned(), log, published, identity, judge };
        file::remove(&around.copy())?;
        Ok(Self { around, worker: None })
    }

    /// Lets a write run aside and come back. It is given back if that cannot be.
    pub fn put(&mut self, waiting: Box<Waiting>) -> Result<(), Box<Waiting>> {
        if self.worker.is_none() {
            let (send, receive) = channel();
            let around = self.around.clone();
            let thread = std::thread::Builder::new().name("tandem-aside".into());
            match thread.spawn(move || around.serve(&receive)) {
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

impl Surroundings {
    fn copy(&self) -> PathBuf {
        self.view.with_file_name(COPY_FILE)
    }

    fn serve(&self, waiting: &Receiver<Box<Waiting>>) {
        while let Ok(waiting) = waiting.recv() {
            let Waiting { mut job, write, times } = *waiting;
            let ran = self.run(&write, times, job.now_ms);
            let _removed_at_the_next_start = file::remove(&self.copy());
            let ready = match ran {
                Ok(ready) => ready,
                Err(error) => {
                    self.published.comes_back();
                    answer_error(Job::Local(job), error);
                    continue;
                }
            };
            let Some(home) = job.home.clone() else { continue };
            job.work = LocalWork::Ready(Box::new(ready));
            self.published.comes_back();
            let _dropped_when_closing = home.send(Command::Job(Job::Local(job)));
        }
    }

    fn run(&self, write: &Write, times: u8, now_ms: i64) -> Result<Ready, JobError> {
        let _running = self.published.running.enter(&write.owner, true, write.begins());
        let is_over = || {
            if self.published.is_stopping() {
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
            stopping: Arc::clone(&self.published.stopping),
            gives_way: None,
        });
        let memory = heap::Bound::new(WRITE_BYTES);
        let ran = (|| {
            let unseen = match &write.basis {
                Some(basis) => unseen(&view, &self.log, position, basis, &[])?,
                None => Unseen::default(),
            };
            Ok(view.run_local(&write.edits, &unseen, true, now_ms)?)
        })();
        let end = if memory.was_met() { Some(End::Memory) } else { view.guard().finish() };
        drop(memory);
        let local = match (ran, end) {
            (Ok(local), _) => local,
            (Err(_), Some(end)) => return Err(JobError::Ended(end)),
            (Err(error), None) => return Err(error),
        };
        Ok(Ready {
            write: Box::new(write.clone()),
            rows: rows_of(&local.ops).collect(),
            ops: local.ops,
            results: local.results,
            numbers: view.numbers_given(),
            position,
            me,
            times: times + 1,
            took: began.elapsed(),
        })
    }
}
