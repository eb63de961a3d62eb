//! Declared column types: what a cell may hold, and what concurrent edits of it mean.

use std::fmt;

use bincode::{Decode, Encode};

use super::text_forms;
use crate::decimal::Decimal;
use crate::value::Value;

/// A declared type of `data-model`'s list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum ColumnType {
    /// 64-bit integer.
    Integer,
    /// 64-bit floating point; NaN is refused, -0.0 becomes 0.0.
    Real,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Blob,
    /// 0 or 1.
    Boolean,
    /// Canonical UUID text.
    Uuid,
    /// `2025-01-31`.
    Date,
    /// `08:00:00`.
    Time,
    /// `2025-01-31T08:00:00.000Z`.
    Timestamp,
    /// Exact decimal, at most 15 digits, `scale` of them after the point.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// A sum of deltas; exact, `scale` digits after the point.
    Counter {
        /// Digits in all; 18 for a counter of integers.
        precision: u8,
        /// Digits after the point; 0 for a counter of integers.
        scale: u8,
    },
    /// Text merged character by character.
    RichText,
    /// A JSON document merged key by key.
    Json,
    /// A time of last change: the greatest is shown.
    Stamp,
    /// Text whose concurrent edits are not worth telling.
    Quiet,
}

/// How concurrent edits of a cell merge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MergeKind {
    /// The latest concurrent write is shown, the others are an open conflict.
    Register,
    /// Offset and sum of deltas.
    Counter,
    /// The greatest value is shown.
    Stamp,
    /// As a register, without conflicts.
    Quiet,
}

/// How the view stores a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Storage {
    /// SQLite INTEGER.
    Integer,
    /// SQLite REAL.
    Real,
    /// SQLite TEXT.
    Text,
    /// SQLite BLOB.
    Blob,
}

/// A value that its column's type does not allow.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{value} is not a valid {kind}")]
pub struct TypeMismatch {
    /// The value as given.
    pub value: String,
    /// The declared type.
    pub kind: ColumnType,
}

impl ColumnType {
    /// How concurrent edits merge.
    pub fn merge_kind(self) -> MergeKind {
        match self {
            Self::Counter { .. } => MergeKind::Counter,
            Self::Stamp => MergeKind::Stamp,
            Self::Quiet => MergeKind::Quiet,
            _ => MergeKind::Register,
        }
    }

    /// How the view stores it.
    pub fn storage(self) -> Storage {
        match self {
            Self::Integer | Self::Boolean | Self::Counter { scale: 0, .. } => Storage::Integer,
            Self::Real | Self::Decimal { .. } | Self::Counter { .. } => Storage::Real,
            Self::Blob => Storage::Blob,
            _ => Storage::Text,
        }
    }

    /// The canonical form of a value written to a column of this type, or why it is refused.
    /// NULL is canonical for every type; NOT NULL is a rule of its own.
    pub fn canonical(self, value: Value) -> Result<Value, TypeMismatch> {
        let mismatch = |value: &Value| TypeMismatch { value: value.to_string(), kind: self };
        let text = |value: Value, form: fn(&str) -> Option<String>| match &value {
            Value::Text(text) => form(text).map(Value::Text).ok_or_else(|| mismatch(&value)),
            _ => Err(mismatch(&value)),
        };
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Self::Integer, value @ Value::Integer(_)) => Ok(value),
            (Self::Boolean, value @ Value::Integer(0 | 1)) => Ok(value),
            (Self::Real, Value::Real(number)) if !number.is_nan() => Ok(Value::Real(number + 0.0)),
            (Self::Real, Value::Integer(number)) => Ok(Value::Real(number as f64)),
            (Self::Blob, value @ Value::Blob(_)) => Ok(value),
            (Self::Uuid, value) => text(value, text_forms::canonical_uuid),
            (Self::Date, value) => text(value, text_forms::canonical_date),
            (Self::Time, value) => text(value, text_forms::canonical_time),
            (Self::Timestamp | Self::Stamp, value) => text(value, text_forms::canonical_timestamp),
            (Self::Counter { scale: 0, .. }, value @ Value::Integer(_)) => Ok(value),
            (Self::Decimal { precision, scale } | Self::Counter { precision, scale }, value) => {
                if scale == 0 && matches!(self, Self::Counter { .. }) {
                    return Err(mismatch(&value));
                }
                decimal(&value, precision, scale).ok_or_else(|| mismatch(&value))
            }
            (Self::Text | Self::RichText | Self::Json | Self::Quiet, value @ Value::Text(_)) => Ok(value),
            (_, value) => Err(mismatch(&value)),
        }
    }
}

fn decimal(value: &Value, precision: u8, scale: u8) -> Option<Value> {
    let decimal = match value {
        Value::Real(number) => Decimal::from_f64(*number, precision, scale),
        Value::Integer(number) => Decimal::parse(&number.to_string(), precision, scale),
        Value::Text(text) => Decimal::parse(text, precision, scale),
        Value::Decimal(decimal) => Decimal::parse(&decimal.to_string(), precision, scale),
        _ => return None,
    };
    decimal.ok().map(Value::Decimal)
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { precision, scale } => write!(f, "DECIMAL({precision},{scale})"),
            Self::Counter { scale: 0, .. } => f.write_str("COUNTER"),
            Self::Counter { precision, scale } => write!(f, "COUNTER({precision},{scale})"),
            simple => f.write_str(match simple {
                Self::Integer => "INTEGER",
                Self::Real => "REAL",
                Self::Text => "TEXT",
                Self::Blob => "BLOB",
                Self::Boolean => "BOOLEAN",
                Self::Uuid => "UUID",
                Self::Date => "DATE",
                Self::Time => "TIME",
                Self::Timestamp => "TIMESTAMP",
                Self::RichText => "RICHTEXT",
                Self::Json => "JSON",
                Self::Stamp => "STAMP",
                _ => "QUIET",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_canonical_or_are_refused() {
        let money = ColumnType::Decimal { precision: 12, scale: 2 };
        let exact = |mantissa| Value::Decimal(Decimal { mantissa, scale: 2 });
        assert_eq!(money.canonical(Value::Real(0.1 + 0.2)).unwrap(), exact(30));
        assert_eq!(money.canonical(Value::Text("1500".into())).unwrap(), exact(150_000));
        assert_eq!(ColumnType::Real.canonical(Value::Real(-0.0)).unwrap(), Value::Real(0.0));
        assert!(
            ColumnType::Real
                .canonical(Value::Real(-0.0))
                .is_ok_and(|value| matches!(value, Value::Real(number) if number.is_sign_positive()))
        );
        assert!(ColumnType::Real.canonical(Value::Real(f64::NAN)).is_err());
        assert!(ColumnType::Boolean.canonical(Value::Integer(2)).is_err());
        assert!(ColumnType::Counter { precision: 18, scale: 0 }.canonical(Value::Text("x".into())).is_err());
        assert_eq!(
            ColumnType::Date.canonical(Value::Text("demain".into())).unwrap_err().to_string(),
            "demain is not a valid DATE",
        );
        assert_eq!(ColumnType::Uuid.canonical(Value::Null).unwrap(), Value::Null);
    }
}
