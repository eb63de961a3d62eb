//! Checking the log: hashes, signatures, and that the view shows what the log says.

use serde::{Deserialize, Serialize};

use tandem_protocol::cause::Cause;
use tandem_store::Space;

use super::error::Result;
use super::log_entry::LogRequests;

/// What a check of a space found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    /// Whether everything is as it should be.
    pub ok: bool,
    /// Transactions checked.
    pub transactions: u64,
    /// What is wrong.
    pub faults: Vec<Cause>,
    /// Tables whose rows another program has written to.
    pub altered_tables: Vec<String>,
    /// Tables of which this was found when the space was opened, and put right from the log.
    pub mended_tables: Vec<String>,
    /// The file of the view, to be deleted while no tandem runs: it is made anew from the log.
    pub view: String,
}

impl LogRequests<'_> {
    /// Checks a whole space. Takes about as long as reading its log.
    pub fn verify(&self, space: &str) -> Result<Verification> {
        let space = self.0.space(space)?;
        let report = space.verify(space.folder());
        Ok(Verification {
            ok: report.problems.is_empty() && report.altered.is_empty() && report.mended.is_empty(),
            transactions: report.transactions,
            faults: report.problems,
            altered_tables: report.altered,
            mended_tables: report.mended,
            view: view(&space),
        })
    }

    /// Checks only that the rows of a space's tables are those that were recorded, without reading
    /// the log: nobody but tandem has written to them.
    pub fn verify_rows(&self, space: &str) -> Result<Verification> {
        let space = self.0.space(space)?;
        let altered = space.altered_tables()?;
        let mended = space.mended_tables();
        Ok(Verification {
            ok: altered.is_empty() && mended.is_empty(),
            transactions: 0,
            faults: Vec::new(),
            altered_tables: altered,
            mended_tables: mended,
            view: view(&space),
        })
    }
}

fn view(space: &Space) -> String {
    space.folder().join("view.sqlite").display().to_string()
}
