//! Runs users' statements and turns what they changed into ops.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rusqlite::ffi;
use tandem_protocol::bounds;
use tandem_protocol::op::{Mode, Op};
use tandem_protocol::schema::{MergeKind, text_forms};
use tandem_protocol::sql_text;
use tandem_protocol::transaction::{Basis, Transaction};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::verify::ChainHead;

use super::access::USER_MARK;
use super::bind::{Bind, read_row, weight};
use super::capture::{CaptureError, RowChange};
use super::exactly::{self, Exact};
use super::forms::Rewritten;
use super::merge::{Merged, is_constraint};
use super::row_op::{Change, RowOp, Unseen, counted, group_ops};
use super::rows::{self, Base, Loaded, Run};
use super::table::ViewTable;
use super::words::{calls, rowid_in, words};
use super::{View, ViewError, ViewResult, functions, guard};
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

    /// The row's values before.
    pub(super) fn before(&self) -> Option<&[Value]> {
        self.old.as_ref().map(|(_, row)| row.as_slice())
    }

    /// The row's values after.
    pub(super) fn after(&self) -> Option<&[Value]> {
        self.new.as_ref().map(|(_, row)| row.as_slice())
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
    /// `unseen` tells the deltas beyond the write's basis, if it has one. `judged`: whether it is
    /// refused for breaking a rule. `time_ms` is the time that STAMP columns take.
    pub(crate) fn run_local(
        &mut self,
        statements: &[Statement],
        unseen: &Unseen,
        judged: bool,
        time_ms: i64,
    ) -> Result<LocalWrite, LocalError> {
        let stamp = time_ms.checked_mul(1000).and_then(text_forms::timestamp_text);
        self.find_taken_ids()?;
        self.capture.watcher().borrow_mut().begin();
        functions::locked(&self.ids).last = 0;
        self.answered.set(0);
        let results = statements
            .iter()
            .enumerate()
            .map(|(at, statement)| self.run_statement(at, statement, unseen, stamp.as_deref()))
            .collect::<Result<Vec<_>, LocalError>>();
        let changes = self.capture.watcher().borrow_mut().finish();
        let results = results?;
        let changes = changes.map_err(|error| LocalError::Refused(refusal_of_capture(error)))?;
        let mut captured = changes
            .into_iter()
            .filter_map(|change| self.settle(change, unseen, judged).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        if judged {
            self.judge_unique(&captured)?;
            self.judge_references(&captured)?;
        }
        let ops = group_ops(&mut captured);
        Ok(LocalWrite { results, ops, captured })
    }

    fn run_statement(
        &mut self,
        at: usize,
        statement: &Statement,
        unseen: &Unseen,
        stamp: Option<&str>,
    ) -> Result<StatementResult, LocalError> {
        if let Err(error) = sql_text::check_statement(&statement.sql) {
            return Err(LocalError::Refused(Refusal::of_text(&error, at)));
        }
        let is_column =
            |name: &str| self.memory.tables.values().any(|table| table.def.column(name).is_some());
        if let Some(name) = rowid_in(&statement.sql, is_column) {
            return Err(LocalError::Refused(Refusal::rowid(name, &statement.sql)));
        }
        if calls(&statement.sql, "tandem_next") {
            return Err(LocalError::Refused(Refusal::not_allowed(at, &statement.sql)));
        }
        let refused = |error| LocalError::Refused(Refusal::of_sql(error, at, &statement.sql));
        let exact = if exactly::is_mentioned(&statement.sql) {
            self.exact_columns(Exact::of(&statement.sql))
        } else {
            Vec::new()
        };
        self.exactly.store(false, Ordering::Relaxed);
        let prepared = self.prepare(at, statement)?;
        let rewritten = &*prepared.rewritten;
        let mut result = StatementResult { columns: prepared.columns.clone(), ..StatementResult::default() };
        let late = unseen.basis.as_ref().map(|basis| (basis, words(&statement.sql)));
        let one_by_one = late.is_some() || rewritten.returning.is_some();
        let mut sets = statement.params.sets().iter();
        loop {
            if let (Some((basis, words)), Some(parameters)) = (&late, sets.as_slice().first()) {
                self.put_back_deleted(words, parameters, basis)?;
            }
            self.capture.watcher().borrow_mut().exact.clone_from(&exact);
            let step = if one_by_one { 1 } else { usize::MAX };
            let first = result.rows.len();
            self.as_user(|| self.run_sets(&prepared, &mut sets.by_ref().take(step), &mut result))
                .map_err(refused)?;
            let mut altered = self.make_canonical(rewritten, stamp)?;
            if self.capture.watcher().borrow().has_removed() {
                self.follow_deletions()?;
                altered |= self.make_canonical(rewritten, stamp)?;
            }
            if let Some(returning) = &rewritten.returning {
                self.return_again(returning, altered, &prepared, &mut result.rows[first..])?;
            }
            if sets.len() == 0 {
                break;
            }
        }
        if let (0, Some((_, words))) = (result.affected, &late) {
            result.changed_meanwhile = self.is_too_late(words, unseen);
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
        let refused = |error| LocalError::Refused(Refusal::of_sql(error, at, &statement.sql));
        let marked = |view: &mut Self, sql: &str| match view.keep_rest_unique(&view.ask_for_keys(sql)) {
            Ok(sql) => Ok(format!("{USER_MARK}{sql}")),
            // An earlier statement of this transaction gave a value twice.
            Err(ViewError::Sql(error)) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                Err(refused(error))
            }
            Err(error) => Err(error.into()),
        };
        let given = marked(self, &statement.sql)?;
        let names = |view: &Self, sql: &str| {
            view.as_user(|| {
                let prepared = view.connection.prepare_cached(sql)?;
                Ok::<Vec<String>, rusqlite::Error>(prepared.column_names().map(str::to_owned).collect())
            })
        };
        let mut sql = given.clone();
        let mut columns = None;
        if let Some(text) = &rewritten.sql {
            sql = marked(self, text)?;
            columns = names(self, &sql).ok();
            if columns.is_none() {
                sql.clone_from(&given);
                rewritten = Arc::default();
            }
        }
        let columns = match columns {
            Some(columns) if !rewritten.names_text && rewritten.returning.is_none() => columns,
            _ => names(self, &given).map_err(refused)?,
        };
        Ok(Prepared { at, given: &statement.sql, sql, columns, rewritten })
    }

    /// Runs a statement with one set of parameters after the other, up to one that removes rows
    /// which others are to follow.
    fn run_sets(
        &self,
        prepared: &Prepared<'_>,
        sets: &mut dyn Iterator<Item = &Vec<Value>>,
        result: &mut StatementResult,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(&prepared.sql)?;
        let width = statement.column_count();
        for parameters in sets {
            self.guard.check()?;
            self.capture.watcher().borrow_mut().next_statement();
            let parameters = rusqlite::params_from_iter(parameters.iter().map(Bind));
            if width == 0 {
                result.affected += statement.execute(parameters)? as u64;
            } else {
                let mut rows = statement.query(parameters)?;
                while let Some(row) = rows.next()? {
                    let row = read_row(row, 0, width)?;
                    self.answered.set(self.answered.get() + weight(&row));
                    if self.answered.get() > guard::ANSWER_BYTES {
                        self.guard.end(guard::End::Answer);
                        self.guard.check()?;
                    }
                    result.rows.push(row);
                }
                drop(rows);
                if !statement.readonly() {
                    result.affected += self.connection.changes();
                }
            }
            let capture = self.capture.watcher().borrow();
            if let Some(id) = capture.last_inserted() {
                functions::locked(&self.ids).last = id;
            }
            if capture.has_removed() {
                break;
            }
        }
        Ok(())
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
    fn settle(
        &mut self,
        change: RowChange,
        unseen: &Unseen,
        judged: bool,
    ) -> Result<Option<Captured>, LocalError> {
        self.guard.check()?;
        let RowChange { table, mut key, old, new, exact, renewed, .. } = change;
        let old = old.map(|(rowid, row)| (rowid, table.read_back(row)));
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
        if let (Some((rowid, row)), true) = (&new, judged) {
            let before = old.as_ref().filter(|_| !renewed).map(|(_, row)| row.as_slice());
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

    /// Takes a local transaction, now that it has a name, into the rows' states.
    pub(crate) fn adopt(
        &mut self,
        write: LocalWrite,
        transaction: &Transaction,
        chain: ChainHead,
    ) -> ViewResult<Merged> {
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
                        &self.memory.authors,
                        &table,
                        &captured.key.to_bytes(),
                        self.memory.position,
                    )?;
                }
                (None, None) => {}
                (Some(mut row), _) => {
                    let key = captured.key.to_bytes();
                    if captured.op.changes() {
                        let own = Some((header.dot.chain(), header.dot.seq - 1));
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
        self.note_writers(transaction, &context)?;
        self.note(header, transaction.op_count(), chain, context)?;
        merged.changes.retain(|change| change.inserted + change.updated + change.deleted > 0);
        Ok(merged)
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
        CaptureError::Rowid(table) => Refusal::rowid("rowid", &table),
        CaptureError::TooManyRows => Refusal::too_many_rows(bounds::TRANSACTION_ROWS + 1),
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
