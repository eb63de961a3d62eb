//! What a rule is called that is declared without a name: by that it is dropped later.

use crate::dialect::Dialect;
use crate::model::Table;

/// A kind of rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The key.
    Key,
    /// A UNIQUE.
    Unique,
    /// A foreign key.
    Reference,
}

/// The name of the next rule of that kind over those columns. SQLite gives none.
pub fn given(dialect: Dialect, table: &Table, kind: Kind, columns: &[String]) -> Option<String> {
    let name = &table.own_name;
    match (dialect, kind) {
        (Dialect::PostgreSql, Kind::Key) => Some(format!("{name}_pkey")),
        (Dialect::PostgreSql, Kind::Unique) => Some(format!("{name}_{}_key", columns.join("_"))),
        (Dialect::PostgreSql, Kind::Reference) => Some(format!("{name}_{}_fkey", columns.join("_"))),
        (Dialect::MySql, Kind::Unique) => columns.first().cloned(),
        (Dialect::MySql, Kind::Reference) => Some(format!("{name}_ibfk_{}", table.references.len() + 1)),
        (Dialect::MySql, Kind::Key) | (Dialect::Sqlite, _) => None,
    }
}
