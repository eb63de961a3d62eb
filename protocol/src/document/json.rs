//! JSON with one text for each value: compact, keys sorted by their bytes, every number an
//! `i64` or an `f64`.
//!
//! Read here and not by serde_json, because that keeps the last of two equal keys, turns integers
//! it has no room for into floating-point numbers, and may miss the nearest one by a digit.

#[cfg(test)]
pub(super) mod tests;

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
    debug_assert!(
        Json::parse(&canonical).is_ok_and(|again| again.to_text() == canonical),
        "a canonical text is its own canonical form"
    );
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

/// Reads a JSON text, front to back.
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

    fn accept(&mut self, word: &str) -> bool {
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
            _ if self.accept("null") => Ok(Json::Null),
            _ if self.accept("true") => Ok(Json::Boolean(true)),
            _ if self.accept("false") => Ok(Json::Boolean(false)),
            _ => Err(self.unexpected(Cause::new("json_value"))),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.accept("]") {
            return Ok(Json::List(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.accept("]") {
                return Ok(Json::List(items));
            }
            if !self.accept(",") {
                return Err(self.unexpected("`,` `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut entries = BTreeMap::new();
        self.at += 1;
        self.space();
        if self.accept("}") {
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
            if !self.accept(":") {
                return Err(self.unexpected("`:`"));
            }
            self.space();
            let value = self.value(depth + 1)?;
            entries.insert(key, value);
            self.space();
            if self.accept("}") {
                return Ok(Json::Object(entries));
            }
            if !self.accept(",") {
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
        self.accept("-");
        if !self.accept("0") {
            self.digits()?;
        } else if matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.refused(Cause::new("json_leading_zero")));
        }
        let mut whole = true;
        if self.accept(".") {
            whole = false;
            self.digits()?;
        }
        if self.accept("e") || self.accept("E") {
            whole = false;
            let _ = self.accept("+") || self.accept("-");
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
        let low = self.accept("\\u").then(|| self.code_unit()).flatten()?;
        (0xdc00..0xe000)
            .contains(&low)
            .then(|| char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)))
            .flatten()
    }
}
