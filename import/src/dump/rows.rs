//! The rows of a dump: what stands behind VALUES, or below COPY.

use std::path::Path;

use sqlparser::ast::{Expr, Value as Literal};
use sqlparser::tokenizer::Token;

use super::copy_form::CopyForm;
use super::cursor::{Cursor, Words, item_length};
use super::error::DumpError;
use super::names::Names;
use super::statements::{Piece, Statements};
use super::{Dump, reference};
use crate::dialect::Dialect;
use crate::schema::plain::plain;
use crate::text_file::TextFile;

/// A value, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// NULL.
    Null,
    /// A number, with all its digits.
    Number(String),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Characters of a value that are told.
const TOLD_CHARS: usize = 60;

impl Written {
    /// How it begins, for people. A value may be a picture.
    pub fn beginning(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Number(text) | Self::Text(text) => text.chars().take(TOLD_CHARS).collect(),
            Self::Bytes(bytes) => {
                bytes.iter().take(TOLD_CHARS / 2).map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }
}

/// A row.
#[derive(Debug)]
pub struct Row<'a> {
    /// The place of its table among those of the dump.
    pub table: usize,
    /// Where it stands.
    pub line: u64,
    /// The columns that it names.
    pub columns: &'a [String],
    /// Their values.
    pub values: Vec<Written>,
}

/// The table and the columns of the rows that follow.
struct Target {
    table: usize,
    columns: Vec<String>,
}

/// Where the rows of the last statement went: most go where those before them went.
#[derive(Default)]
struct Inserting {
    head: String,
    into: Option<Target>,
}

impl Inserting {
    /// Where rows go that stand behind this.
    fn target(&mut self, head: &str, line: u64, names: &Names, dump: &Dump) -> Option<&Target> {
        if self.head != head {
            head.clone_into(&mut self.head);
            self.into = into_of((head, line), &["INSERT", "REPLACE"], names, dump);
        }
        self.into.as_ref()
    }
}

/// Gives every row of the files to `take`, in their order. What is no row of a table of the dump is
/// passed over.
pub fn each_row<E: From<DumpError>>(
    paths: &[&Path],
    dump: &Dump,
    take: &mut dyn FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), (usize, E)> {
    for (number, path) in paths.iter().enumerate() {
        rows_of(path, dump, take).map_err(|error| (number, error))?;
    }
    Ok(())
}

fn rows_of<E: From<DumpError>>(
    path: &Path,
    dump: &Dump,
    take: &mut dyn FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let text = TextFile::open(path).and_then(|file| file.text()).map_err(DumpError::Io)?;
    let mut statements = Statements::new(text, dump.dialect);
    let mut copying: Option<(Target, CopyForm)> = None;
    let mut inserting = Inserting::default();
    let mut names = Names::default();
    while let Some(piece) = statements.next()? {
        match piece {
            Piece::Statement { line, text } => {
                let (head, rows) = split_at_values(&text, dump.dialect);
                if names.hear(&text, line, dump.dialect) {
                    inserting = Inserting::default();
                }
                copying = into_of((head, line), &["COPY"], &names, dump)
                    .map(|into| (into, CopyForm::of(head, line)));
                if let Some(into) = inserting.target(head, line, &names, dump) {
                    inserted((head, rows), line, into, dump.dialect, take)?;
                }
            }
            Piece::CopiedRow { line, text } => {
                if let Some((into, form)) = &copying {
                    let written = |value: Option<String>| value.map_or(Written::Null, Written::Text);
                    give(into, line, form.values(&text).into_iter().map(written).collect(), take)?;
                }
            }
            Piece::Command { .. } => {}
        }
    }
    Ok(())
}

fn give<E: From<DumpError>>(
    into: &Target,
    line: u64,
    values: Vec<Written>,
    take: &mut dyn FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if values.len() != into.columns.len() {
        let (found, expected) = (values.len(), into.columns.len());
        return Err(DumpError::Width { line, found, expected }.into());
    }
    take(Row { table: into.table, line, columns: &into.columns, values })
}

/// Where the rows go of a statement that begins with one of these words: what stands before the rows tells it,
/// whose texts need not be told apart.
fn into_of((head, line): (&str, u64), verbs: &[&str], names: &Names, dump: &Dump) -> Option<Target> {
    let first = head.split(|sign: char| !sign.is_ascii_alphabetic()).next().unwrap_or_default();
    if !verbs.iter().any(|verb| verb.eq_ignore_ascii_case(first)) {
        return None;
    }
    let words = Words::of(head, line, dump.dialect)?;
    let mut cursor = words.cursor();
    cursor.take();
    if first.len() != 4 {
        let _kind = cursor.until_word("INTO");
        cursor.eat(&["INTO"]);
    }
    let (schema, name) = cursor.object()?;
    let table = names.place(&dump.tables, (schema.as_deref(), &name))?;
    let all = || dump.tables[table].columns.iter().map(|column| column.name.clone()).collect();
    let columns = cursor.group().map_or_else(all, reference::names);
    Some(Target { table, columns })
}

fn inserted<E: From<DumpError>>(
    (head, rows): (&str, &str),
    line: u64,
    into: &Target,
    dialect: Dialect,
    take: &mut dyn FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = line + breaks(head);
    for group in groups(rows, dialect) {
        line += breaks(group.before);
        let unread = || DumpError::Value { line, near: group.inside.chars().take(80).collect() };
        let words = Words::of(group.inside, line, dialect).ok_or_else(unread)?;
        let values: Option<Vec<Written>> = words.cursor().parts().iter().map(written).collect();
        give(into, line, values.ok_or_else(unread)?, take)?;
        line += breaks(group.inside);
    }
    Ok(())
}

fn breaks(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count() as u64
}

/// A value behind VALUES; none, where it is no constant.
fn written(part: &Cursor<'_>) -> Option<Written> {
    let mut ahead = part.clone();
    let first = ahead.take()?;
    if ahead.is_at_end()
        && let Some(value) = constant(first)
    {
        return Some(value);
    }
    // `_binary '…'`
    if let (Token::Word(word), Some(Token::SingleQuotedString(text))) = (first, ahead.peek())
        && word.value.eq_ignore_ascii_case("_binary")
    {
        return Some(Written::Bytes(text.as_bytes().to_vec()));
    }
    literal(&plain(part.expression()?))
}

fn constant(token: &Token) -> Option<Written> {
    match token {
        Token::Number(digits, _) => Some(Written::Number(digits.clone())),
        Token::SingleQuotedString(text)
        | Token::DoubleQuotedString(text)
        | Token::NationalStringLiteral(text)
        | Token::EscapedStringLiteral(text) => Some(Written::Text(text.clone())),
        Token::HexStringLiteral(digits) => hex(digits).map(Written::Bytes),
        _ => match super::cursor::word(token)?.as_str() {
            "NULL" => Some(Written::Null),
            "TRUE" => Some(Written::Number("1".to_owned())),
            "FALSE" => Some(Written::Number("0".to_owned())),
            _ => None,
        },
    }
}

/// The constant that an expression is.
pub(crate) fn literal(expression: &Expr) -> Option<Written> {
    match expression {
        Expr::Nested(inner) => literal(inner),
        Expr::Value(value) => match &value.value {
            Literal::Null => Some(Written::Null),
            Literal::Number(digits, _) => Some(Written::Number(digits.clone())),
            Literal::Boolean(flag) => Some(Written::Number(u8::from(*flag).to_string())),
            Literal::SingleQuotedString(text) => Some(Written::Text(text.clone())),
            Literal::HexStringLiteral(digits) => hex(digits).map(Written::Bytes),
            _ => None,
        },
        Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Minus, expr } => match literal(expr)? {
            Written::Number(digits) if !digits.starts_with('-') => {
                Some(Written::Number(format!("-{digits}")))
            }
            _ => None,
        },
        Expr::UnaryOp { op: sqlparser::ast::UnaryOperator::Plus, expr } => literal(expr),
        _ => None,
    }
}

/// Bytes of pairs of hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    digits.len().is_multiple_of(2).then(|| digits.as_bytes().chunks(2).map(pair).collect())?
}

/// What stands between two parentheses of the lowest level, and what before them.
struct Group<'a> {
    before: &'a str,
    inside: &'a str,
}

/// The groups of the lowest level.
fn groups(text: &str, dialect: Dialect) -> impl Iterator<Item = Group<'_>> {
    let (mut from, mut at) = (0, 0);
    std::iter::from_fn(move || {
        let (mut depth, mut begun) = (0_usize, None);
        while at < text.len() {
            let length = item_length(&text.as_bytes()[at..], dialect);
            match (text.as_bytes()[at], depth) {
                (b'(', 0) => {
                    begun = Some(at);
                    depth = 1;
                }
                // Behind the rows: ON DUPLICATE KEY UPDATE, RETURNING.
                (sign, 0) if from > 0 && sign.is_ascii_alphabetic() => {
                    at = text.len();
                    return None;
                }
                (b'(', _) => depth += 1,
                (b')', 1) => {
                    let open = begun.unwrap_or(at);
                    let group = Group { before: &text[from..open], inside: &text[open + 1..at] };
                    at += length;
                    from = at;
                    return Some(group);
                }
                (b')', _) => depth = depth.saturating_sub(1),
                _ => {}
            }
            at += length;
        }
        None
    })
}

/// What stands before VALUES, and what behind it.
fn split_at_values(text: &str, dialect: Dialect) -> (&str, &str) {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'v' | b'V'
                if depth == 0
                    && bytes.get(at..at + 6).is_some_and(|word| word.eq_ignore_ascii_case(b"values")) =>
            {
                return (&text[..at], &text[at + 6..]);
            }
            _ => {}
        }
        at += item_length(&bytes[at..], dialect);
    }
    (text, "")
}

/// How many rows stand behind VALUES.
pub fn count_rows(text: &str, dialect: Dialect) -> u64 {
    groups(split_at_values(text, dialect).1, dialect).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_wherever_parentheses_stand() {
        let text = "INSERT INTO \"values\" (a, b) VALUES (1, '(x) '';'), (f(2), ')'),(3,NULL)";
        assert_eq!(count_rows(text, Dialect::Sqlite), 3);
        assert_eq!(count_rows("INSERT INTO `a` VALUES (1,'it\\'s ('),(2,'\\\\')", Dialect::MySql), 2);
        assert_eq!(count_rows("INSERT INTO a SELECT 1", Dialect::MySql), 0);
        let upsert = "INSERT INTO a VALUES (1), (2) ON DUPLICATE KEY UPDATE b = VALUES(b)";
        assert_eq!(count_rows(upsert, Dialect::MySql), 2);
        assert_eq!(count_rows("insert into a values (1) on conflict (id) do nothing", Dialect::Sqlite), 1);
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        let one = |text: &str, dialect| {
            let words = Words::of(text, 1, dialect).unwrap();
            words.cursor().parts().iter().map(written).collect::<Option<Vec<_>>>()
        };
        let text = |text: &str| Written::Text(text.to_owned());
        let number = |text: &str| Written::Number(text.to_owned());
        let found = one("1, -2.50, 'it''s', NULL, true, X'4142', +7, N'é'", Dialect::Sqlite).unwrap();
        let bytes = Written::Bytes(b"AB".to_vec());
        let expected =
            [number("1"), number("-2.50"), text("it's"), Written::Null, number("1"), bytes.clone()];
        assert_eq!(found[..6], expected);
        assert_eq!(found[6..], [number("7"), text("é")]);
        let found = one("'a\\'b\\n', 0x4142, _binary 'AB', b'1'", Dialect::MySql).unwrap();
        assert_eq!(found, [text("a'b\n"), bytes.clone(), bytes, number("1")]);
        let found = one("E'a\\tb', '7'::integer, DATE '2026-01-31'", Dialect::PostgreSql).unwrap();
        assert_eq!(found, [text("a\tb"), text("7"), text("2026-01-31")]);
        assert_eq!(one("now()", Dialect::PostgreSql), None);
    }
}
