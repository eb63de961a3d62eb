//! Writes: where INSERT (also of a SELECT's list), UPDATE SET and ON CONFLICT DO UPDATE give a value to
//! a column, directly or passed on by CASE, coalesce, ifnull or iif.

use std::collections::HashSet;

use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, Insert, ObjectName, OnConflictAction, OnInsert, Query, SelectItem,
    SetExpr, TableFactor, TableObject, Update, UpdateTableFromKind,
};
use tandem_protocol::schema::ColumnType;

use super::super::parsed::{arguments, last, lower};
use super::super::scope::{Facts, Relation};
use super::finder::{Finder, Target};
use super::form::Form;

impl<'e> Finder<'_, 'e> {
    pub(super) fn insert(&mut self, insert: &'e Insert) {
        let TableObject::TableName(name) = &insert.table else { return };
        let table = last(name);
        let Some(columns) = self.tables.get(&table) else { return };
        let alias = self.alias.take();
        let named: Vec<String> = insert.columns.iter().map(last).collect();
        let forms: Vec<Option<Form>> = match named.as_slice() {
            [] => columns.iter().map(|column| Form::written(column.kind)).collect(),
            named => named.iter().map(|name| self.written(&table, name)).collect(),
        };
        if let Some(source) = &insert.source {
            self.source(source, &forms);
        }
        let mut level = self.table_level(&table, alias.as_deref());
        level.push(Relation { name: "excluded".into(), columns: self.scopes.facts.of_table(&table) });
        self.scopes.levels.push(level);
        let mut sets = HashSet::new();
        if let Some(OnInsert::OnConflict(on)) = &insert.on
            && let OnConflictAction::DoUpdate(update) = &on.action
        {
            sets = self.assignments(&table, &update.assignments);
            self.maybe(update.selection.as_ref());
        }
        self.scopes.levels.pop();
        self.returning(&table, insert.returning.iter().flatten());
        self.target = Some(Target { table, sets });
    }

    /// What rows come from.
    fn source(&mut self, source: &'e Query, forms: &[Option<Form>]) {
        let mut bodies = vec![&*source.body];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::Values(values) => {
                    values.rows.iter().for_each(|row| self.row(row.iter(), forms));
                }
                SetExpr::Select(select) => {
                    let direct = |item: &'e SelectItem| match item {
                        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
                        _ => None,
                    };
                    // After a `*` it is not plain which column is whose.
                    let listed = select.projection.iter().map_while(direct);
                    listed.zip(forms).for_each(|(expr, form)| self.write(expr, *form));
                }
                SetExpr::SetOperation { left, right, .. } => bodies.extend([&**left, &**right]),
                _ => {}
            }
        }
        let names_text = self.names_text;
        if !matches!(&*source.body, SetExpr::Values(_)) {
            self.query(source);
        }
        self.names_text = names_text;
    }

    fn row(&mut self, row: impl Iterator<Item = &'e Expr>, forms: &[Option<Form>]) {
        for (expr, form) in row.zip(forms) {
            self.write(expr, *form);
            if !matches!(expr, Expr::Value(_)) {
                self.expr(expr);
            }
        }
    }

    pub(super) fn update(&mut self, update: &'e Update) {
        let TableFactor::Table { name, alias, .. } = &update.table.relation else { return };
        let table = last(name);
        let alias = alias.as_ref().map(|alias| lower(&alias.name));
        let level = self.table_level(&table, alias.as_deref());
        match &update.from {
            Some(UpdateTableFromKind::AfterSet(from) | UpdateTableFromKind::BeforeSet(from)) => {
                self.level(from);
                self.scopes.levels.last_mut().into_iter().for_each(|known| known.extend(level.clone()));
            }
            None => self.scopes.levels.push(level),
        }
        let sets = self.assignments(&table, &update.assignments);
        self.maybe(update.selection.as_ref());
        self.scopes.levels.pop();
        self.returning(&table, update.returning.iter().flatten());
        self.target = Some(Target { table, sets });
    }

    /// RETURNING knows the table by its name only.
    fn returning(&mut self, table: &str, items: impl IntoIterator<Item = &'e SelectItem>) {
        let level = self.table_level(table, None);
        self.scopes.levels.push(level);
        self.items(items);
        self.scopes.levels.pop();
    }

    fn table_level(&self, table: &str, alias: Option<&str>) -> Vec<Relation<Option<ColumnType>>> {
        vec![Relation { name: alias.unwrap_or(table).to_owned(), columns: self.scopes.facts.of_table(table) }]
    }

    fn written(&self, table: &str, column: &str) -> Option<Form> {
        let columns = self.tables.get(table)?;
        columns.iter().find(|known| known.name == column).and_then(|column| Form::written(column.kind))
    }

    /// SET lists; returns the columns set.
    fn assignments(&mut self, table: &str, assignments: &'e [Assignment]) -> HashSet<String> {
        let mut sets = HashSet::new();
        for assignment in assignments {
            let names: &[ObjectName] = match &assignment.target {
                AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                AssignmentTarget::Tuple(names) => names,
            };
            let names: Vec<String> = names.iter().map(last).collect();
            let forms: Vec<Option<Form>> = names.iter().map(|name| self.written(table, name)).collect();
            sets.extend(names);
            match (&assignment.value, forms.as_slice()) {
                (Expr::Tuple(values), forms) if forms.len() > 1 => self.row(values.iter(), forms),
                (value, [form]) => {
                    self.write(value, *form);
                    self.expr(value);
                }
                (value, _) => self.expr(value),
            }
        }
        sets
    }

    /// Notes the values that an expression passes on as they are.
    fn write(&mut self, expr: &'e Expr, form: Option<Form>) {
        let mut waiting = vec![expr];
        while let Some(expr) = waiting.pop() {
            match expr {
                Expr::Nested(inner) => waiting.push(inner),
                Expr::Case { conditions, else_result, .. } => {
                    waiting.extend(conditions.iter().map(|when| &when.result));
                    waiting.extend(else_result.iter().map(|expr| &**expr));
                }
                Expr::Function(function) => match last(&function.name).as_str() {
                    "coalesce" | "ifnull" => waiting.extend(arguments(&function.args)),
                    "iif" | "if" => waiting.extend(arguments(&function.args).skip(1)),
                    _ => {}
                },
                value => self.give(value, form),
            }
        }
    }
}
