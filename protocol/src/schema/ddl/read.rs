//! Tables and indices out of SQL as people type it.

use sqlparser::ast::{Expr, Spanned, TableConstraint};

use super::column::{column, shorter};
use super::error::{DdlError, Found, refuse};
use super::names::{names, object_name};
use super::reference::TypedReference;
use crate::cause::Cause;
use crate::name;
use crate::schema::column_type::ColumnType;
use crate::schema::definition::{ColumnDef, IndexDef, TableDeclaration};
use crate::schema::expression::{self, Expression};
use crate::schema::id::{ColumnId, TableId};

/// A table as it is typed: its references name tables that may be declared further down.
pub(super) struct TypedTable<'a> {
    pub declaration: TableDeclaration,
    pub references: Vec<TypedReference>,
    /// Columns whose values are made by counting.
    counting: Vec<String>,
    /// CHECKs, their lines and where they stand, to be read once all columns are known.
    checks: Vec<(u64, String, &'a Expr)>,
}

impl<'a> TypedTable<'a> {
    fn new(name: String) -> Self {
        let declaration = TableDeclaration {
            name,
            columns: Vec::new(),
            key: Vec::new(),
            checks: Vec::new(),
            uniques: Vec::new(),
            references: Vec::new(),
        };
        Self { declaration, references: Vec::new(), counting: Vec::new(), checks: Vec::new() }
    }

    fn add_column(&mut self, declared: &'a sqlparser::ast::ColumnDef) -> Result<(), DdlError> {
        let table = &mut self.declaration;
        let typed = column(&table.name, declared)?;
        let line = declared.name.span.start.line;
        let spelled = typed.column.name.clone();
        let place = format!("{}.{spelled}", table.name);
        self.checks.extend(typed.checks.into_iter().map(|check| (line, place.clone(), check)));
        self.references.extend(typed.references);
        if typed.is_key {
            table.key.push(spelled.clone());
        }
        if typed.unique {
            table.uniques.push(vec![spelled.clone()]);
        }
        table.checks.extend(typed.longest.map(|most| shorter(&typed.column, most)));
        if typed.counts_up {
            self.counting.push(spelled);
        }
        table.columns.push(typed.column);
        Ok(())
    }

    fn add_constraint(&mut self, constraint: &'a TableConstraint) -> Result<(), DdlError> {
        let table = &mut self.declaration;
        let name = &table.name;
        match constraint {
            TableConstraint::PrimaryKey(key) if table.key.is_empty() => table.key = names(&key.columns)?,
            TableConstraint::PrimaryKey(_) => {
                return Err(DdlError::NotSupported(Cause::new("schema_two_keys").with("table", name)));
            }
            TableConstraint::Unique(unique) => table.uniques.push(names(&unique.columns)?),
            TableConstraint::Check(check) => {
                self.checks.push((check.expr.span().start.line, name.clone(), &check.expr));
            }
            TableConstraint::ForeignKey(foreign) => {
                self.references.push(TypedReference::read(None, foreign)?);
            }
            other => {
                let cause = Cause::new("schema_table_option").with("table", name);
                return Err(DdlError::NotSupported(cause.with("words", other.to_string())));
            }
        }
        Ok(())
    }

    /// All columns are known now.
    fn finish(mut self, found: &mut Found) -> Option<Self> {
        let table = &mut self.declaration;
        if table.key.is_empty() {
            found.add(DdlError::NoPrimaryKey(table.name.clone()));
            return None;
        }
        if let Some(column) = self.counting.iter().find(|column| !makes_ids(table, column)) {
            let column = format!("{}.{column}", table.name);
            found.add(DdlError::NotSupported(Cause::new("schema_counts_up").with("column", column)));
            return None;
        }
        for column in &mut table.columns {
            column.not_null |= table.key.iter().any(|key| name::same(key, &column.name));
        }
        let before = found.count();
        for (line, place, sql) in std::mem::take(&mut self.checks) {
            found.line = Some(line).filter(|line| *line > 0).or(found.line);
            let check = check(&place, sql, &|name| table.column(name).map(ColumnDef::id));
            table.checks.extend(found.sound(check));
        }
        (found.count() == before).then_some(self)
    }
}

/// Whether tandem makes the values of a column: ids that no two sites make alike.
fn makes_ids(table: &TableDeclaration, column: &str) -> bool {
    let is_whole = table.column(column).is_some_and(|column| column.kind == ColumnType::Integer);
    is_whole && matches!(table.key.as_slice(), [key] if name::same(key, column))
}

/// A table out of its CREATE TABLE, if nothing of it is wrong.
pub(super) fn table<'a>(
    create: &'a sqlparser::ast::CreateTable,
    found: &mut Found,
) -> Option<TypedTable<'a>> {
    let name = found.sound(object_name(&create.name))?;
    if create.query.is_some() || create.temporary {
        found.add(DdlError::NotSupported(Cause::new("schema_without_columns").with("table", name)));
        return None;
    }
    let (mut table, before) = (TypedTable::new(name), found.count());
    for column in &create.columns {
        found.line = Some(column.name.span.start.line);
        let read = table.add_column(column);
        found.sound(read);
    }
    for constraint in &create.constraints {
        let line = constraint.span().start.line;
        found.line = Some(line).filter(|line| *line > 0).or(found.line);
        let read = table.add_constraint(constraint);
        found.sound(read);
    }
    // A rule of a column that could not be read would be told as wrong too.
    if found.count() == before { table.finish(found) } else { None }
}

/// What a CHECK asks.
pub(super) fn check(
    place: &str,
    sql: &Expr,
    column: &dyn Fn(&str) -> Option<ColumnId>,
) -> Result<Expression, DdlError> {
    expression::read(sql, &|name| column(&name::composed(name))).map_err(|part| {
        DdlError::NotSupported(
            Cause::new("schema_check").with("place", place).with("fault", Cause::from(&part)),
        )
    })
}

/// An index as it is typed; whether its columns are there, the caller knows. The flag: it is UNIQUE.
pub(super) fn index(create: &sqlparser::ast::CreateIndex) -> Result<(IndexDef, bool), DdlError> {
    let table = object_name(&create.table_name)?;
    if create.predicate.is_some() {
        return Err(refuse("schema_partial_indices"));
    }
    let columns = names(&create.columns)?;
    let named = create.name.as_ref().map(object_name).transpose()?;
    let name = match named {
        Some(name) => name,
        None if create.unique => String::new(),
        None => return Err(DdlError::NotSupported(Cause::new("schema_unnamed_index"))),
    };
    Ok((IndexDef { name, table, table_id: TableId([0; 16]), columns }, create.unique))
}
