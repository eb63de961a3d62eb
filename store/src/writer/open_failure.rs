//! Why a space could not be opened.

use crate::log::LogError;
use crate::view::ViewError;

/// Why a space could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenFailure {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    View(#[from] ViewError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
