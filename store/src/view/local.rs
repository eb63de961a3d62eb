//! Runs users' statements and turns what they changed into ops.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::ffi;
use tandem_protocol::identity::Author;
use tandem_protocol::merge::{Cell, WriteId};
use tandem_protocol::op::{Mode, Op};
use tandem_protocol::schema::{MergeKind, text_forms};
use tandem_protocol::transaction::{Basis, Transaction};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::verify::ChainHead;

use super::access::USER_MARK;
use super::bind::{Bind, read_row};
use super::capture::{CaptureError, RowChange};
use super::exactly::{self, Exact};
use super::forms::Rewritten;
use super::merge::Merged;
use super::row_op::{Change, RowOp, Unseen, group_ops};
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

/// A statement of a user, ready to run.
pub(super) struct Prepared<'a> {
    /// Its place in the transaction.
    pub at: usize,
    /// What the user wrote.
    pub given: &'a str,
    /// What SQLite gets to see.
    sql: String,
    /// Names of the columns of its answer.
    pub columns: Vec<String>,
    rewritten: Arc<Rewritten>,
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
    /// `unseen` tells the deltas beyond the write's basis, if it has one; `time_ms` is the time that
    /// STAMP columns take.
    pub(crate) fn run_local(
        &mut self,
        statements: &[Statement],
        unseen: &Unseen,
        time_ms: i64,
    ) -> Result<LocalWrite, LocalError> {
        let stamp = time_ms.checked_mul(1000).and_then(text_forms::timestamp_text);
        self.capture.watcher().borrow_mut().begin();
        let results = statements
            .iter()
            .enumerate()
            .map(|(at, statement)| self.run_statement(at, statement, stamp.as_deref()))
            .collect::<Result<Vec<_>, _>>();
        let changes = self.capture.watcher().borrow_mut().finish();
        let results = results?;
        let changes = changes.map_err(|error| LocalError::Refused(refusal_of_capture(error)))?;
        let mut captured = changes
            .into_iter()
            .filter_map(|change| self.settle(change, unseen).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let ops = group_ops(&mut captured);
        Ok(LocalWrite { results, ops, captured })
    }

    fn run_statement(
        &mut self,
        at: usize,
        statement: &Statement,
        stamp: Option<&str>,
    ) -> Result<StatementResult, LocalError> {
        let exact = if exactly::is_mentioned(&statement.sql) {
            self.exact_columns(Exact::of(&statement.sql))
        } else {
            Vec::new()
        };
        self.exactly.store(false, Ordering::Relaxed);
        self.capture.watcher().borrow_mut().exact.clone_from(&exact);
        let prepared = self.prepare(at, statement)?;
        let sets = statement.params.sets();
        let mut result = StatementResult { affected: 0, columns: prepared.columns.clone(), rows: Vec::new() };
        let rewritten = &*prepared.rewritten;
        if let Some(returning) = &rewritten.returning {
            for set in sets {
                let first = result.rows.len();
                self.run_sets(&prepared, std::slice::from_ref(set), &mut result)?;
                let altered = self.make_canonical(rewritten, stamp)?;
                self.return_again(returning, altered, &prepared, &mut result.rows[first..])?;
            }
        } else {
            self.run_sets(&prepared, sets, &mut result)?;
            self.make_canonical(rewritten, stamp)?;
        }
        if self.exactly.load(Ordering::Relaxed) && exact.is_empty() {
            return Err(LocalError::Refused(Refusal::exactly_not_counter(&statement.sql)));
        }
        Ok(result)
    }

    /// The statement as it is to run. What SQLite does not take as rewritten runs as it was given:
    /// what is wrong with it is then said of what the user wrote.
    fn prepare<'a>(&mut self, at: usize, statement: &'a Statement) -> Result<Prepared<'a>, LocalError> {
        let mut rewritten = self.forms.rewrite(&statement.sql);
        let given = format!("{USER_MARK}{}", statement.sql);
        let names = |sql: &str| {
            self.as_user(|| {
                let prepared = self.connection.prepare_cached(sql)?;
                Ok::<Vec<String>, rusqlite::Error>(prepared.column_names().map(str::to_owned).collect())
            })
        };
        let mut sql = given.clone();
        let mut columns = None;
        if let Some(text) = &rewritten.sql {
            sql = format!("{USER_MARK}{text}");
            columns = names(&sql).ok();
            if columns.is_none() {
                sql.clone_from(&given);
                rewritten = Arc::default();
            }
        }
        let columns = match columns {
            Some(columns) if !rewritten.names_text && rewritten.returning.is_none() => columns,
            _ => names(&given)
                .map_err(|error| LocalError::Refused(Refusal::of_sql(error, at, &statement.sql)))?,
        };
        Ok(Prepared { at, given: &statement.sql, sql, columns, rewritten })
    }

    fn run_sets(
        &self,
        prepared: &Prepared<'_>,
        sets: &[Vec<Value>],
        result: &mut StatementResult,
    ) -> Result<(), LocalError> {
        let refused = |error| LocalError::Refused(Refusal::of_sql(error, prepared.at, prepared.given));
        self.as_user(|| {
            let mut statement = self.connection.prepare_cached(&prepared.sql).map_err(refused)?;
            let width = statement.column_count();
            for parameters in sets {
                let parameters = rusqlite::params_from_iter(parameters.iter().map(Bind));
                if width == 0 {
                    result.affected += statement.execute(parameters).map_err(refused)? as u64;
                    continue;
                }
                let mut rows = statement.query(parameters).map_err(refused)?;
                while let Some(row) = rows.next().map_err(refused)? {
                    result.rows.push(read_row(row, 0, width).map_err(refused)?);
                }
                drop(rows);
                if !statement.readonly() {
                    result.affected += self.connection.changes();
                }
            }
            Ok(())
        })
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

    /// What a captured change, canonical by now, says. `None`: nothing changed.
    fn settle(&mut self, change: RowChange, unseen: &Unseen) -> Result<Option<Captured>, LocalError> {
        let RowChange { table, key, old, new, exact, now: _ } = change;
        let old = old.map(|(rowid, row)| (rowid, table.read_back(row)));
        if key.to_bytes().len() > tandem_protocol::bounds::KEY_BYTES {
            return Err(LocalError::Refused(Refusal::key_too_long(&table.def.name)));
        }
        let unchanged = match (&old, &new) {
            (None, None) => true,
            (Some((old_id, old)), Some((new_id, new))) => old == new && old_id == new_id && exact.is_empty(),
            _ => false,
        };
        if unchanged {
            return Ok(None);
        }
        if let Some((rowid, row)) = &new {
            let before = old.as_ref().map(|(_, row)| row.as_slice());
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
            old: old.as_ref().map(|(_, values)| values.as_slice()),
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
/// The row with its counters as others will see them, where that is not as they were written: one
/// set to NULL, or beyond what can be said, still shows its deltas.
fn counted(table: &ViewTable, state: &Loaded, op: &RowOp, row: &[Value]) -> Option<Vec<Value>> {
    let mut counted = None;
    for (at, mode, value) in &op.cells {
        let column = &table.def.columns[*at];
        let sum = state.state.cells.get(&table.ids[*at]).map_or(0, |cell| cell.sum);
        if column.kind.merge_kind() != MergeKind::Counter || *mode != Mode::Set || sum == 0 {
            continue;
        }
        let by = WriteId { time_ms: 0, author: Author([0; 32]), seq: 0 };
        let shown = Cell { sum, ..Cell::once(by, value) }.shown(column.kind, &column.unwritten());
        if shown != row[*at] {
            counted.get_or_insert_with(|| row.to_vec())[*at] = shown;
        }
    }
    counted
}

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
