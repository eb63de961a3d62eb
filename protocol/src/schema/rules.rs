//! What a table's rows must satisfy, listed the same way for whoever enforces it or tells of a
//! breach.

use super::{ColumnDef, TableDef};

/// A rule over the cells of one row.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Rule<'a> {
    /// This column's cell is not NULL.
    NotNull(&'a ColumnDef),
    /// This expression is true or NULL.
    Check(&'a str),
}

impl Rule<'_> {
    /// Its name in a conflict: the column, or the expression.
    pub fn name(&self) -> &str {
        match self {
            Self::NotNull(column) => &column.name,
            Self::Check(expression) => expression,
        }
    }

    /// Whether it is about that column.
    pub fn mentions(&self, column: &str) -> bool {
        match self {
            Self::NotNull(own) => own.name.eq_ignore_ascii_case(column),
            Self::Check(expression) => expression
                .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
                .any(|word| word.eq_ignore_ascii_case(column)),
        }
    }
}

impl TableDef {
    /// The rules over single rows: NOT NULL of all columns outside the key, then CHECKs of
    /// columns, then CHECKs of the table.
    pub fn rules(&self) -> Vec<Rule<'_>> {
        let outside = |column: &&ColumnDef| !self.is_key(&column.name) && column.not_null;
        let not_null = self.columns.iter().filter(outside).map(Rule::NotNull);
        let of_columns = self.columns.iter().filter_map(|column| column.check.as_deref());
        let checks = of_columns.chain(self.checks.iter().map(String::as_str)).map(Rule::Check);
        not_null.chain(checks).collect()
    }

    /// The lists of columns that no two rows may share: those of single columns, then those of
    /// the table.
    pub fn unique_rules(&self) -> Vec<Vec<String>> {
        let single =
            self.columns.iter().filter(|column| column.unique).map(|column| vec![column.name.clone()]);
        single.chain(self.uniques.iter().cloned()).collect()
    }

    /// Whether the column is one of the primary key's.
    pub fn is_key(&self, column: &str) -> bool {
        self.key.iter().any(|name| name.eq_ignore_ascii_case(column))
    }
}
