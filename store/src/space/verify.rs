//! Checks the whole log, and that the view is its fold: its figures, and the rows themselves, which
//! another program may have written to.

use std::sync::Arc;

use rusqlite::OptionalExtension;
use tandem_protocol::block::Block;
use tandem_protocol::cause::Cause;
use tandem_protocol::fork::Withheld;
use tandem_protocol::membership::Membership;
use tandem_protocol::op::Op;
use tandem_protocol::verify::{self, ChainHead, Chains, Receiver, Verified};

use super::Space;
use crate::conflict_stats::ConflictStats;
use crate::published::Snapshot;
use crate::table_status::TableStatus;
use crate::view::{ViewError, census};
use crate::writer::OpenFailure;

/// What a check of the log found.
#[derive(Clone, Debug, Default)]
pub struct VerifyReport {
    /// Transactions whose hash and signature chain are right.
    pub transactions: u64,
    /// What is wrong, in order; empty when all is well.
    pub problems: Vec<Cause>,
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
        let mut check = Check { space: self, report: VerifyReport::default() };
        check.report.mended = self.mended_tables();
        if let Err(problem) = check.run(scratch) {
            check.report.problems.push(problem);
        }
        check.report
    }

    /// The tables whose rows are not those that the view has recorded, without reading the log:
    /// what another program did to them while this one runs, or before.
    pub fn altered_tables(&self) -> Result<Vec<String>, ViewError> {
        let (snapshot, rows) = census_of(self)?;
        Ok(differing(&rows, &snapshot.tables))
    }

    /// The tables that another program had written to when the space was opened: they have been
    /// made anew from the log.
    pub fn mended_tables(&self) -> Vec<String> {
        self.0.published.mended()
    }
}

/// A check as it goes on.
struct Check<'s> {
    space: &'s Space,
    report: VerifyReport,
}

impl Check<'_> {
    /// An error: what follows cannot be checked any more.
    fn run(&mut self, scratch: &std::path::Path) -> Result<(), Cause> {
        let without_view = self.space.without_view();
        let (snapshot, rows) = match &without_view {
            Some(_) => (self.space.0.snapshot(), Vec::new()),
            None => census_of(self.space).map_err(|error| Cause::from(&error))?,
        };
        self.check_log(snapshot.end)?;
        if let Some(reason) = without_view {
            return Err(Cause::new("log_without_tables").with("reason", reason));
        }
        let folded = fold_again(self.space, scratch, snapshot.end);
        let (tables, conflicts) = folded.map_err(|error| Cause::from(&error))?;
        self.report.altered = differing(&rows, &tables);
        compare(&snapshot.tables, &tables, &mut self.report.problems);
        if conflicts != snapshot.conflicts {
            self.report.problems.push(Cause::new("conflicts_differ"));
        }
        Ok(())
    }

    /// What follows a hole cannot be checked: its chains begin before it.
    fn check_log(&mut self, end: u64) -> Result<(), Cause> {
        let mut chains = Chains::new();
        let mut membership = Membership::default();
        let held = self.space.forks();
        for record in self.space.0.log.records(0, end) {
            let record = record.map_err(|error| Cause::from(&error))?;
            let block = Block::decode(&record.block).map_err(|error| Cause::from(&error))?;
            let receiver = Receiver {
                space: self.space.0.id,
                chains: &chains,
                branches: None,
                held: &held,
                membership: &membership,
                withheld: &Withheld::default(),
            };
            let Verified { incoming, .. } =
                verify::verify(&block, receiver).map_err(|error| Cause::from(&error))?;
            if incoming.len() != block.len() {
                return Err(Cause::new("record_repeats").with("arrival", record.arrival));
            }
            self.report.transactions += incoming.len() as u64;
            for one in incoming {
                let header = &one.transaction.header;
                chains.insert(header.dot.chain(), ChainHead { seq: header.dot.seq, hash: one.hash });
                for op in &one.transaction.ops {
                    if let Op::Member(op) = op {
                        let _void = membership.apply(header.write_id(), op);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The newest state, and the figures of its tables from their rows.
fn census_of(space: &Space) -> Result<(Arc<Snapshot>, Vec<TableStatus>), ViewError> {
    for _ in 0..TRIES {
        let snapshot = space.0.snapshot();
        let rows = space.0.readers.read(|connection| {
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
    Err(ViewError::Behind(Cause::new("view_elsewhere")))
}

fn fold_again(
    space: &Space,
    scratch: &std::path::Path,
    end: u64,
) -> Result<(Vec<TableStatus>, ConflictStats), OpenFailure> {
    std::fs::create_dir_all(scratch)?;
    let path = scratch.join("verify.sqlite");
    let figures = crate::writer::fold(&space.0.log, end, &path, space.me(), space.schema().judge());
    crate::view::file::remove(&path)?;
    Ok(figures?)
}

/// How often the view is looked at until it is where the announced state says.
const TRIES: usize = 1_000_000;

/// Names of tables that have other rows than they should.
fn differing(rows: &[TableStatus], right: &[TableStatus]) -> Vec<String> {
    rows.iter().filter(|table| !right.contains(table)).map(|table| table.name.clone()).collect()
}

fn compare(view: &[TableStatus], fold: &[TableStatus], problems: &mut Vec<Cause>) {
    for table in view {
        if !fold.contains(table) {
            problems.push(Cause::new("table_differs").with("table", &table.name));
        }
    }
    if view.len() != fold.len() {
        problems.push(Cause::new("tables_differ").with("view", view.len()).with("log", fold.len()));
    }
}
