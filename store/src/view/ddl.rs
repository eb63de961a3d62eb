//! The view's SQL, generated from the schema.
//!
//! Tables are STRICT and keep their rowid. It is never an alias of a key column: it tells, for a
//! row written once, which transaction inserted it (see `rows`), at no cost per row.
//! NOT NULL and CHECK are not declared at all: they must never stop a merge, and `rules` looks at
//! local writes. Triggers would do that too, but make SQLite journal every single statement.

use tandem_protocol::schema::{ColumnDef, ColumnType, DefaultValue, IndexDef, OnDelete, Storage, TableDef};
use tandem_protocol::value::Value;

use super::table::{quoted, to_storage};

/// The view's own tables.
pub(crate) const OWN_TABLES: &str = "
CREATE TABLE _tandem_state (
  name TEXT PRIMARY KEY, value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_authors (
  number INTEGER PRIMARY KEY, author BLOB NOT NULL UNIQUE,
  seq INTEGER NOT NULL, hash BLOB NOT NULL, context BLOB NOT NULL
) STRICT;
CREATE TABLE _tandem_transactions (
  arrival INTEGER PRIMARY KEY, author INTEGER NOT NULL, seq INTEGER NOT NULL,
  time INTEGER NOT NULL, ops INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX _tandem_dots ON _tandem_transactions (author, seq);
CREATE TABLE _tandem_system (
  arrival INTEGER NOT NULL, place INTEGER NOT NULL, author BLOB NOT NULL, seq INTEGER NOT NULL,
  time INTEGER NOT NULL, op BLOB NOT NULL, PRIMARY KEY (arrival, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_parked (
  arrival INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (arrival, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_keys (
  key BLOB NOT NULL, author INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY (key, author, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_settled (
  conflict BLOB NOT NULL, author BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (conflict, author, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_conflicts (
  id BLOB PRIMARY KEY, kind INTEGER NOT NULL, tbl INTEGER NOT NULL, key BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX _tandem_conflicts_of ON _tandem_conflicts (tbl, key);
CREATE TABLE _tandem_documents (
  tbl INTEGER NOT NULL, key BLOB NOT NULL, col BLOB NOT NULL, doc BLOB NOT NULL,
  part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (tbl, key, col, doc, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_tables (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, rows INTEGER NOT NULL,
  fingerprint BLOB NOT NULL, hidden INTEGER NOT NULL, greatest INTEGER NOT NULL
) STRICT;
CREATE TABLE _tandem_runs (
  tbl INTEGER NOT NULL, first INTEGER NOT NULL, author INTEGER NOT NULL, seq INTEGER NOT NULL,
  time INTEGER NOT NULL, width INTEGER NOT NULL, PRIMARY KEY (tbl, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_rows (
  tbl INTEGER NOT NULL, key BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY (tbl, key)
) STRICT, WITHOUT ROWID;
";

/// The statements that create a table and its unique indices.
pub(crate) fn create_table(def: &TableDef) -> Vec<String> {
    let mut parts: Vec<String> = def.columns.iter().map(|column| column_sql(def, column)).collect();
    let key = def.key.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    parts.push(format!("PRIMARY KEY ({key})"));
    let mut statements = vec![format!("CREATE TABLE {} ({}) STRICT", quoted(&def.name), parts.join(", "))];
    statements.extend(unique_rules(def).into_iter().map(|rule| rule.index));
    statements
}

/// The statement that adds a column to a table that is there, if SQLite can do it in place.
pub(crate) fn add_column(def: &TableDef, column: &ColumnDef) -> Option<String> {
    let in_place = !matches!(column.default, DefaultValue::Expression(_));
    in_place.then(|| format!("ALTER TABLE {} ADD COLUMN {}", quoted(&def.name), column_sql(def, column)))
}

pub(crate) fn create_index(index: &IndexDef) -> String {
    let columns = index.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    format!("CREATE INDEX IF NOT EXISTS {} ON {} ({columns})", quoted(&index.name), quoted(&index.table))
}

/// The type of the column in the view.
pub(crate) fn storage_type(column: &ColumnDef) -> &'static str {
    match column.kind.storage() {
        // INT, not INTEGER: the latter would make a primary key an alias of the rowid.
        Storage::Integer => "INT",
        Storage::Real => "REAL",
        Storage::Text => "TEXT",
        Storage::Blob => "BLOB",
        // A number that came as floating point must not turn into text unseen.
        Storage::Digits => "ANY",
    }
}

fn column_sql(def: &TableDef, column: &ColumnDef) -> String {
    let in_key = def.key.iter().any(|name| name.eq_ignore_ascii_case(&column.name));
    let generated = in_key && def.key.len() == 1 && column.kind == ColumnType::Integer;
    let mut sql = format!("{} {}", quoted(&column.name), storage_type(column));
    let default = match &column.default {
        DefaultValue::None if generated => {
            Some(format!("(tandem_next({}))", literal(&Value::Text(def.name.clone()))))
        }
        DefaultValue::None | DefaultValue::Constant(_) => Some(column.unwritten())
            .filter(|value| !value.is_null() || column.default != DefaultValue::None)
            .map(|value| literal(&to_storage(column.kind, value))),
        DefaultValue::Expression(expression) => Some(format!("({expression})")),
    };
    if in_key {
        // NULL, too, asks for a generated value.
        sql.push_str(if default.is_some() { " NOT NULL ON CONFLICT REPLACE" } else { " NOT NULL" });
    }
    if let Some(default) = default {
        sql.push_str(" DEFAULT ");
        sql.push_str(&default);
    }
    if let Some(reference) = &column.references {
        let action = match reference.on_delete {
            OnDelete::Restrict => "RESTRICT",
            OnDelete::Cascade => "CASCADE",
            OnDelete::SetNull => "SET NULL",
        };
        sql.push_str(&format!(" REFERENCES {} ON DELETE {action}", quoted(&reference.table)));
    }
    sql
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Null | Value::Integer(_) | Value::Decimal(_) | Value::Blob(_) => value.to_string(),
        Value::Real(number) => format!("{number:?}"),
    }
}

/// A uniqueness rule, in the two forms it can take.
pub(crate) struct UniqueRule {
    /// Name of the index, and of the trigger that stands in for it.
    pub name: String,
    /// The columns, and their positions in the table.
    pub columns: Vec<String>,
    pub positions: Vec<usize>,
    /// Rowid and all columns of the rows that hold a value.
    pub holders: String,
    /// A real unique index: the rule while no conflict on it is open.
    pub index: String,
    /// A plain index and refusing triggers: the rule while a merge has broken it.
    pub loose: Vec<String>,
}

/// The uniqueness rules of a table other than its primary key.
pub(crate) fn unique_rules(def: &TableDef) -> Vec<UniqueRule> {
    def.unique_rules().iter().map(|columns| unique_rule(def, columns)).collect()
}

fn unique_rule(def: &TableDef, columns: &[String]) -> UniqueRule {
    let name = format!("_tandem_unique_{}_{}", def.name, columns.join("_"));
    let table = quoted(&def.name);
    let list = columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
    let index = |unique: &str| format!("CREATE {unique} INDEX {} ON {table} ({list})", quoted(&name));
    let same = |prefix: &str| {
        columns
            .iter()
            .map(|column| format!("t.{0} = {prefix}.{0}", quoted(column)))
            .collect::<Vec<_>>()
            .join(" AND ")
    };
    let fields = columns.iter().map(|column| format!("{}.{column}", def.name)).collect::<Vec<_>>().join(", ");
    let message = literal(&Value::Text(format!("UNIQUE constraint failed: {fields}")));
    let trigger = |event: &str, changed: &str| {
        let trigger = quoted(&format!("{name}_{}", event.to_ascii_lowercase()));
        format!(
            "CREATE TRIGGER {trigger} AFTER {event} ON {table} WHEN tandem_local() {changed} BEGIN \
             SELECT RAISE(FAIL, {message}) FROM {table} AS t WHERE {} AND t.rowid <> NEW.rowid; END",
            same("NEW")
        )
    };
    let changed = columns
        .iter()
        .map(|column| format!("OLD.{0} IS NOT NEW.{0}", quoted(column)))
        .collect::<Vec<_>>()
        .join(" OR ");
    let position =
        |name: &String| def.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    let all = def.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ");
    let is_value = |(column, at): (&String, usize)| format!("{} = ?{at}", quoted(column));
    let condition = columns.iter().zip(1..).map(is_value).collect::<Vec<_>>().join(" AND ");
    UniqueRule {
        columns: columns.to_vec(),
        positions: columns.iter().filter_map(position).collect(),
        holders: format!("SELECT rowid, {all} FROM {table} WHERE {condition}"),
        index: index("UNIQUE"),
        loose: vec![index(""), trigger("INSERT", ""), trigger("UPDATE", &format!("AND ({changed})"))],
        name,
    }
}
