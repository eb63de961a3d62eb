//! Places: where a statement gives a value to a column, or compares one directly with it.
//!
//! Directly means side by side: `column op value`, `value op column`, BETWEEN, IN, CASE, row values
//! of such pairs, INSERT (also of a SELECT's list), UPDATE SET, ON CONFLICT DO UPDATE; what is written
//! may be passed on by CASE, coalesce, ifnull and iif. Column means
//! also min, max, coalesce and ifnull of one, and one that a subquery, common table expression or
//! alias passes on. Whatever is computed from a value (`? || ' 00:00'`, `upper(?)`) is not covered.

use std::collections::HashSet;
use std::rc::Rc;

use sqlparser::ast::{
    Assignment, AssignmentTarget, BinaryOperator, Expr, FromTable, GroupByExpr, Insert, ObjectName,
    OnConflictAction, OnInsert, OrderByKind, Query, Select, SelectItem, SetExpr, Statement, TableFactor,
    TableObject, TableWithJoins, UnaryOperator, Update, UpdateTableFromKind, Value, ValueWithSpan,
};
use tandem_protocol::schema::ColumnType;

use super::scope::{self, Relation, Scopes, arguments, last, lower};
use super::{Form, Tables};

/// A value, and what it becomes.
pub(super) struct Place<'e> {
    pub value: &'e ValueWithSpan,
    pub form: Form,
    /// A minus stands before it, which belongs to the number.
    pub negative: bool,
}

/// The table that a statement writes to.
pub(super) struct Target {
    pub table: String,
    /// The columns that it sets in rows that are there.
    pub sets: HashSet<String>,
}

/// Finds places.
pub(super) struct Finder<'a, 'e> {
    tables: &'a Tables,
    scopes: Scopes<'a>,
    pub places: Vec<Place<'e>>,
    pub target: Option<Target>,
    /// What an INSERT calls its table.
    alias: Option<String>,
    /// The columns of the answer are named after text in which there are places.
    pub names_text: bool,
}

impl<'a, 'e> Finder<'a, 'e> {
    pub(super) fn new(tables: &'a Tables, alias: Option<String>) -> Self {
        let scopes = Scopes::new(tables);
        Self { tables, scopes, places: Vec::new(), target: None, alias, names_text: false }
    }

    pub(super) fn statement(&mut self, statement: &'e Statement) {
        match statement {
            Statement::Query(query) => self.query(query),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                self.level(from);
                self.maybe(delete.selection.as_ref());
                self.items(delete.returning.iter().flatten());
                self.scopes.levels.pop();
            }
            Statement::Explain { statement, .. } => self.statement(statement),
            _ => {}
        }
    }

    fn query(&mut self, query: &'e Query) {
        let with = self.scopes.with.len();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.query(&cte.query);
        }
        self.scopes.push_with(query);
        self.body(&query.body);
        if let Some(OrderByKind::Expressions(by)) = query.order_by.as_ref().map(|by| &by.kind)
            && let SetExpr::Select(select) = &*query.body
        {
            self.level(&select.from);
            by.iter().for_each(|by| self.expr(&by.expr));
            self.scopes.levels.pop();
        }
        self.scopes.with.truncate(with);
    }

    fn body(&mut self, body: &'e SetExpr) {
        let mut body = body;
        loop {
            match body {
                SetExpr::SetOperation { left, right, .. } => {
                    self.body(right);
                    body = left;
                    continue;
                }
                SetExpr::Select(select) => self.select(select),
                SetExpr::Query(query) => self.query(query),
                SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => {
                    self.statement(statement);
                }
                SetExpr::Values(values) => {
                    values.rows.iter().for_each(|row| row.iter().for_each(|expr| self.expr(expr)));
                }
                _ => {}
            }
            return;
        }
    }

    fn select(&mut self, select: &'e Select) {
        self.level(&select.from);
        self.items(&select.projection);
        // SQLite lets WHERE use the names that the list gives.
        let columns = self.scopes.projection(&select.projection);
        if let Some(level) = self.scopes.levels.last_mut() {
            let known: HashSet<String> = level
                .iter()
                .flat_map(|relation| relation.columns.iter().map(|(name, _)| name.clone()))
                .collect();
            let aliases = columns.into_iter().filter(|(name, _)| !known.contains(name)).collect();
            level.push(Relation { name: String::new(), columns: Rc::new(aliases) });
        }
        self.maybe(select.selection.as_ref());
        self.maybe(select.having.as_ref());
        if let GroupByExpr::Expressions(by, _) = &select.group_by {
            by.iter().for_each(|expr| self.expr(expr));
        }
        self.scopes.levels.pop();
    }

    /// Brings tables into scope, and looks into what stands between them.
    fn level(&mut self, from: &'e [TableWithJoins]) {
        let relations = self.scopes.from(from);
        from.iter().for_each(|one| self.sources(one));
        self.scopes.levels.push(relations);
        for join in from.iter().flat_map(|one| &one.joins) {
            self.maybe(scope::join_condition(&join.join_operator));
        }
    }

    fn sources(&mut self, from: &'e TableWithJoins) {
        for factor in std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)) {
            match factor {
                TableFactor::Derived { subquery, .. } => self.query(subquery),
                TableFactor::NestedJoin { table_with_joins, .. } => {
                    self.level(std::slice::from_ref(&**table_with_joins));
                    self.scopes.levels.pop();
                }
                _ => {}
            }
        }
    }

    fn items(&mut self, items: impl IntoIterator<Item = &'e SelectItem>) {
        for item in items {
            let before = self.places.len();
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    self.expr(expr);
                    self.names_text |= self.places.len() > before;
                }
                SelectItem::ExprWithAlias { expr, .. } => self.expr(expr),
                _ => {}
            }
        }
    }

    fn insert(&mut self, insert: &'e Insert) {
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
        level.push(Relation { name: "excluded".into(), columns: self.scopes.table(&table) });
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

    fn update(&mut self, update: &'e Update) {
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

    fn table_level(&self, table: &str, alias: Option<&str>) -> Vec<Relation> {
        vec![Relation { name: alias.unwrap_or(table).to_owned(), columns: self.scopes.table(table) }]
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

    fn maybe(&mut self, expr: Option<&'e Expr>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    /// Everything in an expression. Long chains of operators nest deep: they are walked without
    /// the stack.
    fn expr(&mut self, expr: &'e Expr) {
        let mut waiting = vec![expr];
        while let Some(expr) = waiting.pop() {
            match expr {
                Expr::BinaryOp { left, op, right } => {
                    if compares(op) {
                        self.compare(left, right);
                    }
                    waiting.extend([&**left, &**right]);
                }
                Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                    self.compare(left, right);
                    waiting.extend([&**left, &**right]);
                }
                Expr::Between { expr, low, high, .. } => {
                    self.compare(expr, low);
                    self.compare(expr, high);
                    waiting.extend([&**expr, &**low, &**high]);
                }
                Expr::InList { expr, list, .. } => {
                    list.iter().for_each(|item| self.compare(expr, item));
                    waiting.push(expr);
                    waiting.extend(list.iter().filter(|item| !matches!(item, Expr::Value(_))));
                }
                Expr::InSubquery { expr, subquery, .. } => {
                    waiting.push(expr);
                    self.quietly(subquery);
                    let kinds = self.scopes.output(subquery);
                    if let [(_, Some(kind))] = kinds.as_slice() {
                        self.give(expr, Form::compared(*kind));
                    }
                }
                Expr::Subquery(subquery) | Expr::Exists { subquery, .. } => self.quietly(subquery),
                Expr::Case { operand, conditions, else_result, .. } => {
                    for when in conditions {
                        if let Some(operand) = operand {
                            self.compare(operand, &when.condition);
                        }
                        waiting.extend([&when.condition, &when.result]);
                    }
                    waiting.extend(operand.iter().chain(else_result).map(|expr| &**expr));
                }
                Expr::Function(function) => {
                    if let Some(kind) = self.scopes.kind(expr) {
                        let values = arguments(&function.args);
                        values.for_each(|argument| self.give(argument, Form::compared(kind)));
                    }
                    waiting.extend(arguments(&function.args));
                }
                Expr::Nested(inner)
                | Expr::UnaryOp { expr: inner, .. }
                | Expr::Cast { expr: inner, .. }
                | Expr::Collate { expr: inner, .. }
                | Expr::IsNull(inner)
                | Expr::IsNotNull(inner)
                | Expr::IsTrue(inner)
                | Expr::IsFalse(inner)
                | Expr::IsNotTrue(inner)
                | Expr::IsNotFalse(inner) => waiting.push(inner),
                Expr::Like { expr, pattern, .. } => waiting.extend([&**expr, &**pattern]),
                Expr::Tuple(values) => waiting.extend(values),
                _ => {}
            }
        }
    }

    /// A query inside an expression: it names no column of the answer.
    fn quietly(&mut self, query: &'e Query) {
        let names_text = self.names_text;
        self.query(query);
        self.names_text = names_text;
    }

    fn compare(&mut self, left: &'e Expr, right: &'e Expr) {
        match (left, right) {
            (Expr::Tuple(left), Expr::Tuple(right)) => {
                left.iter().zip(right).for_each(|(left, right)| self.compare(left, right));
            }
            _ => {
                let kind = |expr: &Expr| self.scopes.kind(expr);
                let (left_kind, right_kind): (Option<ColumnType>, Option<ColumnType>) =
                    (kind(left), kind(right));
                self.give(right, left_kind.and_then(Form::compared));
                self.give(left, right_kind.and_then(Form::compared));
            }
        }
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

    /// Notes a value, if the expression is nothing else.
    fn give(&mut self, expr: &'e Expr, form: Option<Form>) {
        let (mut expr, mut negative) = (expr, false);
        while let Expr::Nested(inner) = expr {
            expr = inner;
        }
        if let Expr::UnaryOp { op: UnaryOperator::Minus, expr: number } = expr
            && matches!(&**number, Expr::Value(value) if matches!(value.value, Value::Number(..)))
        {
            (expr, negative) = (number, true);
        }
        if let (Expr::Value(value), Some(form)) = (expr, form)
            && matches!(value.value, Value::SingleQuotedString(_) | Value::Placeholder(_) | Value::Number(..))
        {
            self.places.push(Place { value, form, negative });
        }
    }
}

fn compares(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq, Spaceship};
    matches!(op, Eq | Gt | GtEq | Lt | LtEq | NotEq | Spaceship)
}
