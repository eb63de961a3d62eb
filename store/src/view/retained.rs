//! Deleted rows that others refer to. A row is shown if it is alive, or if a row that is alive
//! reaches it through references of shown rows. Rows retained in this way are few; whenever one of them
//! may have lost its last support, all of them are looked at anew, for they can support each other in
//! circles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tandem_protocol::value::{Key, Value};

use super::merge::Merge;
use super::reference::ViewReference;
use super::references::{RowName, UniqueValue};
use super::row_entry::RowEntry;
use super::rows::key_from;
use super::table::ViewTable;
use super::{View, ViewResult, rows};

impl Merge<'_> {
    /// Whether a deleted row is to stay for now, because a shown row refers to it. Whether that
    /// one is itself only retained, and whether this one is meant, is decided when the whole transaction
    /// is in.
    pub(super) fn retains_for_now(
        &mut self,
        table: &ViewTable,
        (key, bytes): (&Key, &[u8]),
        row: &RowEntry,
    ) -> ViewResult<bool> {
        let view = &mut *self.view;
        let mut values = None;
        for child in view.fold.tables.referring_to(table) {
            let told = match child.reference().unique {
                None => Some(key.0.clone()),
                Some(_) => {
                    if values.is_none() {
                        values = Some(view.values(table, key, bytes, row)?);
                    }
                    values.as_ref().and_then(|values| child.reference().told_by(table, values))
                }
            };
            let Some(told) = told else { continue };
            if !view.fold.tables.referrers(&view.connection, &child, &told, 1)?.is_empty() {
                view.follow_up.doubt();
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Shows deleted rows that came to be referred to, and hides retained ones that no longer are.
    pub(super) fn follow_references(&mut self) -> ViewResult<()> {
        while !self.view.follow_up.is_done() {
            while let Some(name) = self.view.follow_up.next_referring() {
                self.follow_keys(&name)?;
            }
            while let Some(value) = self.view.follow_up.next_value() {
                self.follow_value(&value)?;
            }
            if self.view.follow_up.take_doubt() {
                for (number, key) in self.unsupported()? {
                    if let Some(table) = self.view.fold.tables.numbered(number) {
                        self.hide_retained(&table, &key_from(&key)?)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Shows the deleted rows to whose keys a row refers.
    fn follow_keys(&mut self, (number, key): &RowName) -> ViewResult<()> {
        let Some(table) = self.view.fold.tables.numbered(*number) else { return Ok(()) };
        let shown = rows::select(&self.view.connection, &table, &key_from(key)?)?;
        let Some((_, row)) = shown else { return Ok(()) };
        for reference in table.references.iter().filter(|reference| reference.unique.is_none()) {
            let target = self.view.fold.tables.by_id(&reference.target).cloned();
            if let (Some(target), Some(values)) = (target, reference.values(&row)) {
                self.show_retained(&target, &Key(values))?;
            }
        }
        Ok(())
    }

    /// Shows the deleted row that is meant by the values of a UNIQUE, if a row refers to them. One that
    /// was meant until now may have lost its support.
    fn follow_value(&mut self, (number, rule, value): &UniqueValue) -> ViewResult<()> {
        let Some(table) = self.view.fold.tables.numbered(*number) else { return Ok(()) };
        let values = key_from(value)?;
        let meant = self.view.meant_by(&table, *rule, &values)?;
        if meant.is_retained {
            self.view.follow_up.doubt();
        }
        let Some(meant) = meant.deleted else { return Ok(()) };
        let view = &mut *self.view;
        let referring = view.fold.tables.referring_to(&table);
        for child in referring.iter().filter(|child| child.reference().unique == Some(*rule)) {
            if !view.fold.tables.referrers(&view.connection, child, &values.0, 1)?.is_empty() {
                // Whoever refers may itself only be retained.
                view.follow_up.doubt();
                return self.show_retained(&table, &meant);
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
            for child in view.fold.tables.referring_to(&table) {
                let Some(told) = told_by(view, (&table, &key), child.reference())? else { continue };
                // One more than there are retained rows: if all found are retained ones, there is no other.
                let most = retained.len() + 1;
                for referrer in view.fold.tables.referrers(&view.connection, &child, &told, most)? {
                    let referrer = (child.table.number, referrer.to_bytes());
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

/// What a retained row is referred to by, if it is the one that is meant.
fn told_by(
    view: &View,
    (table, key): (&ViewTable, &Key),
    reference: &ViewReference,
) -> ViewResult<Option<Vec<Value>>> {
    let Some(rule) = reference.unique else { return Ok(Some(key.0.clone())) };
    let shown = rows::select(&view.connection, table, key)?;
    let told = shown.and_then(|(_, row)| reference.told_by(table, &row));
    let Some(told) = told.map(Key) else { return Ok(None) };
    let is_meant = view.meant_by(table, rule, &told)?.deleted.as_ref() == Some(key);
    Ok(is_meant.then_some(told.0))
}
