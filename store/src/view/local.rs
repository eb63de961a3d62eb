//! Runs users' statements and turns what they changed into ops. What they did to rows is judged here; a
//! write that ran aside and the end of a conflict come another way, and all meet in `JobRun::recorded`.

use std::sync::Arc;

use rusqlite::ffi;
use tandem_protocol::bounds;
use tandem_protocol::schema::{MergeKind, text_forms};
use tandem_protocol::sql_text;
use tandem_protocol::value::Value;

use super::access::USER_MARK;
use super::at_basis::at_basis;
use super::bind::{Bind, read_row, weight};
use super::capture::{CaptureError, RowChange};
use super::captured::{Captured, LocalWrite, group_ops};
use super::exactly::{self, Exact};
use super::forms::Rewritten;
use super::local_error::LocalError;
use super::numbers::Place;
use super::row_entry::RowEntry;
use super::row_op::{CanonicalChange, counted};
use super::unseen::Unseen;
use super::words::{calls, rowid_in, words};
use super::{
    FoldState, View, ViewError, absolute, functions, guard, ids, integrity, is_constraint, is_refusal,
    or_clause,
};
use crate::edits::Edits;
use crate::refusal::Refusal;
use crate::statement::{Statement, StatementResult};

/// What only a DEFAULT may call.
const OWN_FUNCTIONS: [&str; 2] = ["tandem_next", "tandem_number"];

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

impl View {
    /// Makes the edits of one transaction and works out its ops.
    /// `unseen` tells the deltas beyond the write's basis, if it has one. `is_judged`: whether it is
    /// refused for breaking a rule. `time_ms` is the time that STAMP columns take.
    pub(crate) fn run_local(
        &mut self,
        edits: &Edits,
        unseen: &Unseen,
        is_judged: bool,
        time_ms: i64,
    ) -> Result<LocalWrite, LocalError> {
        assert!(self.follow_up.is_done(), "statements begin where nothing is left to follow up");
        self.refresh_watch();
        let statements = edits.statements(&self.fold.tables);
        LocalRun::new(self, unseen, is_judged, time_ms).run(&statements)
    }

    /// Where the last transaction was given numbers, and the greatest before them.
    pub(crate) fn numbers_given(&self) -> Vec<(Place, u64)> {
        functions::locked(&self.watch.ids).numbers.places()
    }
}

/// The statements of one transaction as they run.
pub(super) struct LocalRun<'v> {
    pub view: &'v mut View,
    /// What lies beyond the write's basis, if it has one.
    pub unseen: &'v Unseen,
    /// Whether it is refused for breaking a rule.
    is_judged: bool,
    /// The time that STAMP columns take.
    pub stamp: Option<String>,
}

impl<'v> LocalRun<'v> {
    pub fn new(view: &'v mut View, unseen: &'v Unseen, is_judged: bool, time_ms: i64) -> Self {
        let stamp = time_ms.checked_mul(1000).and_then(text_forms::timestamp_text);
        Self { view, unseen, is_judged, stamp }
    }

    pub fn run(mut self, statements: &[Statement]) -> Result<LocalWrite, LocalError> {
        let FoldState { tables, figures, .. } = &self.view.fold;
        ids::find_taken(&self.view.connection, tables, figures, &self.view.watch.ids)?;
        self.view.watch.capture().begin();
        functions::locked(&self.view.watch.ids).begin(&self.view.fold.numbers);
        self.view.watch.answered.set(0);
        let results = statements
            .iter()
            .enumerate()
            .map(|(at, statement)| self.run_statement(at, statement))
            .collect::<Result<Vec<_>, LocalError>>();
        let changes = self.view.watch.capture().finish();
        let results = results?;
        let changes = changes.map_err(|error| LocalError::Refused(refusal_of_capture(error)))?;
        let mut captured = changes
            .into_iter()
            .filter_map(|change| self.settle(change).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        if self.is_judged {
            let View { connection, fold, .. } = &mut *self.view;
            fold.unique.judge(connection, &captured)?;
            integrity::judge(connection, &mut fold.tables, &captured)?;
        }
        let ops = group_ops(&mut captured);
        Ok(LocalWrite { results, ops, captured })
    }

    fn run_statement(&mut self, at: usize, statement: &Statement) -> Result<StatementResult, LocalError> {
        if let Err(error) = sql_text::check_statement(&statement.sql) {
            return Err(LocalError::Refused(Refusal::of_text(&error, at)));
        }
        let is_column = |name: &str| self.view.fold.tables.has_column(name);
        if let Some(name) = rowid_in(&statement.sql, is_column) {
            return Err(LocalError::Refused(Refusal::rowid(name, &statement.sql)));
        }
        if OWN_FUNCTIONS.iter().any(|function| calls(&statement.sql, function)) {
            return Err(LocalError::Refused(Refusal::not_allowed(at, &statement.sql)));
        }
        let refused = |error| LocalError::Refused(Refusal::of_sql(&error, at, &statement.sql));
        let exact = if exactly::is_mentioned(&statement.sql) {
            self.exact_columns(Exact::of(&statement.sql))
        } else {
            Vec::new()
        };
        let absolute = absolute::counters(&self.view.fold.tables, &statement.sql, self.unseen);
        self.view.watch.forget_exactly();
        let prepared = self.prepare(at, statement)?;
        let rewritten = &*prepared.rewritten;
        let mut result = StatementResult { columns: prepared.columns.clone(), ..StatementResult::default() };
        let late = self.unseen.basis.as_ref().map(|basis| (basis, words(&statement.sql)));
        let one_by_one = late.is_some() || rewritten.returning.is_some();
        let mut sets = statement.params.sets().iter();
        loop {
            if let (Some((basis, words)), Some(parameters)) = (&late, sets.as_slice().first()) {
                self.put_back_deleted(words, parameters, basis)?;
            }
            self.view.watch.capture().sets(&exact, &absolute);
            let step = if one_by_one { 1 } else { usize::MAX };
            let first = result.rows.len();
            self.run_sets(&prepared, &mut sets.by_ref().take(step), &mut result).map_err(refused)?;
            let mut altered = self.make_canonical(rewritten)?;
            if self.view.watch.capture().has_removed() {
                self.follow_deletions()?;
                altered |= self.make_canonical(rewritten)?;
            }
            if let Some(returning) = &rewritten.returning {
                self.return_again(returning, altered, &prepared, &mut result.rows[first..])?;
            }
            if sets.len() == 0 {
                break;
            }
        }
        if let (0, Some((_, words))) = (result.affected, &late) {
            result.changed_meanwhile = self.is_too_late(words);
        }
        if self.view.watch.has_called_exactly() && exact.is_empty() {
            return Err(LocalError::Refused(Refusal::exactly_not_counter(&statement.sql)));
        }
        Ok(result)
    }

    /// The statement as it is to run. What SQLite does not take as rewritten runs as it was given:
    /// what is wrong with it is then said of what the user wrote.
    fn prepare<'a>(&mut self, at: usize, statement: &'a Statement) -> Result<Prepared<'a>, LocalError> {
        let mut rewritten = self.view.watch.forms.rewrite(&statement.sql);
        let refused = |error| LocalError::Refused(Refusal::of_sql(&error, at, &statement.sql));
        let marked = |view: &mut View, sql: &str| {
            let FoldState { tables, unique, conflicts, .. } = &mut view.fold;
            let sql = or_clause::ask_for_keys(tables, sql);
            match unique.lean_on(&view.connection, conflicts, tables, &sql) {
                Ok(sql) => Ok(format!("{USER_MARK}{sql}")),
                // An earlier statement of this transaction gave a value twice.
                Err(ViewError::Sql(error)) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                    Err(refused(error))
                }
                Err(error) => Err(error.into()),
            }
        };
        let given = marked(self.view, &statement.sql)?;
        let names = |view: &View, sql: &str| {
            view.watch.as_user(&view.connection, || {
                let prepared = view.connection.prepare_cached(sql)?;
                Ok::<Vec<String>, rusqlite::Error>(prepared.column_names().map(str::to_owned).collect())
            })
        };
        let mut sql = given.clone();
        let mut columns = None;
        if let Some(text) = &rewritten.sql {
            sql = marked(self.view, text)?;
            columns = names(self.view, &sql).ok();
            if columns.is_none() {
                sql.clone_from(&given);
                rewritten = Arc::default();
            }
        }
        let columns = match columns {
            Some(columns) if !rewritten.names_text && rewritten.returning.is_none() => columns,
            _ => names(self.view, &given).map_err(refused)?,
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
        let view = &*self.view;
        view.watch.as_user(&view.connection, || run_sets(view, prepared, sets, result))
    }

    /// The counters among the columns that a statement sets exactly.
    fn exact_columns(&self, exact: Exact) -> Vec<(i64, usize)> {
        let Some(table) = self.view.fold.tables.named(&exact.table) else { return Vec::new() };
        let columns = table.def.columns.iter().enumerate();
        let counters = columns.filter(|(_, column)| {
            column.kind.merge_kind() == MergeKind::Counter
                && exact.columns.contains(&column.name.to_ascii_lowercase())
        });
        counters.map(|(at, _)| (table.number, at)).collect()
    }

    /// What a captured change, canonical by now, says. `None`: nothing changed.
    fn settle(&mut self, change: RowChange) -> Result<Option<Captured>, LocalError> {
        self.view.watch.guard.check()?;
        let RowChange { table, mut key, old, new, exact, absolute, renewed, .. } = change;
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
                old == new && old_id == new_id && exact.is_empty() && absolute.is_empty() && !renewed
            }
            _ => false,
        };
        if unchanged {
            return Ok(None);
        }
        if let (Some((rowid, row)), true) = (&new, self.is_judged) {
            let before = old.as_ref().filter(|_| !renewed).map(|(_, row)| row.as_slice());
            if let Some(broken) =
                table.rules.broken(&self.view.connection, before, (*rowid, row)).map_err(refused_rule)?
            {
                return Err(LocalError::Refused(Refusal::of_rule(&table.def, broken)));
            }
        }
        let view = &mut *self.view;
        let needs_state = old.is_some() || view.fold.figures.has_hidden(table.number);
        let state = if needs_state {
            let authors = &view.fold.position.authors;
            Some(RowEntry::load(&view.connection, authors, &table, &key.to_bytes(), old.clone())?)
        } else {
            None
        };
        let state = state.filter(|state| old.is_some() || state.stored);
        let read = state.as_ref().filter(|_| old.is_some() && !renewed);
        let change = CanonicalChange {
            table: &table,
            key: &key,
            old: old.as_ref().filter(|_| !renewed).map(|(_, values)| values.as_slice()),
            new: new.as_ref().map(|(_, values)| values.as_slice()),
            state: state.as_ref(),
            exact: &exact,
            at_basis: &at_basis(view, (&table, &key), read, (&absolute, &exact), self.unseen)?,
        };
        let op = view.cells().row_op(&change, self.unseen)?;
        let counted =
            new.as_ref().and_then(|(rowid, row)| Some((*rowid, counted(&table, state.as_ref()?, &op, row)?)));
        if let Some((_, row)) = &counted {
            view.fold.unique.update_row(&view.connection, &table, row)?;
        }
        let new = counted.or(new);
        Ok(Some(Captured { table, key, old, new, state, op }))
    }
}

/// Runs a statement with one set of parameters after the other, up to one that removes rows which
/// others are to follow.
fn run_sets(
    view: &View,
    prepared: &Prepared<'_>,
    sets: &mut dyn Iterator<Item = &Vec<Value>>,
    result: &mut StatementResult,
) -> rusqlite::Result<()> {
    let mut statement = view.connection.prepare_cached(&prepared.sql)?;
    let width = statement.column_count();
    for parameters in sets {
        view.watch.guard.check()?;
        view.watch.capture().next_statement();
        let parameters = rusqlite::params_from_iter(parameters.iter().map(Bind));
        if width == 0 {
            result.affected += statement.execute(parameters)? as u64;
        } else {
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                let row = read_row(row, 0, width)?;
                view.watch.answered.set(view.watch.answered.get() + weight(&row));
                if view.watch.answered.get() > guard::ANSWER_BYTES {
                    view.watch.guard.end(guard::End::Answer);
                    view.watch.guard.check()?;
                }
                result.rows.push(row);
            }
            drop(rows);
            if !statement.readonly() {
                result.affected += view.connection.changes();
            }
        }
        let capture = view.watch.capture();
        if let Some(id) = capture.last_inserted() {
            functions::locked(&view.watch.ids).last = id;
        }
        if capture.has_removed() {
            break;
        }
    }
    Ok(())
}

/// A rule that fails on a row's values (a function given what it does not take) is the write's
/// fault, not the view's.
fn refused_rule(error: ViewError) -> LocalError {
    match error {
        ViewError::Sql(error) if is_refusal(&error) => {
            LocalError::Refused(Refusal::of_sql(&error, 0, "CHECK"))
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
