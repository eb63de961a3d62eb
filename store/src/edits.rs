//! What a write changes: by SQL, row by row, or as it was seen to change elsewhere.

use std::borrow::Cow;

use crate::observed::ObservedChange;
use crate::row_edit::RowEdit;
use crate::statement::Statement;
use crate::view::Tables;

/// What a write changes: all of it, or nothing.
#[derive(Clone, Debug)]
pub enum Edits {
    /// Statements of SQL, run in order.
    Sql(Vec<Statement>),
    /// Rows as they are to be, one edit after the other.
    Rows(Vec<RowEdit>),
    /// Rows as another database changed them, each named once: recorded, and judged by nobody here.
    Observed(Vec<ObservedChange>),
}

impl Default for Edits {
    fn default() -> Self {
        Self::Sql(Vec::new())
    }
}

impl From<Vec<Statement>> for Edits {
    fn from(statements: Vec<Statement>) -> Self {
        Self::Sql(statements)
    }
}

impl Edits {
    /// Whether they are run as SQL.
    pub(crate) fn are_statements(&self) -> bool {
        !matches!(self, Self::Observed(_))
    }

    /// The statements that make them.
    pub(crate) fn statements(&self, tables: &Tables) -> Cow<'_, [Statement]> {
        match self {
            Self::Sql(statements) => Cow::Borrowed(statements),
            Self::Rows(edits) => edits.iter().map(|edit| edit.statement(tables)).collect(),
            Self::Observed(_) => Cow::Borrowed(&[]),
        }
    }
}
