//! Tables, columns and rules out of SQL as people type it.

use sqlparser::ast::{
    ColumnOption, Expr, Ident, IndexColumn, ObjectName, ReferentialAction, TableConstraint,
};

use super::error::{DdlError, refuse};
use crate::cause::Cause;
use crate::name;
use crate::schema::column_type::ColumnType;
use crate::schema::constant::Constant;
use crate::schema::definition::{ColumnDef, DefaultValue, IndexDef, OnDelete, Reference, TableDeclaration};
use crate::schema::expression::{self, Expression};
use crate::schema::id::{ColumnId, TableId};

/// What a column's declaration says about its table.
pub(super) struct TypedColumn<'a> {
    pub column: ColumnDef,
    pub is_key: bool,
    pub unique: bool,
    /// To be read once all columns are known.
    pub checks: Vec<&'a Expr>,
    pub reference: Option<TypedReference>,
}

/// A reference as it is typed.
pub(super) struct TypedReference {
    /// The referring column.
    pub column: String,
    pub table: String,
    /// The column referred to, if it is named.
    pub target: Option<String>,
    pub on_delete: OnDelete,
}

/// A table as it is typed: its references name tables that may be declared further down.
pub(super) struct TypedTable<'a> {
    pub declaration: TableDeclaration,
    pub references: Vec<TypedReference>,
    /// CHECKs and where they stand, to be read once all columns are known.
    checks: Vec<(String, &'a Expr)>,
}

impl<'a> TypedTable<'a> {
    fn new(name: String) -> Self {
        let (columns, key, checks, uniques) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let declaration = TableDeclaration { name, columns, key, checks, uniques };
        Self { declaration, references: Vec::new(), checks: Vec::new() }
    }

    fn add_column(&mut self, declared: &'a sqlparser::ast::ColumnDef) -> Result<(), DdlError> {
        let table = &mut self.declaration;
        let typed = column(&table.name, declared)?;
        let spelled = typed.column.name.clone();
        let place = format!("{}.{spelled}", table.name);
        self.checks.extend(typed.checks.into_iter().map(|check| (place.clone(), check)));
        self.references.extend(typed.reference);
        if typed.is_key {
            table.key.push(spelled.clone());
        }
        if typed.unique {
            table.uniques.push(vec![spelled]);
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
            TableConstraint::Check(check) => self.checks.push((name.clone(), &check.expr)),
            TableConstraint::ForeignKey(foreign) => {
                let columns: Vec<String> = foreign.columns.iter().map(ident).collect();
                let [column] = columns.as_slice() else {
                    return Err(refuse("schema_wide_references"));
                };
                self.references.push(reference(
                    column.clone(),
                    (&foreign.foreign_table, &foreign.referred_columns),
                    foreign.on_delete,
                    foreign.on_update,
                )?);
            }
            other => {
                let cause = Cause::new("schema_table_option").with("table", name);
                return Err(DdlError::NotSupported(cause.with("words", other.to_string())));
            }
        }
        Ok(())
    }

    /// All columns are known now.
    fn finish(mut self) -> Result<Self, DdlError> {
        let table = &mut self.declaration;
        if table.key.is_empty() {
            return Err(DdlError::NoPrimaryKey(table.name.clone()));
        }
        for column in &mut table.columns {
            column.not_null |= table.key.iter().any(|key| name::same(key, &column.name));
        }
        for (place, sql) in std::mem::take(&mut self.checks) {
            let check = check(&place, sql, &|name| table.column(name).map(ColumnDef::id))?;
            table.checks.push(check);
        }
        Ok(self)
    }
}

/// A table out of its CREATE TABLE.
pub(super) fn table(create: &sqlparser::ast::CreateTable) -> Result<TypedTable<'_>, DdlError> {
    let name = object_name(&create.name)?;
    if create.query.is_some() || create.temporary {
        return Err(DdlError::NotSupported(Cause::new("schema_without_columns").with("table", name)));
    }
    let mut table = TypedTable::new(name);
    create.columns.iter().try_for_each(|column| table.add_column(column))?;
    create.constraints.iter().try_for_each(|constraint| table.add_constraint(constraint))?;
    table.finish()
}

/// A column out of its declaration.
pub(super) fn column<'a>(
    table: &str,
    declared: &'a sqlparser::ast::ColumnDef,
) -> Result<TypedColumn<'a>, DdlError> {
    let name = ident(&declared.name);
    let place = format!("{table}.{name}");
    let found = declared.data_type.to_string();
    let kind = ColumnType::declared(&found)
        .ok_or_else(|| DdlError::UnknownType { column: place.clone(), found: found.clone() })?;
    let mut typed = TypedColumn {
        column: ColumnDef {
            name: name.clone(),
            kind,
            default: DefaultValue::None,
            not_null: false,
            references: None,
        },
        is_key: false,
        unique: false,
        checks: Vec::new(),
        reference: None,
    };
    for option in &declared.options {
        match &option.option {
            ColumnOption::Null => {}
            ColumnOption::NotNull => typed.column.not_null = true,
            ColumnOption::Default(expression) => typed.column.default = default(&place, kind, expression)?,
            ColumnOption::PrimaryKey(_) => typed.is_key = true,
            ColumnOption::Unique(_) => typed.unique = true,
            ColumnOption::Check(check) => typed.checks.push(&check.expr),
            ColumnOption::ForeignKey(foreign) => {
                typed.reference = Some(reference(
                    name.clone(),
                    (&foreign.foreign_table, &foreign.referred_columns),
                    foreign.on_delete,
                    foreign.on_update,
                )?);
            }
            ColumnOption::Generated { .. } => {
                return Err(refuse("schema_generated"));
            }
            ColumnOption::Collation(_) => {
                return Err(refuse("schema_collations"));
            }
            other => {
                let cause = Cause::new("schema_column_option").with("column", place);
                return Err(DdlError::NotSupported(cause.with("words", other.to_string())));
            }
        }
    }
    Ok(typed)
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

fn default(place: &str, kind: ColumnType, sql: &Expr) -> Result<DefaultValue, DdlError> {
    let refused = |fault: Cause| {
        DdlError::NotSupported(Cause::new("schema_default").with("place", place).with("fault", fault))
    };
    let Some(value) = expression::literal_of(sql) else {
        let tree = expression::read(sql, &|_| None).map_err(|part| refused(Cause::from(&part)))?;
        return Ok(DefaultValue::Expression(tree));
    };
    if value.is_null() {
        return Ok(DefaultValue::None);
    }
    let exact = expression::digits_of(sql).filter(|_| kind.digits().is_some()).map(crate::value::Value::Text);
    let value = kind.canonical(exact.unwrap_or(value)).map_err(|error| refused(Cause::from(&error)))?;
    Ok(DefaultValue::Constant(Constant::new(&value)))
}

fn reference(
    column: String,
    (table, columns): (&ObjectName, &[Ident]),
    on_delete: Option<ReferentialAction>,
    on_update: Option<ReferentialAction>,
) -> Result<TypedReference, DdlError> {
    if !matches!(on_update, None | Some(ReferentialAction::NoAction | ReferentialAction::Restrict)) {
        return Err(refuse("schema_on_update"));
    }
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
    Ok(TypedReference { column, table: object_name(table)?, target, on_delete })
}

/// Points a table's references at the tables they name: to the primary key, or refused.
pub(super) fn resolve<'a>(
    table: &str,
    columns: &mut [ColumnDef],
    references: Vec<TypedReference>,
    target: impl Fn(&str) -> Option<(TableId, &'a [String])>,
) -> Result<(), DdlError> {
    for typed in references {
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
        let (table_id, key) =
            target(&typed.table).ok_or_else(|| refused(Cause::new("reference_no_table")))?;
        let [key] = key else { return Err(refused(Cause::new("reference_wide"))) };
        if typed.target.as_ref().is_some_and(|named| !name::same(named, key)) {
            return Err(refused(Cause::new("reference_not_key").with("key", key)));
        }
        column.references =
            Some(Reference { table: typed.table.clone(), table_id, on_delete: typed.on_delete });
    }
    Ok(())
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

pub(super) fn names(columns: &[IndexColumn]) -> Result<Vec<String>, DdlError> {
    let plain = |column: &IndexColumn| match &column.column.expr {
        Expr::Identifier(name) => Ok(ident(name)),
        other => {
            Err(DdlError::NotSupported(Cause::new("schema_no_column_name").with("words", other.to_string())))
        }
    };
    columns.iter().map(plain).collect()
}

pub(super) fn object_name(name: &ObjectName) -> Result<String, DdlError> {
    match name.0.as_slice() {
        [part] => part.as_ident().map(ident),
        _ => None,
    }
    .ok_or_else(|| DdlError::NotSupported(Cause::new("schema_not_simple").with("words", name.to_string())))
}

fn ident(name: &Ident) -> String {
    name::composed(&name.value)
}
