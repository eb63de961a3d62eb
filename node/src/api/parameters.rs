//! The parameters of a statement: in the order of their places, or by their names.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use tandem_protocol::value::Value;
use tandem_store::Names;

use super::cell::Cell;
use super::error::Result;

/// The parameters of a statement: `[…]` in the order of their places, or `{"name": …}` for those that it
/// calls `:name`, `@name` or `$name`.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    /// In the order of their places.
    Listed(Vec<Cell>),
    /// By their names, without the sign.
    Named(Vec<(String, Cell)>),
}

impl Default for Parameters {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl From<Vec<Cell>> for Parameters {
    fn from(list: Vec<Cell>) -> Self {
        Self::Listed(list)
    }
}

impl Parameters {
    /// The values in the order of their places in the statement.
    pub(super) fn into_values(self, sql: &str) -> Result<Vec<Value>> {
        match self {
            Self::Listed(list) => Ok(Cell::into_values(list)),
            Self::Named(named) => Ok(Names::of(sql)?.place(unwrapped(named))?),
        }
    }

    /// As [`Parameters::into_values`], of many sets for one statement.
    pub(super) fn all_into_values(sets: Vec<Self>, sql: &str) -> Result<Vec<Vec<Value>>> {
        let any_named = sets.iter().any(|set| matches!(set, Self::Named(_)));
        let names = any_named.then(|| Names::of(sql)).transpose()?;
        let values = |set| match (set, &names) {
            (Self::Named(named), Some(names)) => Ok(names.place(unwrapped(named))?),
            (set, _) => set.into_values(sql),
        };
        sets.into_iter().map(values).collect()
    }
}

fn unwrapped(named: Vec<(String, Cell)>) -> Vec<(String, Value)> {
    named.into_iter().map(|(name, cell)| (name, cell.0)).collect()
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Listed(list) => serializer.collect_seq(list),
            Self::Named(named) => serializer.collect_map(named.iter().map(|(name, cell)| (name, cell))),
        }
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(ParametersVisitor)
    }
}

struct ParametersVisitor;

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[…] or {\"name\": …}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Parameters, A::Error> {
        let mut cells = Vec::new();
        while let Some(cell) = list.next_element()? {
            cells.push(cell);
        }
        Ok(Parameters::Listed(cells))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Parameters, A::Error> {
        let mut named: Vec<(String, Cell)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some((name, cell)) = map.next_entry::<String, Cell>()? {
            if !seen.insert(name.clone()) {
                return Err(de::Error::custom(format_args!("duplicate field `{name}`")));
            }
            named.push((name, cell));
        }
        Ok(Parameters::Named(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Parameters {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn both_forms_are_read_written_and_put_in_their_places() {
        let sql = "SELECT :b, :a";
        for json in ["[2,1]", r#"{"a":1,"b":2}"#] {
            assert_eq!(serde_json::to_string(&read(json)).unwrap(), json);
            assert_eq!(read(json).into_values(sql).unwrap(), [Value::Integer(2), Value::Integer(1)]);
        }
        let sets = vec![read(r#"{"a":1,"b":2}"#), read("[4,3]")];
        let placed = Parameters::all_into_values(sets, sql).unwrap();
        assert_eq!(placed[1], [Value::Integer(4), Value::Integer(3)]);
        let error = read(r#"{"a":1}"#).into_values(sql).unwrap_err();
        assert_eq!(
            (error.code.as_ref(), error.params["names"].to_string().as_str()),
            ("parameter_missing", ":b")
        );
        assert!(serde_json::from_str::<Parameters>(r#"{"a":1,"a":2}"#).is_err());
        assert!(serde_json::from_str::<Parameters>("1").is_err());
    }
}
