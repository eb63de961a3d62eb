//! The writer has gone.

use crate::receive::ReceiveError;
use crate::write::WriteError;

/// The writer has gone.
#[derive(Debug, Clone, Copy)]
pub struct Closed;

impl From<Closed> for WriteError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<Closed> for ReceiveError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}
