//! Checking the log: hashes, signatures, and that the view shows what the log says.

use serde::{Deserialize, Serialize};

use super::Api;
use super::error::Result;

/// What a check of a space found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether everything is as it should be.
    pub ok: bool,
    /// Transactions checked.
    pub transactions: u64,
    /// What is wrong, for people.
    pub faults: Vec<String>,
}

impl Api {
    /// Checks a whole space. Takes about as long as reading its log.
    pub fn verify(&self, space: &str) -> Result<Verification> {
        let space = self.space(space)?;
        let report = space.verify(space.folder());
        Ok(Verification {
            ok: report.problems.is_empty(),
            transactions: report.transactions,
            faults: report.problems,
        })
    }
}
