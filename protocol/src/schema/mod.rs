//! The schema: tables and columns declared in SQL, merged like everything else.
//!
//! A schema change is an op. All of them are additive, so any two merge: the schema is the union
//! of what was declared. Where one name was declared in two ways, both are kept, and the one with
//! the smallest (time, author, seq) is shown.

mod check;
pub mod column_type;
mod number;
pub mod ddl;
pub mod definition;
mod rules;
pub mod text_forms;

#[cfg(test)]
mod laws;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bincode::{Decode, Encode};

pub use column_type::{ColumnType, MergeKind, MismatchReason, Storage, TypeMismatch};
pub use definition::{
    ColumnDef, ColumnId, Constant, DefaultValue, IndexDef, OnDelete, Reference, TableDef, TableId,
};

pub use rules::Rule;

use crate::conflict::{Conflict, ConflictKind, Held, Version};
use crate::merge::WriteId;

/// One schema change, as an op carries it.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum SchemaOp {
    /// A table that was not there.
    CreateTable(TableDef),
    /// A column that was not there.
    AddColumn {
        /// The table, by name and id.
        table: String,
        /// The table's id.
        table_id: TableId,
        /// The new column.
        column: ColumnDef,
    },
    /// An index that was not there.
    CreateIndex(IndexDef),
    /// Which definition of a column's name is shown, where several were declared.
    ChooseColumn {
        /// The table, by name and id.
        table: String,
        /// The table's id.
        table_id: TableId,
        /// The column's name.
        name: String,
        /// The definition to show.
        column: ColumnId,
        /// All definitions that were looked at.
        seen: Vec<ColumnId>,
    },
    /// Which definition of a table's name is shown, where several were declared.
    ChooseTable {
        /// The table's name.
        name: String,
        /// The definition to show.
        table_id: TableId,
        /// All definitions that were looked at.
        seen: Vec<TableId>,
    },
}

/// One of possibly several definitions of one name, and the write that made it.
#[derive(Clone, PartialEq, Debug)]
struct Declared<T> {
    by: WriteId,
    /// Place among what the same op declares.
    place: usize,
    what: T,
}

/// A table and everything ever declared for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// The definition shown: the shown definition of each column, in order of declaration.
    pub shown: TableDef,
    id: TableId,
    columns: Vec<Declared<ColumnDef>>,
    /// Name and type of the key's columns: they are what the id means, and never change.
    key: Vec<(String, ColumnType)>,
}

/// Which of several definitions somebody chose; of several choices the greatest counts.
#[derive(Clone, PartialEq, Debug)]
struct Choice<T> {
    by: WriteId,
    shown: T,
    /// The definitions that were looked at.
    seen: Vec<T>,
}

/// All tables of a space.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Schema {
    tables: BTreeMap<TableId, (WriteId, Table)>,
    /// Columns that came before their table.
    early: BTreeMap<TableId, Vec<Declared<ColumnDef>>>,
    indices: BTreeMap<String, Declared<IndexDef>>,
    /// By name in lower case.
    table_choices: BTreeMap<String, Choice<TableId>>,
    /// By table, and name in lower case.
    column_choices: BTreeMap<(TableId, String), Choice<ColumnId>>,
}

impl Schema {
    /// Takes in one schema op. The result does not depend on the order of calls. Returns whether
    /// anything changed.
    pub fn apply(&mut self, op: &SchemaOp, by: WriteId) -> bool {
        let before = self.clone();
        match op {
            SchemaOp::CreateTable(def) => {
                let (first, table) = self.tables.entry(def.id()).or_insert_with(|| {
                    let shown = TableDef { columns: Vec::new(), ..def.clone() };
                    (by, Table { shown, id: def.id(), columns: Vec::new(), key: def.key_types() })
                });
                if by < *first {
                    *first = by;
                    table.shown.checks.clone_from(&def.checks);
                    table.shown.uniques.clone_from(&def.uniques);
                }
                // Those that came early first: the same transaction may say a column twice.
                for early in self.early.remove(&def.id()).unwrap_or_default() {
                    declare(&mut table.columns, early);
                }
                for (place, column) in def.columns.iter().enumerate() {
                    declare(&mut table.columns, Declared { by, place, what: column.clone() });
                }
                self.show_columns(def.id());
            }
            SchemaOp::AddColumn { table_id, column, .. } => {
                let declared = Declared { by, place: 0, what: column.clone() };
                match self.tables.get_mut(table_id) {
                    Some((_, table)) => declare(&mut table.columns, declared),
                    None => declare(self.early.entry(*table_id).or_default(), declared),
                }
                self.show_columns(*table_id);
            }
            SchemaOp::ChooseColumn { table_id, name, column, seen, .. } => {
                let choice = Choice { by, shown: *column, seen: seen.clone() };
                let name = name.to_ascii_lowercase();
                choose(self.column_choices.entry((*table_id, name)), choice);
                self.show_columns(*table_id);
            }
            SchemaOp::ChooseTable { name, table_id, seen } => {
                let choice = Choice { by, shown: *table_id, seen: seen.clone() };
                choose(self.table_choices.entry(name.to_ascii_lowercase()), choice);
            }
            SchemaOp::CreateIndex(index) => {
                let entry = self.indices.entry(index.name.to_ascii_lowercase());
                let declared = entry.or_insert_with(|| Declared { by, place: 0, what: index.clone() });
                if by < declared.by {
                    *declared = Declared { by, place: 0, what: index.clone() };
                }
            }
        }
        before != *self
    }

    /// The tables shown, by ascending name. Of two tables of one name, the one chosen, or the one
    /// declared first.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.by_name().into_iter().filter_map(|(name, tables)| {
            let chosen = self.table_choices.get(&name).map(|choice| choice.shown);
            let chosen = tables.iter().find(|(_, table)| Some(table.id()) == chosen);
            chosen.or(tables.first()).map(|(_, table)| table)
        })
    }

    /// The tables of each name in lower case, smallest declaration first.
    fn by_name(&self) -> BTreeMap<String, Vec<&(WriteId, Table)>> {
        let mut tables: BTreeMap<String, Vec<&(WriteId, Table)>> = BTreeMap::new();
        for entry in self.tables.values() {
            tables.entry(entry.1.shown.name.to_ascii_lowercase()).or_default().push(entry);
        }
        tables.values_mut().for_each(|tables| tables.sort_by_key(|(by, _)| *by));
        tables
    }

    fn show_columns(&mut self, id: TableId) {
        let Some((_, table)) = self.tables.get_mut(&id) else { return };
        table.shown.columns.clear();
        for declared in &table.columns {
            let name = &declared.what.name;
            if table.shown.column(name).is_some() {
                continue;
            }
            let may_show =
                |column: &&ColumnDef| column.name.eq_ignore_ascii_case(name) && table.may_show(column);
            let choice = self.column_choices.get(&(id, name.to_ascii_lowercase()));
            let chosen = choice.and_then(|choice| table.column_by_id(choice.shown)).filter(may_show);
            let first = || table.columns.iter().map(|declared| &declared.what).find(may_show);
            if let Some(column) = chosen.or_else(first).cloned() {
                table.shown.columns.push(column);
            }
        }
    }

    /// Names declared in several ways that nobody has settled.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for (name, tables) in self.by_name() {
            let settled = |(_, table): &&(WriteId, Table)| {
                self.table_choices.get(&name).is_some_and(|choice| choice.seen.contains(&table.id()))
            };
            if tables.len() > 1 && !tables.iter().all(settled) {
                let versions = tables.iter().map(|(by, table)| (*by, table.shown.definition()));
                conflicts.push(conflict(&name, Vec::new(), versions));
            }
        }
        for table in self.tables() {
            let mut columns: BTreeMap<String, Vec<&Declared<ColumnDef>>> = BTreeMap::new();
            for declared in &table.columns {
                columns.entry(declared.what.name.to_ascii_lowercase()).or_default().push(declared);
            }
            for (name, declared) in columns {
                let choice = self.column_choices.get(&(table.id(), name.clone()));
                let settled = |declared: &&Declared<ColumnDef>| {
                    choice.is_some_and(|choice| choice.seen.contains(&declared.what.id()))
                };
                if declared.len() > 1 && !declared.iter().all(settled) {
                    let versions = declared.iter().map(|one| (one.by, one.what.definition()));
                    conflicts.push(conflict(&table.shown.name, vec![name], versions));
                }
            }
        }
        conflicts
    }

    /// The ids of all tables of that name, smallest declaration first.
    pub fn tables_named(&self, name: &str) -> Vec<TableId> {
        let tables = self.by_name().remove(&name.to_ascii_lowercase()).unwrap_or_default();
        tables.iter().map(|(_, table)| table.id()).collect()
    }

    /// The shown table of that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables().find(|table| table.shown.name.eq_ignore_ascii_case(name))
    }

    /// The table of that id, shown or not.
    pub fn table_by_id(&self, id: TableId) -> Option<&Table> {
        self.tables.get(&id).map(|(_, table)| table)
    }

    /// The indices whose table is shown.
    pub fn indices(&self) -> impl Iterator<Item = &IndexDef> {
        self.indices.values().map(|declared| &declared.what)
    }
}

fn conflict(
    table: &str,
    columns: Vec<String>,
    versions: impl Iterator<Item = (WriteId, String)>,
) -> Conflict {
    let versions = versions.map(|(by, sql)| Version { by, held: Held::Definition(sql) }).collect();
    Conflict { kind: ConflictKind::Schema, table: table.to_owned(), key: Vec::new(), columns, versions }
}

fn choose<K: Ord, T>(entry: Entry<'_, K, Choice<T>>, choice: Choice<T>) {
    match entry {
        Entry::Vacant(entry) => {
            entry.insert(choice);
        }
        Entry::Occupied(mut entry) => {
            if choice.by >= entry.get().by {
                entry.insert(choice);
            }
        }
    }
}

impl Table {
    /// The table's id.
    pub fn id(&self) -> TableId {
        self.id
    }

    /// Whether the table can show a column in this way.
    fn may_show(&self, column: &ColumnDef) -> bool {
        let key = self.key.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
        key.is_none_or(|(_, kind)| *kind == column.kind)
    }

    /// Any declared column, shown or not.
    pub fn column_by_id(&self, id: ColumnId) -> Option<&ColumnDef> {
        self.columns.iter().map(|declared| &declared.what).find(|column| column.id() == id)
    }

    /// Ids of all definitions of that name, smallest declaration first.
    pub fn columns_named(&self, name: &str) -> Vec<ColumnId> {
        let named = self.columns.iter().filter(|declared| declared.what.name.eq_ignore_ascii_case(name));
        named.map(|declared| declared.what.id()).collect()
    }
}

/// Adds a definition. Of equal ones the first counts, by order of declaration, never of arrival.
fn declare(columns: &mut Vec<Declared<ColumnDef>>, column: Declared<ColumnDef>) {
    let id = column.what.id();
    match columns.iter_mut().find(|declared| declared.what.id() == id) {
        Some(declared) if (column.by, column.place) < (declared.by, declared.place) => *declared = column,
        Some(_) => {}
        None => columns.push(column),
    }
    columns.sort_by_key(|declared| (declared.by, declared.place, declared.what.id()));
}
