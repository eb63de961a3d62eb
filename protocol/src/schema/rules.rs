//! What a table's rows must satisfy, listed the same way for whoever enforces it or tells of a
//! breach.

use super::definition::Check;
use super::{ColumnDef, TableDef};

/// A rule over the cells of one row.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Rule<'a> {
    /// This column's cell is not NULL.
    NotNull(&'a ColumnDef),
    /// This expression is true or NULL.
    Check(&'a Check),
}

impl Rule<'_> {
    /// Its name in a conflict: the column, or the expression.
    pub fn name(&self) -> &str {
        match self {
            Self::NotNull(column) => &column.name,
            Self::Check(check) => &check.name,
        }
    }

    /// Whether it is about that column.
    pub fn mentions(&self, column: &ColumnDef) -> bool {
        match self {
            Self::NotNull(own) => own.name == column.name,
            Self::Check(check) => {
                let id = column.id();
                check.expression.columns().any(|read| read == id)
            }
        }
    }
}

impl TableDef {
    /// The rules over single rows: NOT NULL of all columns outside the key, then CHECKs.
    pub fn rules(&self) -> Vec<Rule<'_>> {
        let outside = |column: &&ColumnDef| !self.is_key(&column.name) && column.not_null;
        let not_null = self.columns.iter().filter(outside).map(Rule::NotNull);
        not_null.chain(self.checks.iter().map(Rule::Check)).collect()
    }
}
