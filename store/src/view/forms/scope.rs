//! Scope: which columns a name can mean at a place of a statement, and of what types they are.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, JoinOperator, Query, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor,
    TableWithJoins,
};
use tandem_protocol::schema::ColumnType;

use super::super::parsed::{arguments, last, lower, name_of};
use super::form::{Form, WrittenTables};

/// Columns by name, in lower case; of those whose values are texts of one form, the type.
pub(super) type Columns = Rc<Vec<(String, Option<ColumnType>)>>;

/// A table, or what stands for one: a name and its columns.
#[derive(Clone)]
pub(super) struct Relation {
    pub name: String,
    pub columns: Columns,
}

/// What names mean, inner queries after outer ones.
pub(super) struct Scopes<'a> {
    tables: &'a WrittenTables,
    /// Common table expressions, the nearest last.
    pub with: Vec<Relation>,
    pub levels: Vec<Vec<Relation>>,
}

impl<'a> Scopes<'a> {
    pub(super) fn new(tables: &'a WrittenTables) -> Self {
        Self { tables, with: Vec::new(), levels: Vec::new() }
    }

    /// A table of the schema.
    pub(super) fn table(&self, name: &str) -> Columns {
        let columns = self.tables.get(name).into_iter().flatten();
        let form = |kind| Form::compared(kind).map(|_| kind);
        Rc::new(columns.map(|column| (column.name.clone(), form(column.kind))).collect())
    }

    /// What a name in FROM stands for.
    fn named(&self, name: &str) -> Columns {
        let with = self.with.iter().rev().find(|relation| relation.name == name);
        with.map_or_else(|| self.table(name), |relation| Rc::clone(&relation.columns))
    }

    /// What FROM brings into scope.
    pub(super) fn from(&mut self, from: &[TableWithJoins]) -> Vec<Relation> {
        let mut relations = Vec::new();
        for one in from {
            self.factor(&one.relation, &mut relations);
            one.joins.iter().for_each(|join| self.factor(&join.relation, &mut relations));
        }
        relations
    }

    fn factor(&mut self, factor: &TableFactor, into: &mut Vec<Relation>) {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let name = last(name);
                let columns = self.named(&name);
                into.push(aliased(alias.as_ref(), name, columns));
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = self.output(subquery);
                into.push(aliased(alias.as_ref(), String::new(), columns));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                into.extend(self.from(std::slice::from_ref(table_with_joins)));
            }
            _ => {}
        }
    }

    /// The columns of a query's answer.
    pub(super) fn output(&mut self, query: &Query) -> Columns {
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

    /// The columns that a SELECT list gives, in the level at hand.
    pub(super) fn projection(&self, items: &[SelectItem]) -> Vec<(String, Option<ColumnType>)> {
        let level = || self.levels.last().into_iter().flatten();
        let mut columns = Vec::new();
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => columns.push((name_of(expr), self.kind(expr))),
                SelectItem::ExprWithAlias { expr, alias } => columns.push((lower(alias), self.kind(expr))),
                SelectItem::Wildcard(_) => {
                    level().for_each(|relation| columns.extend(relation.columns.iter().cloned()));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = last(name);
                    let meant = level().filter(|relation| relation.name == name);
                    meant.for_each(|relation| columns.extend(relation.columns.iter().cloned()));
                }
                _ => columns.push((String::new(), None)),
            }
        }
        columns
    }

    /// Brings a query's common table expressions into scope; the caller takes them out again.
    pub(super) fn push_with(&mut self, query: &Query) {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.output(&cte.query);
            self.with.push(aliased(Some(&cte.alias), String::new(), columns));
        }
    }

    /// The type of an expression whose values are texts of one form.
    pub(super) fn kind(&self, expr: &Expr) -> Option<ColumnType> {
        match expr {
            Expr::Identifier(name) => self.column(None, &lower(name)),
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [.., table, column] => self.column(Some(&lower(table)), &lower(column)),
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

    fn column(&self, table: Option<&str>, column: &str) -> Option<ColumnType> {
        for level in self.levels.iter().rev() {
            let meant = level.iter().filter(|relation| table.is_none_or(|table| relation.name == table));
            let mut kinds = meant
                .flat_map(|relation| relation.columns.iter())
                .filter(|(name, _)| name == column)
                .map(|(_, kind)| *kind);
            if let Some(kind) = kinds.next() {
                // Of two meanings SQLite refuses the name, unless USING makes one of them.
                return kind.filter(|_| kinds.all(|other| other == kind));
            }
        }
        None
    }
}

/// The condition of a join, if it has one.
pub(super) fn join_condition(operator: &JoinOperator) -> Option<&Expr> {
    use sqlparser::ast::JoinConstraint::On;
    match operator {
        JoinOperator::Join(On(expr))
        | JoinOperator::Inner(On(expr))
        | JoinOperator::Left(On(expr))
        | JoinOperator::LeftOuter(On(expr))
        | JoinOperator::Right(On(expr))
        | JoinOperator::RightOuter(On(expr))
        | JoinOperator::FullOuter(On(expr))
        | JoinOperator::CrossJoin(On(expr)) => Some(expr),
        _ => None,
    }
}

fn aliased(alias: Option<&TableAlias>, name: String, columns: Columns) -> Relation {
    let Some(alias) = alias else { return Relation { name, columns } };
    let columns = match alias.columns.as_slice() {
        [] => columns,
        names => {
            let kinds = columns.iter().map(|(_, kind)| *kind).chain(std::iter::repeat(None));
            Rc::new(names.iter().map(|column| lower(&column.name)).zip(kinds).collect())
        }
    };
    Relation { name: lower(&alias.name), columns }
}
