//! Values into and out of SQLite.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};
use tandem_protocol::decimal::{DIGITS, Decimal};
use tandem_protocol::schema::{ColumnType, Storage};
use tandem_protocol::value::Value;

/// A value as a statement's parameter; a decimal as a number, as far as floating point holds it.
pub(crate) struct Bind<'a>(pub &'a Value);

impl ToSql for Bind<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let storage = match self.0 {
            Value::Decimal(decimal) => {
                ColumnType::Decimal { precision: decimal.digits(), scale: decimal.scale }.storage()
            }
            _ => Storage::Blob,
        };
        bind(storage, self.0)
    }
}

/// A canonical value as a column of that storage holds it.
pub(crate) struct Stored<'a>(pub Storage, pub &'a Value);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        bind(self.0, self.1)
    }
}

fn bind(storage: Storage, value: &Value) -> rusqlite::Result<ToSqlOutput<'_>> {
    Ok(ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Integer(number) => ValueRef::Integer(*number),
        Value::Real(number) => ValueRef::Real(*number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
        Value::Decimal(decimal) => {
            return Ok(ToSqlOutput::Owned(match decimal_as(storage, *decimal) {
                Value::Integer(number) => number.into(),
                Value::Real(number) => number.into(),
                _ => decimal.to_string().into(),
            }));
        }
    }))
}

/// What a column of that storage holds for a decimal.
pub(crate) fn decimal_as(storage: Storage, decimal: Decimal) -> Value {
    match (storage, i64::try_from(decimal.mantissa)) {
        (Storage::Real, _) => Value::Real(decimal.to_f64()),
        (Storage::Integer, Ok(number)) => Value::Integer(number),
        _ => Value::Text(decimal.to_string()),
    }
}

/// Bytes a row takes in memory, about.
pub(crate) fn weight(row: &[Value]) -> usize {
    let content = |value: &Value| match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => 0,
    };
    size_of::<Vec<Value>>() + row.iter().map(|value| size_of::<Value>() + content(value)).sum::<usize>()
}

/// Reads `count` columns from `first` on.
pub(crate) fn read_row(row: &Row<'_>, first: usize, count: usize) -> rusqlite::Result<Vec<Value>> {
    (first..first + count)
        .map(|at| {
            Ok(match row.get_ref(at)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Real(number) => Value::Real(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            })
        })
        .collect()
}

/// What SQLite stores for a canonical value.
pub(crate) fn to_storage(kind: ColumnType, value: Value) -> Value {
    match value {
        Value::Decimal(decimal) => decimal_as(kind.storage(), decimal),
        other => other,
    }
}

/// The canonical value of what SQLite stores: exact, for what is stored as floating point has at
/// most 15 digits.
pub(super) fn from_storage(kind: ColumnType, value: Value) -> Value {
    // Of a row that is older than a column, the pre-update hook gives a default of 5.0 as a whole number.
    let value = match (kind.storage(), value) {
        (Storage::Real, Value::Integer(number)) => Value::Real(number as f64),
        (_, value) => value,
    };
    let Some((_, scale)) = kind.digits() else { return value };
    let decimal = match &value {
        Value::Integer(number) if kind.storage() == Storage::Integer => {
            Ok(Decimal { mantissa: i128::from(*number), scale })
        }
        Value::Integer(number) => Decimal::parse(&number.to_string(), DIGITS, scale),
        Value::Real(number) => Decimal::from_f64(*number, DIGITS, scale),
        Value::Text(text) => Decimal::parse(text, DIGITS, scale),
        _ => return value,
    };
    decimal.map_or(value, Value::Decimal)
}
