//! The schema: tables and columns declared in SQL, merged like everything else.
//!
//! A schema change is an op. All of them are additive, so any two merge: the schema is the union
//! of what was declared. Where one name was declared in two ways, both are kept, and the one with
//! the smallest (time, author, seq) is shown.

pub mod column_type;
pub mod ddl;
pub mod definition;
pub mod text_forms;

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

pub use column_type::{ColumnType, MergeKind, Storage, TypeMismatch};
pub use definition::{
    ColumnDef, ColumnId, Constant, DefaultValue, IndexDef, OnDelete, Reference, TableDef, TableId,
};

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
    columns: Vec<Declared<ColumnDef>>,
}

/// All tables of a space.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Schema {
    tables: BTreeMap<TableId, (WriteId, Table)>,
    indices: BTreeMap<String, Declared<IndexDef>>,
}

impl Schema {
    /// Takes in one schema op. The result does not depend on the order of calls, as long as a
    /// table is created before columns are added to it (which causal delivery ensures). Returns
    /// whether anything shown changed.
    pub fn apply(&mut self, op: &SchemaOp, by: WriteId) -> bool {
        let before = self.clone();
        match op {
            SchemaOp::CreateTable(def) => {
                let (first, table) = self.tables.entry(def.id()).or_insert_with(|| {
                    (
                        by,
                        Table { shown: TableDef { columns: Vec::new(), ..def.clone() }, columns: Vec::new() },
                    )
                });
                if by < *first {
                    *first = by;
                    table.shown.checks.clone_from(&def.checks);
                    table.shown.uniques.clone_from(&def.uniques);
                }
                for (place, column) in def.columns.iter().enumerate() {
                    table.declare(column, by, place);
                }
            }
            SchemaOp::AddColumn { table_id, column, .. } => {
                if let Some((_, table)) = self.tables.get_mut(table_id) {
                    table.declare(column, by, 0);
                }
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

    /// The tables shown, by ascending name. Of two tables of one name, the earlier declared.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        let mut shown: BTreeMap<String, &(WriteId, Table)> = BTreeMap::new();
        for entry in self.tables.values() {
            let name = entry.1.shown.name.to_ascii_lowercase();
            let best = shown.entry(name).or_insert(entry);
            if entry.0 < best.0 {
                *best = entry;
            }
        }
        shown.into_values().map(|(_, table)| table)
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

impl Table {
    /// The table's id.
    pub fn id(&self) -> TableId {
        self.shown.id()
    }

    /// Any declared column, shown or not.
    pub fn column_by_id(&self, id: ColumnId) -> Option<&ColumnDef> {
        self.columns.iter().map(|declared| &declared.what).find(|column| column.id() == id)
    }

    fn declare(&mut self, column: &ColumnDef, by: WriteId, place: usize) {
        let id = column.id();
        match self.columns.iter_mut().find(|declared| declared.what.id() == id) {
            Some(declared) if by < declared.by => {
                *declared = Declared { by, place, what: column.clone() };
            }
            Some(_) => {}
            None => self.columns.push(Declared { by, place, what: column.clone() }),
        }
        // By order of declaration, never by order of arrival.
        self.columns.sort_by_key(|declared| (declared.by, declared.place));
        self.shown.columns.clear();
        for declared in &self.columns {
            if self.shown.column(&declared.what.name).is_none() {
                self.shown.columns.push(declared.what.clone());
            }
        }
    }
}
