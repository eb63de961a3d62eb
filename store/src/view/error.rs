//! Why the view could not be read or changed.

use rusqlite::ffi;
use tandem_protocol::cause::Cause;

/// Why the view could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// SQLite said no.
    #[error("the view could not be read or changed: {0}")]
    Sql(#[from] rusqlite::Error),
    /// The view contradicts itself; it is rebuilt from the log.
    #[error("the view is inconsistent: {0}")]
    Inconsistent(&'static str),
    /// The view does not follow the log at the moment. What the log holds is safe.
    #[error("the view cannot follow the log at the moment: {0}")]
    Behind(Cause),
}

impl ViewError {
    /// Whether it is for want of room on the disk.
    pub(crate) fn is_full_disk(&self) -> bool {
        let code = match self {
            Self::Sql(error) => error.sqlite_error_code(),
            Self::Inconsistent(_) | Self::Behind(_) => None,
        };
        code == Some(rusqlite::ErrorCode::DiskFull)
    }
}

/// What most of the view gives back.
pub(crate) type ViewResult<T> = Result<T, ViewError>;

/// Whether an error means that a statement was refused, not that the view failed.
pub(crate) fn is_refusal(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(
            ffi::ErrorCode::DiskFull
                | ffi::ErrorCode::SystemIoFailure
                | ffi::ErrorCode::DatabaseCorrupt
                | ffi::ErrorCode::NotADatabase
                | ffi::ErrorCode::CannotOpen
                | ffi::ErrorCode::ReadOnly
                | ffi::ErrorCode::OutOfMemory
        )
    )
}

/// Whether SQLite said that a constraint of that kind is broken.
pub(super) fn is_constraint(error: &rusqlite::Error, code: i32) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if error.extended_code == code)
}
