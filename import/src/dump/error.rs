//! Why a dump is not read.

use std::io;

use tandem_protocol::cause::Cause;

use super::statements::STATEMENT_BYTES;
use crate::dialect::Other;

/// Why a dump is not read. Nothing of it was used.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is the dump of a product whose SQL tandem does not read.
    #[error("it is a dump of {}", .0.name())]
    OtherProduct(Other),
    /// Two programs wrote it, each in its characters.
    #[error("line {line} is not in UTF-8, and others are")]
    Mixed {
        /// Where the other begins.
        line: u64,
    },
    /// A text, a name or a comment has no end.
    #[error("{mark} in line {line} is never closed")]
    NeverCloses {
        /// Where it begins.
        line: u64,
        /// What it begins with.
        mark: String,
    },
    /// The file ends in the middle of something.
    #[error("the file ends early, in line {line}")]
    EndsEarly {
        /// The last line.
        line: u64,
    },
    /// A statement is longer than anything is.
    #[error("the statement in line {line} is too long")]
    TooLong {
        /// Where it begins.
        line: u64,
    },
    /// It declares more than any database does.
    #[error("up to line {line} it declares more than any database does")]
    Many {
        /// How far it was read.
        line: u64,
    },
    /// A table cannot be understood: without it, the rest would not be what it was.
    #[error("the table in line {line} cannot be read")]
    Table {
        /// Where.
        line: u64,
        /// The words that are not understood.
        near: String,
    },
    /// A row has more or fewer values than columns.
    #[error("the row in line {line} has {found} values for {expected} columns")]
    Width {
        /// Where.
        line: u64,
        /// How many it has.
        found: usize,
        /// How many it names.
        expected: usize,
    },
    /// What stands in a row is no constant.
    #[error("a value of the row in line {line} cannot be read")]
    Value {
        /// Where.
        line: u64,
        /// The row.
        near: String,
    },
    /// There is no table in it.
    #[error("there is no CREATE TABLE in it")]
    NoTable,
}

impl From<&DumpError> for Cause {
    fn from(error: &DumpError) -> Self {
        match error {
            DumpError::Io(error) => Self::from(error),
            DumpError::OtherProduct(other) => Self::new("dump_other_product").with("product", other.name()),
            DumpError::Mixed { line } => Self::new("dump_mixed").with("line", *line),
            DumpError::NeverCloses { line, mark } => {
                Self::new("dump_never_closes").with("line", *line).with("mark", mark)
            }
            DumpError::EndsEarly { line } => Self::new("dump_ends_early").with("line", *line),
            DumpError::TooLong { line } => {
                Self::new("dump_too_long").with("line", *line).with("most", STATEMENT_BYTES >> 20)
            }
            DumpError::Many { line } => Self::new("dump_many").with("line", *line),
            DumpError::Table { line, near } => Self::new("dump_table").with("line", *line).with("near", near),
            DumpError::Width { line, found, expected } => {
                Self::new("dump_width").with("line", *line).with("found", *found).with("expected", *expected)
            }
            DumpError::Value { line, near } => Self::new("dump_row").with("line", *line).with("near", near),
            DumpError::NoTable => Self::new("dump_no_table"),
        }
    }
}
