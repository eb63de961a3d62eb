//! Why a schema that is typed is refused.

use crate::cause::Cause;
use crate::schema::op::VoidReason;
use crate::sql_text::SqlTextError;

/// Why a schema is refused. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DdlError {
    /// Not SQL that can be read, or more than is read at once.
    #[error("the schema cannot be read: {0}")]
    Text(#[from] SqlTextError),
    /// SQL, but none that a schema may hold.
    #[error("{0}")]
    NotSupported(Cause),
    /// What no site would let count.
    #[error(transparent)]
    Void(#[from] VoidReason),
    /// A column of a type that is not tandem's.
    #[error(
        "column {column} has type {found}, which is not one of: INTEGER REAL TEXT BLOB BOOLEAN UUID DATE TIME TIMESTAMP DECIMAL(p,s) COUNTER COUNTER(p,s) RICHTEXT JSON STAMP QUIET"
    )]
    UnknownType {
        /// `table.column`.
        column: String,
        /// As written.
        found: String,
    },
    /// A table that no row of which could be named.
    #[error("table {0} has no PRIMARY KEY: every row needs one, so that all sites mean the same row")]
    NoPrimaryKey(String),
    /// A change of something that is there.
    #[error("{0}")]
    NotAdditive(Cause),
}

/// What no schema may hold, and what to do in place of it.
pub(super) fn refuse(code: &'static str) -> DdlError {
    DdlError::NotSupported(Cause::new(code))
}
