//! What an op may write to a column: values in the one form of their type and mode.

use super::column_type::ColumnType;
use crate::decimal::beyond;
use crate::document::canonical_json;
use crate::merge::{Offset, delta, units};
use crate::op::Mode;
use crate::value::Value;

impl ColumnType {
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
            (kind, Value::Text(_)) if kind.holds_any_text() => true,
            (Self::Blob, Value::Blob(_)) => true,
            _ => false,
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
