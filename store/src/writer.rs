//! The one thread that writes to a space: takes what waits, runs it as one group, makes the log
//! durable once for all, commits the view, and only then answers.

mod aside;
mod commands;
mod group;
mod held;
mod recovery;
mod repeat;
mod resolve;
mod trial;
mod unseen;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tandem_protocol::clock::Clock;
use tandem_protocol::identity::{AuthorKey, SpaceId};

pub(crate) use commands::{Command, Job, LocalJob, LocalWork, RemoteJob, Reply, TrialJob};

use aside::Aside;
use group::answer_error;

pub(crate) use recovery::{OpenFailure, fold, members_of, read_log, remove_view};

use crate::answers::Answers;
use crate::identity::Identity;
use crate::log::{Shelf, SpaceLog};
use crate::space::Shared;
use crate::view::{View, ViewError};

/// Jobs of one group at most: bounds how long the first waits for the last.
const GROUP_JOBS: usize = 256;

/// The writer of one space.
pub(crate) struct Writer {
    pub(crate) space: SpaceId,
    pub(crate) identity: Identity,
    /// The key of the group at hand: what is written together has one author.
    pub(crate) key: AuthorKey,
    pub(crate) log: SpaceLog,
    pub(crate) view: View,
    /// What was answered to requests that can come again.
    pub(crate) answers: Answers,
    /// Where forks are noted.
    pub(crate) forks: Shelf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Clock,
    /// Up to where small records have been joined.
    pub(crate) sealed: u64,
    /// Bytes of small records since.
    pub(crate) unsealed_bytes: usize,
    /// Arrival number after the last durable transaction.
    pub(crate) log_end: u64,
    /// Where long writes run; without it, they hold up others.
    aside: Option<Aside>,
    /// Blocks, and what is left of one, that let users' writes go first.
    put_off: Vec<Job>,
}

/// Answers for a space whose view could not be opened: nothing can be written, and why.
pub(crate) fn serve_without_view(jobs: &Receiver<Command>, reason: &str) {
    let behind = || ViewError::Behind(reason.to_owned());
    while let Ok(command) = jobs.recv() {
        match command {
            Command::Job(job) => group::answer_failed(job, &Arc::new(behind())),
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
        let (log, shared) = (self.log.clone(), Arc::clone(&self.shared));
        self.aside = Some(Aside::of(view, log, shared, self.identity.clone(), self.view.judge())?);
        Ok(self)
    }

    /// Takes up a key that has changed. Between two groups: what is written together has one author.
    fn take_up_identity(&mut self) {
        let key = self.identity.key();
        if key.author() != self.key.author() {
            self.view.me = key.author();
            self.view.refresh_tables();
            self.key = key;
        }
    }

    /// Serves until told to stop, or until nobody is left to ask.
    pub(crate) fn serve(mut self, jobs: Receiver<Command>) {
        loop {
            let mut group = std::mem::take(&mut self.put_off);
            let mut next = if group.is_empty() { jobs.recv().ok() } else { jobs.try_recv().ok() };
            if group.is_empty() && next.is_none() {
                return;
            }
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
                            self.shared.user_taken_up();
                        }
                        group.push(job);
                    }
                }
                if group.len() < GROUP_JOBS {
                    next = jobs.try_recv().ok();
                }
            }
            self.run_group(group);
            if let Some(done) = stop {
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
}
