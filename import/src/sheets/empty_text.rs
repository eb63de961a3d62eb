//! CSV in which two things can still be told that a reader of CSV gives as the same: a text of no characters
//! (`""`) from nothing, and a carriage return that ends a line from one that ends a text.

use std::io::{self, Read};

/// What stands in a field for an empty text. (A file with this character in it is no text.)
pub const EMPTY: &str = "\0";

/// Bytes that are read together.
const PIECE: usize = 32 << 10;

/// Where in a row the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a field.
    Begin,
    /// Behind a quotation mark at the beginning of a field.
    Opened,
    /// Behind a second one, which is held back.
    Held,
    /// In a field in quotation marks.
    Quoted,
    /// Behind a quotation mark in such a field.
    Closed,
    /// In another field.
    Plain,
}

/// Text of CSV, with [`EMPTY`] in every field that is `""`, and lines that end with a line feed alone.
pub struct EmptyTexts<R> {
    /// What it is made of.
    pub inner: R,
    separator: u8,
    place: Place,
    /// Whether a carriage return is held back that may end a line.
    has_return: bool,
    made: Vec<u8>,
    given: usize,
    piece: Vec<u8>,
}

impl<R: Read> EmptyTexts<R> {
    /// What a file holds whose values stand between such marks.
    pub fn new(inner: R, separator: u8) -> Self {
        let piece = vec![0; PIECE];
        Self { inner, separator, place: Place::Begin, has_return: false, made: Vec::new(), given: 0, piece }
    }

    fn byte(&mut self, byte: u8) {
        if std::mem::take(&mut self.has_return) && byte != b'\n' {
            self.made.push(b'\r');
        }
        let ends = byte == self.separator || byte == b'\n';
        if self.place == Place::Held {
            let is_empty = ends || byte == b'\r';
            self.made.extend_from_slice(if is_empty { b"\0\"" } else { b"\"" });
            self.place = if byte == b'"' { Place::Quoted } else { Place::Closed };
            if byte == b'"' {
                self.made.push(byte);
                return;
            }
        }
        self.place = match (self.place, byte) {
            (Place::Begin, b'"') => Place::Opened,
            (Place::Opened, b'"') => {
                self.place = Place::Held;
                return;
            }
            (Place::Quoted, b'"') => Place::Closed,
            (Place::Closed, b'"') => Place::Quoted,
            (Place::Opened | Place::Quoted, _) => Place::Quoted,
            (_, _) if ends => Place::Begin,
            (place, b'\r') => {
                self.place = place;
                self.has_return = true;
                return;
            }
            (_, _) => Place::Plain,
        };
        self.made.push(byte);
    }
}

impl<R: Read> Read for EmptyTexts<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.made.len() {
            self.made.clear();
            self.given = 0;
            let read = self.inner.read(&mut self.piece)?;
            let piece = std::mem::take(&mut self.piece);
            piece[..read].iter().for_each(|byte| self.byte(*byte));
            self.piece = piece;
            if read == 0 && std::mem::take(&mut self.has_return) {
                self.made.push(b'\r');
            }
            if read == 0 && self.place == Place::Held {
                self.made.extend_from_slice(b"\0\"");
                self.place = Place::Closed;
            }
            if read > 0 && self.made.is_empty() {
                // All of it is held back.
                return self.read(buffer);
            }
        }
        let left = &self.made[self.given..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Slow<'t>(&'t [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(1);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn an_empty_text_is_marked_and_nothing_else_is_touched() {
        for (text, expected) in [
            ("a,\"\",b\n", "a,\"\0\",b\n"),
            ("\"\"\n\"\"\r\n\"\"", "\"\0\"\n\"\0\"\n\"\0\""),
            ("a\r\n\"b\r\"\r\n\"c\r\nd\"\r\r\n\r", "a\n\"b\r\"\n\"c\r\nd\"\r\n\r"),
            ("\"\"\"x\"\"\",\"\"\"\"\n", "\"\"\"x\"\"\",\"\"\"\"\n"),
            ("\"a\n\"\",\"\",\"\",b\"\n", "\"a\n\"\",\"\",\"\",b\"\n"),
            ("x\"\",y\"\"\n", "x\"\",y\"\"\n"),
            (",,\n", ",,\n"),
            ("\"a\",\"\"", "\"a\",\"\0\""),
        ] {
            let mut slow = String::new();
            EmptyTexts::new(Slow(text.as_bytes()), b',').read_to_string(&mut slow).unwrap();
            assert_eq!(slow, expected, "{text:?}");
            let mut fast = String::new();
            EmptyTexts::new(text.as_bytes(), b',').read_to_string(&mut fast).unwrap();
            assert_eq!(fast, expected, "{text:?}");
        }
    }
}
