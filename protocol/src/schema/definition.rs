//! Tables, columns and indices as an op carries them, and the ids by which ops name them.

use bincode::{Decode, Encode};

use super::column_type::ColumnType;
use crate::codec::{DecodeError, Reader};
use crate::value::Value;
use crate::wide::Wide;

/// A column's definition, shortened to a number: the hash of its name, type and default. Two
/// definitions of one name are two columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct ColumnId(pub u64);

/// A table's identity: the hash of its name and its primary key's columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct TableId(pub u64);

/// What a cell holds when the writer gives no value.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum DefaultValue {
    /// NULL.
    None,
    /// A constant: also what a cell never written shows.
    Constant(Constant),
    /// A SQL expression, evaluated once, by the inserting site.
    Expression(String),
}

/// A constant in its canonical bytes.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Constant(Vec<u8>);

impl Constant {
    /// Wraps a canonical value.
    pub fn new(value: &Value) -> Self {
        let mut bytes = Vec::new();
        value.write_canonical(&mut bytes);
        Self(bytes)
    }

    /// The value.
    pub fn value(&self) -> Result<Value, DecodeError> {
        let mut reader = Reader::new(&self.0, "default value");
        let value = Value::read_canonical(&mut reader)?;
        reader.end()?;
        Ok(value)
    }
}

/// What happens to the referring rows when a row is deleted (at the site that deletes it).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum OnDelete {
    /// The deletion is refused.
    Restrict,
    /// The referring rows are deleted too.
    Cascade,
    /// The referring cells become NULL.
    SetNull,
}

/// A column that holds another table's primary key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Reference {
    /// The table referred to.
    pub table: String,
    /// What a deletion there does here.
    pub on_delete: OnDelete,
}

/// One column.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct ColumnDef {
    /// Its name, as declared.
    pub name: String,
    /// Its declared type.
    pub kind: ColumnType,
    /// What a cell holds when the writer gives no value.
    pub default: DefaultValue,
    /// Whether local writes of NULL are refused.
    pub not_null: bool,
    /// Whether local writes of a value another row holds are refused.
    pub unique: bool,
    /// A CHECK expression over this row's columns.
    pub check: Option<String>,
    /// A reference to another table's primary key.
    pub references: Option<Reference>,
}

impl ColumnDef {
    /// The id by which ops name this column.
    pub fn id(&self) -> ColumnId {
        ColumnId(short_hash("column", &(&self.name, self.kind, &self.default)))
    }

    /// What tells it from other definitions of its name, in SQL.
    pub fn definition(&self) -> String {
        match &self.default {
            DefaultValue::None => self.kind.to_string(),
            DefaultValue::Constant(_) => match self.unwritten() {
                Value::Text(text) => format!("{} DEFAULT '{}'", self.kind, text.replace('\'', "''")),
                value => format!("{} DEFAULT {value}", self.kind),
            },
            DefaultValue::Expression(sql) => format!("{} DEFAULT ({sql})", self.kind),
        }
    }

    /// What a cell never written shows: the constant default, else NULL; of a counter that may not
    /// be NULL, 0.
    pub fn unwritten(&self) -> Value {
        match &self.default {
            DefaultValue::Constant(constant) => constant.value().unwrap_or(Value::Null),
            DefaultValue::None if self.not_null && matches!(self.kind, ColumnType::Counter { .. }) => {
                self.kind.shown(Some(Wide::ZERO))
            }
            _ => Value::Null,
        }
    }
}

/// One table.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct TableDef {
    /// Its name, as declared.
    pub name: String,
    /// Its columns in declared order.
    pub columns: Vec<ColumnDef>,
    /// Names of the primary key's columns, in key order.
    pub key: Vec<String>,
    /// Table-level CHECK expressions.
    pub checks: Vec<String>,
    /// Table-level UNIQUE column lists.
    pub uniques: Vec<Vec<String>>,
}

impl TableDef {
    /// The id by which ops name this table.
    pub fn id(&self) -> TableId {
        TableId(short_hash("table", &(&self.name, self.key_types())))
    }

    /// Name and type of the key's columns.
    pub(super) fn key_types(&self) -> Vec<(String, ColumnType)> {
        let typed = |name: &String| Some((name.clone(), self.column(name)?.kind));
        self.key.iter().filter_map(typed).collect()
    }

    /// What tells it from other tables of its name, in SQL.
    pub fn definition(&self) -> String {
        let kind = |name: &String| self.column(name).map(|column| format!("{name} {}", column.kind));
        format!("PRIMARY KEY ({})", self.key.iter().filter_map(kind).collect::<Vec<_>>().join(", "))
    }

    /// The column of that name (names compare without case, as in SQL).
    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

/// A secondary index; it changes no meaning, only speed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct IndexDef {
    /// Its name.
    pub name: String,
    /// The table it is on.
    pub table: String,
    /// The columns it covers, in order.
    pub columns: Vec<String>,
}

fn short_hash(what: &str, definition: &impl Encode) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(what.as_bytes());
    hasher.update(&crate::codec::encode(definition));
    let mut short = [0; 8];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(short)
}
