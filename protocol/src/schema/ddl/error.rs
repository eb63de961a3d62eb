//! Why a schema that is typed is refused.

use crate::cause::Cause;
use crate::schema::op::VoidReason;
use crate::sql_text::SqlTextError;

/// Why a schema is refused.
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
        "column {column} has type {found}, which is not one of: INTEGER REAL TEXT BLOB BOOLEAN UUID DATE TIME TIMESTAMP DECIMAL(p,s) COUNTER COUNTER(p,s) RICHTEXT JSON STAMP QUIET EXTERNAL('…')"
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

/// One thing that is wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the text in which it stands, if it stands in one.
    pub line: Option<u64>,
    /// What is wrong.
    pub error: DdlError,
}

/// Everything that is wrong with a schema, by lines. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The first of them.
    pub fn first(&self) -> &DdlError {
        &self.0[0].error
    }

    /// All of them.
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

/// What is found to be wrong while a schema is read.
#[derive(Default)]
pub(super) struct Found {
    problems: Vec<Problem>,
    /// The line that is being read.
    pub line: Option<u64>,
}

impl Found {
    /// Something is wrong in the line that is being read.
    pub fn add(&mut self, error: impl Into<DdlError>) {
        self.problems.push(Problem { line: self.line, error: error.into() });
    }

    /// Takes note of what is wrong; what is right is given back.
    pub fn sound<T>(&mut self, read: Result<T, DdlError>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    /// How many problems there are.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// All of them, if there are any.
    pub fn end(mut self) -> Result<(), Problems> {
        self.problems.sort_by_key(|problem| problem.line.unwrap_or(u64::MAX));
        self.problems.dedup();
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems)) }
    }
}

impl From<DdlError> for Problems {
    fn from(error: DdlError) -> Self {
        Self(vec![Problem { line: None, error }])
    }
}

/// What no schema may hold, and what to do in place of it.
pub(super) fn refuse(code: &'static str) -> DdlError {
    DdlError::NotSupported(Cause::new(code))
}

/// What changes or takes away something that is there.
pub(super) fn removes(statement: &impl std::fmt::Display) -> DdlError {
    DdlError::NotAdditive(Cause::new("schema_removes").with("statement", statement.to_string()))
}
