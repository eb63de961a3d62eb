//! Of what types columns are whose values are texts of one form, wherever a statement names them.

use std::rc::Rc;

use sqlparser::ast::{Expr, Query, SetExpr};
use tandem_protocol::schema::ColumnType;

use super::super::parsed::{arguments, last, lower};
use super::super::scope::{Columns, Facts, Scopes};
use super::form::{Form, WrittenTables};

/// The types of columns, as the tables declare them.
pub(super) struct Kinds<'a>(pub &'a WrittenTables);

impl Facts for Kinds<'_> {
    type Fact = Option<ColumnType>;

    fn of_table(&self, name: &str) -> Columns<Self::Fact> {
        let columns = self.0.get(name).into_iter().flatten();
        let form = |kind| Form::compared(kind).map(|_| kind);
        Rc::new(columns.map(|column| (column.name.clone(), form(column.kind))).collect())
    }

    fn of_answer(scopes: &mut Scopes<Self>, query: &Query) -> Columns<Self::Fact> {
        scopes.output(query)
    }

    fn of_expr(scopes: &mut Scopes<Self>, expr: &Expr) -> Self::Fact {
        scopes.kind(expr)
    }
}

impl Scopes<Kinds<'_>> {
    /// The columns of a query's answer: of a chain of UNION the first query names them.
    pub(super) fn output(&mut self, query: &Query) -> Columns<Option<ColumnType>> {
        let with = self.with.len();
        self.push_with(query);
        let mut body = &*query.body;
        let columns = loop {
            match body {
                SetExpr::SetOperation { left, .. } => body = left,
                SetExpr::Query(query) => break self.output(query),
                SetExpr::Select(select) => {
                    let relations = self.from(&select.from);
                    self.levels.push(relations);
                    let columns = self.projection(&select.projection);
                    self.levels.pop();
                    break Rc::new(columns);
                }
                _ => break Rc::default(),
            }
        };
        self.with.truncate(with);
        columns
    }

    /// The type of an expression whose values are texts of one form.
    pub(super) fn kind(&self, expr: &Expr) -> Option<ColumnType> {
        match expr {
            Expr::Identifier(name) => self.kind_of_column(None, &lower(name)),
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [.., table, column] => self.kind_of_column(Some(&lower(table)), &lower(column)),
                _ => None,
            },
            Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => self.kind(inner),
            Expr::Function(function) => {
                let name = last(&function.name);
                let same = matches!(name.as_str(), "min" | "max" | "coalesce" | "ifnull");
                same.then(|| arguments(&function.args).find_map(|argument| self.kind(argument)))?
            }
            _ => None,
        }
    }

    fn kind_of_column(&self, table: Option<&str>, column: &str) -> Option<ColumnType> {
        let kinds = self.named(table, column);
        let (first, others) = kinds.split_first()?;
        // Of two meanings SQLite refuses the name, unless USING makes one of them.
        first.filter(|_| others.iter().all(|other| other == first))
    }
}
