//! The tables that a text is read against.

use crate::name;
use crate::schema::definition::{ColumnDef, TableDef, Unique};
use crate::schema::expression::Expression;
use crate::schema::id::{RuleId, TableId};
use crate::schema::reference::OnDelete;

/// A table that is there, or comes to be there.
pub(super) struct KnownTable {
    pub id: TableId,
    pub name: String,
    pub columns: Vec<ColumnDef>,
    pub key: Vec<String>,
    pub checks: Vec<Expression>,
    pub uniques: Vec<Vec<String>>,
    pub references: Vec<(RuleId, OnDelete)>,
}

impl KnownTable {
    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| name::same(&column.name, name))
    }

    pub fn has_unique(&self, columns: &[String]) -> bool {
        let id = Unique::id_of(self.id, columns);
        self.uniques.iter().any(|known| Unique::id_of(self.id, known) == id)
    }
}

impl From<&TableDef> for KnownTable {
    fn from(table: &TableDef) -> Self {
        Self {
            id: table.id,
            name: table.name.clone(),
            columns: table.columns.clone(),
            key: table.key.clone(),
            checks: table.checks.iter().map(|check| check.expression.clone()).collect(),
            uniques: table.uniques.iter().map(|unique| unique.columns.clone()).collect(),
            references: table.references.iter().map(|one| (one.id, one.on_delete)).collect(),
        }
    }
}

/// A rule that a text says of a table.
#[derive(PartialEq)]
pub(super) enum Rule {
    Unique(RuleId),
    Check(TableId, Expression),
    Reference(RuleId),
}

/// Whether two declarations of a column are one: its name may be spelled in another case.
pub(super) fn same_column(known: &ColumnDef, wanted: &ColumnDef) -> bool {
    known.id() == wanted.id() && known.not_null == wanted.not_null
}
