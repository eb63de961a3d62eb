//! The view's SQL, generated from the schema.
//!
//! Tables are STRICT and keep their rowid. It is never an alias of a key column: it tells, for a
//! row written once, which transaction inserted it (see `rows`), at no cost per row.
//! NOT NULL and CHECK are not declared at all: they must never stop a merge, and `rules` looks at
//! local writes. Triggers would do that too, but make SQLite journal every single statement.

use tandem_protocol::schema::expression::{Style, literal_sql, quoted};
use tandem_protocol::schema::{
    ColumnDef, ColumnType, DefaultValue, IndexDef, Judge, Reference, RuleId, Storage, TableDef, Unique,
};
use tandem_protocol::value::Value;

use super::bind::to_storage;
use crate::clause;

/// The view's own tables. Those that hold values of any size keep their rowid: to find its way in a
/// table without one, SQLite reads each entry it passes to the end, be it ten megabytes.
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
  time INTEGER NOT NULL, ops INTEGER NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX _tandem_dots ON _tandem_transactions (author, seq);
CREATE TABLE _tandem_system (
  arrival INTEGER NOT NULL, place INTEGER NOT NULL, author BLOB NOT NULL, seq INTEGER NOT NULL,
  time INTEGER NOT NULL, depth INTEGER NOT NULL, op BLOB NOT NULL, PRIMARY KEY (arrival, place)
) STRICT;
CREATE TABLE _tandem_writers (
  definition BLOB NOT NULL, author INTEGER NOT NULL, known BLOB NOT NULL, PRIMARY KEY (definition, author)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_parked (
  arrival INTEGER NOT NULL, place INTEGER NOT NULL, definition BLOB, PRIMARY KEY (arrival, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_keys (
  key BLOB NOT NULL, author INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
  request BLOB NOT NULL, PRIMARY KEY (key, author, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_offsets (
  source TEXT PRIMARY KEY, offset BLOB NOT NULL
) STRICT;
CREATE TABLE _tandem_settled (
  conflict BLOB NOT NULL, author BLOB NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
  PRIMARY KEY (conflict, author, seq, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_conflicts (
  id BLOB NOT NULL PRIMARY KEY, kind INTEGER NOT NULL, tbl INTEGER NOT NULL, key BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX _tandem_conflicts_of ON _tandem_conflicts (tbl, kind, key, id);
CREATE TABLE _tandem_documents (
  tbl INTEGER NOT NULL, key BLOB NOT NULL, col BLOB NOT NULL, doc BLOB NOT NULL,
  part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (tbl, key, col, doc, part)
) STRICT;
CREATE TABLE _tandem_tables (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, rows INTEGER NOT NULL,
  fingerprint BLOB NOT NULL, hidden INTEGER NOT NULL, greatest INTEGER NOT NULL
) STRICT;
CREATE TABLE _tandem_numbers (
  col BLOB NOT NULL, ordinal INTEGER NOT NULL, greatest INTEGER NOT NULL, PRIMARY KEY (col, ordinal)
) STRICT;
CREATE TABLE _tandem_runs (
  tbl INTEGER NOT NULL, first INTEGER NOT NULL, author INTEGER NOT NULL, seq INTEGER NOT NULL,
  time INTEGER NOT NULL, width INTEGER NOT NULL, PRIMARY KEY (tbl, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE _tandem_rows (
  tbl INTEGER NOT NULL, key BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY (tbl, key)
) STRICT;
CREATE TABLE _tandem_deleted (
  tbl INTEGER NOT NULL, rule BLOB NOT NULL, hash BLOB NOT NULL, ended BLOB NOT NULL, key BLOB NOT NULL,
  value BLOB NOT NULL
) STRICT;
CREATE INDEX _tandem_deleted_values ON _tandem_deleted (tbl, rule, hash, ended, key);
CREATE INDEX _tandem_deleted_keys ON _tandem_deleted (tbl, key);
CREATE TABLE _tandem_touched (
  key INTEGER NOT NULL, arrival INTEGER NOT NULL, PRIMARY KEY (key, arrival)
) STRICT, WITHOUT ROWID;
";

/// What a table is called while it is made anew.
pub(crate) const COPY: &str = "_tandem_copy";

/// The statements that create a table and its unique indices. Nothing but the table itself is called
/// by a name that somebody chose: all other names are made of ids, and can meet no other.
pub(crate) fn create_table(def: &TableDef, judge: Judge) -> Vec<String> {
    let mut statements = vec![create(def, &quoted(&def.name), judge)];
    statements.extend(unique_rules(def).into_iter().map(|rule| rule.index));
    statements
}

/// The statement that creates a table beside the one whose place it is to take.
pub(crate) fn create_copy(def: &TableDef, judge: Judge) -> String {
    create(def, COPY, judge)
}

fn create(def: &TableDef, name: &str, judge: Judge) -> String {
    let mut parts: Vec<String> = def.columns.iter().map(|column| column_sql(def, column, judge)).collect();
    parts.push(format!("PRIMARY KEY ({})", clause::list(&def.key)));
    // For whoever asks what refers to what: SQLite itself judges none of them (`integrity`).
    let several = def.references.iter().filter(|reference| reference.columns.len() > 1);
    parts.extend(several.map(|reference| reference.sql(quoted)));
    format!("CREATE TABLE {name} ({}) STRICT", parts.join(", "))
}

/// The statement that adds a column to a table that is there, if SQLite can do it in place.
pub(crate) fn add_column(def: &TableDef, column: &ColumnDef, judge: Judge) -> Option<String> {
    // SQLite fills rows that are there with plain literals only.
    let plain = !matches!(column.default, DefaultValue::Expression(_)) && !constant(column).starts_with('(');
    plain.then(|| format!("ALTER TABLE {} ADD COLUMN {}", quoted(&def.name), column_sql(def, column, judge)))
}

pub(crate) fn create_index(index: &IndexDef) -> String {
    let columns = clause::list(&index.columns);
    format!("CREATE INDEX IF NOT EXISTS {} ON {} ({columns})", index_name(index), quoted(&index.table))
}

/// What users' index is called in the view: what they called it is looked up, never spelled.
fn index_name(index: &IndexDef) -> String {
    format!("_tandem_index_{}", index.id())
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

/// What a cell never written shows, in SQL.
pub(crate) fn constant(column: &ColumnDef) -> String {
    literal_sql(&to_storage(column.kind, column.unwritten()))
}

fn column_sql(def: &TableDef, column: &ColumnDef, judge: Judge) -> String {
    let in_key = def.is_key(&column.name);
    let generated = in_key && def.key.len() == 1 && column.kind == ColumnType::Integer;
    let mut sql = format!("{} {}", quoted(&column.name), storage_type(column));
    let default = match &column.default {
        DefaultValue::None if generated => Some(format!("(tandem_next('{}'))", def.id())),
        DefaultValue::None if column.unwritten().is_null() => None,
        DefaultValue::None | DefaultValue::Constant(_) => Some(constant(column)),
        DefaultValue::Expression(expression) => match expression.unknown_function(judge) {
            None => match expression.site_number() {
                Some(prefix) => {
                    Some(format!("(tandem_number('{}', {}))", column.id(), literal_sql(&Value::Text(prefix))))
                }
                None => column.default_sql(Style::Sql),
            },
            Some(function) => {
                Some(format!("(tandem_unknown({}))", literal_sql(&Value::Text(function.to_owned()))))
            }
        },
    };
    if in_key {
        // NULL, too, asks for a generated value.
        sql.push_str(if default.is_some() { " NOT NULL ON CONFLICT REPLACE" } else { " NOT NULL" });
    }
    if let Some(default) = default {
        sql.push_str(" DEFAULT ");
        sql.push_str(&default);
    }
    let alone = |reference: &&Reference| reference.columns == [column.name.as_str()];
    def.references.iter().filter(alone).for_each(|one| sql.push_str(&one.sql_at_column(quoted)));
    sql
}

/// A uniqueness rule, in the forms it can take.
pub(crate) struct UniqueRule {
    /// Its identity.
    pub id: RuleId,
    /// Name of the index, unique or plain.
    pub name: String,
    /// Name of a unique index over the values in no conflict.
    pub rest: String,
    /// The columns, and their positions in the table.
    pub columns: Vec<String>,
    pub positions: Vec<usize>,
    /// Rowid and all columns of the rows that hold a value.
    pub holders: String,
    /// A real unique index: the rule while no conflict on it is open.
    pub index: String,
    /// A plain index: while a merge has left a value with several rows.
    pub plain: String,
}

/// The uniqueness rules of a table other than its primary key.
pub(crate) fn unique_rules(def: &TableDef) -> Vec<UniqueRule> {
    def.uniques.iter().map(|unique| unique_rule(def, unique)).collect()
}

fn unique_rule(def: &TableDef, unique: &Unique) -> UniqueRule {
    let columns = &unique.columns;
    let name = format!("_tandem_unique_{}", unique.id);
    let table = quoted(&def.name);
    let list = clause::list(columns);
    let index = |unique: &str| format!("CREATE {unique} INDEX {} ON {table} ({list})", quoted(&name));
    let position =
        |name: &String| def.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    let all = clause::list(def.columns.iter().map(|column| &column.name));
    let condition = clause::equal(columns, 1);
    UniqueRule {
        id: unique.id,
        columns: columns.to_vec(),
        positions: columns.iter().filter_map(position).collect(),
        holders: format!("SELECT rowid, {all} FROM {table} WHERE {condition}"),
        index: index("UNIQUE"),
        plain: index(""),
        rest: name.replacen("_tandem_unique_", "_tandem_rest_", 1),
        name,
    }
}
