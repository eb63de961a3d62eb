//! What a set of schema ops comes to: which of them count, which wait and for what, and what is
//! shown under which name. A pure function of the set; no order of arrival, no answer of SQLite.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::definition::{Check, ColumnDef, DefaultValue, IndexDef, TableDef, Unique};
use super::expression::{Expression, Judge, Style, quoted, spelled};
use super::id::{ColumnId, RuleId, TableId};
use super::op::SchemaOp;
use super::place::OpPlace;
use super::set::Writers;
use super::table::{Declared, Table};
use crate::conflict::{Conflict, ConflictKind, Held, Version};
use crate::merge::WriteId;
use crate::{bounds, name};

/// What a set of schema ops comes to.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Judgement {
    /// By ascending name.
    pub tables: Vec<Table>,
    /// Their places in `tables`.
    pub by_id: BTreeMap<TableId, usize>,
    /// By folded name, all tables declared under it, in order of declaration.
    pub named: BTreeMap<String, Vec<TableId>>,
    /// By ascending name.
    pub indices: Vec<IndexDef>,
    pub conflicts: Vec<Conflict>,
    pub waiting: Vec<Waiting>,
    /// Whether anything depends on who wrote by what.
    pub contended: bool,
}

/// Something declared that needs what is not there yet.
#[derive(Clone, PartialEq, Debug)]
pub struct Waiting {
    /// The op that declares it.
    pub at: OpPlace,
    /// What it is, in SQL words.
    pub what: String,
    /// What it waits for.
    pub reason: WaitReason,
}

/// What something declared waits for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum WaitReason {
    /// A table that nobody declared yet.
    #[error("a table that is not there yet")]
    NoTable,
    /// A column that is not there, or not shown in the definition that is meant.
    #[error("the column {0}, which is not shown")]
    NoColumn(String),
    /// A function that a newer program knows.
    #[error("the function {0}, which a newer program knows")]
    NoFunction(String),
    /// More are declared than a bound allows.
    #[error("room: there are {0} already")]
    TooMany(usize),
}

/// Judges the set.
pub(super) fn of(ops: &BTreeMap<OpPlace, SchemaOp>, writers: &Writers, judge: Judge) -> Judgement {
    let mut builder = Builder::default();
    ops.iter().for_each(|(at, op)| builder.declare_table(*at, op));
    ops.iter().for_each(|(at, op)| builder.declare(*at, op));
    builder.finish(writers, judge)
}

/// A table in the making.
struct Draft {
    at: OpPlace,
    /// All writes that declare it.
    by: Vec<WriteId>,
    name: String,
    key: Vec<String>,
    columns: BTreeMap<ColumnId, Declared>,
    table: Table,
    checks: Vec<(OpPlace, Expression)>,
    uniques: Vec<(OpPlace, Vec<String>)>,
}

/// Which of several definitions somebody chose; of several choices the last counts.
struct Choice<T> {
    shown: T,
    seen: Vec<T>,
}

#[derive(Default)]
struct Builder {
    drafts: BTreeMap<TableId, Draft>,
    indices: Vec<(OpPlace, IndexDef)>,
    table_choices: BTreeMap<String, Choice<TableId>>,
    column_choices: BTreeMap<(TableId, String), Choice<ColumnId>>,
    judgement: Judgement,
}

impl Builder {
    fn declare_table(&mut self, at: OpPlace, op: &SchemaOp) {
        let SchemaOp::CreateTable(declared) = op else { return };
        let id = declared.id();
        let draft = self.drafts.entry(id).or_insert_with(|| {
            let shown = TableDef {
                id,
                name: declared.name.clone(),
                columns: Vec::new(),
                key: Vec::new(),
                checks: Vec::new(),
                uniques: Vec::new(),
            };
            Draft {
                at,
                by: Vec::new(),
                name: declared.name.clone(),
                key: declared.key.clone(),
                columns: BTreeMap::new(),
                table: Table::new(shown, declared.key_types()),
                checks: Vec::new(),
                uniques: Vec::new(),
            }
        });
        draft.by.push(at.by);
        for (index, column) in declared.columns.iter().enumerate() {
            add_column(&mut draft.columns, Declared::new(at, index, column));
        }
        draft.checks.extend(declared.checks.iter().map(|check| (at, check.clone())));
        draft.uniques.extend(declared.uniques.iter().map(|columns| (at, columns.clone())));
    }

    fn declare(&mut self, at: OpPlace, op: &SchemaOp) {
        match op {
            SchemaOp::CreateTable(_) => {}
            SchemaOp::AddColumn { table, table_id, column } => match self.drafts.get_mut(table_id) {
                Some(draft) => {
                    add_column(&mut draft.columns, Declared::new(at, 0, column));
                }
                None => self.wait(at, format!("column {table}.{}", column.name), WaitReason::NoTable),
            },
            SchemaOp::AddUnique { table, table_id, columns } => match self.drafts.get_mut(table_id) {
                Some(draft) => draft.uniques.push((at, columns.clone())),
                None => self.wait(at, unique_told(table, columns), WaitReason::NoTable),
            },
            SchemaOp::AddCheck { table, table_id, check } => match self.drafts.get_mut(table_id) {
                Some(draft) => draft.checks.push((at, check.clone())),
                None => self.wait(at, format!("a CHECK of {table}"), WaitReason::NoTable),
            },
            SchemaOp::CreateIndex(index) => self.indices.push((at, index.clone())),
            SchemaOp::ChooseColumn { table_id, name, column, seen, .. } => {
                let choice = Choice { shown: *column, seen: seen.clone() };
                self.column_choices.insert((*table_id, name::fold(name)), choice);
            }
            SchemaOp::ChooseTable { name, table_id, seen } => {
                let choice = Choice { shown: *table_id, seen: seen.clone() };
                self.table_choices.insert(name::fold(name), choice);
            }
        }
    }

    fn wait(&mut self, at: OpPlace, what: String, reason: WaitReason) {
        self.judgement.waiting.push(Waiting { at, what, reason });
    }

    fn finish(mut self, writers: &Writers, judge: Judge) -> Judgement {
        let mut drafts: Vec<Draft> = std::mem::take(&mut self.drafts).into_values().collect();
        drafts.sort_by_key(|draft| (Reverse(writers.of(&draft.table.id().0, &[])), draft.at));
        if drafts.len() > bounds::TABLES {
            self.judgement.contended = true;
            for draft in drafts.split_off(bounds::TABLES) {
                self.wait(draft.at, format!("table {}", draft.name), WaitReason::TooMany(bounds::TABLES));
            }
        }
        self.name_tables(&mut drafts, writers);
        for draft in &mut drafts {
            draft.table.declare(std::mem::take(&mut draft.columns));
            self.show_columns(draft, writers);
        }
        let keys: BTreeMap<TableId, (String, usize)> = drafts
            .iter()
            .map(|draft| (draft.table.id(), (draft.table.shown.name.clone(), draft.key.len())))
            .collect();
        for draft in &mut drafts {
            self.show_references(draft, &keys);
            self.show_rules(draft, judge);
        }
        drafts.sort_by(|one, other| one.table.shown.name.cmp(&other.table.shown.name));
        let mut judgement = std::mem::take(&mut self.judgement);
        judgement.tables = drafts.into_iter().map(|draft| draft.table).collect();
        let places = judgement.tables.iter().enumerate();
        judgement.by_id = places.map(|(at, table)| (table.id(), at)).collect();
        self.judgement = judgement;
        self.show_indices();
        self.judgement.waiting.sort_by(|one, other| (one.at, &one.what).cmp(&(other.at, &other.what)));
        self.judgement
    }

    /// Gives each table a name of its own. The first of a name, or the one chosen, is called so; the
    /// others are shown beside it.
    fn name_tables(&mut self, drafts: &mut [Draft], writers: &Writers) {
        let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, draft) in drafts.iter().enumerate() {
            named.entry(name::fold(&draft.name)).or_default().push(at);
        }
        let mut taken: BTreeSet<String> = named.keys().cloned().collect();
        for (folded, mut places) in named {
            let rivals = |at: usize| -> Vec<WriteId> {
                let others = places.iter().filter(|other| **other != at);
                others.flat_map(|other| drafts[*other].by.iter().copied()).collect()
            };
            let rank =
                |at: &usize| (Reverse(writers.of(&drafts[*at].table.id().0, &rivals(*at))), drafts[*at].at);
            if places.len() > 1 {
                let mut ranked: Vec<_> = places.iter().map(|at| (rank(at), *at)).collect();
                ranked.sort();
                places = ranked.into_iter().map(|(_, at)| at).collect();
            }
            let choice = self.table_choices.get(&folded);
            let chosen = |at: &&usize| choice.is_some_and(|choice| choice.shown == drafts[**at].table.id());
            let first = places.iter().find(chosen).or(places.first()).copied();
            let mut by_declaration: Vec<(OpPlace, TableId, usize)> =
                places.iter().map(|at| (drafts[*at].at, drafts[*at].table.id(), *at)).collect();
            by_declaration.sort();
            if places.len() > 1 {
                self.judgement.contended = true;
                let settled = choice
                    .is_some_and(|choice| by_declaration.iter().all(|(_, id, _)| choice.seen.contains(id)));
                if !settled {
                    let version = |(at, _, place): &(OpPlace, TableId, usize)| Version {
                        by: at.by,
                        held: Held::Definition(key_told(&drafts[*place])),
                    };
                    let versions = by_declaration.iter().map(version).collect();
                    self.judgement.conflicts.push(conflict(&folded, Vec::new(), versions));
                }
            }
            let ids = by_declaration.iter().map(|(_, id, _)| *id).collect();
            self.judgement.named.insert(folded, ids);
            for at in places.into_iter().filter(|at| Some(*at) != first) {
                let draft = &mut drafts[at];
                let mut free = (2..).map(|number| format!("{} ({number})", draft.name));
                let free = free.find(|name| taken.insert(name::fold(name)));
                draft.table.shown.name = free.unwrap_or_default();
            }
        }
    }

    /// Shows one definition of each column's name.
    fn show_columns(&mut self, draft: &mut Draft, writers: &Writers) {
        let table = &draft.table;
        let mut named: BTreeMap<String, Vec<&Declared>> = BTreeMap::new();
        for declared in &table.columns {
            named.entry(name::fold(&declared.what.name)).or_default().push(declared);
        }
        let mut shown: Vec<(usize, OpPlace, usize, &ColumnDef)> = Vec::new();
        for (folded, definitions) in &named {
            let choice = self.column_choices.get(&(table.id(), folded.clone()));
            let rank = |declared: &&&Declared| {
                let others = definitions.iter().filter(|other| other.id != declared.id);
                let rivals: Vec<WriteId> = others.flat_map(|other| other.by.iter().copied()).collect();
                (Reverse(writers.of(&declared.id.0, &rivals)), declared.at, declared.index)
            };
            let mut may_show = definitions.iter().filter(|declared| table.may_show(&declared.what));
            let chosen = |declared: &&&Declared| choice.is_some_and(|choice| choice.shown == declared.id);
            let picked = may_show.clone().find(chosen).or_else(|| may_show.clone().min_by_key(rank));
            if let (Some(picked), Some(first)) = (picked, may_show.next()) {
                let is_key = table.key.iter().any(|(key, _)| key == folded);
                let writers = if is_key { usize::MAX } else { writers.of(&picked.id.0, &[]) };
                shown.push((writers, first.at, first.index, &picked.what));
            }
            if definitions.len() > 1 {
                self.judgement.contended = true;
                let seen =
                    |declared: &&Declared| choice.is_some_and(|choice| choice.seen.contains(&declared.id));
                if !definitions.iter().all(seen) {
                    let version = |declared: &&Declared| Version {
                        by: declared.at.by,
                        held: Held::Definition(declared.what.definition()),
                    };
                    let versions = definitions.iter().map(version).collect();
                    let open = conflict(&table.shown.name, vec![folded.clone()], versions);
                    self.judgement.conflicts.push(open);
                }
            }
        }
        if shown.len() > bounds::COLUMNS {
            self.judgement.contended = true;
            shown.sort_by_key(|(writers, at, index, _)| (Reverse(*writers), *at, *index));
            for (_, at, _, column) in shown.split_off(bounds::COLUMNS) {
                let what = format!("column {}.{}", table.shown.name, column.name);
                self.wait(at, what, WaitReason::TooMany(bounds::COLUMNS));
            }
        }
        shown.sort_by_key(|(_, at, index, _)| (*at, *index));
        let columns: Vec<ColumnDef> = shown.into_iter().map(|(.., column)| column.clone()).collect();
        let spelled = |key: &String| columns.iter().find(|column| name::same(&column.name, key));
        draft.table.shown.key =
            draft.key.iter().filter_map(spelled).map(|column| column.name.clone()).collect();
        draft.table.shown.columns = columns;
    }

    /// A reference counts once its table is there and has a key of one column.
    fn show_references(&mut self, draft: &mut Draft, keys: &BTreeMap<TableId, (String, usize)>) {
        let (name, at) = (draft.table.shown.name.clone(), &draft.table.columns);
        for column in &mut draft.table.shown.columns {
            let Some(reference) = &mut column.references else { continue };
            match keys.get(&reference.table_id) {
                Some((target, 1)) => reference.table.clone_from(target),
                _ => {
                    let declared = at.iter().find(|declared| declared.what.name == column.name);
                    let what = format!("REFERENCES of {name}.{} to {}", column.name, reference.table);
                    let at = declared.map_or(draft.at, |declared| declared.at);
                    self.judgement.waiting.push(Waiting { at, what, reason: WaitReason::NoTable });
                    column.references = None;
                }
            }
        }
    }

    fn show_rules(&mut self, draft: &mut Draft, judge: Judge) {
        let shown = &mut draft.table.shown;
        let name = shown.name.clone();
        let ids: BTreeMap<ColumnId, String> =
            shown.columns.iter().map(|column| (column.id(), column.name.clone())).collect();
        draft.checks.sort_by_key(|(at, _)| *at);
        for (at, expression) in std::mem::take(&mut draft.checks) {
            if shown.checks.iter().any(|check| check.expression == expression) {
                continue;
            }
            let missing = expression.columns().find(|id| !ids.contains_key(id));
            let reason = match (expression.unknown_function(judge), missing) {
                (Some(function), _) => Some(WaitReason::NoFunction(function.to_owned())),
                (None, Some(id)) => Some(WaitReason::NoColumn(id.to_string())),
                (None, None) if shown.checks.len() == bounds::RULES => {
                    Some(WaitReason::TooMany(bounds::RULES))
                }
                (None, None) => None,
            };
            let sql = expression.render(Style::Sql, &|id| ids.get(&id).map(|name| quoted(name)));
            let told = expression.render(Style::People, &|id| ids.get(&id).map(|name| spelled(name)));
            match (reason, sql, told) {
                (None, Some(sql), Some(name)) => shown.checks.push(Check { expression, name, sql }),
                (reason, ..) => {
                    let reason = reason.unwrap_or_else(|| WaitReason::NoColumn(String::new()));
                    self.judgement.waiting.push(Waiting { at, what: format!("a CHECK of {name}"), reason });
                }
            }
        }
        draft.uniques.sort_by_key(|(at, _)| *at);
        for (at, columns) in std::mem::take(&mut draft.uniques) {
            let id = Unique::id_of(shown.id, &columns);
            if shown.uniques.iter().any(|unique| unique.id == id) {
                continue;
            }
            let spelled: Result<Vec<String>, &String> = columns
                .iter()
                .map(|column| shown.column(column).map(|column| column.name.clone()).ok_or(column))
                .collect();
            let reason = match spelled {
                Ok(_) if shown.uniques.len() == bounds::RULES => WaitReason::TooMany(bounds::RULES),
                Ok(columns) => {
                    shown.uniques.push(Unique { id, columns });
                    continue;
                }
                Err(missing) => WaitReason::NoColumn(missing.clone()),
            };
            self.judgement.waiting.push(Waiting { at, what: unique_told(&name, &columns), reason });
        }
        let defaults = shown.columns.iter().filter_map(|column| match &column.default {
            DefaultValue::Expression(expression) => Some((column, expression.unknown_function(judge)?)),
            _ => None,
        });
        for (column, function) in defaults {
            let declared = draft.table.columns.iter().find(|declared| declared.what == *column);
            let at = declared.map_or(draft.at, |declared| declared.at);
            let what = format!("DEFAULT of {name}.{}", column.name);
            let reason = WaitReason::NoFunction(function.to_owned());
            self.judgement.waiting.push(Waiting { at, what, reason });
        }
    }

    fn show_indices(&mut self) {
        let mut indices = std::mem::take(&mut self.indices);
        indices.sort_by_key(|(at, _)| *at);
        let mut known: BTreeSet<RuleId> = BTreeSet::new();
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut counts: BTreeMap<TableId, usize> = BTreeMap::new();
        for (at, mut index) in indices {
            if known.contains(&index.id()) {
                continue;
            }
            let what = format!("index {}", index.name);
            let place = self.judgement.by_id.get(&index.table_id);
            let Some(table) = place.map(|place| &self.judgement.tables[*place].shown) else {
                self.wait(at, what, WaitReason::NoTable);
                continue;
            };
            let missing = index.columns.iter().find(|column| table.column(column).is_none());
            if let Some(missing) = missing {
                let reason = WaitReason::NoColumn(missing.clone());
                self.wait(at, what, reason);
                continue;
            }
            let count = counts.entry(index.table_id).or_default();
            if *count == bounds::RULES {
                self.wait(at, what, WaitReason::TooMany(bounds::RULES));
                continue;
            }
            *count += 1;
            known.insert(index.id());
            index.table.clone_from(&table.name);
            let mut names_of = std::iter::once(index.name.clone())
                .chain((2..).map(|number| format!("{} ({number})", index.name)));
            let free = names_of.find(|name| names.insert(name::fold(name)));
            index.name = free.unwrap_or_default();
            self.judgement.indices.push(index);
        }
        self.judgement.indices.sort_by(|one, other| one.name.cmp(&other.name));
    }
}

/// Adds a definition. Of equal ones the first place counts, and what any of them demands is demanded.
fn add_column(columns: &mut BTreeMap<ColumnId, Declared>, column: Declared) {
    match columns.entry(column.id) {
        Entry::Occupied(mut known) => {
            let known = known.get_mut();
            known.what.not_null |= column.what.not_null;
            if known.what.references.is_none() {
                known.what.references = column.what.references;
            }
            known.by.extend(column.by);
            (known.at, known.index) = (known.at, known.index).min((column.at, column.index));
        }
        Entry::Vacant(free) => {
            free.insert(column);
        }
    }
}

fn key_told(draft: &Draft) -> String {
    let columns = draft.table.key.iter().map(|(name, kind)| format!("{name} {kind}"));
    format!("PRIMARY KEY ({})", columns.collect::<Vec<_>>().join(", "))
}

fn unique_told(table: &str, columns: &[String]) -> String {
    format!("UNIQUE ({}) of {table}", columns.join(", "))
}

fn conflict(table: &str, columns: Vec<String>, versions: Vec<Version>) -> Conflict {
    Conflict { kind: ConflictKind::Schema, table: table.to_owned(), key: Vec::new(), columns, versions }
}
