//! What ON DELETE does where a user's statement removes rows that others refer to.

use std::sync::Arc;

use tandem_protocol::schema::OnDelete;
use tandem_protocol::value::Key;

use super::local::LocalRun;
use super::table::{TableSql, ViewTable};
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
            for (table, key) in removed {
                for (child, at) in self.view.fold.tables.referring_to(&table) {
                    let action =
                        child.def.columns[at].references.as_ref().map(|reference| reference.on_delete);
                    let Some(action @ (OnDelete::Cascade | OnDelete::SetNull)) = action else { continue };
                    self.follow_deletion(&child, at, action, &key)?;
                }
            }
        }
    }

    fn follow_deletion(
        &mut self,
        child: &Arc<ViewTable>,
        at: usize,
        action: OnDelete,
        key: &Key,
    ) -> ViewResult<()> {
        let View { connection, fold, .. } = &mut *self.view;
        for referrer in fold.tables.referrers(connection, child, at, key, usize::MAX >> 1)? {
            if self.view.watch.capture().was_just_written(child, &referrer) {
                continue;
            }
            debug_assert_ne!(action, OnDelete::Restrict, "only what acts is followed");
            let sql = match action {
                OnDelete::Cascade => child.sql.delete.clone(),
                _ => TableSql::set_null(&child.def, &child.key, at),
            };
            let parameters = rusqlite::params_from_iter(child.stored_key(&referrer.0));
            self.view.connection.prepare_cached(&sql)?.execute(parameters)?;
        }
        Ok(())
    }
}
