//! Values of a row by their columns' names, on one line.

use serde_json::{Map, Value};

use crate::visible::value;

/// `name=value`; of a counter, what was added to it: `name +3`, `name −3`. The sign is not the one
/// that a value has.
fn pair(name: &str, value: &Value) -> String {
    match value {
        Value::Object(object) if object.contains_key("$add") => format!("{name} {}", told_value(value)),
        _ => format!("{name}={}", told_value(value)),
    }
}

/// Numbers as long as no JSON number are told as text.
fn difference(number: &Value) -> String {
    let digits = number.as_str().map_or_else(|| value(number), value);
    match digits.strip_prefix('-') {
        Some(less) => format!("−{less}"),
        None => format!("+{digits}"),
    }
}

/// `name=value`, one after the other.
pub fn pairs(map: &Map<String, Value>) -> String {
    map.iter().map(|(name, value)| pair(name, value)).collect::<Vec<_>>().join(" ")
}

/// Whether a text can be told from what stands beside it without quotes.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains([' ', '=', '"', '\\']) && value(text) == *text
}

/// A value of JSON for people.
pub fn told_value(held: &Value) -> String {
    match held {
        Value::Null => "NULL".to_owned(),
        Value::String(text) if is_plain(text) => text.clone(),
        // Quotes and backslashes in it are marked, so that where it ends is seen.
        Value::String(text) => value(format!("{text:?}")),
        Value::Object(object) => match object.iter().next() {
            Some((name, number)) if name == "$add" => difference(number),
            Some((name, bytes)) if name == "$change" => t!("log.edited", bytes = bytes).into_owned(),
            Some((name, Value::String(base64))) if name == "$blob" => {
                format!("[{} B]", base64.len() / 4 * 3)
            }
            _ => value(held),
        },
        Value::Array(list) => list.iter().map(told_value).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_naturally() {
        let map =
            json!({ "a": 1, "b": "x y", "c": null, "d": { "$add": -2.5 }, "e": { "$add": 3 }, "f": "é" });
        let Value::Object(map) = map else { unreachable!() };
        assert_eq!(pairs(&map), "a=1 b=\"x y\" c=NULL d −2.5 e +3 f=é");
        let map = json!({ "a": { "$change": 45 }, "b": { "$blob": "AAAA" }, "c": ["x:1", "y:2"] });
        let Value::Object(map) = map else { unreachable!() };
        assert_eq!(pairs(&map), "a=[edited, 45 B] b=[3 B] c=x:1,y:2");
    }

    #[test]
    fn what_was_added_is_not_taken_for_a_value() {
        let map = json!({ "stock": { "$add": -3 }, "due": { "$add": "-1234567890123456789.25" }, "b": -3 });
        let Value::Object(map) = map else { unreachable!() };
        assert_eq!(pairs(&map), "stock −3 due −1234567890123456789.25 b=-3");
    }

    #[test]
    fn no_value_passes_for_another_one_or_for_a_line() {
        let map = json!({ "a": "x\nb=2", "c": "y b=2", "d": "\u{1b}[31mz", "e": "\"q\"", "f": "1=1" });
        let Value::Object(map) = map else { unreachable!() };
        assert_eq!(pairs(&map), r#"a="x\nb=2" c="y b=2" d="\u{1b}[31mz" e="\"q\"" f="1=1""#);
    }
}
