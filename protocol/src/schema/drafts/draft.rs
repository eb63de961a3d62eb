//! A table in the making.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::merge::WriteId;
use crate::name;
use crate::schema::definition::{TableDeclaration, TableDef};
use crate::schema::expression::Expression;
use crate::schema::id::{ColumnId, TableId};
use crate::schema::place::OpPlace;
use crate::schema::reference::ReferenceDeclaration;
use crate::schema::table::{Declared, Table};

/// A table in the making: all that was declared of it, and as much as is decided of how it is shown.
pub(super) struct Draft {
    /// Where it was first declared.
    pub at: OpPlace,
    /// All writes that declare it.
    pub by: Vec<WriteId>,
    /// Its name, as declared.
    pub name: String,
    /// Names of the key's columns, as declared.
    pub key: Vec<String>,
    /// How many ops declare it whole.
    declarations: usize,
    /// How many of these have a column of each name, folded.
    having: BTreeMap<String, usize>,
    /// All definitions of all columns, until they are shown.
    pub columns: BTreeMap<ColumnId, Declared>,
    /// What is shown.
    pub table: Table,
    /// All that rows are to satisfy, until it is shown.
    pub checks: Vec<(OpPlace, Expression)>,
    /// All columns that rows are not to share, until they are shown.
    pub uniques: Vec<(OpPlace, Vec<String>)>,
    /// All that rows are to refer to, until it is shown.
    pub references: Vec<(OpPlace, ReferenceDeclaration)>,
}

impl Draft {
    /// A table that is declared there for the first time. To be followed by [`Draft::declare`].
    pub fn new(id: TableId, at: OpPlace, declared: &TableDeclaration) -> Self {
        let shown = TableDef {
            id,
            name: declared.name.clone(),
            columns: Vec::new(),
            key: Vec::new(),
            checks: Vec::new(),
            uniques: Vec::new(),
            references: Vec::new(),
        };
        let key_types = declared.key_types();
        // An op whose key is not among its columns is void, and comes no further than the set.
        assert_eq!(key_types.len(), declared.key.len(), "a table's key is made of its columns");
        Self {
            at,
            by: Vec::new(),
            name: declared.name.clone(),
            key: declared.key.clone(),
            declarations: 0,
            having: BTreeMap::new(),
            columns: BTreeMap::new(),
            table: Table::new(shown, key_types),
            checks: Vec::new(),
            uniques: Vec::new(),
            references: Vec::new(),
        }
    }

    /// The table's id.
    pub fn id(&self) -> TableId {
        self.table.id()
    }

    /// Takes in a whole declaration of it.
    pub fn declare(&mut self, at: OpPlace, declared: &TableDeclaration) {
        self.by.push(at.by);
        self.declarations += 1;
        for (index, column) in declared.columns.iter().enumerate() {
            *self.having.entry(name::fold(&column.name)).or_default() += 1;
            self.add_column(Declared::new(at, index, column));
        }
        self.checks.extend(declared.checks.iter().map(|check| (at, check.clone())));
        self.uniques.extend(declared.uniques.iter().map(|columns| (at, columns.clone())));
        self.references.extend(declared.references.iter().map(|reference| (at, reference.clone())));
    }

    /// Whether every declaration of the table has a column of that name.
    pub fn all_have(&self, column: &str) -> bool {
        self.having.get(&name::fold(column)) == Some(&self.declarations)
    }

    /// Takes in a definition of a column. Of equal ones the first place counts, and what any of them
    /// demands is demanded.
    pub fn add_column(&mut self, column: Declared) {
        match self.columns.entry(column.id) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.what.not_null |= column.what.not_null;
                known.by.extend(column.by);
                (known.at, known.index) = (known.at, known.index).min((column.at, column.index));
            }
            Entry::Vacant(free) => {
                free.insert(column);
            }
        }
    }

    /// What tells it from other tables of its name, in SQL.
    pub fn definition(&self) -> String {
        let columns = self.table.key.iter().map(|(name, kind)| format!("{name} {kind}"));
        format!("PRIMARY KEY ({})", columns.collect::<Vec<_>>().join(", "))
    }
}
