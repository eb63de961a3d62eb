//! The one form in which a value of a type is written down, and what it is made of.

use super::column_type::ColumnType;
use super::text_forms;
use super::type_mismatch::{MismatchReason, TypeMismatch};
use crate::bounds;
use crate::decimal::DIGITS;
use crate::document::canonical_json;
use crate::value::Value;

impl ColumnType {
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
            let reason = too_fine.then(|| Box::new(MismatchReason::TooFine));
            TypeMismatch { value: value.to_string().into(), kind: self, reason }
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
                    Some(Err(reason)) => Err(TypeMismatch::of_text(self, &value.to_string(), reason)),
                    Some(Ok(decimal)) => Ok(Value::Decimal(decimal)),
                    None => Err(mismatch(&value)),
                }
            }
            (Self::RichText | Self::Json, Value::Text(text)) if text.len() > bounds::DOCUMENT_BYTES => {
                Err(TypeMismatch::of_text(self, &text, MismatchReason::TooLarge(text.len())))
            }
            (Self::Json, Value::Text(text)) => match canonical_json(&text) {
                Ok(canonical) => Ok(Value::Text(canonical)),
                Err(error) => Err(TypeMismatch::of_text(self, &text, error.into())),
            },
            (kind, value @ Value::Text(_)) if kind.holds_any_text() => Ok(value),
            (_, value) => Err(mismatch(&value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;

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
}
