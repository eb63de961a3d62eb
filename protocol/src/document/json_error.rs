//! Why a text is refused as JSON.

use crate::cause::Cause;

/// Why a text is refused as JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at character {at}")]
pub struct JsonError {
    fault: Cause,
    at: usize,
}

impl JsonError {
    pub(super) fn new(fault: Cause, at: usize) -> Self {
        Self { fault, at }
    }

    /// What is wrong.
    pub fn fault(&self) -> &Cause {
        &self.fault
    }

    /// At which character, from 1.
    pub fn at(&self) -> usize {
        self.at
    }
}
