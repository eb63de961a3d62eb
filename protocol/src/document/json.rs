//! JSON with one text for each value: compact, keys sorted by their bytes, every number an
//! `i64` or an `f64`.
//!
//! Read here and not by serde_json, because that keeps the last of two equal keys, turns integers
//! it has no room for into floating-point numbers, and may miss the nearest one by a digit.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::json_error::JsonError;
use crate::bounds;
use crate::cause::{Cause, Param};

/// A JSON value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Json {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Finite, never -0.0.
    Real(f64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// The one text of the value that `text` describes.
pub fn canonical_json(text: &str) -> Result<String, JsonError> {
    let canonical = Json::parse(text)?.to_text();
    if canonical.len() > bounds::DOCUMENT_BYTES {
        let fault =
            Cause::new("json_large").with("bytes", canonical.len()).with("most", bounds::DOCUMENT_BYTES);
        return Err(JsonError::new(fault, text.chars().count()));
    }
    Ok(canonical)
}

impl Json {
    pub(super) fn parse(text: &str) -> Result<Self, JsonError> {
        let mut parser = Parser { text, at: 0 };
        parser.space();
        let value = parser.value(0)?;
        parser.space();
        if parser.at < text.len() {
            return Err(parser.refused(Cause::new("json_more")));
        }
        Ok(value)
    }

    /// A number that is not finite has no form in JSON.
    pub(super) fn real(number: f64) -> Self {
        if number.is_finite() { Self::Real(number + 0.0) } else { Self::Null }
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Self::Integer(number) => {
                let _ = write!(out, "{number}");
            }
            Self::Real(number) => {
                let _ = write!(out, "{}", serde_json::Value::from(*number));
            }
            Self::Text(text) => write_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(entries) => {
                out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl Parser<'_> {
    fn refused(&self, fault: Cause) -> JsonError {
        JsonError::new(fault, self.text[..self.at].chars().count() + 1)
    }

    fn unexpected(&self, wanted: impl Into<Param>) -> JsonError {
        let cause = match self.text[self.at..].chars().next() {
            Some(found) => Cause::new("json_found").with("found", format!("{found:?}")),
            None => Cause::new("json_ends"),
        };
        self.refused(cause.with("wanted", wanted))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.text[self.at..].starts_with(word);
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'[' | b'{') if depth == bounds::JSON_DEPTH => {
                Err(self.refused(Cause::new("json_deep").with("most", bounds::JSON_DEPTH)))
            }
            Some(b'[') => self.list(depth),
            Some(b'{') => self.object(depth),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ if self.take("null") => Ok(Json::Null),
            _ if self.take("true") => Ok(Json::Boolean(true)),
            _ if self.take("false") => Ok(Json::Boolean(false)),
            _ => Err(self.unexpected(Cause::new("json_value"))),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.take("]") {
            return Ok(Json::List(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take("]") {
                return Ok(Json::List(items));
            }
            if !self.take(",") {
                return Err(self.unexpected("`,` `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut entries = BTreeMap::new();
        self.at += 1;
        self.space();
        if self.take("}") {
            return Ok(Json::Object(entries));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected(Cause::new("json_key")));
            }
            let key = self.string()?;
            if entries.contains_key(&key) {
                self.at = start;
                return Err(self.refused(Cause::new("json_twice").with("key", format!("{key:?}"))));
            }
            self.space();
            if !self.take(":") {
                return Err(self.unexpected("`:`"));
            }
            self.space();
            let value = self.value(depth + 1)?;
            entries.insert(key, value);
            self.space();
            if self.take("}") {
                return Ok(Json::Object(entries));
            }
            if !self.take(",") {
                return Err(self.unexpected("`,` `}`"));
            }
        }
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected(Cause::new("json_digit")));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        self.take("-");
        if !self.take("0") {
            self.digits()?;
        } else if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.refused(Cause::new("json_leading_zero")));
        }
        let mut whole = true;
        if self.take(".") {
            whole = false;
            self.digits()?;
        }
        if self.take("e") || self.take("E") {
            whole = false;
            let _ = self.take("+") || self.take("-");
            self.digits()?;
        }
        let digits = &self.text[start..self.at];
        let number = if whole {
            digits.parse().ok().map(Json::Integer)
        } else {
            digits.parse().ok().filter(|number: &f64| number.is_finite()).map(Json::real)
        };
        number.ok_or_else(|| {
            self.at = start;
            self.refused(Cause::new("json_number"))
        })
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            string.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => string.push(self.escape()?),
                Some(_) => return Err(self.refused(Cause::new("json_control"))),
                None => return Err(self.unexpected("`\"`")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        self.at += 2;
        let letter = self.text.as_bytes().get(start + 1);
        let escaped = match letter {
            Some(b'"') => Some('"'),
            Some(b'\\') => Some('\\'),
            Some(b'/') => Some('/'),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            Some(b'u') => self.code_unit().and_then(|unit| self.code_point(unit)),
            _ => None,
        };
        escaped.ok_or_else(|| {
            self.at = start;
            self.refused(Cause::new("json_escape"))
        })
    }

    fn code_unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    }

    /// A character beyond 16 bits is two units.
    fn code_point(&mut self, unit: u32) -> Option<char> {
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit);
        }
        let low = self.take("\\u").then(|| self.code_unit()).flatten()?;
        (0xdc00..0xe000)
            .contains(&low)
            .then(|| char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)))
            .flatten()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in super::super) fn values() -> impl Strategy<Value = Json> {
        let scalar = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Boolean),
            any::<i64>().prop_map(Json::Integer),
            any::<f64>().prop_map(Json::real),
            (-3i64..3).prop_map(Json::Integer),
            ".{0,6}".prop_map(Json::Text),
        ];
        scalar.prop_recursive(4, 30, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::List),
                prop::collection::btree_map("[a-c]|.{0,2}", inner, 0..5).prop_map(Json::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_json_is_canonical(value in values()) {
            let text = value.to_text();
            prop_assert_eq!(&canonical_json(&text).unwrap(), &text);
            let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(canonical_json(&serde_json::to_string_pretty(&parsed).unwrap()).is_ok(), true);
        }

        #[test]
        fn no_text_makes_the_json_reader_panic(text in r#"([\[\]{}:,"\\]|-?[0-9.eE+]{0,4}|null|\\u[dD]?[0-9a-f]{2,4}|.){0,20}"#) {
            if let Ok(canonical) = canonical_json(&text) {
                prop_assert_eq!(&canonical_json(&canonical).unwrap(), &canonical);
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            }
        }
    }

    #[test]
    fn json_is_read_strictly() {
        let canonical = |text| canonical_json(text).unwrap();
        assert_eq!(
            canonical(" { \"b\" : [1 , 2.50, -0.0, 1e2] ,\n \"a\":\"\\u00e9\\ud83d\\ude00\\/\\n\" } "),
            "{\"a\":\"é😀/\\n\",\"b\":[1,2.5,0.0,100.0]}"
        );
        assert_eq!(canonical("-9223372036854775808"), "-9223372036854775808");
        assert_eq!(canonical("1e300"), "1e+300");
        for (text, message) in [
            ("", "json_ends (wanted: json_value) at character 1"),
            ("[1,]", "json_found (found: ']', wanted: json_value) at character 4"),
            ("{\"é\":1 \"b\":2}", "json_found (found: '\"', wanted: `,` `}`) at character 8"),
            ("{a:1}", "json_found (found: 'a', wanted: json_key) at character 2"),
            ("[9223372036854775808]", "json_number at character 2"),
            ("1e999", "json_number at character 1"),
            ("{\"a\":1,\"\\u0061\":2}", "json_twice (key: \"a\") at character 8"),
            ("01", "json_leading_zero at character 2"),
            ("1.", "json_ends (wanted: json_digit) at character 3"),
            ("\"\\x\"", "json_escape at character 2"),
            ("\"\\ud800\"", "json_escape at character 2"),
            ("\"a\nb\"", "json_control at character 3"),
            ("1 2", "json_more at character 3"),
            ("NaN", "json_found (found: 'N', wanted: json_value) at character 1"),
        ] {
            assert_eq!(canonical_json(text).unwrap_err().to_string(), message, "{text}");
        }
        let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(canonical(&deep(bounds::JSON_DEPTH)), deep(bounds::JSON_DEPTH));
        assert!(canonical_json(&deep(bounds::JSON_DEPTH + 1)).is_err());
        assert!(canonical_json(&"[".repeat(1_000_000)).is_err());
    }
}
