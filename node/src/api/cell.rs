//! Values as JSON: numbers, strings, null, and blobs as `{"$blob": "base64"}`.

use std::fmt;

use data_encoding::BASE64;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use tandem_protocol::schema::ColumnType;
use tandem_protocol::value::Value;

/// One value on its way from or to JSON, without an intermediate form.
///
/// Integers are exact over all 64 bits. Larger ones are refused, or (of 20 digits and more)
/// floating-point numbers as in SQL itself, which no INTEGER column takes. `true` and
/// `false` are read as 1 and 0. Decimals become the number they stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell(pub Value);

const BLOB: &str = "$blob";

impl Cell {
    /// Unwraps a row.
    pub fn into_values(row: Vec<Self>) -> Vec<Value> {
        row.into_iter().map(|cell| cell.0).collect()
    }

    /// Its value as one of a column is written: what is shown of a number with digits is not all of it.
    pub fn written(&self, kind: ColumnType) -> Value {
        kind.canonical(self.0.clone()).unwrap_or_else(|_| self.0.clone())
    }

    /// Wraps a row.
    pub fn from_values(row: Vec<Value>) -> Vec<Self> {
        row.into_iter().map(Self).collect()
    }
}

/// For people: text as it is, NULL as nothing, blobs as their size.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Null => Ok(()),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Real(number) => write!(f, "{number}"),
            Value::Text(text) => f.write_str(text),
            Value::Decimal(decimal) => write!(f, "{decimal}"),
            Value::Blob(bytes) => write!(f, "[{} B]", bytes.len()),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Real(number) => serializer.serialize_f64(*number),
            // A number as long as every reader keeps its digits.
            Value::Decimal(decimal) if decimal.digits() <= 15 => serializer.serialize_f64(decimal.to_f64()),
            Value::Decimal(decimal) => serializer.collect_str(decimal),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Blob(bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(BLOB, &BASE64.encode(bytes))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor).map(Cell)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a string, true, false, null or {\"$blob\": \"base64\"}")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value)
            .map(Value::Integer)
            .map_err(|_| E::custom(format_args!("{value} is larger than a 64-bit integer")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let expected = || de::Error::custom("an object as a value must be {\"$blob\": \"base64\"}");
        let (key, text) = map.next_entry::<String, String>()?.ok_or_else(expected)?;
        if key != BLOB || map.next_key::<String>()?.is_some() {
            return Err(expected());
        }
        BASE64
            .decode(text.as_bytes())
            .map(Value::Blob)
            .map_err(|error| de::Error::custom(format_args!("$blob is not base64: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_json_exactly() {
        let json =
            r#"[null,-9223372036854775808,9223372036854775807,0.1,-2.5e300,"é\u0000",{"$blob":"AP8="}]"#;
        let row: Vec<Cell> = serde_json::from_str(json).unwrap();
        assert_eq!(row[2].0, Value::Integer(i64::MAX));
        assert_eq!(row[6].0, Value::Blob(vec![0, 255]));
        let again = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Cell>>(&again).unwrap(), row);
        assert_eq!(serde_json::from_str::<Vec<Cell>>("[true,false]").unwrap()[0].0, Value::Integer(1));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for json in [
            "9223372036854775808",
            "[1]",
            "{}",
            r#"{"a":"b"}"#,
            r#"{"$blob":"*"}"#,
            r#"{"$blob":"","b":"c"}"#,
        ] {
            assert!(serde_json::from_str::<Cell>(json).is_err(), "{json}");
        }
    }
}
