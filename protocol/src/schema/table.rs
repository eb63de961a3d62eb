//! A table that is shown, and everything declared for it.

use std::collections::BTreeMap;

use super::column_type::ColumnType;
use super::definition::{ColumnDef, TableDef};
use super::id::{ColumnId, TableId};
use super::place::OpPlace;
use crate::merge::WriteId;
use crate::name;

/// One definition of a column, and where it was first declared.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Declared {
    pub at: OpPlace,
    /// Its place among what the same op declares.
    pub index: usize,
    pub id: ColumnId,
    /// All writes that declare it.
    pub by: Vec<WriteId>,
    pub what: ColumnDef,
}

impl Declared {
    pub(super) fn new(at: OpPlace, index: usize, column: &ColumnDef) -> Self {
        Self { at, index, id: column.id(), by: vec![at.by], what: column.clone() }
    }
}

/// A table and everything ever declared for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// The definition shown: the shown definition of each column, in order of declaration.
    pub shown: TableDef,
    /// All definitions of all columns, in order of declaration.
    pub(super) columns: Vec<Declared>,
    /// Their places there.
    by_id: BTreeMap<ColumnId, usize>,
    /// Name, folded, and type of the key's columns: they are what the id means, and never change.
    pub(super) key: Vec<(String, ColumnType)>,
}

impl Table {
    /// A table of which no column is declared yet.
    pub(super) fn new(shown: TableDef, key: Vec<(String, ColumnType)>) -> Self {
        Self { shown, columns: Vec::new(), by_id: BTreeMap::new(), key }
    }

    /// Declares all its columns.
    pub(super) fn declare(&mut self, columns: BTreeMap<ColumnId, Declared>) {
        self.columns = columns.into_values().collect();
        self.columns.sort_by_key(|declared| (declared.at, declared.index, declared.id));
        self.by_id = self.columns.iter().enumerate().map(|(at, declared)| (declared.id, at)).collect();
        assert_eq!(self.by_id.len(), self.columns.len(), "each definition has an id of its own");
    }

    /// The table's id.
    pub fn id(&self) -> TableId {
        self.shown.id
    }

    /// Whether the table can show a column in this way.
    pub(super) fn may_show(&self, column: &ColumnDef) -> bool {
        let key = self.key.iter().find(|(name, _)| name::same(name, &column.name));
        key.is_none_or(|(_, kind)| *kind == column.kind)
    }

    /// Any declared column, shown or not.
    pub fn column_by_id(&self, id: ColumnId) -> Option<&ColumnDef> {
        self.by_id.get(&id).map(|at| &self.columns[*at].what)
    }

    /// Ids of all definitions of that name, in the order of the conflict's versions.
    pub fn columns_named(&self, name: &str) -> Vec<ColumnId> {
        let named = self.columns.iter().filter(|declared| name::same(&declared.what.name, name));
        named.map(|declared| declared.id).collect()
    }
}
