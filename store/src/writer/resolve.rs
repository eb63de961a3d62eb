//! Ends conflicts: turns what somebody chose into an ordinary transaction. What is chosen of what is
//! there is refused by no rule, as it would not be if it came from elsewhere; a value that is typed
//! is judged like any other.

use tandem_protocol::conflict::{Conflict, ConflictKind, Version, VersionContent};
use tandem_protocol::merge::{in_units, units};
use tandem_protocol::op::{Action, Mode, Op, Settlement};
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{MergeKind, SchemaOp, Storage};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;

use super::failure::JobError;
use super::labels::{Labels, Rules};
use super::run::JobRun;
use super::unseen::recorded_transaction;
use crate::clause;
use crate::edits::Edits;
use crate::log::SpaceLog;
use crate::refusal::Refusal;
use crate::resolution::{Choice, Resolution};
use crate::statement::{Params, Statement};
use crate::view::{CellWrite, View, ViewTable, push_cell, to_storage};
use crate::write::Written;

/// How a choice is carried out.
enum Plan {
    /// By edits; and ops besides.
    Edits(Edits, Vec<Op>),
    /// Written directly, also where nothing visible changes.
    Row(CellWrite),
    /// System ops.
    Ops(Vec<Op>),
}

impl JobRun<'_> {
    pub(super) fn run_resolution(&mut self, resolution: &Resolution) -> Result<Written, JobError> {
        let conflict = self.view.conflict(resolution.id)?.ok_or_else(Refusal::conflict_unknown)?;
        if conflict.versions_hash() != resolution.seen {
            return Err(Refusal::conflict_changed().into());
        }
        let labels =
            Labels { by: resolution.by.clone(), message: resolution.message.clone(), ..Labels::default() };
        let rules = match (&resolution.choice, conflict.kind) {
            // To carry out a deletion that is known already makes sense only if the row then goes.
            (Choice::Value(_), _) | (_, ConflictKind::Reference) => Rules::Judged,
            _ => Rules::OfAMerge,
        };
        let mut resolver = Resolver { view: &mut self.view, log: &self.log.log };
        match resolver.plan(&conflict, &resolution.choice)? {
            Plan::Edits(edits, ops) => self.record_edits((&edits, rules), ops, labels),
            Plan::Row(cell) => self.record_row((cell, rules), labels),
            Plan::Ops(ops) => self.record(ops, Vec::new(), labels),
        }
    }
}

/// How a choice is found its plan: from the view, and what the log says of a transaction.
struct Resolver<'r> {
    view: &'r mut View,
    log: &'r SpaceLog,
}

impl Resolver<'_> {
    fn plan(&mut self, conflict: &Conflict, choice: &Choice) -> Result<Plan, JobError> {
        match conflict.kind {
            ConflictKind::Schema => self.choose_definition(conflict, choice),
            ConflictKind::Duplicate => self.choose_transaction(conflict, choice),
            _ => {
                let table =
                    self.view.fold.tables.named(&conflict.table).ok_or_else(Refusal::conflict_unknown)?;
                match conflict.kind {
                    ConflictKind::Register => self.choose_value(&table, conflict, choice),
                    ConflictKind::Deleted | ConflictKind::Reference => {
                        self.choose_life(&table, conflict, choice)
                    }
                    ConflictKind::Unique => choose_holder(&table, conflict, choice),
                    _ => mend(&table, conflict, choice),
                }
            }
        }
    }

    /// One of the values, or another one.
    fn choose_value(
        &mut self,
        table: &ViewTable,
        conflict: &Conflict,
        choice: &Choice,
    ) -> Result<Plan, JobError> {
        let name = conflict.columns.first().map_or("", String::as_str);
        let place = table.def.columns.iter().position(|column| column.name == name);
        let at = place.ok_or_else(Refusal::conflict_unknown)?;
        let key = Key(conflict.key_values());
        let row = self.view.load_row(table, &key, &conflict.key)?;
        let cell = row.state.cells.get(&table.ids[at]).ok_or_else(Refusal::conflict_unknown)?;
        let column = &table.def.columns[at];
        let (write, shown) = match choice {
            Choice::Use(dot) => {
                let chosen = version_of(conflict, dot)?;
                let sibling = cell.set.siblings().iter().find(|sibling| sibling.by == chosen.by);
                let sibling = sibling.ok_or_else(Refusal::conflict_changed)?;
                let value = sibling.value.value().unwrap_or(Value::Null);
                let value = match column.kind.merge_kind() {
                    // Chosen now: what it comes to, and not what its writer knew.
                    MergeKind::Counter => cell.meant(column.kind, &value).value(column.kind),
                    _ => value,
                };
                let shown = match &chosen.held {
                    VersionContent::Value { value, .. } => value.value().ok(),
                    _ => None,
                };
                let mode = match value {
                    // A document that is named anew.
                    Value::Blob(_) if column.kind.merge_kind() == MergeKind::Document => Mode::Change,
                    _ => Mode::Set,
                };
                ((mode, value), shown)
            }
            Choice::Value(value) => {
                let value = column
                    .kind
                    .canonical(value.clone())
                    .map_err(|error| Refusal::of_type(&table.def.name, name, &error))?;
                if value.is_null() && column.not_null {
                    return Err(Refusal::not_null(&table.def.name, name).into());
                }
                if let Some(refusal) = self.view.refers_to_nothing((table, at), &value, &key)? {
                    return Err(refusal.into());
                }
                (self.view.cells().cell_set(table, &row, &key, at, value.clone())?, Some(value))
            }
            Choice::KeepAll => return Err(Refusal::conflict_choice().into()),
        };
        let mut cells = Vec::new();
        push_cell(&mut cells, (at, column.kind), write, shown.as_ref());
        Ok(Plan::Row(CellWrite { table: table.id, key, action: Action::Update, cells }))
    }

    /// Whether the row is there.
    fn choose_life(
        &mut self,
        table: &ViewTable,
        conflict: &Conflict,
        choice: &Choice,
    ) -> Result<Plan, JobError> {
        let alive = match choice {
            Choice::Use(dot) => version_of(conflict, dot)?.held == VersionContent::Alive,
            Choice::KeepAll if conflict.kind == ConflictKind::Reference => true,
            _ => return Err(Refusal::conflict_choice().into()),
        };
        let key = Key(conflict.key_values());
        let shown = self.view.load_row(table, &key, &conflict.key)?.shown.is_some();
        if !alive && shown {
            // By SQL, so that ON DELETE acts. If others still refer to it then, it stays for them.
            return Ok(Plan::Edits(Edits::Sql(vec![delete(table, &key)]), Vec::new()));
        }
        let action = if alive { Action::Update } else { Action::Delete };
        Ok(Plan::Row(CellWrite { table: table.id, key, action, cells: Vec::new() }))
    }

    /// Which definition of a name is shown.
    fn choose_definition(&mut self, conflict: &Conflict, choice: &Choice) -> Result<Plan, JobError> {
        let place = match choice {
            Choice::Use(dot) => {
                let chosen = version_of(conflict, dot)?;
                conflict.versions.iter().position(|version| version == chosen)
            }
            Choice::KeepAll => None,
            Choice::Value(_) => return Err(Refusal::conflict_choice().into()),
        };
        let schema = &self.view.fold.tables.schema;
        let unknown = || JobError::from(Refusal::conflict_unknown());
        let op = match conflict.columns.first() {
            None => {
                let looked_at = schema.tables_named(&conflict.table);
                let shown = schema.table(&conflict.table).map(tandem_protocol::schema::Table::id);
                let chosen = place.and_then(|place| looked_at.get(place).copied()).or(shown);
                let table_id = chosen.ok_or_else(unknown)?;
                SchemaOp::ChooseTable { name: conflict.table.clone(), table_id, looked_at }
            }
            Some(name) => {
                let table = schema.table(&conflict.table).ok_or_else(unknown)?;
                let looked_at = table.columns_named(name);
                let shown = table.shown.column(name).map(tandem_protocol::schema::ColumnDef::id);
                let chosen = place.and_then(|place| looked_at.get(place).copied()).or(shown);
                SchemaOp::ChooseColumn {
                    table: table.shown.name.clone(),
                    table_id: table.id(),
                    name: name.clone(),
                    column: chosen.ok_or_else(unknown)?,
                    looked_at,
                }
            }
        };
        Ok(Plan::Ops(vec![Op::Schema(op)]))
    }

    /// Which of several recordings of one request counts.
    fn choose_transaction(&mut self, conflict: &Conflict, choice: &Choice) -> Result<Plan, JobError> {
        let dots: Vec<Dot> = conflict.versions.iter().map(Version::dot).collect();
        let reference = |dot: &Dot| Ok(self.view.reference(*dot)?.ok_or_else(Refusal::conflict_changed)?);
        let looked_at = dots.iter().map(reference).collect::<Result<_, JobError>>()?;
        let settled = Op::Settle(Settlement { conflict: conflict.id(), looked_at });
        let kept = match choice {
            Choice::KeepAll => return Ok(Plan::Ops(vec![settled])),
            Choice::Use(dot) => version_of(conflict, dot)?.dot(),
            Choice::Value(_) => return Err(Refusal::conflict_choice().into()),
        };
        let kept = recorded_transaction(self.view, self.log, &kept)?.ok_or_else(Refusal::conflict_changed)?;
        let mut statements = Vec::new();
        for dot in dots.iter().filter(|dot| **dot != kept.header.dot) {
            let undone =
                recorded_transaction(self.view, self.log, dot)?.ok_or_else(Refusal::conflict_changed)?;
            for op in undone.ops.iter().rev() {
                self.undo(op, &kept, &mut statements);
            }
        }
        Ok(Plan::Edits(Edits::Sql(statements), vec![settled]))
    }

    /// Takes back what a repeated request did twice: rows it inserted beside those of the one that
    /// is kept, and what it added to counters. Values it set are those the other one set.
    fn undo(&self, op: &Op, kept: &Transaction, statements: &mut Vec<Statement>) {
        let Op::Rows(group) = op else { return };
        let Some(table) = self.view.fold.tables.by_id(&group.table_id) else { return };
        let inserted_by_kept = |key: &Key| {
            kept.ops.iter().any(|op| match op {
                Op::Rows(other) if other.table_id == group.table_id && other.action == Action::Insert => {
                    (0..other.rows()).any(|at| other.key(at) == *key)
                }
                _ => false,
            })
        };
        for at in (0..group.rows()).rev() {
            let key = group.key(at);
            if group.action == Action::Insert {
                if !inserted_by_kept(&key) {
                    statements.push(delete(table, &key));
                }
                continue;
            }
            for (column, value) in group.row(at).filter(|(column, _)| column.mode == Mode::Delta) {
                let Some(place) = table.ids.iter().position(|id| *id == column.id) else { continue };
                let name = quoted(&table.def.columns[place].name);
                let kind = table.def.columns[place].kind;
                let taken = in_units(kind, -units(value).unwrap_or_default());
                let set = match kind.storage() {
                    Storage::Digits => format!("{name} = decimal_add({name}, ?1)"),
                    _ => format!("{name} = {name} + ?1"),
                };
                statements.push(update(table, &set, vec![to_storage(kind, taken)], &key));
            }
        }
    }
}

fn version_of<'a>(conflict: &'a Conflict, dot: &Dot) -> Result<&'a Version, Refusal> {
    let chosen = conflict.versions.iter().find(|version| version.dot() == *dot);
    chosen.ok_or_else(Refusal::conflict_choice)
}

/// Which row keeps a unique value.
fn choose_holder(table: &ViewTable, conflict: &Conflict, choice: &Choice) -> Result<Plan, JobError> {
    let key_of = |version: &Version| match &version.held {
        VersionContent::Row(key) => Key::from_bytes(key).ok(),
        _ => None,
    };
    let (kept, value) = match choice {
        Choice::Use(dot) => (version_of(conflict, dot)?, Value::Null),
        Choice::Value(value) if conflict.versions.len() == 2 => (&conflict.versions[0], value.clone()),
        _ => return Err(Refusal::conflict_choice().into()),
    };
    let outside = |name: &&String| {
        let column = table.def.column(name);
        column.is_some_and(|column| !(table.def.is_key(name) || value.is_null() && column.not_null))
    };
    let column = conflict.columns.iter().find(outside).ok_or_else(|| Refusal::conflict_by_hand(conflict))?;
    let others = conflict.versions.iter().filter(|version| *version != kept).filter_map(key_of);
    let set = format!("{} = ?1", quoted(column));
    let statements = others.map(|key| update(table, &set, vec![value.clone()], &key)).collect();
    Ok(Plan::Edits(Edits::Sql(statements), Vec::new()))
}

/// A value for the column that may not be NULL.
fn mend(table: &ViewTable, conflict: &Conflict, choice: &Choice) -> Result<Plan, JobError> {
    let column = conflict.columns.first().and_then(|rule| table.def.column(rule));
    let (Some(column), Choice::Value(value)) = (column, choice) else {
        return Err(Refusal::conflict_by_hand(conflict).into());
    };
    let set = format!("{} = ?1", quoted(&column.name));
    let statement = update(table, &set, vec![value.clone()], &Key(conflict.key_values()));
    Ok(Plan::Edits(Edits::Sql(vec![statement]), Vec::new()))
}

fn delete(table: &ViewTable, key: &Key) -> Statement {
    let sql = format!("DELETE FROM {} WHERE {}", quoted(&table.def.name), condition(table, 1));
    Statement { sql, params: Params::One(table.key_as_stored(key)) }
}

fn update(table: &ViewTable, set: &str, mut params: Vec<Value>, key: &Key) -> Statement {
    let first = params.len() + 1;
    let sql = format!("UPDATE {} SET {set} WHERE {}", quoted(&table.def.name), condition(table, first));
    params.extend(table.key_as_stored(key));
    Statement { sql, params: Params::One(params) }
}

fn condition(table: &ViewTable, first: usize) -> String {
    clause::equal(table.key.iter().map(|at| &table.def.columns[*at].name), first)
}
