//! One row of the view as it changes: what is shown, its state, and all that is kept in step with it.

use std::sync::Arc;

use tandem_protocol::conflict::Conflict;
use tandem_protocol::schema::ColumnDef;
use tandem_protocol::value::{Key, Value};

use super::crowded::{Crowded, is_crowded};
use super::merge::Merged;
use super::row_entry::RowEntry;
use super::row_op::{CellWrite, Cells};
use super::table::ViewTable;
use super::{FoldState, View, ViewResult, functions, integrity, rows, touched};
use crate::refusal::Refusal;

/// Rows that many write at once.
impl View {
    /// The state of a row.
    pub(crate) fn load_row(&self, table: &ViewTable, key: &Key, bytes: &[u8]) -> ViewResult<RowEntry> {
        let shown = rows::select(&self.connection, table, key)?;
        if let Some(row) = self.crowded.get(table, bytes) {
            return Ok(row.clone().shown_as(shown));
        }
        RowEntry::load(&self.connection, &self.fold.position.authors, table, bytes, shown)
    }

    /// The state of a row that is about to be written.
    pub(super) fn take_row(&mut self, table: &ViewTable, key: &Key, bytes: &[u8]) -> ViewResult<RowEntry> {
        if let Some(row) = self.crowded.take(table, bytes) {
            return Ok(row.shown_as(rows::select(&self.connection, table, key)?));
        }
        self.load_row(table, key, bytes)
    }

    /// Keeps a row at hand instead of writing it down, if it is crowded; gives it back if it is not.
    /// Only one that has an entry of its own, is alive and was shown: nothing that is asked before the
    /// job ends depends on how many versions such a row has.
    pub(super) fn hold_crowded(
        &mut self,
        table: &Arc<ViewTable>,
        key: &[u8],
        mut row: RowEntry,
    ) -> ViewResult<Option<RowEntry>> {
        let plain = row.stored && row.shown.is_some() && row.state.is_alive();
        if !is_crowded(&row) || !plain || self.fold.conflicts.is_retained(&self.connection, table, key)? {
            return Ok(Some(row));
        }
        if self.crowded.is_full() {
            self.write_crowded()?;
        }
        let position = &self.fold.position;
        touched::note(&self.connection, &position.authors, table, key, position.next, None)?;
        row.forget_changed(table);
        let (table, arrival) = (Arc::clone(table), position.next);
        self.crowded.put(key, Crowded { table, row, arrival });
        Ok(None)
    }

    /// Writes down all that is at hand.
    pub(crate) fn write_crowded(&mut self) -> ViewResult<()> {
        for (bytes, Crowded { table, row, arrival }) in self.crowded.take_all() {
            let key = rows::key_from(&bytes)?;
            let shown = rows::select(&self.connection, &table, &key)?;
            self.list_row(&table, &bytes, &row, shown.as_ref().map(|(_, values)| values.as_slice()))?;
            row.save(&self.connection, &self.fold.position.authors, &table, &bytes, arrival)?;
        }
        Ok(())
    }
}

impl View {
    /// What writes cells.
    pub(crate) fn cells(&mut self) -> Cells<'_> {
        Cells { connection: &self.connection, documents: &mut self.documents, me: self.me }
    }

    /// The rules that the row of a write breaks, as conflicts.
    pub(crate) fn broken_rules(&self, write: &CellWrite) -> ViewResult<Vec<Conflict>> {
        match self.fold.tables.by_id(&write.table) {
            Some(table) => self.fold.conflicts.breaches_of(&self.connection, table, &write.key.to_bytes()),
            None => Ok(Vec::new()),
        }
    }

    /// Why a value of a column would refer to nothing, if it would.
    pub(crate) fn refers_to_nothing(
        &self,
        at: (&ViewTable, usize),
        value: &Value,
        key: &Key,
    ) -> ViewResult<Option<Refusal>> {
        integrity::refers_to_nothing(&self.connection, &self.fold.tables, at, value, key)
    }

    /// The values a row's state makes it show.
    pub(super) fn values(
        &mut self,
        table: &ViewTable,
        key: &Key,
        bytes: &[u8],
        row: &RowEntry,
    ) -> ViewResult<Vec<Value>> {
        let mut values = row.state.shown(&table.def, &table.ids);
        for at in &table.documents {
            values[*at] = self.documents.value(&self.connection, table, bytes, row, *at, &values[*at])?;
        }
        table.key.iter().zip(&key.0).for_each(|(at, value)| values[*at] = value.clone());
        Ok(values)
    }

    /// Makes the view show what a row's state says, or hide it; keeps figures, conflicts and state.
    pub(super) fn show_row(
        &mut self,
        table: &Arc<ViewTable>,
        (key, bytes): (&Key, &[u8]),
        row: RowEntry,
        is_shown: bool,
        merged: &mut Merged,
    ) -> ViewResult<()> {
        debug_assert_eq!(key.to_bytes(), bytes, "a row has one key");
        let before = row.shown.as_ref().map(|(_, values)| values.clone());
        let after = if is_shown { Some(self.values(table, key, bytes, &row)?) } else { None };
        merged.count(table, before.as_deref(), after.as_deref());
        match (&before, &after) {
            (None, Some(values)) => {
                self.fold.unique.insert_row(&self.connection, table, values)?;
                let rowid = self.connection.last_insert_rowid();
                self.fold.figures.set_next_rowid(table.number, rowid + 1);
            }
            (Some(before), Some(values)) if before != values => {
                self.fold.unique.update_row(&self.connection, table, values)?;
            }
            (Some(_), None) => {
                let mut delete = self.connection.prepare_cached(&table.sql.delete)?;
                delete.execute(rusqlite::params_from_iter(table.stored_key(&key.0)))?;
            }
            _ => {}
        }
        self.count(table, before.as_deref(), after.as_deref())?;
        self.keep_row(table, bytes, row, before.is_some(), after.as_deref())
    }

    /// Stores a row's state and lists what it leaves to decide.
    pub(super) fn keep_row(
        &mut self,
        table: &Arc<ViewTable>,
        bytes: &[u8],
        row: RowEntry,
        was_shown: bool,
        shown: Option<&[Value]>,
    ) -> ViewResult<()> {
        self.documents.keep_inserted(&self.connection, table, bytes, &row)?;
        self.note_deleted(table, bytes, &row, shown)?;
        let row = match shown {
            Some(_) => self.hold_crowded(table, bytes, row)?,
            None => Some(row),
        };
        let Some(row) = row else { return Ok(()) };
        self.list_row(table, bytes, &row, shown)?;
        self.fold.figures.count_hidden(table.number, row.stored && !was_shown, shown.is_none())?;
        let position = &self.fold.position;
        row.save(&self.connection, &position.authors, table, bytes, position.next)
    }

    /// Makes the listed conflicts of one row follow its state. `shown`: the values shown.
    pub(super) fn list_row(
        &mut self,
        table: &ViewTable,
        key: &[u8],
        row: &RowEntry,
        shown: Option<&[Value]>,
    ) -> ViewResult<()> {
        let (connection, documents) = (&self.connection, &mut self.documents);
        let mut failed = None;
        let mut content = |column: &ColumnDef, id: &Value| {
            let at = table.def.columns.iter().position(|known| known.name == column.name).unwrap_or_default();
            documents.value(connection, table, key, row, at, id).unwrap_or_else(|error| {
                failed = Some(error);
                Value::Null
            })
        };
        let mut open = row.state.conflicts(&table.def, key, shown.is_some(), &mut content);
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(shown) = shown {
            let rules = table.def.rules();
            let broken = table.rules.all_broken(connection, shown)?;
            let breach = |at: usize| row.state.breach(&table.def, key, &rules[at], shown);
            open.extend(broken.into_iter().map(breach));
            open.extend(row.state.overflows(&table.def, &table.ids, key, shown));
        }
        self.fold.conflicts.follow_row((connection, &mut self.effect), table, key, open)
    }

    /// Keeps rows, fingerprint, the greatest key, and what is to be followed up in step with a row's
    /// change.
    pub(super) fn count(
        &mut self,
        table: &Arc<ViewTable>,
        before: Option<&[Value]>,
        after: Option<&[Value]>,
    ) -> ViewResult<()> {
        let FoldState { tables, unique, figures, conflicts, .. } = &mut self.fold;
        before.into_iter().chain(after).for_each(|row| unique.note(table, row));
        let remove = before.map(|row| table.hash(&mut self.hasher, row));
        let add = after.map(|row| table.hash(&mut self.hasher, row));
        if let Some(effect) = &mut self.effect
            && let Some(row) = before.or(after)
        {
            effect.row((table.id, &table.def.name), &table.key_of(row).to_bytes(), remove, add);
        }
        figures.count(table.number, remove, add)?;
        if let (Some(row), true) = (after, table.generated_key().is_some())
            && let Value::Integer(id) = row[table.key[0]]
        {
            functions::locked(&self.watch.ids).saw(&table.id_text, id);
        }
        self.follow_up.note(&self.connection, (tables, figures, conflicts), table, (before, after))
    }
}
