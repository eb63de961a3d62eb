//! Which columns of one table an expression is made of: by their names, under an alias, or through
//! subqueries and common table expressions that pass them on.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Expr, FunctionArguments, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias,
    TableFactor, TableWithJoins,
};

use super::parsed::{arguments, last, lower, name_of};
use super::words::{Word, words};

/// Names of columns, in lower case.
pub(super) type Columns = BTreeSet<String>;

/// What stands for a table: its columns, each with those of the table at hand that it is made of.
#[derive(Clone)]
pub(super) struct Source {
    pub name: String,
    pub columns: Vec<(String, Columns)>,
}

/// What a query comes to.
#[derive(Default)]
pub(super) struct Output {
    /// The columns of its answer, each with what it is made of.
    pub columns: Vec<(String, Columns)>,
    /// All that is named in it.
    pub all: Columns,
}

/// Reads expressions of a statement about one table.
pub(super) struct Reads<'a> {
    /// The table at hand.
    pub table: String,
    /// The columns of a table, in lower case; none if there is no such table.
    pub columns_of: &'a dyn Fn(&str) -> Vec<String>,
    /// Common table expressions, the nearest last.
    with: Vec<Source>,
    /// What names can mean, inner queries after outer ones.
    pub levels: Vec<Vec<Source>>,
}

impl<'a> Reads<'a> {
    pub(super) fn new(table: String, columns_of: &'a dyn Fn(&str) -> Vec<String>) -> Self {
        Self { table, columns_of, with: Vec::new(), levels: Vec::new() }
    }

    /// A table of the schema.
    pub(super) fn columns(&self, name: &str) -> Vec<(String, Columns)> {
        let made_of = |column: &String| match name == self.table {
            true => Columns::from([column.clone()]),
            false => Columns::new(),
        };
        let columns = (self.columns_of)(name).into_iter();
        columns.map(|column| (made_of(&column), column)).map(|(made_of, column)| (column, made_of)).collect()
    }

    /// Brings a query's common table expressions into scope.
    pub(super) fn push_with(&mut self, query: &Query) {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.query(&cte.query).columns;
            self.with.push(aliased(Some(&cte.alias), String::new(), columns));
        }
    }

    /// What FROM brings into scope.
    pub(super) fn from(&mut self, from: &[TableWithJoins]) -> Vec<Source> {
        let mut sources = Vec::new();
        for one in from {
            self.factor(&one.relation, &mut sources);
            one.joins.iter().for_each(|join| self.factor(&join.relation, &mut sources));
        }
        sources
    }

    fn factor(&mut self, factor: &TableFactor, into: &mut Vec<Source>) {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let name = last(name);
                let with = self.with.iter().rev().find(|source| source.name == name);
                let columns = with.map_or_else(|| self.columns(&name), |source| source.columns.clone());
                into.push(aliased(alias.as_ref(), name, columns));
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = self.query(subquery).columns;
                into.push(aliased(alias.as_ref(), String::new(), columns));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                into.extend(self.from(std::slice::from_ref(&**table_with_joins)));
            }
            _ => {}
        }
    }

    /// What a query comes to.
    pub(super) fn query(&mut self, query: &Query) -> Output {
        let with = self.with.len();
        self.push_with(query);
        let mut output = Output::default();
        let mut waiting = vec![&*query.body];
        // A chain of UNION nests on its left.
        while let Some(body) = waiting.pop() {
            let part = match body {
                SetExpr::SetOperation { left, right, .. } => {
                    waiting.extend([&**right, &**left]);
                    continue;
                }
                SetExpr::Select(select) => self.select(select),
                SetExpr::Query(query) => self.query(query),
                SetExpr::Values(values) => {
                    let mut part = Output::default();
                    values.rows.iter().for_each(|row| part.join(self.row(row.iter())));
                    part
                }
                _ => Output::default(),
            };
            output.join(part);
        }
        self.with.truncate(with);
        output
    }

    fn row<'e>(&mut self, row: impl Iterator<Item = &'e Expr>) -> Output {
        let columns = row.zip(1..).map(|(value, at)| (format!("column{at}"), self.expr(value)));
        Output::of(columns.collect())
    }

    fn select(&mut self, select: &Select) -> Output {
        let sources = self.from(&select.from);
        self.levels.push(sources);
        let mut columns = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => columns.push((name_of(expr), self.expr(expr))),
                SelectItem::ExprWithAlias { expr, alias } => columns.push((lower(alias), self.expr(expr))),
                SelectItem::Wildcard(_) => columns.extend(self.all_of(None)),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    columns.extend(self.all_of(Some(&last(name))));
                }
                _ => columns.push((String::new(), Columns::new())),
            }
        }
        let mut output = Output::of(columns);
        for condition in select.selection.iter().chain(&select.having) {
            output.all.extend(self.expr(condition));
        }
        self.levels.pop();
        output
    }

    fn all_of(&self, name: Option<&str>) -> Vec<(String, Columns)> {
        let level = self.levels.last().into_iter().flatten();
        let meant = level.filter(|source| name.is_none_or(|name| source.name == name));
        meant.flat_map(|source| source.columns.iter().cloned()).collect()
    }

    /// What an expression is made of. Long chains of operators nest deep: they are walked without the
    /// stack.
    pub(super) fn expr(&mut self, expr: &Expr) -> Columns {
        let (mut found, mut waiting) = (Columns::new(), vec![expr]);
        while let Some(expr) = waiting.pop() {
            match expr {
                Expr::Value(_) => {}
                Expr::Identifier(name) => found.extend(self.named(None, &lower(name))),
                Expr::CompoundIdentifier(names) => {
                    if let [.., table, column] = names.as_slice() {
                        found.extend(self.named(Some(&lower(table)), &lower(column)));
                    }
                }
                Expr::BinaryOp { left, right, .. } => waiting.extend([&**left, &**right]),
                Expr::Nested(inner)
                | Expr::UnaryOp { expr: inner, .. }
                | Expr::Cast { expr: inner, .. }
                | Expr::Collate { expr: inner, .. }
                | Expr::IsNull(inner)
                | Expr::IsNotNull(inner) => waiting.push(inner),
                Expr::Between { expr, low, high, .. } => waiting.extend([&**expr, &**low, &**high]),
                Expr::InList { expr, list, .. } => waiting.extend(list.iter().chain([&**expr])),
                Expr::Tuple(values) => waiting.extend(values),
                Expr::Case { operand, conditions, else_result, .. } => {
                    waiting.extend(operand.iter().chain(else_result).map(|expr| &**expr));
                    waiting.extend(conditions.iter().flat_map(|when| [&when.condition, &when.result]));
                }
                Expr::Function(function) => match &function.args {
                    FunctionArguments::Subquery(query) => found.extend(self.query(query).all),
                    given => waiting.extend(arguments(given)),
                },
                Expr::InSubquery { expr, subquery, .. } => {
                    waiting.push(expr);
                    found.extend(self.query(subquery).all);
                }
                Expr::Subquery(query) | Expr::Exists { subquery: query, .. } => {
                    found.extend(self.query(query).all);
                }
                // Whatever it is, its names are among its words.
                other => {
                    let text = other.to_string();
                    let names = words(&text).iter().filter_map(Word::name).collect::<Vec<_>>();
                    names.iter().for_each(|name| found.extend(self.named(None, name)));
                }
            }
        }
        found
    }

    /// What a name means.
    fn named(&self, table: Option<&str>, column: &str) -> Columns {
        for level in self.levels.iter().rev() {
            let meant = level.iter().filter(|source| table.is_none_or(|table| source.name == table));
            let known = meant.flat_map(|source| &source.columns).find(|(name, _)| name == column);
            if let Some((_, made_of)) = known {
                return made_of.clone();
            }
        }
        Columns::new()
    }
}

impl Output {
    fn of(columns: Vec<(String, Columns)>) -> Self {
        let all = columns.iter().flat_map(|(_, made_of)| made_of.iter().cloned()).collect();
        Self { columns, all }
    }

    /// Takes in what is below it: the first names the columns.
    fn join(&mut self, other: Self) {
        if self.columns.is_empty() {
            self.columns = other.columns;
        } else {
            for ((_, made_of), (_, more)) in self.columns.iter_mut().zip(other.columns) {
                made_of.extend(more);
            }
        }
        self.all.extend(other.all);
    }
}

fn aliased(alias: Option<&TableAlias>, name: String, mut columns: Vec<(String, Columns)>) -> Source {
    let Some(alias) = alias else { return Source { name, columns } };
    for (known, renamed) in columns.iter_mut().zip(&alias.columns) {
        known.0 = lower(&renamed.name);
    }
    Source { name: lower(&alias.name), columns }
}
