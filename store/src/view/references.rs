//! Deleted rows that others refer to. Where they were deleted the reference was refused, followed
//! or emptied; after a merge a row that is still referred to is shown nevertheless, and listed.
//!
//! A row is shown if it is alive, or if a row that is alive reaches it through references of shown
//! rows. Rows kept in this way are few; whenever one of them may have lost its last support, all of
//! them are looked at anew, for they can support each other in circles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tandem_protocol::value::{Key, Value};

use super::merge::Merged;
use super::table::{ViewTable, quoted};
use super::{View, ViewResult, ddl, rows};

/// A row: its table's number and its key.
type RowName = (i64, Vec<u8>);

/// What one transaction leaves to be followed up when all its ops are in.
#[derive(Default)]
pub(super) struct Pending {
    /// Unique values to look at: table, rule, value.
    pub unique: BTreeMap<(i64, usize, Vec<u8>), Key>,
    /// Rows that may have come to refer to hidden ones: to look at what they refer to.
    referring: BTreeSet<RowName>,
    /// Whether a row kept may have lost its support.
    unsupported: bool,
}

impl View {
    /// Takes note of a row's change: what it refers to now, what it no longer refers to.
    pub(super) fn note_references(
        &mut self,
        table: &Arc<ViewTable>,
        before: Option<&[Value]>,
        after: Option<&[Value]>,
    ) -> ViewResult<()> {
        for (at, target) in &table.references {
            let old = before.map(|row| &row[*at]).filter(|value| !value.is_null());
            let new = after.map(|row| &row[*at]).filter(|value| !value.is_null());
            if old == new {
                continue;
            }
            let Some(target) = self.shown_table(target) else { continue };
            if let Some(old) = old
                && self.is_kept(&target, &Key(vec![old.clone()]).to_bytes())?
            {
                self.pending.unsupported = true;
            }
            // A row that is hidden has an entry of its own.
            if let (Some(new), Some(row)) = (new, after)
                && self.memory.stats.get(&target.number).is_some_and(|stats| stats.hidden > 0)
                && rows::is_stored(&self.connection, &target, &Key(vec![new.clone()]).to_bytes())?
            {
                self.pending.referring.insert((table.number, table.key_of(row).to_bytes()));
            }
        }
        Ok(())
    }

    /// Whether a deleted row is to stay for now, because a shown row refers to it. Whether that
    /// one is itself only kept is decided when the whole transaction is in.
    pub(super) fn keeps_for_now(&mut self, table: &Arc<ViewTable>, key: &Key) -> ViewResult<bool> {
        for (child, at) in self.referring_columns(table) {
            if !self.referrers(&child, at, key, 1)?.is_empty() {
                self.pending.unsupported = true;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Shows deleted rows that came to be referred to, and hides kept ones that no longer are.
    pub(super) fn follow_references(&mut self, merged: &mut Merged) -> ViewResult<()> {
        while let Some((number, key)) = self.pending.referring.pop_first() {
            let Some(table) = self.table_numbered(number) else { continue };
            let Some((_, row)) = rows::select(&self.connection, &table, &key_from(&key)?)? else { continue };
            for (at, target) in &table.references {
                let Some(target) = self.shown_table(target).filter(|_| !row[*at].is_null()) else { continue };
                self.show_kept(&target, &Key(vec![row[*at].clone()]), merged)?;
            }
        }
        while std::mem::take(&mut self.pending.unsupported) {
            for (number, key) in self.unsupported()? {
                if let Some(table) = self.table_numbered(number) {
                    self.hide_kept(&table, &key_from(&key)?, merged)?;
                }
            }
        }
        Ok(())
    }

    /// Kept rows that no alive row reaches.
    fn unsupported(&mut self) -> ViewResult<Vec<RowName>> {
        let kept: BTreeSet<RowName> = self.kept_rows()?.into_iter().collect();
        let mut supported: Vec<RowName> = Vec::new();
        let mut supports: BTreeMap<RowName, Vec<RowName>> = BTreeMap::new();
        for name in &kept {
            let Some(table) = self.table_numbered(name.0) else { continue };
            let key = key_from(&name.1)?;
            for (child, at) in self.referring_columns(&table) {
                // One more than there are kept rows: if all found are kept ones, there is no other.
                for referrer in self.referrers(&child, at, &key, kept.len() + 1)? {
                    let referrer = (child.number, referrer.to_bytes());
                    if kept.contains(&referrer) {
                        supports.entry(referrer).or_default().push(name.clone());
                    } else {
                        supported.push(name.clone());
                        break;
                    }
                }
            }
        }
        let mut left = kept;
        while let Some(name) = supported.pop() {
            if left.remove(&name) {
                supported.extend(supports.remove(&name).unwrap_or_default());
            }
        }
        Ok(left.into_iter().collect())
    }

    fn show_kept(&mut self, table: &Arc<ViewTable>, key: &Key, merged: &mut Merged) -> ViewResult<()> {
        let bytes = key.to_bytes();
        if !rows::is_stored(&self.connection, table, &bytes)? {
            return Ok(());
        }
        let row = self.load_row(table, key, &bytes)?;
        if row.shown.is_none() {
            self.show_row(table, key, &bytes, row, true, merged)?;
        }
        Ok(())
    }

    fn hide_kept(&mut self, table: &Arc<ViewTable>, key: &Key, merged: &mut Merged) -> ViewResult<()> {
        let bytes = key.to_bytes();
        let row = self.load_row(table, key, &bytes)?;
        if row.shown.is_some() && !row.state.is_alive() {
            self.show_row(table, key, &bytes, row, false, merged)?;
            let change = merged.of(&table.def.name).clone();
            self.note_deletions(table, &change)?;
        }
        Ok(())
    }

    /// Keys of rows that refer to a row through one column.
    pub(super) fn referrers(
        &mut self,
        child: &Arc<ViewTable>,
        at: usize,
        key: &Key,
        limit: usize,
    ) -> ViewResult<Vec<Key>> {
        let [value] = key.0.as_slice() else { return Ok(Vec::new()) };
        self.index_reference(child, at)?;
        let (table, column) = (quoted(&child.def.name), quoted(&child.def.columns[at].name));
        let names: Vec<String> = child.def.columns.iter().map(|column| quoted(&column.name)).collect();
        let sql = format!("SELECT {} FROM {table} WHERE {column} = ?1 LIMIT ?2", names.join(", "));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut found = statement.query(rusqlite::params![child.stored(at, value), limit as i64])?;
        let mut keys = Vec::new();
        while let Some(row) = found.next()? {
            let values = child.read_back(super::read_row(row, 0, names.len())?);
            keys.push(child.key_of(&values));
        }
        Ok(keys)
    }

    /// Looking for referrers wants an index. Most tables never need it, so it is made when it is
    /// first wanted.
    pub(super) fn index_reference(&mut self, child: &ViewTable, at: usize) -> ViewResult<()> {
        let name = ddl::reference_index(child.id, child.ids[at]);
        if self.memory.reference_indices.contains(&name) {
            return Ok(());
        }
        let (table, column) = (quoted(&child.def.name), quoted(&child.def.columns[at].name));
        let sql = format!("CREATE INDEX IF NOT EXISTS {} ON {table} ({column})", quoted(&name));
        self.connection.execute_batch(&sql)?;
        Arc::make_mut(&mut self.memory.reference_indices).insert(name);
        Ok(())
    }

    /// The columns that refer to a table.
    pub(super) fn referring_columns(&self, target: &ViewTable) -> Vec<(Arc<ViewTable>, usize)> {
        let mut found = Vec::new();
        for table in self.memory.tables.values() {
            for (at, name) in &table.references {
                if name.eq_ignore_ascii_case(&target.def.name) {
                    found.push((Arc::clone(table), *at));
                }
            }
        }
        found
    }

    pub(crate) fn shown_table(&self, name: &str) -> Option<Arc<ViewTable>> {
        let named = |table: &&Arc<ViewTable>| table.def.name.eq_ignore_ascii_case(name);
        self.memory.tables.values().find(named).cloned()
    }

    pub(super) fn table_numbered(&self, number: i64) -> Option<Arc<ViewTable>> {
        self.memory.tables.values().find(|table| table.number == number).cloned()
    }
}

fn key_from(bytes: &[u8]) -> ViewResult<Key> {
    Key::from_bytes(bytes).map_err(|_| super::ViewError::Inconsistent("a key that cannot be read"))
}
