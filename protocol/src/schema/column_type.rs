//! Declared column types: what a cell may hold, and what concurrent edits of it mean.

use std::fmt;

use bincode::{Decode, Encode};

use super::text_forms;
use crate::bounds;
use crate::decimal::{DIGITS, beyond};
use crate::document::{DocumentKind, JsonError, canonical_json};
use crate::merge::{Offset, delta, units};
use crate::op::Mode;
use crate::value::Value;

/// A declared type of `data-model`'s list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum ColumnType {
    /// 64-bit integer.
    Integer,
    /// 64-bit floating point; NaN and infinities are refused, -0.0 becomes 0.0.
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
    /// `08:00:00`, `08:00:00.500000`.
    Time,
    /// `2025-01-31 08:00:00`, `2025-01-31 08:00:00.500000`, in UTC.
    Timestamp,
    /// Exact decimal, at most 38 digits, `scale` of them after the point.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// A sum of deltas; exact, `scale` digits after the point.
    Counter {
        /// Digits in all; 0 for a counter of 64-bit integers.
        precision: u8,
        /// Digits after the point.
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
    /// A register of document identities; edits of one document merge.
    Document,
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
    /// SQLite TEXT: the digits of a number that neither REAL nor INTEGER holds exactly.
    Digits,
}

/// A value that its column's type does not allow.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{value} is not a valid {kind}{}", .reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
pub struct TypeMismatch {
    /// The value as given; of a long one, its beginning.
    pub value: String,
    /// The declared type.
    pub kind: ColumnType,
    /// What is wrong with it, where the type does not say it all.
    pub reason: Option<MismatchReason>,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MismatchReason {
    /// It is larger than [`bounds::DOCUMENT_BYTES`].
    #[error("{0} bytes, more than {most}; keep it in a file", most = bounds::DOCUMENT_BYTES)]
    TooLarge(usize),
    /// It came as floating point, which keeps fewer digits than it has.
    #[error("floating point keeps 15 digits; give it as text, or add with decimal_add()")]
    Imprecise,
    /// It is not JSON that every program reads in the same way.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is a time with more than microseconds, and nothing is cut without a word.
    #[error("at most six digits after the point, microseconds, can be kept")]
    TooFine,
}

impl ColumnType {
    /// The type that is declared so.
    pub(super) fn declared(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        let (word, digits) = match upper.split_once('(') {
            Some((word, rest)) => (word.trim(), Some(rest.trim_end_matches(')'))),
            None => (upper.trim(), None),
        };
        let digits: Option<Vec<u8>> = digits
            .map(|list| list.split(',').map(|part| part.trim().parse().ok()).collect())
            .unwrap_or(Some(Vec::new()));
        let exact = |most: u8| match digits.as_deref()? {
            [precision] if (1..=most).contains(precision) => Some((*precision, 0)),
            [precision, scale] if (1..=most).contains(precision) && scale <= precision => {
                Some((*precision, *scale))
            }
            _ => None,
        };
        Some(match (word, digits.as_deref()?) {
            ("INTEGER" | "INT" | "BIGINT", []) => Self::Integer,
            ("REAL" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT", []) => Self::Real,
            ("TEXT", []) => Self::Text,
            ("BLOB", []) => Self::Blob,
            ("BOOLEAN" | "BOOL", []) => Self::Boolean,
            ("UUID", []) => Self::Uuid,
            ("DATE", []) => Self::Date,
            ("TIME", []) => Self::Time,
            ("TIMESTAMP" | "DATETIME", []) => Self::Timestamp,
            ("DECIMAL" | "NUMERIC", [_, ..]) => {
                exact(DIGITS).map(|(precision, scale)| Self::Decimal { precision, scale })?
            }
            ("COUNTER", []) => Self::COUNTER,
            ("COUNTER", [_, ..]) => {
                exact(DIGITS).map(|(precision, scale)| Self::Counter { precision, scale })?
            }
            ("RICHTEXT", []) => Self::RichText,
            ("JSON", []) => Self::Json,
            ("STAMP", []) => Self::Stamp,
            ("QUIET", []) => Self::Quiet,
            _ => return None,
        })
    }

    /// How concurrent edits merge.
    pub fn merge_kind(self) -> MergeKind {
        match self {
            Self::Counter { .. } => MergeKind::Counter,
            Self::Stamp => MergeKind::Stamp,
            Self::Quiet => MergeKind::Quiet,
            Self::RichText | Self::Json => MergeKind::Document,
            _ => MergeKind::Register,
        }
    }

    /// What kind of document its cells refer to, if any.
    pub fn document_kind(self) -> Option<DocumentKind> {
        match self {
            Self::RichText => Some(DocumentKind::RichText),
            Self::Json => Some(DocumentKind::Json),
            _ => None,
        }
    }

    /// Whether its values stay as they are, so that a row can be named by one.
    pub fn may_be_key(self) -> bool {
        !matches!(
            self,
            Self::Counter { .. } | Self::RichText | Self::Json | Self::Stamp | Self::Quiet | Self::Real
        )
    }

    /// Whether its digits are ones that can be declared.
    pub fn has_sound_digits(self) -> bool {
        match self {
            Self::COUNTER => true,
            Self::Decimal { precision, scale } | Self::Counter { precision, scale } => {
                (1..=DIGITS).contains(&precision) && scale <= precision
            }
            _ => true,
        }
    }

    /// How the view stores it.
    pub fn storage(self) -> Storage {
        match self {
            Self::Integer | Self::Boolean => Storage::Integer,
            Self::Real => Storage::Real,
            Self::Decimal { .. } | Self::Counter { .. } => self.number_storage(),
            Self::Blob => Storage::Blob,
            _ => Storage::Text,
        }
    }

    /// Whether an op may write `value` in that mode to a column of this type. What an op says
    /// otherwise is not understood: the view could not hold it as it is. (Whether a blob is a
    /// change of a document is for [`crate::document::DocumentWrite::read`] to say; that a key is
    /// never NULL, for whoever looks at keys.)
    pub fn holds(self, mode: Mode, value: &Value) -> bool {
        let is_counter = matches!(self, Self::Counter { .. });
        match mode {
            Mode::Set if is_counter => Offset::read(self, value).is_some(),
            Mode::Set => value.is_null() || self.stores(value),
            Mode::Delta => is_counter && delta(self, value).is_some(),
            Mode::Counted => is_counter && (value.is_null() || units(value).is_some()),
            Mode::Fresh => self.document_kind().is_some() && self.stores(value),
            Mode::Change => self.document_kind().is_some() && matches!(value, Value::Blob(_)),
        }
    }

    /// Whether a value other than NULL is in the one canonical form of this type: what arrives is
    /// judged as what is typed.
    fn stores(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Json, Value::Text(text)) => canonical_json(text).is_ok_and(|canonical| canonical == *text),
            (_, Value::Text(text)) if self.has_text_form() => self.is_canonical_text(text),
            (Self::Decimal { precision, scale }, Value::Decimal(decimal)) => {
                decimal.scale == scale && decimal.mantissa.unsigned_abs() < beyond(precision).unsigned_abs()
            }
            // SQLite stores -0.0 as 0.
            (Self::Real, Value::Real(number)) => {
                number.is_finite() && number.to_bits() != (-0.0f64).to_bits()
            }
            (Self::Integer, Value::Integer(_)) | (Self::Boolean, Value::Integer(0 | 1)) => true,
            (Self::Text | Self::Quiet | Self::RichText, Value::Text(_)) => true,
            (Self::Blob, Value::Blob(_)) => true,
            _ => false,
        }
    }

    /// Whether its values are texts of one canonical form.
    pub fn has_text_form(self) -> bool {
        matches!(self, Self::Uuid | Self::Date | Self::Time | Self::Timestamp | Self::Stamp)
    }

    /// Whether a text is in the canonical form of such a type.
    pub fn is_canonical_text(self, text: &str) -> bool {
        match self {
            Self::Uuid => text_forms::uuid_bytes(text).is_some(),
            Self::Date => text_forms::is_date(text),
            Self::Time => text_forms::is_time(text),
            Self::Timestamp | Self::Stamp => text_forms::timestamp_us(text).is_some(),
            _ => false,
        }
    }

    /// The text that compares with canonical ones as what the given text means: its canonical
    /// form, and of times with more than microseconds all that was given. `None`: it means nothing
    /// to this type.
    pub fn comparable_text(self, text: &str) -> Option<String> {
        match self {
            Self::Uuid => text_forms::canonical_uuid(text),
            Self::Date => text_forms::canonical_date(text),
            Self::Time => text_forms::comparable_time(text),
            Self::Timestamp | Self::Stamp => text_forms::comparable_timestamp(text),
            Self::Json => canonical_json(text).ok(),
            _ => None,
        }
    }

    /// The canonical form of a value written to a column of this type, or why it is refused.
    /// NULL is canonical for every type; NOT NULL is a rule of its own.
    pub fn canonical(self, value: Value) -> Result<Value, TypeMismatch> {
        let mismatch = |value: &Value| {
            let too_fine = matches!(value, Value::Text(text) if self.has_text_form() && self.comparable_text(text).is_some());
            let reason = too_fine.then_some(MismatchReason::TooFine);
            TypeMismatch { value: value.to_string(), kind: self, reason }
        };
        let text = |value: Value, form: fn(&str) -> Option<String>| match &value {
            Value::Text(text) => form(text).map(Value::Text).ok_or_else(|| mismatch(&value)),
            _ => Err(mismatch(&value)),
        };
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            // As SQLite does: a number may come as text where a number is meant.
            (Self::Integer | Self::Real, Value::Text(text)) => match (text.parse(), text.parse::<f64>()) {
                (Ok(number), _) => self.canonical(Value::Integer(number)),
                (_, Ok(number)) if number.is_finite() => self.canonical(Value::Real(number)),
                _ => Err(mismatch(&Value::Text(text))),
            },
            (Self::Integer, value @ Value::Integer(_)) => Ok(value),
            (Self::Boolean, value @ Value::Integer(0 | 1)) => Ok(value),
            (Self::Real, Value::Real(number)) if number.is_finite() => Ok(Value::Real(number + 0.0)),
            (Self::Real, Value::Integer(number)) => Ok(Value::Real(number as f64)),
            (Self::Blob, value @ Value::Blob(_)) => Ok(value),
            (Self::Uuid, value) => text(value, text_forms::canonical_uuid),
            (Self::Date, value) => text(value, text_forms::canonical_date),
            (Self::Time, value) => text(value, text_forms::canonical_time),
            (Self::Timestamp | Self::Stamp, value) => text(value, text_forms::canonical_timestamp),
            (Self::COUNTER, value @ Value::Integer(_)) => Ok(value),
            (Self::COUNTER, value) => Err(mismatch(&value)),
            (Self::Decimal { precision, scale } | Self::Counter { precision, scale }, value) => {
                match self.number(&value, precision) {
                    _ if scale > precision || precision > DIGITS => Err(mismatch(&value)),
                    Some(Err(reason)) => Err(self.refused(&value.to_string(), reason)),
                    Some(Ok(decimal)) => Ok(Value::Decimal(decimal)),
                    None => Err(mismatch(&value)),
                }
            }
            (Self::RichText | Self::Json, Value::Text(text)) if text.len() > bounds::DOCUMENT_BYTES => {
                Err(self.refused(&text, MismatchReason::TooLarge(text.len())))
            }
            (Self::Json, Value::Text(text)) => match canonical_json(&text) {
                Ok(canonical) => Ok(Value::Text(canonical)),
                Err(error) => Err(self.refused(&text, error.into())),
            },
            (Self::Text | Self::RichText | Self::Quiet, value @ Value::Text(_)) => Ok(value),
            (_, value) => Err(mismatch(&value)),
        }
    }

    pub(super) fn refused(self, text: &str, reason: MismatchReason) -> TypeMismatch {
        let mut value: String = text.chars().take(QUOTED).collect();
        value.push_str(if value.len() < text.len() { "…" } else { "" });
        TypeMismatch { value, kind: self, reason: Some(reason) }
    }
}

/// Characters of a refused text that a message repeats.
const QUOTED: usize = 40;

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { precision, scale } => write!(f, "DECIMAL({precision},{scale})"),
            Self::Counter { precision: 0, .. } => f.write_str("COUNTER"),
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
    use crate::decimal::Decimal;
    use crate::merge::in_units;
    use crate::wide::Wide;

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
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(ColumnType::Real.canonical(Value::Real(number)).is_err(), "{number}");
        }
        assert!(ColumnType::Boolean.canonical(Value::Integer(2)).is_err());
        assert_eq!(ColumnType::Real.canonical(Value::Text("12.50".into())).unwrap(), Value::Real(12.5));
        assert_eq!(ColumnType::Integer.canonical(Value::Text("+5".into())).unwrap(), Value::Integer(5));
        assert!(ColumnType::Integer.canonical(Value::Text("5.5".into())).is_err());
        assert!(ColumnType::Real.canonical(Value::Text("1e999".into())).is_err());
        assert!(ColumnType::COUNTER.canonical(Value::Text("x".into())).is_err());
        assert_eq!(
            ColumnType::Date.canonical(Value::Text("demain".into())).unwrap_err().to_string(),
            "demain is not a valid DATE",
        );
        assert_eq!(
            ColumnType::Json.canonical(Value::Text(r#"{"b": 1, "b": 2}"#.into())).unwrap_err().to_string(),
            r#"{"b": 1, "b": 2} is not a valid JSON: json_twice (key: "b") at character 10"#,
        );
        assert_eq!(
            ColumnType::Json.canonical(Value::Text(" {\"b\": 1.0,\"a\" :null}\n".into())).unwrap(),
            Value::Text(r#"{"a":null,"b":1.0}"#.into()),
        );
        let long = Value::Text("é".repeat(bounds::DOCUMENT_BYTES));
        let refused = ColumnType::RichText.canonical(long).unwrap_err();
        assert!(
            refused
                .to_string()
                .ends_with("… is not a valid RICHTEXT: 524288 bytes, more than 262144; keep it in a file"),
            "{refused}"
        );
        assert_eq!(ColumnType::Uuid.canonical(Value::Null).unwrap(), Value::Null);
        let fine = Value::Text("2026-01-31 05:00:00.1234567".into());
        assert_eq!(
            ColumnType::Timestamp.canonical(fine).unwrap_err().to_string(),
            "2026-01-31 05:00:00.1234567 is not a valid TIMESTAMP: at most six digits after the point, microseconds, can be kept",
        );
    }

    #[test]
    fn an_op_may_write_what_the_view_can_hold() {
        let counter = ColumnType::COUNTER;
        let money = ColumnType::Counter { precision: 12, scale: 2 };
        let exact = |mantissa, scale| Value::Decimal(Decimal { mantissa, scale });
        let (text, blob) = (Value::Text("x".into()), Value::Blob(vec![1]));
        for (kind, mode, value) in [
            (ColumnType::Integer, Mode::Set, Value::Integer(1)),
            (ColumnType::Stamp, Mode::Set, Value::Text("2026-01-31 05:00:00".into())),
            (ColumnType::Timestamp, Mode::Set, Value::Text("2026-01-31 05:00:00.500000".into())),
            (ColumnType::Date, Mode::Set, Value::Text("2026-01-31".into())),
            (ColumnType::Time, Mode::Set, Value::Text("05:00:00".into())),
            (ColumnType::Uuid, Mode::Set, Value::Text("0190f5e2-7c3a-7abc-8def-0123456789ab".into())),
            (ColumnType::Boolean, Mode::Set, Value::Integer(1)),
            (ColumnType::Quiet, Mode::Set, text.clone()),
            (ColumnType::Real, Mode::Set, Value::Real(f64::MAX)),
            (ColumnType::Blob, Mode::Set, blob.clone()),
            (counter, Mode::Set, Value::Null),
            (counter, Mode::Delta, Value::Integer(i64::MIN)),
            (counter, Mode::Counted, Value::Integer(38)),
            (money, Mode::Delta, exact(-5, 2)),
            (ColumnType::Decimal { precision: 9, scale: 0 }, Mode::Set, exact(999_999_999, 0)),
            (ColumnType::Decimal { precision: 38, scale: 0 }, Mode::Set, exact(beyond(38) - 1, 0)),
            (ColumnType::Boolean, Mode::Set, Value::Integer(1)),
            (counter, Mode::Set, in_units(counter, Wide::from(i128::MAX))),
            (counter, Mode::Delta, in_units(counter, Wide::from(1 << 64))),
            (money, Mode::Counted, Value::Null),
            (ColumnType::RichText, Mode::Set, Value::Null),
            (ColumnType::Json, Mode::Fresh, Value::Text(r#"{"a":1}"#.into())),
            (ColumnType::RichText, Mode::Set, text.clone()),
            (ColumnType::Json, Mode::Change, blob.clone()),
        ] {
            assert!(kind.holds(mode, &value), "{kind} {mode:?} {value}");
        }
        for (kind, mode, value) in [
            (ColumnType::Integer, Mode::Set, text.clone()),
            (ColumnType::Stamp, Mode::Set, text.clone()),
            (ColumnType::Stamp, Mode::Set, Value::Text("2026-01-31T05:00:00.000Z".into())),
            (ColumnType::Timestamp, Mode::Set, Value::Text("2026-01-31 05:00:00.5".into())),
            (ColumnType::Timestamp, Mode::Set, Value::Text("2026-01-31 05:00:00.1234567".into())),
            (ColumnType::Date, Mode::Set, Value::Text("2026-02-30".into())),
            (ColumnType::Time, Mode::Set, Value::Text("05:00".into())),
            (ColumnType::Uuid, Mode::Set, Value::Text("0190F5E2-7C3A-7ABC-8DEF-0123456789AB".into())),
            (ColumnType::Boolean, Mode::Set, Value::Integer(2)),
            (ColumnType::Json, Mode::Set, Value::Text(r#"{"a": 1}"#.into())),
            (ColumnType::Json, Mode::Fresh, Value::Text("{".into())),
            (ColumnType::Integer, Mode::Delta, Value::Integer(1)),
            (ColumnType::Integer, Mode::Counted, Value::Integer(1)),
            (ColumnType::Text, Mode::Fresh, text.clone()),
            (ColumnType::Json, Mode::Fresh, Value::Null),
            (ColumnType::Real, Mode::Set, Value::Real(f64::NAN)),
            (ColumnType::Real, Mode::Set, Value::Real(f64::NEG_INFINITY)),
            (ColumnType::Boolean, Mode::Set, Value::Integer(2)),
            (ColumnType::Stamp, Mode::Set, text.clone()),
            (ColumnType::Date, Mode::Set, Value::Text("2025-1-31".into())),
            (ColumnType::Uuid, Mode::Set, Value::Text("0190F5A0-0000-7000-8000-000000000001".into())),
            (ColumnType::Real, Mode::Set, Value::Real(-0.0)),
            (ColumnType::Real, Mode::Set, Value::Integer(1)),
            (counter, Mode::Delta, Value::Null),
            (counter, Mode::Set, exact(1, 0)),
            (money, Mode::Set, Value::Integer(1)),
            (money, Mode::Set, exact(1, 3)),
            (ColumnType::Decimal { precision: 9, scale: 2 }, Mode::Set, exact(1_000_000_000, 2)),
            (ColumnType::Decimal { precision: 9, scale: 2 }, Mode::Set, Value::Real(1.0)),
            (ColumnType::RichText, Mode::Set, blob),
            (ColumnType::RichText, Mode::Change, Value::Null),
            (ColumnType::Text, Mode::Change, text),
        ] {
            assert!(!kind.holds(mode, &value), "{kind} {mode:?} {value}");
        }
    }
}
