//! One table of the view: its columns as SQLite and as the merge see them, and the statements
//! that touch it.

use std::fmt::Write;

use super::ddl::{self, UniqueRule};
use super::documents::{self, Place};
use super::rules::Rules;

use tandem_protocol::decimal::Decimal;
use tandem_protocol::document::DocumentId;
use tandem_protocol::fingerprint::{RowHash, RowHasher};
use tandem_protocol::schema::{ColumnDef, ColumnId, ColumnType, TableDef, TableId, TypeMismatch};
use tandem_protocol::value::{Key, Value};

/// A table, with everything derived from its definition once.
pub(crate) struct ViewTable {
    /// Its id in ops.
    pub id: TableId,
    /// The same as text, by which generated ids are counted.
    pub id_text: String,
    /// Its number in the view's own tables.
    pub number: i64,
    /// The definition shown.
    pub def: TableDef,
    /// Ids of the columns, in order.
    pub ids: Vec<ColumnId>,
    /// Positions of the key's columns, in key order.
    pub key: Vec<usize>,
    /// Positions of all other columns.
    pub cells: Vec<usize>,
    /// Those of them that hold documents.
    pub documents: Vec<usize>,
    /// Those of them that are a STAMP.
    pub stamps: Vec<usize>,
    /// Columns that refer to another table's rows, and that table's name.
    pub references: Vec<(usize, String)>,
    /// What no two rows may share.
    pub unique: Vec<UniqueRule>,
    /// The same, ascending by column id: the order in which a row is hashed.
    hashed: Vec<usize>,
    /// What a row must satisfy.
    pub rules: Rules,
    /// Statements, all of them with the columns in declared order.
    pub sql: TableSql,
}

/// The statements that the merge uses.
pub(crate) struct TableSql {
    pub insert: String,
    /// All columns, then the key.
    pub update: String,
    pub delete: String,
    /// Rowid and all columns, by key.
    pub select: String,
    /// Rowid and all columns, by rowid.
    pub select_rowid: String,
    /// Rowid and all columns, all rows.
    pub select_all: String,
    /// Whether there is a row, by key.
    pub exists: String,
}

pub(crate) use tandem_protocol::schema::expression::quoted;

impl ViewTable {
    pub(crate) fn new(number: i64, def: &TableDef) -> Self {
        let position =
            |name: &String| def.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        let key: Vec<usize> = def.key.iter().filter_map(position).collect();
        let cells: Vec<usize> = (0..def.columns.len()).filter(|at| !key.contains(at)).collect();
        let ids: Vec<ColumnId> = def.columns.iter().map(ColumnDef::id).collect();
        let mut hashed = cells.clone();
        hashed.sort_by_key(|at| ids[*at]);
        let holds_document = |at: &usize| def.columns[*at].kind.document_kind().is_some();
        let reference = |(at, column): (usize, &ColumnDef)| {
            column.references.as_ref().map(|reference| (at, reference.table.clone()))
        };
        Self {
            documents: cells.iter().copied().filter(holds_document).collect(),
            stamps: cells.iter().copied().filter(|at| def.columns[*at].kind == ColumnType::Stamp).collect(),
            references: def.columns.iter().enumerate().filter_map(reference).collect(),
            unique: ddl::unique_rules(def),
            id: def.id(),
            id_text: def.id().to_string(),
            number,
            rules: Rules::new(def, &cells),
            sql: TableSql::new(def, &key),
            def: def.clone(),
            ids,
            key,
            cells,
            hashed,
        }
    }

    /// A row's key.
    pub(crate) fn key_of(&self, row: &[Value]) -> Key {
        Key(self.key.iter().map(|at| row[*at].clone()).collect())
    }

    /// A row, for people: its key, column by column.
    pub(crate) fn told(&self, key: &Key) -> String {
        let part = |(name, value): (&String, &Value)| format!("{name}={value}");
        self.def.key.iter().zip(&key.0).map(part).collect::<Vec<_>>().join(", ")
    }

    /// Names a document of a cell.
    pub(super) fn place(&self, key: &[u8], at: usize, id: DocumentId) -> Place {
        Place { table: self.number, key: key.to_vec(), column: self.ids[at], id }
    }

    /// What the register of a cell holds that one insert gave this value.
    pub(crate) fn register_value(&self, at: usize, value: &Value) -> Value {
        match self.def.columns[at].kind.document_kind() {
            Some(kind) => documents::register_value(kind, value),
            None => value.clone(),
        }
    }

    /// The name of the INTEGER column that alone is the key, whose values tandem generates.
    pub(crate) fn generated_key(&self) -> Option<&ColumnDef> {
        match self.key.as_slice() {
            [at] => Some(&self.def.columns[*at]).filter(|column| column.kind == ColumnType::Integer),
            _ => None,
        }
    }

    /// The hash of a shown row.
    pub(crate) fn hash(&self, hasher: &mut RowHasher, row: &[Value]) -> RowHash {
        let cells = self.hashed.iter().map(|at| (self.ids[*at], &row[*at]));
        hasher.hash(self.id, &self.key_of(row), cells)
    }

    /// A row as users wrote it, in canonical form. The flag says whether anything changed. What it
    /// held before is not looked at again.
    pub(crate) fn canonical(
        &self,
        row: Vec<Value>,
        before: Option<&[Value]>,
    ) -> Result<(Vec<Value>, bool), (String, TypeMismatch)> {
        let mut changed = false;
        let mut canonical = Vec::with_capacity(row.len());
        for (at, (column, value)) in self.def.columns.iter().zip(row).enumerate() {
            let before = before.map(|row| &row[at]);
            let value = if is_canonical(column.kind, &value) {
                value
            } else if let Some(untouched) = before.filter(|before| to_storage(before) == value) {
                untouched.clone()
            } else {
                let stored = value.clone();
                let nearer = |error| match before.and_then(|before| nearer(column.kind, before, &stored)) {
                    Some(value) => Ok(value),
                    None => Err((column.name.clone(), error)),
                };
                let value = column.kind.canonical(value).or_else(nearer)?;
                changed |= to_storage(&value) != stored;
                value
            };
            canonical.push(value);
        }
        Ok((canonical, changed))
    }

    /// A row as SQLite stores it, as canonical values. The view holds nothing else.
    pub(crate) fn read_back(&self, row: Vec<Value>) -> Vec<Value> {
        self.def.columns.iter().zip(row).map(|(column, value)| from_storage(column.kind, value)).collect()
    }
}

/// Values of these types are canonical as they come.
fn is_canonical(kind: ColumnType, value: &Value) -> bool {
    match (kind, value) {
        (_, Value::Null) | (ColumnType::Integer, Value::Integer(_)) => true,
        (ColumnType::Text | ColumnType::Quiet, Value::Text(_)) => true,
        (kind, Value::Text(text)) => kind.is_canonical_text(text),
        _ => false,
    }
}

/// A number with more digits than its column has, of which it had no fewer before: counted up by
/// several who did not know of each other, it can be brought back in steps.
fn nearer(kind: ColumnType, before: &Value, value: &Value) -> Option<Value> {
    let wide = match kind {
        ColumnType::Decimal { scale, .. } => ColumnType::Decimal { precision: 18, scale },
        ColumnType::Counter { scale, .. } if scale > 0 => ColumnType::Counter { precision: 18, scale },
        _ => return None,
    };
    match (before, wide.canonical(value.clone()).ok()?) {
        (Value::Decimal(before), Value::Decimal(now))
            if now.mantissa.unsigned_abs() <= before.mantissa.unsigned_abs() =>
        {
            Some(Value::Decimal(now))
        }
        _ => None,
    }
}

/// What SQLite stores for a canonical value.
pub(crate) fn to_storage(value: &Value) -> Value {
    match value {
        Value::Decimal(decimal) => Value::Real(decimal.to_f64()),
        other => other.clone(),
    }
}

/// The canonical value of what SQLite stores: exact, for a decimal has at most 15 digits.
fn from_storage(kind: ColumnType, value: Value) -> Value {
    match (kind, value) {
        (
            ColumnType::Decimal { precision, scale } | ColumnType::Counter { precision, scale },
            Value::Real(number),
        ) => Decimal::from_f64(number, precision.max(18), scale).map_or(Value::Real(number), Value::Decimal),
        (_, value) => value,
    }
}

impl TableSql {
    fn new(def: &TableDef, key: &[usize]) -> Self {
        let table = quoted(&def.name);
        let names: Vec<String> = def.columns.iter().map(|column| quoted(&column.name)).collect();
        let columns = names.join(", ");
        let places = (1..=names.len()).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ");
        let assignments = names
            .iter()
            .enumerate()
            .map(|(at, name)| format!("{name} = ?{}", at + 1))
            .collect::<Vec<_>>()
            .join(", ");
        let by_key = |first: usize| {
            let mut condition = String::new();
            for (at, column) in key.iter().enumerate() {
                let and = if at == 0 { "" } else { " AND " };
                // Writing into a String cannot fail.
                let _ok = write!(condition, "{and}{} = ?{}", names[*column], first + at);
            }
            condition
        };
        Self {
            insert: format!("INSERT INTO {table} ({columns}) VALUES ({places})"),
            update: format!("UPDATE {table} SET {assignments} WHERE {}", by_key(names.len() + 1)),
            delete: format!("DELETE FROM {table} WHERE {}", by_key(1)),
            select: format!("SELECT rowid, {columns} FROM {table} WHERE {}", by_key(1)),
            select_rowid: format!("SELECT rowid, {columns} FROM {table} WHERE rowid = ?1"),
            select_all: format!("SELECT rowid, {columns} FROM {table}"),
            exists: format!("SELECT 1 FROM {table} WHERE {}", by_key(1)),
        }
    }

    /// Empties a column, by key.
    pub(super) fn set_null(def: &TableDef, key: &[usize], at: usize) -> String {
        let name = |at: &usize| quoted(&def.columns[*at].name);
        let condition: Vec<String> =
            key.iter().zip(1..).map(|(at, place)| format!("{} = ?{place}", name(at))).collect();
        format!("UPDATE {} SET {} = NULL WHERE {}", quoted(&def.name), name(&at), condition.join(" AND "))
    }
}
