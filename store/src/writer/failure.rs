//! Why a job came to nothing, and what whoever asked for it is told.

use std::sync::Arc;

use tandem_protocol::cause::Cause;

use super::commands::{Job, LocalJob, RemoteJob};
use crate::log::LogError;
use crate::receive::ReceiveError;
use crate::refusal::Refusal;
use crate::view::guard::End;
use crate::view::{LocalError, ViewError};
use crate::write::WriteError;

/// Why a job came to nothing.
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
    answer_error(job, JobError::View(ViewError::Behind(Cause::from(&**error))));
}

pub(super) fn answer_log_failed(job: Job, error: &Arc<LogError>) {
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
