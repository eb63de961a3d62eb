//! Which columns of one table an expression is made of: by their names, under an alias, or through
//! subqueries and common table expressions that pass them on.

use std::collections::BTreeSet;
use std::rc::Rc;

use sqlparser::ast::{Expr, FunctionArguments, Query, Select, SetExpr};

use super::parsed::{arguments, lower};
use super::scope::{Columns, Facts, Scopes};
use super::words::{Word, words};

/// Names of columns, in lower case.
pub(super) type ColumnNames = BTreeSet<String>;

/// Columns, each with those of the table at hand that it is made of.
type MadeColumns = Vec<(String, ColumnNames)>;

/// What a query comes to.
#[derive(Default)]
pub(super) struct Output {
    /// The columns of its answer.
    pub columns: MadeColumns,
    /// All that is named in it.
    pub all: ColumnNames,
}

/// Which columns of one table others are made of.
pub(super) struct MadeOf<'a> {
    /// The table at hand.
    pub table: String,
    /// The columns of a table, in lower case; none if there is no such table.
    pub columns_of: &'a dyn Fn(&str) -> Vec<String>,
}

/// Reads expressions of a statement about one table.
pub(super) type Reads<'a> = Scopes<MadeOf<'a>>;

impl Facts for MadeOf<'_> {
    type Fact = ColumnNames;

    fn of_table(&self, name: &str) -> Columns<ColumnNames> {
        let is_at_hand = name == self.table;
        let made = |column: String| {
            let made_of = is_at_hand.then(|| column.clone()).into_iter().collect();
            (column, made_of)
        };
        Rc::new((self.columns_of)(name).into_iter().map(made).collect())
    }

    fn of_answer(scopes: &mut Scopes<Self>, query: &Query) -> Columns<ColumnNames> {
        Rc::new(scopes.query(query).columns)
    }

    fn of_expr(scopes: &mut Scopes<Self>, expr: &Expr) -> ColumnNames {
        scopes.expr(expr)
    }
}

impl<'a> Reads<'a> {
    pub(super) fn new(table: String, columns_of: &'a dyn Fn(&str) -> Vec<String>) -> Self {
        Self::over(MadeOf { table, columns_of })
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
        let columns = self.projection(&select.projection);
        let mut output = Output::of(columns);
        for condition in select.selection.iter().chain(&select.having) {
            output.all.extend(self.expr(condition));
        }
        self.levels.pop();
        output
    }

    /// What an expression is made of. Long chains of operators nest deep: they are walked without the
    /// stack.
    pub(super) fn expr(&mut self, expr: &Expr) -> ColumnNames {
        let (mut found, mut waiting) = (ColumnNames::new(), vec![expr]);
        while let Some(expr) = waiting.pop() {
            match expr {
                Expr::Value(_) => {}
                Expr::Identifier(name) => found.extend(self.meant(None, &lower(name))),
                Expr::CompoundIdentifier(names) => {
                    if let [.., table, column] = names.as_slice() {
                        found.extend(self.meant(Some(&lower(table)), &lower(column)));
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
                    names.iter().for_each(|name| found.extend(self.meant(None, name)));
                }
            }
        }
        found
    }

    /// What a name means.
    fn meant(&self, table: Option<&str>, column: &str) -> ColumnNames {
        self.named(table, column).first().map(|made_of| (*made_of).clone()).unwrap_or_default()
    }
}

impl Output {
    fn of(columns: MadeColumns) -> Self {
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
