//! Relative and absolute: whether a statement sets a column to something made of what the column
//! holds (`c = c - 3`), or to a value that has nothing to do with it (`c = 37`, `c = excluded.c`).
//!
//! Of a counter the two are recorded alike, as a difference: but a relative one is a difference from
//! what is there as the statement runs, an absolute one from what its writer had seen (`at_basis`).

use std::rc::Rc;

use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, Insert, ObjectName, OnConflictAction, OnInsert, Query, SetExpr,
    SqliteOnConflict, Statement, TableFactor, TableObject, Update, UpdateTableFromKind,
};
use tandem_protocol::schema::MergeKind;
use tandem_protocol::{bounds, sql_text};

use super::dialect::{Readable, readable};
use super::parsed::{last, lower};
use super::reads::{ColumnNames, Reads};
use super::scope::{Facts, Relation};
use super::tables::Tables;
use super::unseen::Unseen;

/// The columns of one table that a statement sets absolutely, in lower case.
#[derive(Default, Debug, PartialEq)]
struct Absolute {
    table: String,
    columns: ColumnNames,
}

/// The counters that a statement sets absolutely, where its writer had not seen everything: numbers
/// of tables, and places in them. Of one that cannot be read: none.
pub(super) fn counters(tables: &Tables, sql: &str, unseen: &Unseen) -> Vec<(i64, usize)> {
    if unseen.past.is_none() {
        return Vec::new();
    }
    let columns_of = |name: &str| -> Vec<String> {
        let table = tables.named(name);
        let columns = table.iter().flat_map(|table| &table.def.columns);
        columns.map(|column| column.name.to_ascii_lowercase()).collect()
    };
    let absolute = Absolute::of(sql, &columns_of);
    let Some(table) = tables.named(&absolute.table) else { return Vec::new() };
    let columns = table.def.columns.iter().enumerate();
    let counters = columns.filter(|(_, column)| {
        column.kind.merge_kind() == MergeKind::Counter
            && absolute.columns.contains(&column.name.to_ascii_lowercase())
    });
    counters.map(|(at, _)| (table.number, at)).collect()
}

impl Absolute {
    fn of(sql: &str, columns_of: &dyn Fn(&str) -> Vec<String>) -> Self {
        let put = |tokens| {
            let Readable { tokens, alias } = readable(tokens);
            (tokens, alias)
        };
        let read = |alias: Option<String>, statements: Vec<Statement>| match statements.as_slice() {
            [Statement::Query(query)] => match &*query.body {
                SetExpr::Update(inner) | SetExpr::Insert(inner) => {
                    Self::of_statement(inner, Some(query), alias, columns_of)
                }
                _ => Self::default(),
            },
            [statement] => Self::of_statement(statement, None, alias, columns_of),
            _ => Self::default(),
        };
        sql_text::with_tokens(sql, bounds::STATEMENT_MIB, put, read).unwrap_or_default()
    }

    fn of_statement(
        statement: &Statement,
        with: Option<&Query>,
        alias: Option<String>,
        columns_of: &dyn Fn(&str) -> Vec<String>,
    ) -> Self {
        let reads = |table: &ObjectName| {
            let mut reads = Reads::new(last(table), columns_of);
            with.into_iter().for_each(|query| reads.push_with(query));
            reads
        };
        match statement {
            Statement::Update(update) => match &update.table.relation {
                TableFactor::Table { name, .. } => Self::of_update(update, reads(name)),
                _ => Self::default(),
            },
            Statement::Insert(insert) => match &insert.table {
                TableObject::TableName(name) => Self::of_insert(insert, alias, reads(name)),
                _ => Self::default(),
            },
            _ => Self::default(),
        }
    }

    fn of_update(update: &Update, mut reads: Reads<'_>) -> Self {
        let alias = match &update.table.relation {
            TableFactor::Table { alias: Some(alias), .. } => lower(&alias.name),
            _ => reads.facts.table.clone(),
        };
        let columns = reads.facts.of_table(&reads.facts.table);
        let mut level = vec![Relation { name: alias, columns }];
        if let Some(UpdateTableFromKind::AfterSet(from) | UpdateTableFromKind::BeforeSet(from)) = &update.from
        {
            level.extend(reads.from(from));
        }
        reads.levels.push(level);
        let columns = assigned(&update.assignments, &mut reads);
        Self { table: reads.facts.table, columns }
    }

    fn of_insert(insert: &Insert, alias: Option<String>, mut reads: Reads<'_>) -> Self {
        let columns = reads.facts.of_table(&reads.facts.table);
        if insert.replace_into || insert.or == Some(SqliteOnConflict::Replace) {
            // A row that is there is written anew, also what is not given.
            let columns = columns.iter().map(|(name, _)| name.clone()).collect();
            return Self { table: reads.facts.table, columns };
        }
        let Some(OnInsert::OnConflict(on)) = &insert.on else { return Self::default() };
        let OnConflictAction::DoUpdate(update) = &on.action else { return Self::default() };
        let excluded = columns.iter().map(|(name, _)| (name.clone(), ColumnNames::new())).collect();
        let name = alias.unwrap_or_else(|| reads.facts.table.clone());
        let excluded = Relation { name: "excluded".into(), columns: Rc::new(excluded) };
        reads.levels.push(vec![Relation { name, columns }, excluded]);
        let columns = assigned(&update.assignments, &mut reads);
        Self { table: reads.facts.table, columns }
    }
}

/// Of the columns of a SET list those whose right side is not made of them.
fn assigned(assignments: &[Assignment], reads: &mut Reads<'_>) -> ColumnNames {
    let mut absolute = ColumnNames::new();
    for assignment in assignments {
        let names: Vec<String> = match &assignment.target {
            AssignmentTarget::ColumnName(name) => vec![last(name)],
            AssignmentTarget::Tuple(names) => names.iter().map(last).collect(),
        };
        let made_of: Vec<ColumnNames> = match (&assignment.value, names.as_slice()) {
            (value, [_]) => vec![reads.expr(value)],
            (Expr::Tuple(values), _) => values.iter().map(|value| reads.expr(value)).collect(),
            (Expr::Subquery(query), _) => {
                reads.query(query).columns.into_iter().map(|(_, made_of)| made_of).collect()
            }
            (value, names) => vec![reads.expr(value); names.len()],
        };
        for (name, made_of) in names.into_iter().zip(made_of) {
            // Of two values for one column, the last is written.
            absolute.remove(&name);
            if !made_of.contains(&name) {
                absolute.insert(name);
            }
        }
    }
    absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns_of(table: &str) -> Vec<String> {
        let columns = match table {
            "t" => "id c d",
            "incoming" => "id c n",
            "steps" => "id n",
            _ => "",
        };
        columns.split_whitespace().map(str::to_owned).collect()
    }

    fn absolute(sql: &str) -> String {
        let found = Absolute::of(sql, &columns_of);
        assert!(found.table == "t" || found.table.is_empty(), "{sql}: {found:?}");
        found.columns.into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_names_the_column_is_relative() {
        for sql in [
            "UPDATE t SET c = c - 3 WHERE id = 1",
            "UPDATE OR REPLACE main.T AS x SET C = 3 + X.\"c\"",
            "UPDATE t SET c = decimal_add(t.c, '-1.50')",
            "UPDATE t SET c = max(min(coalesce(main.t.c, 0), 9), -9) + 2",
            "UPDATE t SET c = CASE WHEN c IS NULL THEN 5 ELSE 6 END",
            "UPDATE t SET c = CASE id WHEN 1 THEN 5 ELSE CAST(c AS INTEGER) END",
            "UPDATE t SET c = -c",
            "UPDATE t SET c = iif(c BETWEEN 1 AND ?1, 1, 2)",
            "UPDATE t SET c = (c, 1) IN (SELECT 1, 2)",
            "UPDATE t SET c = t.c + n.n FROM steps AS n WHERE n.id = t.id",
            "UPDATE t SET c = (SELECT c - n FROM steps WHERE steps.id = t.id)",
            "UPDATE t SET c = (SELECT t.c - c FROM incoming WHERE incoming.id = t.id)",
            "UPDATE t SET c = (SELECT max(c) FROM t AS other)",
            "UPDATE t SET c = x.n FROM (SELECT id, c - 3 AS n FROM t) AS x WHERE x.id = t.id",
            "WITH x(a, b) AS (SELECT id, c - 3 FROM t) UPDATE t SET c = (SELECT b FROM x WHERE a = t.id)",
            "INSERT INTO t (id, c) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET c = c + excluded.c",
            "INSERT INTO t AS mine VALUES (1, 2, 3) ON CONFLICT DO UPDATE SET c = excluded.c + mine.c",
            "UPDATE t SET c = 1, c = c + 1",
        ] {
            assert_eq!(absolute(sql), "", "{sql}");
        }
    }

    #[test]
    fn anything_else_is_absolute() {
        for (sql, columns) in [
            ("UPDATE t SET c = 37 WHERE id = 1 AND c = 40", "c"),
            ("update main.\"T\" set \"C\" = ?1, d = :d", "c d"),
            ("UPDATE t SET c = d - 3, d = d + 1", "c"),
            ("UPDATE t SET c = c - 3, d = c", "d"),
            ("UPDATE t SET (c, d) = (37, d - 1)", "c"),
            ("UPDATE t SET (c, d) = (SELECT n, 2 FROM steps)", "c d"),
            ("UPDATE t SET (d, c) = (SELECT d - 1, n FROM steps)", "c"),
            ("UPDATE t SET c = i.c FROM incoming AS i WHERE i.id = t.id", "c"),
            ("UPDATE t SET c = i.n FROM (SELECT n FROM steps) AS i", "c"),
            ("UPDATE t SET c = (SELECT c FROM incoming WHERE incoming.id = t.id)", "c"),
            ("WITH x(c) AS (VALUES (37)) UPDATE t SET c = (SELECT c FROM x)", "c"),
            ("UPDATE t SET c = exactly(38)", "c"),
            ("UPDATE t SET c = 'c'", "c"),
            ("INSERT INTO t (id, c) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET c = excluded.c", "c"),
            ("INSERT INTO t VALUES (1, 2, 3) ON CONFLICT (id) DO UPDATE SET d = 1 WHERE c > 2", "d"),
            ("REPLACE INTO t (id, c) VALUES (1, 2)", "c d id"),
            ("INSERT OR REPLACE INTO t (id) VALUES (1)", "c d id"),
            ("INSERT INTO t VALUES (1, 2, 3)", ""),
            ("INSERT OR IGNORE INTO t VALUES (1, 2, 3)", ""),
            ("DELETE FROM t WHERE c = 1", ""),
            ("SELECT c FROM t", ""),
            ("UPDATE t SET", ""),
            ("UPDATE t SET c = c + 1, c = 1", "c"),
        ] {
            assert_eq!(absolute(sql), columns, "{sql}");
        }
        let chain = vec!["1"; 4_900].join(" + ");
        assert_eq!(absolute(&format!("UPDATE t SET c = {chain}")), "c");
        assert_eq!(absolute(&format!("UPDATE t SET c = {chain} + c")), "");
    }
}
