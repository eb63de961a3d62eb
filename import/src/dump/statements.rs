//! The statements of a dump, one after the other: found by what stands between them, which is not
//! everywhere a semicolon, and never one in a text, a comment or the body of a trigger.

use std::io::{BufRead, Read};
use std::string::FromUtf8Error;

use super::error::DumpError;
use crate::dialect::Dialect;

/// Bytes of one statement, or of one line. What writes dumps begins another long before.
pub const STATEMENT_BYTES: usize = 64 << 20;

/// A piece of a dump.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// A statement without its comments, which begins in that line.
    Statement {
        /// Where it begins.
        line: u64,
        /// Line breaks stand where they stood.
        text: String,
    },
    /// A row below a COPY.
    CopiedRow {
        /// Where it stands.
        line: u64,
        /// As it stands there.
        text: String,
    },
    /// A line for a program that reads dumps, not for a database.
    Command {
        /// Where it stands.
        line: u64,
        /// As it stands there.
        text: String,
    },
}

/// What a sign stands in.
#[derive(Debug, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// A text or a name, up to that mark; whether a backslash takes the meaning of the sign behind it.
    Quote {
        mark: u8,
        escapes: bool,
        line: u64,
    },
    /// A comment, so deep.
    Comment {
        depth: usize,
        line: u64,
    },
    /// A text of PostgreSQL, up to `$tag$`.
    Dollar {
        tag: Vec<u8>,
        line: u64,
    },
}

/// See the module.
pub struct Statements<R> {
    text: R,
    dialect: Dialect,
    /// What ends a statement.
    delimiter: Vec<u8>,
    /// The line that is read, how far, and its number.
    line: Vec<u8>,
    at: usize,
    number: u64,
    inside: Inside,
    /// Whether what is read stands in a comment that MySQL reads.
    in_hint: bool,
    is_copying: bool,
    statement: Vec<u8>,
    begun: u64,
    /// Whether statements may stand within the one that is read, once that was looked at.
    has_body: Option<bool>,
}

impl<R: BufRead> Statements<R> {
    /// The statements of a text.
    pub fn new(text: R, dialect: Dialect) -> Self {
        Self {
            text,
            dialect,
            delimiter: b";".to_vec(),
            line: Vec::new(),
            at: 0,
            number: 0,
            inside: Inside::Nothing,
            in_hint: false,
            is_copying: false,
            statement: Vec::new(),
            begun: 0,
            has_body: None,
        }
    }

    /// The next piece; none at the end of the file.
    pub fn next(&mut self) -> Result<Option<Piece>, DumpError> {
        loop {
            if self.at == self.line.len() {
                if !self.read_line()? {
                    return self.end();
                }
                if let Some(piece) = self.whole_line() {
                    return Ok(piece.into());
                }
            }
            let has_ended = self.scan();
            debug_assert!(self.at <= self.line.len(), "no sign is read that is not there");
            if has_ended {
                let piece = self.take();
                self.is_copying = piece.as_ref().is_some_and(is_copy);
                if self.is_copying {
                    self.at = self.line.len();
                }
                if piece.is_some() {
                    return Ok(piece);
                }
            }
            if self.statement.len() > STATEMENT_BYTES {
                return Err(DumpError::TooLong { line: self.begun });
            }
        }
    }

    fn read_line(&mut self) -> Result<bool, DumpError> {
        self.line.clear();
        self.at = 0;
        self.number += 1;
        let most = STATEMENT_BYTES as u64 + 1;
        let read = self.text.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        match read > STATEMENT_BYTES {
            true if self.statement.is_empty() => Err(DumpError::TooLong { line: self.number }),
            true => Err(DumpError::TooLong { line: self.begun }),
            false => Ok(read > 0),
        }
    }

    /// What is no part of a statement, but a line of its own. Such a line is used up.
    fn whole_line(&mut self) -> Option<Piece> {
        let line = self.number;
        let is_begun = self.inside != Inside::Nothing || !self.statement.trim_ascii().is_empty();
        let sign = self.line.trim_ascii_start().first().copied();
        let is_alone = matches!(sign, Some(b'\\' | b'.' | b'D' | b'd')) && !is_begun;
        if !self.is_copying && !is_alone {
            return None;
        }
        let text = String::from_utf8_lossy(&self.line).trim_end_matches(['\n', '\r']).to_owned();
        if self.is_copying {
            self.at = self.line.len();
            self.is_copying = text != "\\.";
            return self.is_copying.then_some(Piece::CopiedRow { line, text });
        }
        let word = text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        match self.dialect {
            Dialect::MySql if word == "DELIMITER" => {
                let mark = text.split_whitespace().nth(1).unwrap_or(";");
                self.delimiter = mark.as_bytes().to_vec();
            }
            Dialect::PostgreSql if word.starts_with('\\') => {}
            Dialect::Sqlite if word.starts_with('.') => {}
            _ => return None,
        }
        self.at = self.line.len();
        (word != "DELIMITER").then_some(Piece::Command { line, text })
    }

    /// Reads on in the line; whether a statement has ended.
    fn scan(&mut self) -> bool {
        while self.at < self.line.len() {
            let rest = &self.line[self.at..];
            let sign = rest[0];
            match &mut self.inside {
                Inside::Nothing => {
                    if rest.starts_with(&self.delimiter) {
                        self.at += self.delimiter.len();
                        if self.ends_here() {
                            return true;
                        }
                        self.statement.push(b';');
                    } else {
                        self.open(sign);
                    }
                }
                Inside::Quote { mark, escapes, .. } => {
                    let (mark, escapes) = (*mark, *escapes);
                    let length = match rest {
                        [b'\\', _, ..] if escapes => 2,
                        [one, other, ..] if *one == mark && one == other => 2,
                        _ => 1,
                    };
                    if length == 1 && sign == mark {
                        self.inside = Inside::Nothing;
                    }
                    self.keep(length);
                }
                Inside::Comment { depth, .. } => {
                    let nests = self.dialect == Dialect::PostgreSql;
                    let length = match rest {
                        [b'*', b'/', ..] => {
                            *depth -= 1;
                            2
                        }
                        [b'/', b'*', ..] if nests => {
                            *depth += 1;
                            2
                        }
                        _ => 1,
                    };
                    if *depth == 0 {
                        self.inside = Inside::Nothing;
                        self.space(b' ');
                    } else if sign == b'\n' {
                        self.space(sign);
                    }
                    self.at += length;
                }
                Inside::Dollar { tag, .. } => {
                    let length = if rest.starts_with(tag) { tag.len() } else { 1 };
                    if length > 1 {
                        self.inside = Inside::Nothing;
                    }
                    self.keep(length);
                }
            }
        }
        false
    }

    /// A sign that stands in nothing: something may begin with it.
    fn open(&mut self, sign: u8) {
        let (rest, line) = (&self.line[self.at..], self.number);
        let is_mysql = self.dialect == Dialect::MySql;
        let quote = |mark, escapes| Inside::Quote { mark, escapes, line };
        match sign {
            b'-' if rest.starts_with(b"--")
                && (!is_mysql || self.is_at_start() || rest.get(2).is_none_or(u8::is_ascii_whitespace)) =>
            {
                return self.pass_line();
            }
            b'#' if is_mysql => return self.pass_line(),
            b'/' if is_mysql && (rest.starts_with(b"/*!") || rest.starts_with(b"/*M!")) => {
                let digits = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'/' | b'*' | b'!' | b'M');
                self.at += rest.iter().take_while(digits).count();
                self.in_hint = true;
                return self.space(b' ');
            }
            b'*' if self.in_hint && rest.starts_with(b"*/") => {
                self.at += 2;
                self.in_hint = false;
                return self.space(b' ');
            }
            b'/' if rest.starts_with(b"/*") => {
                self.inside = Inside::Comment { depth: 1, line };
                self.at += 2;
                return;
            }
            b'\'' => self.inside = quote(b'\'', is_mysql || self.follows_e()),
            b'"' => self.inside = quote(b'"', is_mysql),
            b'`' => self.inside = quote(b'`', false),
            b'[' if self.dialect == Dialect::Sqlite => self.inside = quote(b']', false),
            b'$' if self.dialect == Dialect::PostgreSql && !self.follows_word() => {
                let word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte >= 0x80;
                let length = rest[1..].iter().take_while(word).count() + 2;
                if rest.get(length - 1) == Some(&b'$') && !rest[1].is_ascii_digit() {
                    let tag = rest[..length].to_vec();
                    self.inside = Inside::Dollar { tag, line };
                    return self.keep(length);
                }
            }
            _ => {}
        }
        self.keep(1);
    }

    /// Takes signs of the line into the statement.
    fn keep(&mut self, length: usize) {
        let signs = &self.line[self.at..self.at + length];
        if self.statement.is_empty() {
            if signs.trim_ascii().is_empty() {
                self.at += length;
                return;
            }
            self.begun = self.number;
        }
        self.statement.extend_from_slice(signs);
        self.at += length;
    }

    /// A comment that ends with the line.
    fn pass_line(&mut self) {
        self.at = self.line.len();
        self.space(b'\n');
    }

    /// Whether nothing of a statement stands before this sign, in its line or above it: there the program
    /// of MySQL takes `--x` for a comment too.
    fn is_at_start(&self) -> bool {
        self.statement.is_empty() && self.line[..self.at].trim_ascii().is_empty()
    }

    /// In place of a comment, within a statement.
    fn space(&mut self, sign: u8) {
        if !self.statement.is_empty() {
            self.statement.push(sign);
        }
    }

    fn follows_word(&self) -> bool {
        self.statement.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    }

    /// Whether a text begins here in which PostgreSQL reads backslashes: `E'…'`.
    fn follows_e(&self) -> bool {
        let text = self.statement.as_slice();
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        matches!(text, [.., b'E' | b'e']) && !text.iter().rev().nth(1).is_some_and(word)
    }

    /// Whether the statement ends with this delimiter: within the body of a trigger it does not.
    fn ends_here(&mut self) -> bool {
        let statement = &self.statement;
        if self.dialect == Dialect::MySql || !*self.has_body.get_or_insert_with(|| has_body(statement)) {
            return true;
        }
        let text = self.statement.trim_ascii_end();
        let ended = text.len().checked_sub(3).map(|at| text.split_at(at));
        ended.is_some_and(|(before, word)| {
            word.eq_ignore_ascii_case(b"END") && before.trim_ascii_end().ends_with(b";")
        })
    }

    fn take(&mut self) -> Option<Piece> {
        self.has_body = None;
        let mut bytes = std::mem::take(&mut self.statement);
        bytes.truncate(bytes.trim_ascii_end().len());
        bytes.drain(..bytes.len() - bytes.trim_ascii_start().len());
        let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
        let text = String::from_utf8(bytes).unwrap_or_else(lossy);
        (!text.is_empty()).then_some(Piece::Statement { line: self.begun, text })
    }

    /// The file is at its end: what has begun must have ended.
    fn end(&mut self) -> Result<Option<Piece>, DumpError> {
        match std::mem::replace(&mut self.inside, Inside::Nothing) {
            Inside::Nothing if self.is_copying => Err(DumpError::EndsEarly { line: self.number }),
            Inside::Nothing => Ok(self.take()),
            Inside::Comment { line, .. } => Err(DumpError::NeverCloses { line, mark: "/*".to_owned() }),
            Inside::Quote { mark, line, .. } => {
                let mark = if mark == b']' { '[' } else { char::from(mark) };
                Err(DumpError::NeverCloses { line, mark: mark.to_string() })
            }
            Inside::Dollar { tag, line } => {
                let mark = String::from_utf8_lossy(&tag).into_owned();
                Err(DumpError::NeverCloses { line, mark })
            }
        }
    }
}

/// Whether statements may stand within this one.
fn has_body(statement: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&statement[..statement.len().min(4096)]).to_ascii_uppercase();
    let mut words = head.split_whitespace();
    if words.next() != Some("CREATE") {
        return false;
    }
    let kind = words.find(|word| !matches!(*word, "TEMP" | "TEMPORARY" | "OR" | "REPLACE"));
    match kind {
        Some("TRIGGER") => head.split_whitespace().any(|word| word == "BEGIN"),
        Some("FUNCTION" | "PROCEDURE") => {
            let words: Vec<&str> = head.split_whitespace().collect();
            words.windows(2).any(|pair| pair == ["BEGIN", "ATOMIC"])
        }
        _ => false,
    }
}

/// Whether rows follow below this statement.
fn is_copy(piece: &Piece) -> bool {
    let Piece::Statement { text, .. } = piece else { return false };
    let is_one = text.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("copy"));
    is_one && text.to_ascii_uppercase().split_whitespace().any(|word| word == "STDIN")
}

#[cfg(test)]
mod tests;
