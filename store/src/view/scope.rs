//! Scope: which columns a name can mean at a place of a statement, and what is known of them. Two ask:
//! of what types columns are (`forms/kinds.rs`), and what they are made of (`reads.rs`). Where names
//! come from (FROM, aliases, common table expressions, the list of a SELECT) is the same for both.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, JoinOperator, Query, SelectItem, SelectItemQualifiedWildcardKind, TableAlias, TableFactor,
    TableWithJoins,
};

use super::parsed::{last, lower, name_of};

/// What is to be known of columns, and how it follows from the statement.
pub(super) trait Facts: Sized {
    /// What is known of one column.
    type Fact: Clone + Default;

    /// The columns of a table of the schema; none if there is no such table.
    fn of_table(&self, name: &str) -> Columns<Self::Fact>;

    /// The columns of a query's answer.
    fn of_answer(scopes: &mut Scopes<Self>, query: &Query) -> Columns<Self::Fact>;

    /// The column that an expression gives.
    fn of_expr(scopes: &mut Scopes<Self>, expr: &Expr) -> Self::Fact;
}

/// Columns by name, in lower case, and what is known of each.
pub(super) type Columns<F> = Rc<Vec<(String, F)>>;

/// A table, or what stands for one: a name and its columns.
#[derive(Clone)]
pub(super) struct Relation<F> {
    pub name: String,
    pub columns: Columns<F>,
}

/// What names mean, inner queries after outer ones.
pub(super) struct Scopes<F: Facts> {
    pub facts: F,
    /// Common table expressions, the nearest last.
    pub with: Vec<Relation<F::Fact>>,
    pub levels: Vec<Vec<Relation<F::Fact>>>,
}

impl<F: Facts> Scopes<F> {
    pub(super) fn over(facts: F) -> Self {
        Self { facts, with: Vec::new(), levels: Vec::new() }
    }

    /// What FROM brings into scope.
    pub(super) fn from(&mut self, from: &[TableWithJoins]) -> Vec<Relation<F::Fact>> {
        let mut relations = Vec::new();
        for one in from {
            self.factor(&one.relation, &mut relations);
            one.joins.iter().for_each(|join| self.factor(&join.relation, &mut relations));
        }
        relations
    }

    fn factor(&mut self, factor: &TableFactor, into: &mut Vec<Relation<F::Fact>>) {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let name = last(name);
                let with = self.with.iter().rev().find(|relation| relation.name == name);
                let columns = with.map(|relation| Rc::clone(&relation.columns));
                let columns = columns.unwrap_or_else(|| self.facts.of_table(&name));
                into.push(aliased(alias.as_ref(), name, columns));
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = F::of_answer(self, subquery);
                into.push(aliased(alias.as_ref(), String::new(), columns));
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                into.extend(self.from(std::slice::from_ref(table_with_joins)));
            }
            _ => {}
        }
    }

    /// Brings a query's common table expressions into scope; the caller takes them out again.
    pub(super) fn push_with(&mut self, query: &Query) {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = F::of_answer(self, &cte.query);
            self.with.push(aliased(Some(&cte.alias), String::new(), columns));
        }
    }

    /// The columns that a SELECT list gives, in the level at hand.
    pub(super) fn projection(&mut self, items: &[SelectItem]) -> Vec<(String, F::Fact)> {
        let mut columns = Vec::new();
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => columns.push((name_of(expr), F::of_expr(self, expr))),
                SelectItem::ExprWithAlias { expr, alias } => {
                    columns.push((lower(alias), F::of_expr(self, expr)));
                }
                SelectItem::Wildcard(_) => columns.extend(self.all_of(None)),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    columns.extend(self.all_of(Some(&last(name))));
                }
                _ => columns.push((String::new(), F::Fact::default())),
            }
        }
        columns
    }

    /// The columns of the level at hand, or of a relation in it.
    fn all_of(&self, name: Option<&str>) -> Vec<(String, F::Fact)> {
        let level = self.levels.last().into_iter().flatten();
        let meant = level.filter(|relation| name.is_none_or(|name| relation.name == name));
        meant.flat_map(|relation| relation.columns.iter().cloned()).collect()
    }

    /// What a name can mean: the columns of that name in the nearest level that has any.
    pub(super) fn named(&self, table: Option<&str>, column: &str) -> Vec<&F::Fact> {
        for level in self.levels.iter().rev() {
            let meant = level.iter().filter(|relation| table.is_none_or(|table| relation.name == table));
            let columns = meant.flat_map(|relation| relation.columns.iter());
            let found: Vec<_> = columns.filter(|(name, _)| name == column).map(|(_, fact)| fact).collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
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

fn aliased<F: Clone + Default>(alias: Option<&TableAlias>, name: String, columns: Columns<F>) -> Relation<F> {
    let Some(alias) = alias else { return Relation { name, columns } };
    let columns = match alias.columns.as_slice() {
        [] => columns,
        names => {
            let facts = columns.iter().map(|(_, fact)| fact.clone());
            let facts = facts.chain(std::iter::repeat_with(F::default));
            Rc::new(names.iter().map(|column| lower(&column.name)).zip(facts).collect())
        }
    };
    Relation { name: lower(&alias.name), columns }
}
