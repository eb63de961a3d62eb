//! Parameters given by their names, put at the places where SQLite counts them.
//!
//! A parameter is `:name`, `@name` or `$name`; the first of each text takes the next place. That is told
//! from the text alone, because a request is named by its values before SQLite sees any of it.

use std::collections::{HashMap, HashSet};

use tandem_protocol::sql_text;
use tandem_protocol::value::Value;

use crate::refusal::Refusal;
use crate::view::parameters;

/// Names that an error tells.
const TOLD: usize = 10;

/// The named parameters of a statement, in the order of their places.
#[derive(Debug)]
pub struct Names<'a> {
    sql: &'a str,
    /// With their signs: `:a` and `@a` are two places, and have one value.
    places: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// Those of a statement, all of whose parameters have names.
    pub fn of(sql: &'a str) -> Result<Self, Refusal> {
        sql_text::check_statement(sql).map_err(|error| Refusal::of_text(&error, 0))?;
        let (mut places, mut seen) = (Vec::new(), HashSet::new());
        for parameter in parameters(sql) {
            if parameter.starts_with('?') {
                return Err(Refusal::of_parameters("parameter_unnamed", parameter.to_owned(), sql));
            }
            if seen.insert(parameter) {
                places.push(parameter);
            }
        }
        Ok(Self { sql, places })
    }

    /// The values of these names, each at its places. Every name has a value, and every value a place.
    pub fn place(&self, named: Vec<(String, Value)>) -> Result<Vec<Value>, Refusal> {
        let given: HashMap<&str, &Value> = named.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let wanted: HashSet<&str> = self.places.iter().map(|place| bare(place)).collect();
        let refused = |code, names: Vec<&str>| match names.is_empty() {
            true => Ok(()),
            false => Err(Refusal::of_parameters(code, told(&names), self.sql)),
        };
        let missing = self.places.iter().copied().filter(|place| !given.contains_key(bare(place)));
        refused("parameter_missing", missing.collect())?;
        let unknown = named.iter().map(|(name, _)| name.as_str()).filter(|name| !wanted.contains(name));
        refused("parameter_unknown", unknown.collect())?;
        let values = self.places.iter().filter_map(|place| given.get(bare(place)));
        let values: Vec<Value> = values.map(|value| (*value).clone()).collect();
        assert_eq!(values.len(), self.places.len(), "each place has its value");
        Ok(values)
    }
}

/// A parameter without its sign, as it is named in a request.
fn bare(parameter: &str) -> &str {
    &parameter[1..]
}

fn told(names: &[&str]) -> String {
    let mut told = names[..names.len().min(TOLD)].join(", ");
    if names.len() > TOLD {
        told.push_str(", …");
    }
    told
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    fn placed(sql: &str, named: &[(&str, i64)]) -> Result<Vec<i64>, String> {
        let named = named.iter().map(|(name, value)| ((*name).to_owned(), Value::Integer(*value))).collect();
        let values =
            Names::of(sql).and_then(|names| names.place(named)).map_err(|refusal| refusal.to_string())?;
        let number = |value: &Value| if let Value::Integer(number) = value { *number } else { -1 };
        Ok(values.iter().map(number).collect())
    }

    #[test]
    fn each_name_has_its_value_at_all_its_places() {
        let sql = "SELECT :b, @a, ':c', \":d\", [:e], `:f`, $b, :b -- :g\n /* @h */ + :a";
        assert_eq!(placed(sql, &[("a", 1), ("b", 2)]), Ok(vec![2, 1, 2, 1]));
        assert_eq!(placed("SELECT 1", &[]), Ok(vec![]));
    }

    #[test]
    fn the_missing_and_the_superfluous_one_are_named() {
        for (sql, named, refused) in [
            ("SELECT :a, :b", &[("a", 1)][..], "parameter_missing (names: :b, sql: SELECT :a, :b)"),
            ("SELECT :a", &[("a", 1), ("b", 2)], "parameter_unknown (names: b, sql: SELECT :a)"),
            ("SELECT :a", &[(":a", 1)], "parameter_missing (names: :a, sql: SELECT :a)"),
            ("SELECT :a, ?", &[("a", 1)], "parameter_unnamed (names: ?, sql: SELECT :a, ?)"),
            ("SELECT ?1", &[("1", 1)], "parameter_unnamed (names: ?1, sql: SELECT ?1)"),
        ] {
            let error = placed(sql, named).unwrap_err();
            assert_eq!(error.replace('"', ""), refused, "{sql}");
        }
        let long = format!("SELECT '{}'", "x".repeat(2 << 20));
        assert!(placed(&long, &[]).unwrap_err().starts_with("sql_too_long"));
    }

    proptest! {
        /// Whatever SQLite takes for a statement has the parameters that it says, at these places.
        #[test]
        fn places_are_those_that_sqlite_counts(
            parts in proptest::collection::vec(
                prop_oneof![
                    "[:@$]{1,2}[a-c_é]{0,2}[$0-9]{0,1}",
                    Just("$a::b".to_owned()), Just(":a(x y)".to_owned()), Just("$a(b)".to_owned()),
                    Just("a$b".to_owned()), Just("1".to_owned()), Just("x'00'".to_owned()),
                    Just("':a'':b'".to_owned()), Just("\":a\"".to_owned()), Just("[:a]".to_owned()),
                    Just("-- :a\n1".to_owned()), Just("/* :b */ 2".to_owned()), Just("'?'".to_owned()),
                ],
                1..6,
            ),
            joint in prop_oneof![Just(", "), Just(","), Just(" + "), Just(" ->> "), Just(" || ")],
        ) {
            let sql = format!("SELECT {}", parts.join(joint));
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch("CREATE TABLE t (a, b, a$b)").unwrap();
            let sql = format!("{sql} FROM t");
            if let Ok(statement) = connection.prepare(&sql) {
                let said: Vec<String> = (1..=statement.parameter_count())
                    .map(|place| statement.parameter_name(place).unwrap().to_owned())
                    .collect();
                prop_assert_eq!(Names::of(&sql).unwrap().places, said, "{}", sql);
            }
        }
    }
}
