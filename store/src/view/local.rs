//! Runs users' statements and turns what they changed into ops.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::ffi;
use tandem_protocol::op::{Mode, Op};
use tandem_protocol::schema::{MergeKind, Storage};
use tandem_protocol::transaction::{Basis, Transaction};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::verify::ChainHead;

use super::access::USER_MARK;
use super::bind::{Bind, Stored, read_row};
use super::capture::{CaptureError, RowChange, join_forms};
use super::exactly::{self, Exact};
use super::merge::Merged;
use super::row_op::{Change, RowOp, Unseen, counted, group_ops};
use super::rows::{self, Base, Loaded, Run};
use super::table::ViewTable;
use super::{View, ViewError, ViewResult};
use crate::write::{Refusal, Statement, StatementResult};

/// A local transaction whose statements have run.
pub(crate) struct LocalWrite {
    /// What each statement did or returned.
    pub results: Vec<StatementResult>,
    /// What changed, for the log. Empty: nothing.
    pub ops: Vec<Op>,
    captured: Vec<Captured>,
}

/// A row's net change in canonical values.
pub(super) struct Captured {
    pub table: Arc<ViewTable>,
    pub key: Key,
    old: Option<(i64, Vec<Value>)>,
    new: Option<(i64, Vec<Value>)>,
    /// The row's state before, where it has one.
    state: Option<Loaded>,
    pub op: RowOp,
}

impl Captured {
    /// Whether nobody wrote the row before.
    pub(super) fn is_new(&self) -> bool {
        self.state.is_none()
    }
}

/// Why a write failed: it was refused, or the view itself failed.
pub(crate) enum LocalError {
    Refused(Refusal),
    View(ViewError),
}

impl From<ViewError> for LocalError {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

impl From<rusqlite::Error> for LocalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::View(error.into())
    }
}

impl View {
    /// Runs the statements of one transaction and works out its ops.
    /// `unseen` tells the deltas beyond the write's basis, if it has one.
    pub(crate) fn run_local(
        &mut self,
        statements: &[Statement],
        unseen: &Unseen,
    ) -> Result<LocalWrite, LocalError> {
        self.find_taken_ids()?;
        self.capture.watcher().borrow_mut().begin();
        let results = statements
            .iter()
            .enumerate()
            .map(|(at, statement)| self.run_statement(at, statement))
            .collect::<Result<Vec<_>, _>>();
        let changes = self.capture.watcher().borrow_mut().finish();
        let results = results?;
        let changes = changes.map_err(|error| LocalError::Refused(refusal_of_capture(error)))?;
        let mut captured = join_forms(changes)
            .into_iter()
            .filter_map(|change| self.settle(change, unseen).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let ops = group_ops(&mut captured);
        Ok(LocalWrite { results, ops, captured })
    }

    fn run_statement(&self, at: usize, statement: &Statement) -> Result<StatementResult, LocalError> {
        let sql = format!("{USER_MARK}{}", statement.sql);
        let refused = |error| LocalError::Refused(Refusal::of_sql(error, at, &statement.sql));
        let exact = if exactly::is_mentioned(&statement.sql) {
            self.exact_columns(Exact::of(&statement.sql))
        } else {
            Vec::new()
        };
        self.exactly.store(false, Ordering::Relaxed);
        self.capture.watcher().borrow_mut().exact.clone_from(&exact);
        let result = self.as_user(|| -> Result<StatementResult, LocalError> {
            let mut prepared = self.connection.prepare_cached(&sql).map_err(refused)?;
            let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
            let mut result = StatementResult { affected: 0, columns, rows: Vec::new() };
            for parameters in statement.params.sets() {
                self.capture.watcher().borrow_mut().statement += 1;
                let parameters = rusqlite::params_from_iter(parameters.iter().map(Bind));
                if result.columns.is_empty() {
                    result.affected += prepared.execute(parameters).map_err(refused)? as u64;
                } else {
                    let mut rows = prepared.query(parameters).map_err(refused)?;
                    while let Some(row) = rows.next().map_err(refused)? {
                        result.rows.push(read_row(row, 0, result.columns.len()).map_err(refused)?);
                    }
                    drop(rows);
                    if !prepared.readonly() {
                        result.affected += self.connection.changes();
                    }
                }
            }
            Ok(result)
        })?;
        if self.exactly.load(Ordering::Relaxed) && exact.is_empty() {
            return Err(LocalError::Refused(Refusal::exactly_not_counter(&statement.sql)));
        }
        Ok(result)
    }

    /// The counters among the columns that a statement sets exactly.
    fn exact_columns(&self, exact: Exact) -> Vec<(i64, usize)> {
        let Some(table) = self.shown_table(&exact.table) else { return Vec::new() };
        let columns = table.def.columns.iter().enumerate();
        let counters = columns.filter(|(_, column)| {
            column.kind.merge_kind() == MergeKind::Counter
                && exact.columns.contains(&column.name.to_ascii_lowercase())
        });
        counters.map(|(at, _)| (table.number, at)).collect()
    }

    /// Makes a captured change canonical, in the view too. `None`: nothing changed.
    fn settle(&mut self, change: RowChange, unseen: &Unseen) -> Result<Option<Captured>, LocalError> {
        let RowChange { table, mut key, old, new, exact, renewed, .. } = change;
        let old = old.map(|(rowid, row)| (rowid, table.read_back(row)));
        let new = match new {
            None => None,
            Some((rowid, row)) => {
                let before = old.as_ref().filter(|_| !renewed).map(|(_, row)| row.as_slice());
                let (row, changed) = table.canonical(row, before).map_err(|(column, error)| {
                    LocalError::Refused(Refusal::of_type(&table.def.name, &column, &error))
                })?;
                if changed {
                    self.rewrite(&table, &key, rowid, &row, old.is_some() && !renewed)?;
                }
                Some((rowid, row))
            }
        };
        // However SQLite stores it, an op has the one form of its values.
        if let Some((_, row)) = new.as_ref().or(old.as_ref()) {
            key = table.key_of(row);
        }
        if key.to_bytes().len() > tandem_protocol::bounds::KEY_BYTES {
            return Err(LocalError::Refused(Refusal::key_too_long(&table.def.name)));
        }
        let unchanged = match (&old, &new) {
            (None, None) => true,
            (Some((old_id, old)), Some((new_id, new))) => {
                old == new && old_id == new_id && exact.is_empty() && !renewed
            }
            _ => false,
        };
        if unchanged {
            return Ok(None);
        }
        if let Some((rowid, row)) = &new {
            let before = old.as_ref().filter(|_| !renewed).map(|(_, row)| row.as_slice());
            self.check_own_references(&table, row)?;
            if let Some(broken) =
                table.rules.broken(&self.connection, before, (*rowid, row)).map_err(refused_rule)?
            {
                return Err(LocalError::Refused(Refusal::of_rule(&table.def, broken)));
            }
        }
        let needs_state = old.is_some() || self.memory.stats(&table).hidden > 0;
        let state = if needs_state {
            Some(Loaded::load(&self.connection, &self.memory.authors, &table, &key.to_bytes(), old.clone())?)
        } else {
            None
        };
        let state = state.filter(|state| old.is_some() || state.stored);
        let change = Change {
            table: &table,
            key: &key,
            old: old.as_ref().filter(|_| !renewed).map(|(_, values)| values.as_slice()),
            new: new.as_ref().map(|(_, values)| values.as_slice()),
            state: state.as_ref(),
            exact: &exact,
        };
        let op = self.row_op(&change, unseen)?;
        let counted =
            new.as_ref().and_then(|(rowid, row)| Some((*rowid, counted(&table, state.as_ref()?, &op, row)?)));
        if let Some((_, row)) = &counted {
            self.update_row(&table, row)?;
        }
        let new = counted.or(new);
        Ok(Some(Captured { table, key, old, new, state, op }))
    }

    /// A table's references to itself. SQLite lets REPLACE break those that are ON DELETE SET NULL,
    /// also one that stays as it was, by replacing the row it refers to.
    fn check_own_references(&self, table: &ViewTable, row: &[Value]) -> Result<(), LocalError> {
        for (at, target) in &table.references {
            let own = target.eq_ignore_ascii_case(&table.def.name);
            if own && !self.refers_to_something(table, *at, &row[*at])? {
                let column = &table.def.columns[*at].name;
                return Err(LocalError::Refused(Refusal::dangling(&table.def.name, column)));
            }
        }
        Ok(())
    }

    /// Replaces a row's values by their canonical form.
    fn rewrite(
        &mut self,
        table: &Arc<ViewTable>,
        key: &Key,
        rowid: i64,
        row: &[Value],
        existed: bool,
    ) -> Result<(), LocalError> {
        let canonical = table.key_of(row);
        if table.is_stored_as(&canonical, key) {
            self.update_row(table, row)?;
            return Ok(());
        }
        // The key itself was written in another form ("{0190…}" for "0190…"). Its row must be
        // the only one of that name.
        let there = rows::select(&self.connection, table, &canonical)?;
        if existed || there.is_some_and(|(other, _)| other != rowid) {
            return Err(LocalError::Refused(Refusal::duplicate_key(&table.def.name, &canonical)));
        }
        let connection = &self.connection;
        connection
            .prepare_cached(&table.sql.delete)?
            .execute(rusqlite::params_from_iter(key.0.iter().map(Bind)))?;
        let columns = (1..=row.len()).map(|at| format!("?{}", at + 1)).collect::<Vec<_>>().join(", ");
        let names =
            table.def.columns.iter().map(|column| super::table::quoted(&column.name)).collect::<Vec<_>>();
        let sql = format!(
            "INSERT INTO {} (rowid, {}) VALUES (?1, {columns})",
            super::table::quoted(&table.def.name),
            names.join(", ")
        );
        let rowid = Value::Integer(rowid);
        let rowid = std::iter::once(Stored(Storage::Integer, &rowid));
        let parameters = rowid.chain(table.stored_row(row));
        connection.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(parameters))?;
        Ok(())
    }

    /// Takes a local transaction, now that it has a name, into the rows' states. `None`: deleted rows
    /// that were shown because others referred to them may have to go, which foreign keys would
    /// refuse; to be taken back, and merged without them.
    pub(crate) fn adopt(
        &mut self,
        write: LocalWrite,
        transaction: &Transaction,
        chain: ChainHead,
    ) -> ViewResult<Option<Merged>> {
        let header = &transaction.header;
        let context = self.memory.context(header);
        let author = self.memory.author_number(header.dot.author);
        let by = header.write_id();
        let mut merged = Merged::default();
        let mut first_rowids: HashMap<i64, i64> = HashMap::new();
        for captured in write.captured {
            let table = Arc::clone(&captured.table);
            let base = Base { by, width: table.def.columns.len() as u16 };
            let before = captured.old.as_ref().map(|(_, row)| row.as_slice());
            let after = captured.new.as_ref().map(|(_, row)| row.as_slice());
            let change = merged.of(&table.def.name);
            match (before, after) {
                (None, _) => change.inserted += 1,
                (Some(_), None) => change.deleted += 1,
                (Some(old), Some(new)) => change.updated += u64::from(old != new),
            }
            self.count(&table, before, after);
            self.note_references(&table, before, after)?;
            let next = self.memory.stats(&table).next_rowid;
            match (captured.state, &captured.new) {
                (None, Some((rowid, _))) if *rowid >= next => {
                    let first = first_rowids.entry(table.number).or_insert(*rowid);
                    *first = (*first).min(*rowid);
                }
                (None, Some((_, row))) => {
                    Loaded::inserted(&table, base, row).save(
                        &self.connection,
                        &table,
                        &captured.key.to_bytes(),
                    )?;
                }
                (None, None) => {}
                (Some(mut row), _) => {
                    let key = captured.key.to_bytes();
                    if captured.op.changes() {
                        let own = Some((header.dot.author, header.dot.seq - 1));
                        let basis = Basis { seen: &context, own };
                        let cell = |(at, mode, value): (usize, Mode, Value)| (table.ids[at], mode, value);
                        let cells = captured.op.cells.into_iter().map(cell).collect();
                        let cells = self.take_documents(&table, &key, &row, cells, by)?;
                        let written = cells.iter().map(|(id, mode, value)| (*id, *mode, value));
                        row.state.apply(captured.op.action, written, by, &basis);
                    }
                    self.keep_row(&table, &key, row, before.is_some(), after)?;
                }
            }
        }
        for table in self.memory.tables.clone().values() {
            if let Some(first) = first_rowids.get(&table.number) {
                let base = Base { by, width: table.def.columns.len() as u16 };
                rows::put_run(&self.connection, table, &Run { first: *first, author, base })?;
            }
        }
        if self.has_unsupported() {
            return Ok(None);
        }
        self.follow_up(&mut merged)?;
        for change in &merged.changes {
            let table = self.memory.tables.values().find(|table| table.def.name == change.table).cloned();
            if let Some(table) = table {
                let next = self.next_rowid(&table)?;
                self.memory.stats(&table).next_rowid = next;
            }
        }
        for op in &transaction.ops {
            if let Op::Settle(settlement) = op {
                self.settle_conflict(settlement)?;
            }
        }
        self.note(header, transaction.op_count(), chain, context)?;
        merged.changes.retain(|change| change.inserted + change.updated + change.deleted > 0);
        Ok(Some(merged))
    }
}

/// A rule that fails on a row's values (a function given what it does not take) is the write's
/// fault, not the view's.
fn refused_rule(error: ViewError) -> LocalError {
    match error {
        ViewError::Sql(error) if is_refusal(&error) => {
            LocalError::Refused(Refusal::of_sql(error, 0, "CHECK"))
        }
        error => LocalError::View(error),
    }
}

fn refusal_of_capture(error: CaptureError) -> Refusal {
    match error {
        CaptureError::KeyChanged(table) => Refusal::key_changed(&table),
        CaptureError::NotReadable(table) => Refusal::not_utf8(&table),
        CaptureError::Rowid(table) => Refusal::rowid(&table),
    }
}

/// Whether an error means that a statement was refused, not that the view failed.
pub(crate) fn is_refusal(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(
            ffi::ErrorCode::DiskFull
                | ffi::ErrorCode::SystemIoFailure
                | ffi::ErrorCode::DatabaseCorrupt
                | ffi::ErrorCode::NotADatabase
                | ffi::ErrorCode::CannotOpen
                | ffi::ErrorCode::ReadOnly
                | ffi::ErrorCode::OutOfMemory
        )
    )
}
