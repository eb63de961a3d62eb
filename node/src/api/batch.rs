//! Many transactions in one request, each of its own: what one is refused for stops no other.

use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::transaction::{Statement, Transact, Transacted};

/// Transactions of one batch.
pub const MOST: usize = 1000;

/// One transaction of a batch.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchItem {
    /// What to do, in order.
    pub statements: Vec<Statement>,
    /// Its idempotency key: sent again, it changes nothing and gets the first answer.
    pub key: Option<String>,
    /// Why.
    pub message: Option<String>,
    /// Who: a user or device.
    pub by: Option<String>,
    /// The `version` of the read it follows from.
    pub basis: Option<String>,
    /// Seconds it may run.
    pub deadline: Option<f64>,
}

/// What became of one transaction of a batch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum BatchResult {
    /// It took effect.
    Done(Transacted),
    /// It had taken effect before, and was answered then.
    Repeated(Transacted),
    /// It did not take effect.
    Refused {
        /// Why.
        error: Problem,
    },
}

impl From<BatchItem> for Transact {
    fn from(item: BatchItem) -> Self {
        let BatchItem { statements, key: idempotency_key, message, by, basis, deadline } = item;
        Self { statements, message, by, basis, deadline, idempotency_key }
    }
}

impl From<Transacted> for BatchResult {
    fn from(written: Transacted) -> Self {
        if written.repeated { Self::Repeated(written) } else { Self::Done(written) }
    }
}
