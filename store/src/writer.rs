//! The one thread that writes to a space: takes what waits, runs it as one group, makes the log
//! durable once for all, commits the view, and only then answers.

mod aside;
mod commands;
mod failure;
mod group;
mod held;
mod intake;
mod labels;
mod log_writer;
mod observed;
mod open_failure;
mod ready;
mod record;
mod recording;
mod records;
mod recovery;
mod repeat;
mod replay;
mod resolve;
mod run;
mod trial;
mod unseen;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

pub(crate) use commands::{Command, Job, LocalJob, LocalWork, RemoteJob, TrialJob};

use aside::Aside;
use log_writer::LogWriter;

pub(crate) use open_failure::OpenFailure;
pub(crate) use replay::{fold, members_of, read_log};

use tandem_protocol::cause::Cause;

use crate::identity::Identity;
use crate::published::Published;
use crate::reply::Done;
use crate::view::{View, ViewError};

/// Jobs of one group at most: bounds how long the first waits for the last.
const GROUP_JOBS: usize = 256;

/// The writer of one space.
pub(crate) struct Writer {
    /// Who this site is at present; the log is signed by who it was when the group at hand began.
    identity: Identity,
    log: LogWriter,
    view: View,
    published: Arc<Published>,
    /// Where long writes run; without it, they hold up others.
    aside: Option<Aside>,
    /// Blocks, and what is left of one, that let users' writes go first.
    put_off: Vec<Job>,
}

/// Answers for a space whose view could not be opened: nothing can be written, and why.
pub(crate) fn serve_without_view(jobs: &Receiver<Command>, reason: &Cause) {
    let behind = || ViewError::Behind(reason.clone());
    while let Ok(command) = jobs.recv() {
        match command {
            Command::Job(job) => failure::answer_failed(job, &Arc::new(behind())),
            Command::Try(trial) => (trial.reply)(Err(behind().into())),
            Command::Rebuild(reply) => reply(Err(behind())),
            #[cfg(test)]
            Command::LimitColumns(_) => {}
            Command::KeyChanged(done) => done(),
            Command::Stop(done) => return done(),
        }
    }
}

impl Writer {
    /// Lets long writes run aside, beside the view at `view`.
    pub(crate) fn with_aside(mut self, view: &Path) -> Result<Self, OpenFailure> {
        assert!(self.aside.is_none(), "long writes run in one place");
        let (log, published) = (self.log.log.clone(), Arc::clone(&self.published));
        self.aside = Some(Aside::of(view, log, published, self.identity.clone(), self.view.judge())?);
        Ok(self)
    }

    /// Takes up a key that has changed. Between two groups: what is written together has one author.
    fn take_up_identity(&mut self) {
        let key = self.identity.key();
        if key.author() != self.log.key.author() {
            self.view.set_me(key.author());
            self.log.key = key;
        }
    }

    /// Joins small records once they make a full block together.
    pub(crate) fn seal(&mut self) {
        self.log.seal(&self.view);
    }

    /// Serves until told to stop, or until nobody is left to ask.
    pub(crate) fn serve(mut self, jobs: Receiver<Command>) {
        loop {
            let put_off = std::mem::take(&mut self.put_off);
            let first = if put_off.is_empty() { jobs.recv().ok() } else { jobs.try_recv().ok() };
            if put_off.is_empty() && first.is_none() {
                return;
            }
            if let Some(done) = self.run_waiting(put_off, first, &jobs) {
                while !self.put_off.is_empty() {
                    let rest = std::mem::take(&mut self.put_off);
                    self.run_group(rest);
                }
                // What runs aside comes back no more, and ends.
                drop(jobs);
                drop(self);
                done();
                return;
            }
            self.seal();
            if let Err(error) = self.view.shorten_journal() {
                tracing::warn!(%error, "the view's journal could not be shortened");
            }
        }
    }

    /// Runs what was put off, and all that waits: jobs as one group, anything else after those before
    /// it. Gives what to call when all is closed, if it is to stop.
    fn run_waiting(
        &mut self,
        mut group: Vec<Job>,
        mut next: Option<Command>,
        jobs: &Receiver<Command>,
    ) -> Option<Done> {
        let mut stop = None;
        while let Some(command) = next.take() {
            match command {
                Command::Stop(done) => {
                    stop = Some(done);
                    break;
                }
                #[cfg(test)]
                Command::LimitColumns(most) => {
                    self.run_group(std::mem::take(&mut group));
                    self.view.limit_columns(most);
                }
                Command::KeyChanged(done) => {
                    self.run_group(std::mem::take(&mut group));
                    self.take_up_identity();
                    done();
                }
                Command::Rebuild(reply) => {
                    self.run_group(std::mem::take(&mut group));
                    reply(self.rebuild());
                }
                Command::Try(trial) => {
                    self.run_group(std::mem::take(&mut group));
                    self.run_trial(trial);
                }
                Command::Job(job) => {
                    if let Job::Local(LocalJob { work, .. }) = &job
                        && work.is_asked()
                    {
                        self.published.user_taken_up();
                    }
                    group.push(job);
                }
            }
            if group.len() < GROUP_JOBS {
                next = jobs.try_recv().ok();
            }
        }
        self.run_group(group);
        stop
    }
}
