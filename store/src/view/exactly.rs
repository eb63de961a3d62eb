//! `exactly(n)`: a stock-take. `UPDATE articles SET stock = exactly(38)` says what the counter is,
//! not by how much it changed. Which columns a statement sets so is read from its SQL.

use std::collections::HashSet;

use sqlparser::ast::{
    Assignment, AssignmentTarget, OnConflictAction, OnInsert, Statement, TableFactor, TableObject,
};
use tandem_protocol::{bounds, sql_text};

use super::dialect;

/// The columns of one table that a statement sets exactly, in lower case.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Exact {
    pub table: String,
    pub columns: HashSet<String>,
}

/// Whether a statement could call the function at all: the rest need not be parsed.
pub(super) fn is_mentioned(sql: &str) -> bool {
    sql.as_bytes().windows(7).any(|word| word.eq_ignore_ascii_case(b"exactly"))
}

impl Exact {
    /// What a statement sets exactly; nothing if it cannot be read, or does nothing of the kind.
    pub(super) fn of(sql: &str) -> Self {
        let put = |tokens| (dialect::readable(tokens).tokens, ());
        sql_text::with_tokens(sql, bounds::STATEMENT_MIB, put, |(), all| Self::of_statements(&all))
            .unwrap_or_default()
    }

    fn of_statements(statements: &[Statement]) -> Self {
        match statements {
            [Statement::Update(update)] => match &update.table.relation {
                TableFactor::Table { name, .. } => Self::new(&name.to_string(), &update.assignments),
                _ => Self::default(),
            },
            [Statement::Insert(insert)] => match (&insert.on, &insert.table) {
                (Some(OnInsert::OnConflict(on)), TableObject::TableName(name)) => match &on.action {
                    OnConflictAction::DoUpdate(update) => Self::new(&name.to_string(), &update.assignments),
                    OnConflictAction::DoNothing => Self::default(),
                },
                _ => Self::default(),
            },
            _ => Self::default(),
        }
    }

    fn new(table: &str, assignments: &[Assignment]) -> Self {
        let exact = |assignment: &&Assignment| is_mentioned(&assignment.value.to_string());
        let column = |assignment: &Assignment| match &assignment.target {
            AssignmentTarget::ColumnName(name) => Some(last_name(&name.to_string())),
            AssignmentTarget::Tuple(_) => None,
        };
        let columns = assignments.iter().filter(exact).filter_map(column).collect();
        Self { table: last_name(table), columns }
    }
}

/// The last part of a possibly qualified and quoted name, in lower case.
fn last_name(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.trim_matches(['"', '`', '[', ']']).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_set_exactly_are_found() {
        for (sql, table, columns) in [
            ("UPDATE articles SET stock = exactly(38), name = 'x' WHERE id = 1", "articles", vec!["stock"]),
            ("update main.\"Articles\" AS a set a = Exactly(?1), B = b - 1", "articles", vec!["a"]),
            (
                "INSERT INTO t (id, n) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = exactly(excluded.n)",
                "t",
                vec!["n"],
            ),
            ("UPDATE t SET n = exactly(2) WHERE name IS ?1", "t", vec!["n"]),
            ("INSERT INTO t (id, n) VALUES (1, exactly(2))", "", vec![]),
            ("SELECT exactly(1)", "", vec![]),
            ("UPDATE t SET", "", vec![]),
        ] {
            let columns = columns.into_iter().map(str::to_owned).collect();
            assert_eq!(Exact::of(sql), Exact { table: table.into(), columns }, "{sql}");
        }
        assert!(is_mentioned("... EXACTLY (3)") && !is_mentioned("exact"));
    }
}
