//! Checks the whole log, and that the view is its fold: its figures, and the rows themselves, which
//! another program may have written to.

use std::sync::Arc;

use rusqlite::OptionalExtension;
use tandem_protocol::block::Block;
use tandem_protocol::fork::Withheld;
use tandem_protocol::membership::Membership;
use tandem_protocol::verify::{self, ChainHead, Chains, Known, Verified};

use super::shared::Snapshot;
use super::{ConflictStats, Space, TableStatus};
use crate::log::LogError;
use crate::view::{ViewError, census};

/// What a check of the log found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// Transactions whose hash and signature chain are right.
    pub transactions: u64,
    /// What is wrong, in order; empty when all is well.
    pub problems: Vec<String>,
    /// Tables whose rows in the view are not what the log says: another program wrote to them. The
    /// view, built anew, is right again.
    pub altered: Vec<String>,
    /// Tables of which the same was found when the space was opened, and put right.
    pub mended: Vec<String>,
}

impl Space {
    /// Checks every record's checksum, every transaction's place, hash and signature, and builds a
    /// second view from the log in `scratch` to compare the tables' fingerprints.
    pub fn verify(&self, scratch: &std::path::Path) -> VerifyReport {
        let mut report = VerifyReport { mended: self.mended_tables(), ..VerifyReport::default() };
        let without_view = self.without_view();
        let census = match &without_view {
            Some(_) => Ok((self.0.shared.snapshot(), Vec::new())),
            None => self.census(),
        };
        let (snapshot, rows) = match census {
            Ok(found) => found,
            Err(error) => {
                report.problems.push(error.to_string());
                return report;
            }
        };
        let mut chains = Chains::new();
        let mut membership = Membership::default();
        for record in self.0.log.records(0, snapshot.end) {
            let checked = record.map_err(|error| error.to_string()).and_then(|record| {
                let block = Block::decode(&record.block).map_err(|error| error.to_string())?;
                let known = Known {
                    space: self.0.id,
                    chains: &chains,
                    branches: None,
                    held: self,
                    membership: &membership,
                    withheld: &Withheld::default(),
                };
                let Verified { incoming, .. } =
                    verify::verify(&block, known).map_err(|error| error.to_string())?;
                if incoming.len() != block.len() {
                    return Err(format!("record {} repeats transactions", record.arrival));
                }
                Ok(incoming)
            });
            match checked {
                Ok(incoming) => {
                    report.transactions += incoming.len() as u64;
                    for one in incoming {
                        let header = &one.transaction.header;
                        let chain = ChainHead { seq: header.dot.seq, hash: one.hash };
                        chains.insert(header.dot.chain(), chain);
                        for op in &one.transaction.ops {
                            if let tandem_protocol::op::Op::Member(op) = op {
                                let _void = membership.apply(header.write_id(), op);
                            }
                        }
                    }
                }
                Err(problem) => {
                    // What follows a hole cannot be checked: its chains begin before it.
                    report.problems.push(problem);
                    return report;
                }
            }
        }
        if let Some(reason) = without_view {
            report.problems.push(format!("the log is whole, but its tables cannot be shown: {reason}"));
            return report;
        }
        match self.fold_again(scratch, snapshot.end) {
            Ok((tables, conflicts)) => {
                report.altered = differing(&rows, &tables);
                compare(&snapshot.tables, &tables, &mut report.problems);
                if conflicts != snapshot.conflicts {
                    report.problems.push("the open conflicts are not those the log says".into());
                }
            }
            Err(error) => report.problems.push(error.to_string()),
        }
        report
    }

    /// The tables whose rows are not those that the view has recorded, without reading the log:
    /// what another program did to them while this one runs, or before.
    pub fn altered_tables(&self) -> Result<Vec<String>, ViewError> {
        let (snapshot, rows) = self.census()?;
        Ok(differing(&rows, &snapshot.tables))
    }

    /// The tables that another program had written to when the space was opened: they have been
    /// made anew from the log.
    pub fn mended_tables(&self) -> Vec<String> {
        self.0.shared.mended()
    }

    /// The newest state, and the figures of its tables from their rows.
    fn census(&self) -> Result<(Arc<Snapshot>, Vec<TableStatus>), ViewError> {
        for _ in 0..TRIES {
            let snapshot = self.0.shared.snapshot();
            let rows = self.0.readers.read(|connection| {
                let reading = connection.unchecked_transaction()?;
                let sql = "SELECT value FROM _tandem_state WHERE name = 'position'";
                let position: i64 = reading.query_row(sql, [], |row| row.get(0)).optional()?.unwrap_or(0);
                // Between a commit and its announcement the view is further on.
                let same = position as u64 == snapshot.end;
                same.then(|| census::all(&reading, &snapshot.schema)).transpose()
            })?;
            if let Some(rows) = rows {
                return Ok((snapshot, rows));
            }
            std::thread::yield_now();
        }
        Err(ViewError::Behind("its position is not that of the log".into()))
    }

    fn fold_again(
        &self,
        scratch: &std::path::Path,
        end: u64,
    ) -> Result<(Vec<TableStatus>, ConflictStats), FoldError> {
        std::fs::create_dir_all(scratch)?;
        let path = scratch.join("verify.sqlite");
        let figures = crate::writer::fold(&self.0.log, end, &path, self.0.me, self.schema().judge());
        crate::writer::remove_view(&path)?;
        Ok(figures?)
    }
}

#[derive(Debug, thiserror::Error)]
enum FoldError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    View(#[from] ViewError),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// How often the view is looked at until it is where the announced state says.
const TRIES: usize = 1_000_000;

/// Names of tables that have other rows than they should.
fn differing(rows: &[TableStatus], right: &[TableStatus]) -> Vec<String> {
    rows.iter().filter(|table| !right.contains(table)).map(|table| table.name.clone()).collect()
}

fn compare(view: &[TableStatus], fold: &[TableStatus], problems: &mut Vec<String>) {
    for table in view {
        if !fold.contains(table) {
            problems.push(format!("table {} of the view is not what the log says", table.name));
        }
    }
    if view.len() != fold.len() {
        problems.push(format!("the view has {} tables, the log says {}", view.len(), fold.len()));
    }
}
