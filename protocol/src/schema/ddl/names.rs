//! Names out of SQL.

use sqlparser::ast::{Expr, Ident, IndexColumn, ObjectName};

use super::error::DdlError;
use crate::cause::Cause;
use crate::name;

/// Names of columns, where nothing else may stand.
pub(super) fn names(columns: &[IndexColumn]) -> Result<Vec<String>, DdlError> {
    let plain = |column: &IndexColumn| match &column.column.expr {
        Expr::Identifier(name) => Ok(ident(name)),
        other => {
            Err(DdlError::NotSupported(Cause::new("schema_no_column_name").with("words", other.to_string())))
        }
    };
    columns.iter().map(plain).collect()
}

/// The name of a table, an index or a view: one word.
pub(super) fn object_name(name: &ObjectName) -> Result<String, DdlError> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(ident),
        _ => None,
    }
    .ok_or_else(|| DdlError::NotSupported(Cause::new("schema_not_simple").with("words", name.to_string())))
}

/// A name in the form in which names are compared.
pub(super) fn ident(name: &Ident) -> String {
    name::composed(&name.value)
}
