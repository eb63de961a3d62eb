//! Why a file that people bring is not read.

use std::io;
use std::path::PathBuf;

use tandem_protocol::cause::Cause;

/// Why a file is not read. Nothing of it was used.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The disk does not give it.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not what it should be.
    #[error("{file}, line {line:?}: {cause}")]
    Wrong {
        /// Which file, and where in an archive or workbook.
        file: String,
        /// Which line or row of it, if it is one.
        line: Option<u64>,
        /// What is wrong.
        cause: Cause,
    },
}

impl SheetError {
    /// Something is wrong with a file as a whole.
    pub(super) fn of_file(file: &str, cause: Cause) -> Self {
        Self::Wrong { file: file.to_owned(), line: None, cause }
    }

    /// Something is wrong in a line of it.
    pub(super) fn at(file: &str, line: u64, cause: Cause) -> Self {
        Self::Wrong { file: file.to_owned(), line: Some(line), cause }
    }
}
