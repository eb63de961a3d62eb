//! The store's errors as causes, for whoever is to be told of them in a language.

pub(crate) mod sqlite;

use tandem_protocol::cause::{Cause, Param};

use crate::log::LogError;
use crate::open_error::{AddError, OpenError};
use crate::view::ViewError;
use crate::write::WriteError;
use crate::writer::OpenFailure;

impl From<&LogError> for Cause {
    fn from(error: &LogError) -> Self {
        match error {
            LogError::Io(error) => error.into(),
            LogError::Engine(error) => Self::new("engine").with("said", error.to_string()),
            LogError::Poisoned => Self::new("log_poisoned"),
            LogError::Unreadable(said) => Self::new("engine").with("said", said),
            LogError::ReadOnly => Self::new("file_read_only"),
            LogError::Held(path) => Self::new("file_held").with("path", path.display().to_string()),
            LogError::Damaged { arrival } => Self::new("log_damaged").with("arrival", *arrival),
            LogError::Newer(version) => Self::new("format_newer").with("version", *version),
        }
    }
}

impl From<&ViewError> for Cause {
    fn from(error: &ViewError) -> Self {
        match error {
            ViewError::Sql(error) => sqlite::cause(error),
            ViewError::Inconsistent(said) => Self::new("view_inconsistent").with("said", *said),
            ViewError::Behind(cause) => cause.clone(),
        }
    }
}

impl From<&OpenError> for Cause {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::Held { holder, .. } => Self::new("folder_held").with("holder", holder),
            OpenError::Io { path, error } => {
                Self::new("at_path").with("path", path.display().to_string()).with("fault", Self::from(error))
            }
            OpenError::Damaged { folder, damage } => {
                Self::new("file_lost").with("path", folder.join(damage.file()).display().to_string())
            }
            OpenError::ReadOnly => Self::new("file_read_only"),
            OpenError::Clock => Self::new("clock_impossible"),
            OpenError::Log(error) => error.into(),
            OpenError::Space { reason, .. } => reason.clone(),
        }
    }
}

impl From<&OpenFailure> for Cause {
    fn from(error: &OpenFailure) -> Self {
        match error {
            OpenFailure::Log(error) => error.into(),
            OpenFailure::View(error) => error.into(),
            OpenFailure::Io(error) => error.into(),
        }
    }
}

impl From<&AddError> for Cause {
    fn from(error: &AddError) -> Self {
        match error {
            AddError::Open(error) => error.into(),
            AddError::Write(WriteError::Log(error)) => error.into(),
            AddError::Write(WriteError::View(error)) => error.into(),
            AddError::Write(WriteError::Closed) => Self::new("store_closing"),
            AddError::Write(WriteError::Refused(refusal)) => match refusal.params.get("detail") {
                Some(Param::Cause(cause)) => cause.clone(),
                _ => Self::new("refused").with("code", refusal.code),
            },
        }
    }
}
