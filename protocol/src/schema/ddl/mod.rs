//! SQL DDL in, schema ops out.

mod column;
mod error;
mod known;
mod names;
mod queries;
mod read;
mod reference;

#[cfg(test)]
mod tests;

pub use error::{DdlError, Problem, Problems};

use sqlparser::ast::{AlterTable, AlterTableOperation, ObjectType, Statement, TableConstraint};

use super::SchemaOp;
use super::definition::{ColumnDef, IndexDef, TableDeclaration, Unique};
use super::expression::{Expression, spelled};
use super::id::TableId;
use super::named_query::NamedQuery;
use super::op::VoidReason;
use super::set::Schema;
use super::waiting::Waiting;
use crate::cause::{Cause, part};
use crate::sql_text;
use crate::{bounds, name};
use column::{column, shorter};
use error::{Found, refuse, removes};
use known::{KnownTable, Rule, same_column};
use names::{names, object_name};
use reference::TypedReference;

/// Reads `sql` and gives what it adds to `current`; what is already there is passed over, so a
/// schema file can be applied again after it has grown. All of it could count on every site.
pub fn plan(sql: &str, current: &Schema) -> Result<Vec<SchemaOp>, Problems> {
    let mut plan = Plan::new(current);
    let read = sql_text::each_statement(sql, bounds::SCHEMA_MIB, |line, statement| {
        plan.found.line = Some(line);
        match statement {
            Ok(statement) => plan.statement(statement),
            // It says the line itself.
            Err(error) => plan.found.add(error),
        }
    });
    read.map_err(DdlError::from)?;
    plan.finish()
}

/// What a schema adds, statement by statement.
struct Plan {
    tables: Vec<KnownTable>,
    indices: Vec<IndexDef>,
    queries: Vec<NamedQuery>,
    ops: Vec<SchemaOp>,
    /// Where each of them is said.
    lines: Vec<Option<u64>>,
    /// References, by their tables' places: resolved when all tables are known.
    references: Vec<(usize, TypedReference)>,
    current: Schema,
    /// Tables that were there and are declared again, and where; and the rules that are said of tables.
    declared: Vec<(Option<u64>, TableId)>,
    said: Vec<Rule>,
    /// Names of tables of which something is wrong: what depends on them is not told, too.
    unread: Vec<String>,
    found: Found,
}

impl Plan {
    fn new(current: &Schema) -> Self {
        Self {
            tables: current.tables().map(|table| KnownTable::from(&table.shown)).collect(),
            indices: current.indices().cloned().collect(),
            queries: current.queries().cloned().collect(),
            ops: Vec::new(),
            lines: Vec::new(),
            references: Vec::new(),
            current: current.clone(),
            declared: Vec::new(),
            said: Vec::new(),
            unread: Vec::new(),
            found: Found::default(),
        }
    }

    fn statement(&mut self, statement: &Statement) {
        let done = match statement {
            Statement::CreateTable(create) => {
                let line = self.found.line;
                let Some(typed) = read::table(create, &mut self.found) else {
                    self.unread.extend(object_name(&create.name));
                    return;
                };
                self.found.line = line;
                match self.place(&typed.declaration.name) {
                    Some(at) => self.grow(at, typed.declaration, typed.references),
                    None => {
                        self.create(typed);
                        Ok(())
                    }
                }
            }
            Statement::AlterTable(alter) => self.alter_table(alter),
            Statement::CreateIndex(create) => {
                read::index(create).and_then(|(index, unique)| self.index(index, unique))
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
        };
        self.found.sound(done);
    }

    fn alter_table(&mut self, alter: &AlterTable) -> Result<(), DdlError> {
        let name = object_name(&alter.name)?;
        if self.is_unread(&name) {
            return Ok(());
        }
        let unknown = || DdlError::NotSupported(Cause::new("schema_no_table").with("table", &name));
        let at = self.place(&name).ok_or_else(unknown)?;
        for operation in &alter.operations {
            let done = self.alter(at, operation);
            self.found.sound(done);
        }
        Ok(())
    }

    /// Whether it is a table of which something is wrong.
    fn is_unread(&self, name: &str) -> bool {
        self.unread.iter().any(|unread| name::same(unread, name))
    }

    fn add(&mut self, op: SchemaOp) {
        self.ops.push(op);
        self.lines.push(self.found.line);
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| name::same(&table.name, name))
    }

    fn create(&mut self, typed: read::TypedTable<'_>) {
        let table = typed.declaration;
        let id = table.id();
        let at = self.tables.len();
        self.references.extend(typed.references.into_iter().map(|reference| (at, reference)));
        self.tables.push(KnownTable {
            id,
            name: table.name.clone(),
            columns: table.columns.clone(),
            key: table.key.clone(),
            checks: table.checks.clone(),
            uniques: table.uniques.clone(),
            references: Vec::new(),
        });
        self.add(SchemaOp::CreateTable(table));
    }

    /// Adds what `wanted` has and the table lacks. Anything else that differs is refused.
    fn grow(
        &mut self,
        at: usize,
        wanted: TableDeclaration,
        references: Vec<TypedReference>,
    ) -> Result<(), DdlError> {
        let before = self.found.count();
        let table = &self.tables[at];
        let name = table.name.clone();
        let same_key = wanted.key.len() == table.key.len()
            && wanted.key.iter().zip(&table.key).all(|(one, other)| name::same(one, other));
        if !same_key {
            return Err(DdlError::NotAdditive(Cause::new("schema_key_differs").with("table", name)));
        }
        let missing = table.columns.iter().filter(|column| wanted.column(&column.name).is_none());
        for column in missing {
            let place = format!("{name}.{}", column.name);
            self.found.add(DdlError::NotAdditive(Cause::new("schema_column_missing").with("column", place)));
        }
        for column in wanted.columns {
            let added = self.add_column(at, column);
            self.found.sound(added);
        }
        wanted.uniques.into_iter().for_each(|columns| self.add_unique(at, columns));
        wanted.checks.into_iter().for_each(|check| self.add_check(at, check));
        // A reference of a column that is refused would be told as wrong, too.
        if self.found.count() == before {
            self.references.extend(references.into_iter().map(|reference| (at, reference)));
        }
        self.declared.push((self.found.line, self.tables[at].id));
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
                if column.is_to_be_given() {
                    return Err(VoidReason::NoDefault(place).into());
                }
                table.columns.push(column.clone());
                let (table, table_id) = (table.name.clone(), table.id);
                self.add(SchemaOp::AddColumn { table, table_id, column });
                Ok(())
            }
        }
    }

    fn add_unique(&mut self, at: usize, columns: Vec<String>) {
        let table = &mut self.tables[at];
        self.said.push(Rule::Unique(Unique::id_of(table.id, &columns)));
        if !table.has_unique(&columns) {
            table.uniques.push(columns.clone());
            let (table, table_id) = (table.name.clone(), table.id);
            self.add(SchemaOp::AddUnique { table, table_id, columns });
        }
    }

    fn add_check(&mut self, at: usize, check: Expression) {
        let table = &mut self.tables[at];
        self.said.push(Rule::Check(table.id, check.clone()));
        if !table.checks.contains(&check) {
            table.checks.push(check.clone());
            let (table, table_id) = (table.name.clone(), table.id);
            self.add(SchemaOp::AddCheck { table, table_id, check });
        }
    }

    fn alter(&mut self, at: usize, operation: &AlterTableOperation) -> Result<(), DdlError> {
        let name = self.tables[at].name.clone();
        match operation {
            AlterTableOperation::AddColumn { column_def, .. } => {
                let typed = column(&name, column_def)?;
                if typed.is_key || typed.counts_up {
                    return Err(removes(operation));
                }
                let spelled = typed.column.name.clone();
                let shorter = typed.longest.map(|most| shorter(&typed.column, most));
                self.add_column(at, typed.column)?;
                self.references.extend(typed.references.into_iter().map(|reference| (at, reference)));
                shorter.into_iter().for_each(|check| self.add_check(at, check));
                if typed.unique {
                    self.add_unique(at, vec![spelled]);
                }
                typed.checks.iter().try_for_each(|check| self.typed_check(at, check))
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Unique(unique), .. } => {
                let columns = names(&unique.columns)?;
                self.must_have(at, &format!("a UNIQUE of {name}"), &columns)?;
                self.add_unique(at, columns);
                Ok(())
            }
            AlterTableOperation::AddConstraint { constraint: TableConstraint::Check(check), .. } => {
                self.typed_check(at, &check.expr)
            }
            AlterTableOperation::AddConstraint {
                constraint: TableConstraint::ForeignKey(foreign), ..
            } => {
                self.references.push((at, TypedReference::read(None, foreign)?));
                Ok(())
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
        if self.is_unread(&index.table) {
            return Ok(());
        }
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
                self.add(SchemaOp::CreateIndex(index));
                Ok(())
            }
        }
    }

    /// All tables are known now: references find theirs. What comes out would count on every site.
    fn finish(mut self) -> Result<Vec<SchemaOp>, Problems> {
        self.resolve_references();
        self.miss_rules();
        self.found.line = None;
        if self.ops.len() >= bounds::SCHEMA_OPS {
            self.found.add(VoidReason::TooMany);
        }
        for (op, line) in self.ops.iter().zip(&self.lines) {
            self.found.line = *line;
            let sound = op.check(self.current.judge()).map_err(DdlError::from);
            self.found.sound(sound);
        }
        self.found.line = None;
        if self.found.count() == 0 {
            let counts = self.must_count();
            self.found.sound(counts);
        }
        self.found.end().map(|()| self.ops)
    }

    /// A table that is declared again is declared with all its rules.
    fn miss_rules(&mut self) {
        for (line, id) in std::mem::take(&mut self.declared) {
            self.found.line = line;
            let Some(known) = self.current.table_by_id(id).map(|table| &table.shown) else { continue };
            let uniques = known.uniques.iter().filter(|unique| !self.said.contains(&Rule::Unique(unique.id)));
            let uniques = uniques.map(|unique| format!("UNIQUE ({})", unique.columns.join(", ")));
            let is_said = |check: &Expression| self.said.contains(&Rule::Check(id, check.clone()));
            let checks = known.checks.iter().filter(|check| !is_said(&check.expression));
            let references =
                known.references.iter().filter(|one| !self.said.contains(&Rule::Reference(one.id)));
            let references = references.map(|one| one.sql(spelled));
            let rules = uniques.chain(checks.map(|check| format!("CHECK ({})", check.name)));
            for rule in rules.chain(references) {
                let cause = Cause::new("schema_rule_missing").with("table", &known.name).with("rule", rule);
                self.found.add(DdlError::NotAdditive(cause));
            }
        }
    }

    /// Nothing typed may have to wait, nor make wait what did not.
    fn must_count(&self) -> Result<(), DdlError> {
        let mut after = self.current.clone();
        after.add_next(&self.ops);
        after.rejudge();
        let (before, after) = (self.current.waiting(), after.waiting());
        let own = after.iter().find(|waiting| !self.current.holds(waiting.at));
        let is_new =
            |one: &&Waiting| !before.iter().any(|known| (known.at, &known.what) == (one.at, &one.what));
        let grown = after.iter().find(is_new).filter(|_| after.len() > before.len());
        match own.or(grown) {
            Some(waiting) => Err(DdlError::NotSupported(
                Cause::new("schema_waits")
                    .with("what", part(&waiting.what))
                    .with("reason", Cause::from(&waiting.reason)),
            )),
            None => Ok(()),
        }
    }
}
