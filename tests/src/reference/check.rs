//! Whether rows satisfy their table's rules: CHECK expressions are SQLite's to evaluate.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use tandem_protocol::schema::{Rule, Storage};
use tandem_protocol::value::Value;

use super::table::Table;

/// The rules of one table.
pub struct Rules<'a> {
    rules: Vec<Rule<'a>>,
    sql: Option<Sql>,
}

/// A table in memory, of the same columns: it holds the one row that is looked at.
struct Sql {
    connection: Connection,
    insert: String,
    delete: String,
    table: String,
}

/// A value as SQLite is given it.
struct Bound<'a>(&'a Value);

impl<'a> Rules<'a> {
    pub fn of(table: &Table<'a>) -> Self {
        let rules = table.def.rules();
        let has_checks = rules.iter().any(|rule| matches!(rule, Rule::Check(_)));
        Self { rules, sql: has_checks.then(|| Sql::of(table)) }
    }

    /// The rules that a row of these values breaks.
    pub fn broken(&self, table: &Table<'_>, values: &[Value]) -> Vec<Rule<'a>> {
        if let Some(sql) = &self.sql {
            sql.hold(values);
        }
        let breaks = |rule: &&Rule<'a>| match rule {
            Rule::NotNull(column) => table.column(&column.name).is_some_and(|at| values[at].is_null()),
            Rule::Check(check) => self.sql.as_ref().is_some_and(|sql| sql.is_false(&check.name)),
        };
        self.rules.iter().filter(breaks).copied().collect()
    }
}

impl Sql {
    fn of(table: &Table<'_>) -> Self {
        let name = quoted(&table.def.name);
        let column = |column: &super::table::Column<'_>| {
            let storage = match column.def.kind.storage() {
                Storage::Integer => "INTEGER",
                // What is stored as digits is judged as the number nearest to it.
                Storage::Real | Storage::Digits => "REAL",
                Storage::Text => "TEXT",
                Storage::Blob => "BLOB",
            };
            format!("{} {storage}", quoted(&column.def.name))
        };
        let columns = table.columns.iter().map(column).collect::<Vec<_>>().join(", ");
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("CREATE TABLE {name} ({columns}) STRICT")).unwrap();
        let places = vec!["?"; table.columns.len()].join(", ");
        Self {
            connection,
            insert: format!("INSERT INTO {name} VALUES ({places})"),
            delete: format!("DELETE FROM {name}"),
            table: name,
        }
    }

    fn hold(&self, values: &[Value]) {
        self.connection.prepare_cached(&self.delete).unwrap().execute([]).unwrap();
        let mut insert = self.connection.prepare_cached(&self.insert).unwrap();
        insert.execute(params_from_iter(values.iter().map(Bound))).unwrap();
    }

    /// NULL is not false, and what cannot be evaluated neither.
    fn is_false(&self, expression: &str) -> bool {
        let sql = format!("SELECT ({expression}) IS FALSE FROM {}", self.table);
        let verdict = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut verdict| verdict.query_row([], |row| row.get(0)));
        verdict.unwrap_or(false)
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Real(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Value::Decimal(decimal) => ToSqlOutput::Borrowed(ValueRef::Real(decimal.to_f64())),
        })
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
