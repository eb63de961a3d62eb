//! Runs users' statements and turns what they changed into ops.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::ffi;
use tandem_protocol::merge::{in_units, units};
use tandem_protocol::op::{Action, CellColumn, Mode, Op, RowGroup};
use tandem_protocol::schema::{ColumnId, MergeKind, TableId};
use tandem_protocol::transaction::{Basis, Header};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::verify::ChainHead;

use super::access::USER_MARK;
use super::bind::{Bind, read_row};
use super::capture::{CaptureError, RowChange};
use super::merge::Merged;
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
struct Captured {
    table: Arc<ViewTable>,
    key: Key,
    old: Option<(i64, Vec<Value>)>,
    new: Option<(i64, Vec<Value>)>,
    /// The row's state before, where a change of it needs one.
    state: Option<Loaded>,
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
    pub(crate) fn run_local(&mut self, statements: &[Statement]) -> Result<LocalWrite, LocalError> {
        self.capture.watcher().borrow_mut().begin();
        let results = statements
            .iter()
            .enumerate()
            .map(|(at, statement)| self.run_statement(at, statement))
            .collect::<Result<Vec<_>, _>>();
        let changes = self.capture.watcher().borrow_mut().finish();
        let results = results?;
        let changes = changes.map_err(|error| LocalError::Refused(refusal_of_capture(error)))?;
        let captured = changes
            .into_iter()
            .filter_map(|change| self.settle(change).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let ops = group_ops(&captured);
        Ok(LocalWrite { results, ops, captured })
    }

    fn run_statement(&self, at: usize, statement: &Statement) -> Result<StatementResult, LocalError> {
        let sql = format!("{USER_MARK}{}", statement.sql);
        let refused = |error| LocalError::Refused(Refusal::of_sql(error, at, &statement.sql));
        self.as_user(|| {
            let mut prepared = self.connection.prepare_cached(&sql).map_err(refused)?;
            let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
            let mut result = StatementResult { affected: 0, columns, rows: Vec::new() };
            for parameters in statement.params.sets() {
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
        })
    }

    /// Makes a captured change canonical, in the view too. `None`: nothing changed.
    fn settle(&mut self, change: RowChange) -> Result<Option<Captured>, LocalError> {
        let RowChange { table, key, old, new } = change;
        let mut key = key;
        let old = old.map(|(rowid, row)| (rowid, table.read_back(row)));
        let new = match new {
            None => None,
            Some((rowid, row)) => {
                let (row, changed) = table.canonical(row).map_err(|(column, error)| {
                    LocalError::Refused(Refusal::of_type(&table.def.name, &column, &error))
                })?;
                if changed {
                    key = self.rewrite(&table, &key, rowid, &row, old.is_some())?;
                }
                Some((rowid, row))
            }
        };
        if key.to_bytes().len() > tandem_protocol::bounds::KEY_BYTES {
            return Err(LocalError::Refused(Refusal::key_too_long(&table.def.name)));
        }
        let unchanged = match (&old, &new) {
            (None, None) => true,
            (Some((old_id, old)), Some((new_id, new))) => old == new && old_id == new_id,
            _ => false,
        };
        if unchanged {
            return Ok(None);
        }
        if let Some((rowid, row)) = &new {
            let before = old.as_ref().map(|(_, row)| row.as_slice());
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
        Ok(Some(Captured { table, key, old, new, state }))
    }

    /// Replaces a row's values by their canonical form; returns its canonical key.
    fn rewrite(
        &self,
        table: &Arc<ViewTable>,
        key: &Key,
        rowid: i64,
        row: &[Value],
        existed: bool,
    ) -> Result<Key, LocalError> {
        let canonical = table.key_of(row);
        if canonical == *key {
            self.update_row(table, row)?;
            return Ok(canonical);
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
        let parameters = std::iter::once(&rowid).chain(row).map(Bind);
        connection.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(parameters))?;
        Ok(canonical)
    }

    /// Takes a local transaction, now that it has a name, into the rows' states.
    pub(crate) fn adopt(
        &mut self,
        write: LocalWrite,
        header: &Header,
        op_count: usize,
        chain: ChainHead,
    ) -> ViewResult<Merged> {
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
            let next = self.memory.stats(&table).next_rowid;
            let known = captured.state.filter(|state| captured.old.is_some() || state.stored);
            match (known, &captured.new) {
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
                (Some(mut row), new) => {
                    let was_hidden = row.stored && captured.old.is_none();
                    let op = RowOp::of(&table, captured.old.as_ref(), new.as_ref(), Some(&row));
                    if op.changes() {
                        let own = Some((header.dot.author, header.dot.seq - 1));
                        let basis = Basis { seen: &context, own };
                        let cells = op.cells.iter().map(|(at, mode, value)| (table.ids[*at], *mode, value));
                        row.state.apply(op.action, cells, by, &basis);
                    }
                    self.count_hidden(&table, was_hidden, new.is_none());
                    row.save(&self.connection, &table, &captured.key.to_bytes())?;
                }
            }
        }
        for table in self.memory.tables.clone().values() {
            if let Some(first) = first_rowids.get(&table.number) {
                let base = Base { by, width: table.def.columns.len() as u16 };
                rows::put_run(&self.connection, table, &Run { first: *first, author, base })?;
            }
        }
        for change in &merged.changes {
            let table = self.memory.tables.values().find(|table| table.def.name == change.table).cloned();
            if let Some(table) = table {
                let next = self.next_rowid(&table)?;
                self.memory.stats(&table).next_rowid = next;
            }
        }
        self.note(header, op_count, chain, context)?;
        merged.changes.retain(|change| change.inserted + change.updated + change.deleted > 0);
        Ok(merged)
    }
}

/// What one row's change says to other sites.
struct RowOp {
    action: Action,
    /// Place of the column in the table, and what is written to it.
    cells: Vec<(usize, Mode, Value)>,
}

impl RowOp {
    fn of(
        table: &ViewTable,
        old: Option<&(i64, Vec<Value>)>,
        new: Option<&(i64, Vec<Value>)>,
        state: Option<&Loaded>,
    ) -> Self {
        let sum =
            |id: &ColumnId| state.and_then(|state| state.state.cells.get(id)).map_or(0, |cell| cell.sum);
        let mut cells = Vec::new();
        let action = match (old, new) {
            (_, None) => Action::Delete,
            (None, Some(_)) => Action::Insert,
            (Some(_), Some(_)) => Action::Update,
        };
        for at in &table.cells {
            let Some((_, new)) = new else { break };
            let before = old.map(|(_, row)| &row[*at]);
            if before == Some(&new[*at]) {
                continue;
            }
            let column = &table.def.columns[*at];
            let id = table.ids[*at];
            let counter = column.kind.merge_kind() == MergeKind::Counter;
            let (mode, value) = match (counter, before.and_then(units), units(&new[*at])) {
                (true, Some(before), Some(after)) => match after.checked_sub(before) {
                    Some(delta) => (Mode::Delta, in_units(column.kind, delta)),
                    None => (Mode::Set, offset(column.kind, after, sum(&id))),
                },
                (true, _, Some(after)) => (Mode::Set, offset(column.kind, after, sum(&id))),
                _ => (Mode::Set, new[*at].clone()),
            };
            cells.push((*at, mode, value));
        }
        Self { action, cells }
    }

    /// A group for ops of this shape.
    fn empty_group(&self, table: &ViewTable) -> RowGroup {
        let column = |(at, mode, _): &(usize, Mode, Value)| CellColumn {
            name: table.def.columns[*at].name.clone(),
            id: table.ids[*at],
            mode: *mode,
        };
        RowGroup {
            table: table.def.name.clone(),
            table_id: table.id,
            action: self.action,
            columns: self.cells.iter().map(column).collect(),
            keys: vec![Vec::new(); table.key.len()],
            cells: vec![Vec::new(); self.cells.len()],
            times: Vec::new(),
        }
    }

    fn changes(&self) -> bool {
        self.action != Action::Update || !self.cells.is_empty()
    }
}

/// The offset that makes a counter show `wanted`, given the deltas known.
fn offset(kind: tandem_protocol::schema::ColumnType, wanted: i64, sum: i128) -> Value {
    let offset = (i128::from(wanted) - sum).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    in_units(kind, offset as i64)
}

/// What the rows of a group have in common.
type Shape = (TableId, Action, Vec<(ColumnId, Mode)>);

/// The ops of a transaction: rows that share table, action and columns side by side.
fn group_ops(captured: &[Captured]) -> Vec<Op> {
    let mut groups: Vec<RowGroup> = Vec::new();
    let mut places: HashMap<Shape, usize> = HashMap::new();
    let mut last: Option<usize> = None;
    for row in captured {
        let op = RowOp::of(&row.table, row.old.as_ref(), row.new.as_ref(), row.state.as_ref());
        if !op.changes() {
            continue;
        }
        let columns = || op.cells.iter().map(|(at, mode, _)| (row.table.ids[*at], *mode));
        // Neighbours mostly belong together.
        let same = last.filter(|at| {
            let group = &groups[*at];
            group.table_id == row.table.id
                && group.action == op.action
                && group.columns.iter().map(|column| (column.id, column.mode)).eq(columns())
        });
        let place = same.unwrap_or_else(|| {
            *places.entry((row.table.id, op.action, columns().collect())).or_insert_with(|| {
                groups.push(op.empty_group(&row.table));
                groups.len() - 1
            })
        });
        last = Some(place);
        let group = &mut groups[place];
        group.keys.iter_mut().zip(&row.key.0).for_each(|(column, value)| column.push(value.clone()));
        group.cells.iter_mut().zip(op.cells).for_each(|(column, (_, _, value))| column.push(value));
    }
    groups.into_iter().map(Op::Rows).collect()
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
