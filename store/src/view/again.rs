//! What a repeated request's statements did, read again where its answer is not kept: how many
//! rows each changed, and what RETURNING says of those that are still there.
//!
//! The log tells which rows a transaction changed, table by table, not which statement did. So
//! this is told only where each statement wrote a table of its own; else nothing is.

use sqlparser::ast::{FromTable, SelectItem, Statement as Ast, TableFactor, TableObject, TableWithJoins};
use tandem_protocol::op::{Action, Op, RowGroup};
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::sql_text;

use super::access::USER_MARK;
use super::bind::read_row;
use super::table::ViewTable;
use super::{View, ViewResult};
use crate::statement::{Statement, StatementResult};

/// Bytes of a statement up to which it is looked into.
const SQL_BYTES: usize = 64 << 10;

/// Which table a statement writes, and what it wants to know of the rows.
#[derive(Debug, PartialEq)]
struct Target {
    table: String,
    /// SQL after RETURNING.
    returning: Option<String>,
}

/// What the statements of a request that came before are answered with, read from the view as it is now.
pub(crate) fn read_again(
    view: &View,
    statements: &[Statement],
    ops: &[Op],
) -> ViewResult<Vec<StatementResult>> {
    let targets: Option<Vec<Target>> =
        statements.iter().map(|statement| Target::of(&statement.sql)).collect();
    let Some(targets) = targets else { return Ok(Vec::new()) };
    let mut results: Vec<StatementResult> = Vec::new();
    let mut seen = Vec::new();
    for target in targets {
        let Some(table) = view.fold.tables.named(&target.table) else { return Ok(Vec::new()) };
        if seen.contains(&table.number) {
            return Ok(Vec::new());
        }
        seen.push(table.number);
        let groups: Vec<&RowGroup> = ops
            .iter()
            .filter_map(|op| match op {
                Op::Rows(group) if group.table_id == table.id => Some(group),
                _ => None,
            })
            .collect();
        let affected = groups.iter().map(|group| group.rows() as u64).sum();
        let mut result = StatementResult { affected, ..StatementResult::default() };
        if let Some(returning) = &target.returning {
            read_returned(view, &table, returning, &groups, &mut result)?;
        }
        results.push(result);
    }
    Ok(results)
}

/// Rows that are still there, in the order in which the log names them.
fn read_returned(
    view: &View,
    table: &ViewTable,
    returning: &str,
    groups: &[&RowGroup],
    result: &mut StatementResult,
) -> ViewResult<()> {
    let name = quoted(&table.def.name);
    let key: Vec<String> =
        table.key.iter().map(|at| format!("{name}.{} = ?", quoted(&table.def.columns[*at].name))).collect();
    let sql = format!("{USER_MARK}SELECT {returning} FROM {name} WHERE {}", key.join(" AND "));
    view.watch.as_user(&view.connection, || {
        // What does not run any more (a column has another name now) is told as no rows.
        let Ok(mut prepared) = view.connection.prepare(&sql) else { return Ok(()) };
        if prepared.parameter_count() != table.key.len() || !prepared.readonly() {
            return Ok(());
        }
        result.columns = prepared.column_names().map(str::to_owned).collect();
        for group in groups.iter().filter(|group| group.action != Action::Delete) {
            for at in 0..group.rows() {
                let key = group.key(at);
                let mut rows = prepared.query(rusqlite::params_from_iter(table.stored_key(&key.0)))?;
                if let Some(row) = rows.next()? {
                    result.rows.push(read_row(row, 0, result.columns.len())?);
                }
            }
        }
        Ok(())
    })
}

impl Target {
    fn of(sql: &str) -> Option<Self> {
        if sql.len() > SQL_BYTES {
            return None;
        }
        sql_text::with_statements(sql, 1, |mut statements| Self::of_statement(statements.pop()?)).ok()?
    }

    fn of_statement(statement: Ast) -> Option<Self> {
        let (table, returning) = match statement {
            Ast::Insert(insert) => match insert.table {
                TableObject::TableName(name) => (name.to_string(), insert.returning),
                _ => return None,
            },
            Ast::Update(update) => (named(&update.table)?, update.returning),
            Ast::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                (named(from.first()?)?, delete.returning)
            }
            _ => return None,
        };
        let text =
            |items: Vec<SelectItem>| items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let unquoted = table.trim_matches(['"', '`', '[', ']']).to_owned();
        Some(Self { table: unquoted, returning: returning.map(text) })
    }
}

fn named(table: &TableWithJoins) -> Option<String> {
    match &table.relation {
        TableFactor::Table { name, .. } => Some(name.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_tells_which_table_it_writes_and_what_it_returns() {
        for (sql, table, returning) in [
            ("INSERT INTO t (a) VALUES (?) RETURNING id", "t", Some("id")),
            ("INSERT OR IGNORE INTO \"t\" (a) VALUES (?), (?)", "t", None),
            ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1 RETURNING *", "t", Some("*")),
            (
                "REPLACE INTO t (a) VALUES (1) RETURNING id AS number, upper(a)",
                "t",
                Some("id AS number, upper(a)"),
            ),
            ("UPDATE t SET a = 1 WHERE id = ?1 RETURNING a", "t", Some("a")),
            ("DELETE FROM t WHERE id = 1 RETURNING id", "t", Some("id")),
        ] {
            let target = Target::of(sql).unwrap();
            assert_eq!((target.table.as_str(), target.returning.as_deref()), (table, returning), "{sql}");
        }
        for sql in
            ["SELECT 1", "nonsense", "", &format!("DELETE FROM t WHERE a = '{}'", "x".repeat(SQL_BYTES))]
        {
            assert_eq!(Target::of(sql), None);
        }
    }
}
