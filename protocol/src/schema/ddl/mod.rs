//! SQL DDL in, schema ops out.

mod error;
mod queries;
mod read;

#[cfg(test)]
mod tests;

pub use error::DdlError;

use sqlparser::ast::{AlterTableOperation, ObjectType, Statement, TableConstraint};

use super::SchemaOp;
use super::definition::{ColumnDef, DefaultValue, IndexDef, TableDeclaration, TableDef, Unique};
use super::expression::Expression;
use super::id::TableId;
use super::named_query::NamedQuery;
use super::op::VoidReason;
use super::set::Schema;
use crate::cause::{Cause, part};
use crate::sql_text;
use crate::{bounds, name};
use error::refuse;
use read::object_name;

/// Reads `sql` and gives what it adds to `current`; what is already there is passed over, so a
/// schema file can be applied again after it has grown. All of it could count on every site.
pub fn plan(sql: &str, current: &Schema) -> Result<Vec<SchemaOp>, DdlError> {
    sql_text::with_statements(sql, bounds::SCHEMA_MIB, |statements| {
        let mut plan = Plan::new(current);
        statements.iter().try_for_each(|statement| plan.statement(statement))?;
        plan.finish()
    })?
}

/// A table that is there, or comes to be there.
struct KnownTable {
    id: TableId,
    name: String,
    columns: Vec<ColumnDef>,
    key: Vec<String>,
    checks: Vec<Expression>,
    uniques: Vec<Vec<String>>,
}

impl KnownTable {
    fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| name::same(&column.name, name))
    }

    fn has_unique(&self, columns: &[String]) -> bool {
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
        }
    }
}

/// What a schema adds, statement by statement.
struct Plan {
    tables: Vec<KnownTable>,
    indices: Vec<IndexDef>,
    queries: Vec<NamedQuery>,
    ops: Vec<SchemaOp>,
    /// References, by table: resolved when all tables are known.
    references: Vec<(TableId, Vec<read::TypedReference>)>,
    current: Schema,
}

impl Plan {
    fn new(current: &Schema) -> Self {
        Self {
            tables: current.tables().map(|table| KnownTable::from(&table.shown)).collect(),
            indices: current.indices().cloned().collect(),
            queries: current.queries().cloned().collect(),
            ops: Vec::new(),
            references: Vec::new(),
            current: current.clone(),
        }
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), DdlError> {
        match statement {
            Statement::CreateTable(create) => {
                let typed = read::table(create)?;
                match self.place(&typed.declaration.name) {
                    Some(at) => self.grow(at, typed.declaration, typed.references),
                    None => {
                        self.create(typed);
                        Ok(())
                    }
                }
            }
            Statement::AlterTable(alter) => {
                let name = object_name(&alter.name)?;
                let unknown = || DdlError::NotSupported(Cause::new("schema_no_table").with("table", &name));
                let at = self.place(&name).ok_or_else(unknown)?;
                alter.operations.iter().try_for_each(|operation| self.alter(at, operation))
            }
            Statement::CreateIndex(create) => {
                let (index, unique) = read::index(create)?;
                self.index(index, unique)
            }
            Statement::CreateView(create) => self.create_query(create),
            Statement::Drop { object_type: ObjectType::View, names, if_exists, .. } => {
                names.iter().try_for_each(|name| self.drop_query(name, *if_exists))
            }
            Statement::Drop { .. } => Err(removes(statement)),
            Statement::CreateTrigger(_) => Err(refuse("schema_triggers")),
            other => {
                let first = other.to_string().chars().take(60).collect::<String>();
                Err(DdlError::NotSupported(Cause::new("schema_statement").with("statement", first)))
            }
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| name::same(&table.name, name))
    }

    fn create(&mut self, typed: read::TypedTable<'_>) {
        let table = typed.declaration;
        let id = table.id();
        self.references.push((id, typed.references));
        self.tables.push(KnownTable {
            id,
            name: table.name.clone(),
            columns: table.columns.clone(),
            key: table.key.clone(),
            checks: table.checks.clone(),
            uniques: table.uniques.clone(),
        });
        self.ops.push(SchemaOp::CreateTable(table));
    }

    /// Adds what `wanted` has and the table lacks. Anything else that differs is refused.
    fn grow(
        &mut self,
        at: usize,
        mut wanted: TableDeclaration,
        references: Vec<read::TypedReference>,
    ) -> Result<(), DdlError> {
        self.resolve(&wanted.name.clone(), &mut wanted.columns, references)?;
        let table = &self.tables[at];
        let name = table.name.clone();
        let same_key = wanted.key.len() == table.key.len()
            && wanted.key.iter().zip(&table.key).all(|(one, other)| name::same(one, other));
        if !same_key {
            return Err(DdlError::NotAdditive(Cause::new("schema_key_differs").with("table", name)));
        }
        let missing = table.columns.iter().find(|column| wanted.column(&column.name).is_none());
        if let Some(column) = missing {
            let place = format!("{name}.{}", column.name);
            return Err(DdlError::NotAdditive(Cause::new("schema_column_missing").with("column", place)));
        }
        for column in wanted.columns {
            self.add_column(at, column)?;
        }
        wanted.uniques.into_iter().for_each(|columns| self.add_unique(at, columns));
        wanted.checks.into_iter().for_each(|check| self.add_check(at, check));
        Ok(())
    }

    fn add_column(&mut self, at: usize, column: ColumnDef) -> Result<(), DdlError> {
        let table = &mut self.tables[at];
        let place = format!("{}.{}", table.name, column.name);
        match table.column(&column.name) {
            Some(known) if same_column(known, &column) => Ok(()),
            Some(known) if known.id() == column.id() => {
                Err(DdlError::NotAdditive(Cause::new("schema_column_rules").with("column", place)))
            }
            Some(known) => {
                let (old, new) = (known.definition(), column.definition());
                let cause = Cause::new("schema_column_differs").with("column", place);
                Err(DdlError::NotAdditive(cause.with("old", old).with("new", new)))
            }
            None => {
                if column.not_null && column.default == DefaultValue::None {
                    return Err(VoidReason::NoDefault(place).into());
                }
                table.columns.push(column.clone());
                let (table, table_id) = (table.name.clone(), table.id);
                self.ops.push(SchemaOp::AddColumn { table, table_id, column });
                Ok(())
            }
        }
    }

    fn add_unique(&mut self, at: usize, columns: Vec<String>) {
        let table = &mut self.tables[at];
        if !table.has_unique(&columns) {
            table.uniques.push(columns.clone());
            let (table, table_id) = (table.name.clone(), table.id);
            self.ops.push(SchemaOp::AddUnique { table, table_id, columns });
        }
    }

    fn add_check(&mut self, at: usize, check: Expression) {
        let table = &mut self.tables[at];
        if !table.checks.contains(&check) {
            table.checks.push(check.clone());
            let (table, table_id) = (table.name.clone(), table.id);
            self.ops.push(SchemaOp::AddCheck { table, table_id, check });
        }
    }

    fn alter(&mut self, at: usize, operation: &AlterTableOperation) -> Result<(), DdlError> {
        let name = self.tables[at].name.clone();
        match operation {
            AlterTableOperation::AddColumn { column_def, .. } => {
                let mut typed = read::column(&name, column_def)?;
                if typed.is_key {
                    return Err(removes(operation));
                }
                let columns = std::slice::from_mut(&mut typed.column);
                self.resolve(&name, columns, typed.reference.into_iter().collect())?;
                let spelled = typed.column.name.clone();
                self.add_column(at, typed.column)?;
                if typed.unique {
                    self.add_unique(at, vec![spelled]);
                }
                typed.checks.iter().try_for_each(|check| self.typed_check(at, check))
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Unique(unique), .. } => {
                let columns = read::names(&unique.columns)?;
                self.must_have(at, &format!("a UNIQUE of {name}"), &columns)?;
                self.add_unique(at, columns);
                Ok(())
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Check(check), .. } => {
                self.typed_check(at, &check.expr)
            }
            _ => Err(removes(operation)),
        }
    }

    fn typed_check(&mut self, at: usize, sql: &sqlparser::ast::Expr) -> Result<(), DdlError> {
        let table = &self.tables[at];
        let check = read::check(&table.name, sql, &|name| table.column(name).map(ColumnDef::id))?;
        self.add_check(at, check);
        Ok(())
    }

    fn must_have(&self, at: usize, what: &str, columns: &[String]) -> Result<(), DdlError> {
        match columns.iter().find(|column| self.tables[at].column(column).is_none()) {
            Some(missing) => {
                Err(VoidReason::NoColumn { what: what.to_owned(), column: missing.clone() }.into())
            }
            None => Ok(()),
        }
    }

    fn index(&mut self, mut index: IndexDef, unique: bool) -> Result<(), DdlError> {
        let what = format!("index {}", index.name);
        let at = self.place(&index.table);
        let unknown =
            || Cause::new("schema_index_no_table").with("index", &index.name).with("table", &index.table);
        let at = at.ok_or_else(|| DdlError::NotSupported(unknown()))?;
        self.must_have(at, &what, &index.columns)?;
        if unique {
            self.add_unique(at, index.columns);
            return Ok(());
        }
        index.table_id = self.tables[at].id;
        index.table.clone_from(&self.tables[at].name);
        match self.indices.iter().find(|known| name::same(&known.name, &index.name)) {
            Some(known) if known.id() == index.id() => Ok(()),
            Some(known) => {
                let cause = Cause::new("schema_index_differs").with("index", &index.name);
                let cause = cause.with("table", &known.table).with("columns", known.columns.join(", "));
                Err(DdlError::NotAdditive(cause))
            }
            // Under another name: it would be the same index twice.
            None if self.indices.iter().any(|known| known.id() == index.id()) => Ok(()),
            None => {
                self.indices.push(index.clone());
                self.ops.push(SchemaOp::CreateIndex(index));
                Ok(())
            }
        }
    }

    fn resolve(
        &self,
        table: &str,
        columns: &mut [ColumnDef],
        references: Vec<read::TypedReference>,
    ) -> Result<(), DdlError> {
        read::resolve(table, columns, references, |name| {
            self.place(name).map(|at| (self.tables[at].id, self.tables[at].key.as_slice()))
        })
    }

    /// All tables are known now: references find theirs. What comes out would count on every site.
    fn finish(mut self) -> Result<Vec<SchemaOp>, DdlError> {
        for (id, references) in std::mem::take(&mut self.references) {
            let mut ops = std::mem::take(&mut self.ops);
            let created = ops.iter_mut().find_map(|op| match op {
                SchemaOp::CreateTable(table) if table.id() == id => Some(table),
                _ => None,
            });
            if let Some(table) = created {
                self.resolve(&table.name.clone(), &mut table.columns, references)?;
            }
            self.ops = ops;
        }
        if self.ops.len() >= bounds::SCHEMA_OPS {
            return Err(VoidReason::TooMany.into());
        }
        self.ops.iter().try_for_each(|op| op.check(self.current.judge()))?;
        self.must_count()?;
        Ok(self.ops)
    }

    /// Nothing typed may have to wait.
    fn must_count(&self) -> Result<(), DdlError> {
        let mut after = self.current.clone();
        let waited = after.waiting().len();
        after.add_next(&self.ops);
        after.rejudge();
        let known: Vec<_> =
            self.current.waiting().iter().map(|waiting| (&waiting.at, &waiting.what)).collect();
        let new = after.waiting().iter().find(|waiting| !known.contains(&(&waiting.at, &waiting.what)));
        match new {
            Some(waiting) if after.waiting().len() > waited => Err(DdlError::NotSupported(
                Cause::new("schema_waits")
                    .with("what", part(&waiting.what))
                    .with("reason", Cause::from(&waiting.reason)),
            )),
            _ => Ok(()),
        }
    }
}

/// What changes or takes away something that is there.
fn removes(statement: &impl std::fmt::Display) -> DdlError {
    DdlError::NotAdditive(Cause::new("schema_removes").with("statement", statement.to_string()))
}

/// Whether two declarations of a column are one: its name may be spelled in another case.
fn same_column(known: &ColumnDef, wanted: &ColumnDef) -> bool {
    let target = |column: &ColumnDef| {
        column.references.as_ref().map(|reference| (reference.table_id, reference.on_delete))
    };
    known.id() == wanted.id() && known.not_null == wanted.not_null && target(known) == target(wanted)
}
