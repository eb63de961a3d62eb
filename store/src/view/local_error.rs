//! Why a write of this site failed.

use super::ViewError;
use crate::refusal::Refusal;

/// Why a write failed: it was refused, or the view itself failed.
pub(crate) enum LocalError {
    Refused(Refusal),
    View(ViewError),
}

impl From<ViewError> for LocalError {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

impl From<rusqlite::Error> for LocalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::View(error.into())
    }
}
