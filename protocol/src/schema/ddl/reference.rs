//! One reference out of its declaration.

use sqlparser::ast::{Ident, ObjectName, ReferentialAction, Spanned};

use super::error::{DdlError, refuse};
use super::names::{ident, object_name};
use crate::cause::Cause;
use crate::name;
use crate::schema::definition::{ColumnDef, OnDelete, Reference};
use crate::schema::id::TableId;

/// A reference as it is typed.
pub(super) struct TypedReference {
    /// The referring column.
    pub column: String,
    pub line: u64,
    pub table: String,
    /// The column referred to, if it is named.
    pub target: Option<String>,
    pub on_delete: OnDelete,
}

/// A column's reference; what it names may be declared further down.
pub(super) fn reference(
    column: String,
    (table, columns): (&ObjectName, &[Ident]),
    on_delete: Option<ReferentialAction>,
) -> Result<TypedReference, DdlError> {
    // What ON UPDATE says never comes to pass: a key does not change.
    let on_delete = match on_delete {
        None | Some(ReferentialAction::NoAction | ReferentialAction::Restrict) => OnDelete::Restrict,
        Some(ReferentialAction::Cascade) => OnDelete::Cascade,
        Some(ReferentialAction::SetNull) => OnDelete::SetNull,
        Some(ReferentialAction::SetDefault) => return Err(refuse("schema_set_default")),
    };
    let target = match columns {
        [] => None,
        [one] => Some(ident(one)),
        _ => return Err(refuse("schema_wide_references")),
    };
    let line = table.span().start.line;
    Ok(TypedReference { column, line, table: object_name(table)?, target, on_delete })
}

/// Points one of a table's references at the table it names, whose id and key are given if it is there: to
/// the primary key, or refused.
pub(super) fn resolve(
    table: &str,
    columns: &mut [ColumnDef],
    typed: &TypedReference,
    target: Option<(TableId, &[String])>,
) -> Result<(), DdlError> {
    let column = columns.iter_mut().find(|column| name::same(&column.name, &typed.column));
    let Some(column) = column else {
        let cause =
            Cause::new("schema_lacks_column").with("what", Cause::new("part_table").with("name", table));
        return Err(DdlError::NotSupported(cause.with("column", &typed.column)));
    };
    let refused = |why: Cause| {
        let target = typed.target.as_ref().map(|column| format!(" ({column})")).unwrap_or_default();
        let (from, to) = (format!("{table}.{}", typed.column), format!("{}{target}", typed.table));
        let cause = Cause::new("schema_reference").with("column", from).with("target", to);
        DdlError::NotSupported(cause.with("fault", why))
    };
    let (table_id, key) = target.ok_or_else(|| refused(Cause::new("reference_no_table")))?;
    let [key] = key else { return Err(refused(Cause::new("reference_wide"))) };
    if typed.target.as_ref().is_some_and(|named| !name::same(named, key)) {
        return Err(refused(Cause::new("reference_not_key").with("key", key)));
    }
    column.references = Some(Reference { table: typed.table.clone(), table_id, on_delete: typed.on_delete });
    Ok(())
}
