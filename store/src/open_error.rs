//! Why a folder or a space cannot be opened, or a space not be added.

use std::io;
use std::path::{Path, PathBuf};

use tandem_protocol::cause::Cause;

use crate::damage::Damage;
use crate::log::LogError;
use crate::refusal::Refusal;
use crate::write::WriteError;

/// Why a data folder cannot be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the data folder {} is in use by {holder}", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// What its holder says of itself.
        holder: String,
    },
    /// The operating system said no.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The folder was a site's, and lacks what makes it one.
    #[error("the data folder {} is damaged: {} is missing or cannot be read", folder.display(), damage.file())]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What of it.
        damage: Damage,
    },
    /// Nothing can be written where the folder lies.
    #[error("nothing can be written where the data folder lies")]
    ReadOnly,
    /// This PC's clock says that it is before 1970, when the count of time begins.
    #[error("this PC's clock says that it is before 1970")]
    Clock,
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A space cannot be opened.
    #[error("the space {name} cannot be opened: {reason}")]
    Space {
        /// Its name.
        name: String,
        /// Why not.
        reason: Cause,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    pub(crate) fn damaged(folder: &Path, damage: Damage) -> Self {
        Self::Damaged { folder: folder.to_owned(), damage }
    }

    pub(crate) fn is_full_disk(&self) -> bool {
        match self {
            Self::Io { error, .. } | Self::Log(LogError::Io(error)) => {
                error.kind() == io::ErrorKind::StorageFull
            }
            _ => false,
        }
    }

    pub(crate) fn space(name: &str, reason: Cause) -> Self {
        Self::Space { name: name.to_owned(), reason }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Log(error.into())
    }
}

/// Why a space could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The name, schema or founding was refused.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The space could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<Refusal> for AddError {
    fn from(refusal: Refusal) -> Self {
        Self::Write(refusal.into())
    }
}

impl OpenError {
    /// The same, of the folder that was asked for and not of its copy.
    pub(crate) fn of(self, folder: &Path) -> Self {
        match self {
            Self::Damaged { damage, .. } => Self::damaged(folder, damage),
            other => other,
        }
    }
}
