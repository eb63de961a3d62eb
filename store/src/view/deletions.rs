//! What ON DELETE does where a user's statement removes rows that others refer to.

use tandem_protocol::schema::OnDelete;
use tandem_protocol::value::Value;

use super::local::LocalRun;
use super::reference::Referring;
use super::{View, ViewResult};

impl LocalRun<'_> {
    /// Carries out the ON DELETE actions for the rows that the statement just run has removed. A
    /// row that is there again under its key, replaced, was not removed; and a reference that the
    /// statement itself wrote is left to be judged.
    pub(super) fn follow_deletions(&mut self) -> ViewResult<()> {
        loop {
            let removed = self.view.watch.capture().take_removed();
            if removed.is_empty() {
                return Ok(());
            }
            for (table, row) in removed {
                let row = table.read_back(row);
                for child in self.view.fold.tables.referring_to(&table) {
                    let reference = child.reference();
                    if reference.on_delete == OnDelete::Restrict {
                        continue;
                    }
                    // Another row may be what is referred to now.
                    let values = reference.told_by(&table, &row);
                    let Some(values) = values else { continue };
                    let is_there = reference.unique.is_some()
                        && reference.leads(&self.view.connection, &table, &values)?;
                    if !is_there {
                        self.follow_deletion(&child, &values)?;
                    }
                }
            }
        }
    }

    fn follow_deletion(&mut self, child: &Referring, values: &[Value]) -> ViewResult<()> {
        let View { connection, fold, .. } = &mut *self.view;
        let (table, reference) = (&child.table, child.reference());
        for referrer in fold.tables.referrers(connection, child, values, usize::MAX >> 1)? {
            if self.view.watch.capture().was_just_written(table, &referrer) {
                continue;
            }
            let sql = match reference.on_delete {
                OnDelete::Cascade => &table.sql.delete,
                OnDelete::SetNull => &reference.set_null,
                OnDelete::Restrict => unreachable!("only what acts is followed"),
            };
            let parameters = rusqlite::params_from_iter(table.stored_key(&referrer.0));
            self.view.connection.prepare_cached(sql)?.execute(parameters)?;
        }
        Ok(())
    }
}
