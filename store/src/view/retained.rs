//! Deleted rows that others refer to. A row is shown if it is alive, or if a row that is alive
//! reaches it through references of shown rows. Rows retained in this way are few; whenever one of them
//! may have lost its last support, all of them are looked at anew, for they can support each other in
//! circles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tandem_protocol::value::Key;

use super::merge::Merge;
use super::references::RowName;
use super::table::ViewTable;
use super::{ViewError, ViewResult, rows};

impl Merge<'_> {
    /// Whether a deleted row is to stay for now, because a shown row refers to it. Whether that
    /// one is itself only retained is decided when the whole transaction is in.
    pub(super) fn retains_for_now(&mut self, table: &ViewTable, key: &Key) -> ViewResult<bool> {
        let view = &mut *self.view;
        for (child, at) in view.fold.tables.referring_to(table) {
            if !view.fold.tables.referrers(&view.connection, &child, at, key, 1)?.is_empty() {
                view.follow_up.doubt();
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Shows deleted rows that came to be referred to, and hides retained ones that no longer are.
    pub(super) fn follow_references(&mut self) -> ViewResult<()> {
        while let Some((number, key)) = self.view.follow_up.next_referring() {
            let Some(table) = self.view.fold.tables.numbered(number) else { continue };
            let shown = rows::select(&self.view.connection, &table, &key_from(&key)?)?;
            let Some((_, row)) = shown else { continue };
            for (at, target) in &table.references {
                let target = self.view.fold.tables.named(target).filter(|_| !row[*at].is_null());
                if let Some(target) = target {
                    self.show_retained(&target, &Key(vec![row[*at].clone()]))?;
                }
            }
        }
        while self.view.follow_up.take_doubt() {
            for (number, key) in self.unsupported()? {
                if let Some(table) = self.view.fold.tables.numbered(number) {
                    self.hide_retained(&table, &key_from(&key)?)?;
                }
            }
        }
        Ok(())
    }

    /// Retained rows that no alive row reaches.
    fn unsupported(&mut self) -> ViewResult<Vec<RowName>> {
        let view = &mut *self.view;
        let retained: BTreeSet<RowName> =
            view.fold.conflicts.retained_rows(&view.connection)?.into_iter().collect();
        let mut supported: Vec<RowName> = Vec::new();
        let mut supports: BTreeMap<RowName, Vec<RowName>> = BTreeMap::new();
        for name in &retained {
            let Some(table) = view.fold.tables.numbered(name.0) else { continue };
            let key = key_from(&name.1)?;
            for (child, at) in view.fold.tables.referring_to(&table) {
                // One more than there are retained rows: if all found are retained ones, there is no other.
                let most = retained.len() + 1;
                for referrer in view.fold.tables.referrers(&view.connection, &child, at, &key, most)? {
                    let referrer = (child.number, referrer.to_bytes());
                    if retained.contains(&referrer) {
                        supports.entry(referrer).or_default().push(name.clone());
                    } else {
                        supported.push(name.clone());
                        break;
                    }
                }
            }
        }
        let mut left = retained;
        while let Some(name) = supported.pop() {
            if left.remove(&name) {
                supported.extend(supports.remove(&name).unwrap_or_default());
            }
        }
        Ok(left.into_iter().collect())
    }

    fn show_retained(&mut self, table: &Arc<ViewTable>, key: &Key) -> ViewResult<()> {
        let bytes = key.to_bytes();
        if !rows::is_stored(&self.view.connection, table, &bytes)? {
            return Ok(());
        }
        let row = self.view.load_row(table, key, &bytes)?;
        if row.shown.is_none() {
            self.view.show_row(table, (key, &bytes), row, true, &mut self.merged)?;
        }
        Ok(())
    }

    fn hide_retained(&mut self, table: &Arc<ViewTable>, key: &Key) -> ViewResult<()> {
        let bytes = key.to_bytes();
        let row = self.view.load_row(table, key, &bytes)?;
        if row.shown.is_some() && !row.state.is_alive() {
            self.view.show_row(table, (key, &bytes), row, false, &mut self.merged)?;
            self.note_deletions(table)?;
        }
        Ok(())
    }
}

fn key_from(bytes: &[u8]) -> ViewResult<Key> {
    Key::from_bytes(bytes).map_err(|_| ViewError::Inconsistent("a key that cannot be read"))
}
