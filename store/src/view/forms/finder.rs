//! The finder of formed values: of those that a statement gives to a column, or compares directly with
//! one.
//!
//! Directly means side by side: `column op value`, `value op column`, BETWEEN, IN, CASE, row values
//! of such pairs, and what is written (`writes.rs`). Column means also min, max, coalesce and ifnull of
//! one, and one that a subquery, common table expression or alias passes on. Whatever is computed from a
//! value (`? || ' 00:00'`, `upper(?)`) is not covered.

use std::collections::HashSet;
use std::rc::Rc;

use sqlparser::ast::{
    BinaryOperator, Expr, FromTable, GroupByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Statement,
    TableFactor, TableWithJoins, UnaryOperator, Value, ValueWithSpan,
};
use tandem_protocol::schema::ColumnType;

use super::super::parsed::arguments;
use super::super::scope::{Relation, Scopes, join_condition};
use super::form::{Form, WrittenTables};
use super::kinds::Kinds;

/// A value that a statement writes or compares, and the form it is to get.
pub(super) struct FormedValue<'e> {
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

/// Finds the formed values of a statement.
pub(super) struct Finder<'a, 'e> {
    pub(super) tables: &'a WrittenTables,
    pub(super) scopes: Scopes<Kinds<'a>>,
    pub values: Vec<FormedValue<'e>>,
    pub target: Option<Target>,
    /// What an INSERT calls its table.
    pub(super) alias: Option<String>,
    /// The columns of the answer are named after text in which there are formed values.
    pub names_text: bool,
}

impl<'a, 'e> Finder<'a, 'e> {
    pub(super) fn new(tables: &'a WrittenTables, alias: Option<String>) -> Self {
        let scopes = Scopes::over(Kinds(tables));
        Self { tables, scopes, values: Vec::new(), target: None, alias, names_text: false }
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

    pub(super) fn query(&mut self, query: &'e Query) {
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
    pub(super) fn level(&mut self, from: &'e [TableWithJoins]) {
        let relations = self.scopes.from(from);
        from.iter().for_each(|one| self.sources(one));
        self.scopes.levels.push(relations);
        for join in from.iter().flat_map(|one| &one.joins) {
            self.maybe(join_condition(&join.join_operator));
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

    pub(super) fn items(&mut self, items: impl IntoIterator<Item = &'e SelectItem>) {
        for item in items {
            let before = self.values.len();
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    self.expr(expr);
                    self.names_text |= self.values.len() > before;
                }
                SelectItem::ExprWithAlias { expr, .. } => self.expr(expr),
                _ => {}
            }
        }
    }

    pub(super) fn maybe(&mut self, expr: Option<&'e Expr>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    /// Everything in an expression. Long chains of operators nest deep: they are walked without
    /// the stack.
    pub(super) fn expr(&mut self, expr: &'e Expr) {
        let mut waiting = vec![expr];
        while let Some(expr) = waiting.pop() {
            self.compared(expr);
            push_operands(expr, &mut waiting);
        }
    }

    /// What an expression itself compares, and the queries in it.
    fn compared(&mut self, expr: &'e Expr) {
        match expr {
            Expr::BinaryOp { left, op, right } if compares(op) => self.compare(left, right),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.compare(left, right);
            }
            Expr::Between { expr, low, high, .. } => {
                self.compare(expr, low);
                self.compare(expr, high);
            }
            Expr::InList { expr, list, .. } => list.iter().for_each(|item| self.compare(expr, item)),
            Expr::InSubquery { expr, subquery, .. } => self.compare_all(expr, subquery),
            Expr::Subquery(subquery) | Expr::Exists { subquery, .. } => self.quietly(subquery),
            Expr::Case { operand: Some(operand), conditions, .. } => {
                conditions.iter().for_each(|when| self.compare(operand, &when.condition));
            }
            Expr::Function(function) => {
                if let Some(kind) = self.scopes.kind(expr) {
                    let values = arguments(&function.args);
                    values.for_each(|argument| self.give(argument, Form::compared(kind)));
                }
            }
            _ => {}
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

    /// What is compared with each row of a query: one expression, or a row value. The query may list the values
    /// themselves, as `IN (VALUES (…), …)` does.
    fn compare_all(&mut self, left: &'e Expr, query: &'e Query) {
        self.quietly(query);
        let parts: &[Expr] = match left {
            Expr::Tuple(parts) => parts,
            one => std::slice::from_ref(one),
        };
        let kinds: Vec<Option<ColumnType>> = parts.iter().map(|part| self.scopes.kind(part)).collect();
        let output = self.scopes.output(query);
        for (part, (_, kind)) in parts.iter().zip(output.iter()) {
            self.give(part, kind.and_then(Form::compared));
        }
        let listed: Vec<Vec<&Expr>> = match &*query.body {
            SetExpr::Values(values) => values.rows.iter().map(|row| row.iter().collect()).collect(),
            SetExpr::Select(select) => vec![select.projection.iter().map_while(plain_item).collect()],
            _ => Vec::new(),
        };
        for (value, kind) in listed.into_iter().flat_map(|row| row.into_iter().zip(&kinds)) {
            self.give(value, kind.and_then(Form::compared));
        }
    }

    /// Notes a value, if the expression is nothing else.
    pub(super) fn give(&mut self, expr: &'e Expr, form: Option<Form>) {
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
            self.values.push(FormedValue { value, form, negative });
        }
    }
}

/// The expression that an item of a list is.
fn plain_item(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// Puts the expressions that one is made of among those that wait, but for the values of a list: they
/// are many, and nothing is in them.
fn push_operands<'e>(expr: &'e Expr, waiting: &mut Vec<&'e Expr>) {
    match expr {
        Expr::BinaryOp { left, right, .. }
        | Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right) => waiting.extend([&**left, &**right]),
        Expr::Between { expr, low, high, .. } => waiting.extend([&**expr, &**low, &**high]),
        Expr::InList { expr, list, .. } => {
            waiting.push(expr);
            waiting.extend(list.iter().filter(|item| !matches!(item, Expr::Value(_))));
        }
        Expr::InSubquery { expr, .. } => waiting.push(expr),
        Expr::Case { operand, conditions, else_result, .. } => {
            waiting.extend(conditions.iter().flat_map(|when| [&when.condition, &when.result]));
            waiting.extend(operand.iter().chain(else_result).map(|expr| &**expr));
        }
        Expr::Function(function) => waiting.extend(arguments(&function.args)),
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

fn compares(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq, Spaceship};
    matches!(op, Eq | Gt | GtEq | Lt | LtEq | NotEq | Spaceship)
}
