//! Why a command did not succeed.

use tandem_import::sheets::SheetError;
use tandem_node::api::{ApiError, error_kind};
use tandem_words::Told;

use crate::file;
use crate::speech::words;

/// What a command ends with.
pub type Outcome = Result<(), Failure>;

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Failure {
    /// The request was refused or failed.
    Refused(ApiError),
    /// What was said on the command line makes no sense; told in the user's language.
    Usage(String),
    /// Everything has been said already.
    Said,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<SheetError> for Failure {
    fn from(error: SheetError) -> Self {
        match error {
            SheetError::Io { path, error } => file::failed(&path, &error),
            SheetError::Wrong { file, line: Some(line), cause } => {
                error_kind::csv_refused.with("path", file).with("line", line).with("detail", cause).into()
            }
            SheetError::Wrong { file, line: None, cause } => {
                error_kind::sheets_refused.with("path", file).with("detail", cause).into()
            }
        }
    }
}

impl Failure {
    /// What is wrong with the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// What happened, and what to do next.
    pub fn told(&self) -> (String, Vec<String>) {
        match self {
            Self::Said => (String::new(), Vec::new()),
            Self::Refused(error) => {
                let Told { message, hints } = error.told(words());
                (message, hints)
            }
            Self::Usage(message) => (message.clone(), vec![t!("failure.see_help").into_owned()]),
        }
    }
}
