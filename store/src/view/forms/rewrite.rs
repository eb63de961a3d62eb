//! A statement read and rewritten.

use std::collections::HashSet;

use sqlparser::ast::{Statement, Value};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};
use tandem_protocol::bounds;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::sql_text;
use tandem_protocol::value::Value as Cell;

use super::finder::{Finder, FormedValue, Target};
use super::form::{Form, WrittenTables};
use crate::view::bind::to_storage;
use crate::view::dialect::{Readable, readable};

/// A statement as SQLite is to see it, and what tandem must know of it. Default: nothing to know.
#[derive(Default, Debug)]
pub(crate) struct Rewritten {
    /// Its text, if another than it was.
    pub sql: Option<String>,
    /// Columns of the answer are named after text that was changed.
    pub names_text: bool,
    /// The table written to, and the columns set in rows that are there, all in lower case.
    pub sets: Option<(String, HashSet<String>)>,
    /// Its RETURNING, if it must be looked at again when the rows are canonical.
    pub returning: Option<Returning>,
}

/// The RETURNING of a statement, whose answer has the row's key behind what was asked.
#[derive(Debug)]
pub(crate) struct Returning {
    pub table: String,
    /// FROM which the list can be read again, WHERE the key is given.
    pub select: String,
}

pub(super) fn read(sql: &str, tables: &WrittenTables) -> Rewritten {
    try_read(sql, tables).unwrap_or_default()
}

fn try_read(sql: &str, tables: &WrittenTables) -> Option<Rewritten> {
    let put = |tokens: Vec<TokenWithSpan>| {
        let returning = Span::of_returning(sql, &tokens);
        let Readable { tokens, alias } = readable(tokens);
        (tokens, (returning, alias))
    };
    let read = |(returning, alias), statements: Vec<Statement>| {
        let [statement] = statements.as_slice() else { return None };
        read_statement(sql, Finder::new(tables, alias), returning, statement)
    };
    sql_text::with_tokens(sql, bounds::STATEMENT_MIB, put, read).ok()?
}

fn read_statement<'e>(
    sql: &str,
    mut finder: Finder<'_, 'e>,
    returning: Option<Span>,
    statement: &'e Statement,
) -> Option<Rewritten> {
    let tables = finder.tables;
    finder.statement(statement);
    let lines = Lines::of(sql);
    let mut edits: Vec<Edit> =
        finder.values.iter().filter_map(|formed| Edit::of(sql, &lines, formed)).collect();
    edits.sort_by_key(|edit| edit.from);
    edits.dedup_by_key(|edit| edit.from);
    debug_assert!(edits.windows(2).all(|pair| pair[0].to <= pair[1].from), "values stand side by side");
    let mut rewritten = Rewritten { names_text: finder.names_text, ..Rewritten::default() };
    let target = finder.target;
    let mut text = String::with_capacity(sql.len() + 32 * edits.len());
    match (&target, returning.filter(|_| returns(statement))) {
        (Some(target), Some(list)) if keys(target, tables).is_some() => {
            let keys = keys(target, tables)?;
            apply(sql, &edits, 0..list.from, &mut text);
            let mut asked = String::new();
            apply(sql, &edits, list.from..list.to, &mut asked);
            // A parameter of the list has another number there.
            if !list.has_parameters {
                let names: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
                rewritten.returning = Some(target.returning(&asked, &names));
                asked = format!("{asked}, {}", names.join(", "));
            }
            text.push_str(&asked);
            apply(sql, &edits, list.to..sql.len(), &mut text);
        }
        _ => apply(sql, &edits, 0..sql.len(), &mut text),
    }
    rewritten.sql = (text != sql).then_some(text);
    rewritten.sets = target.map(|target| (target.table, target.sets));
    Some(rewritten)
}

/// Whether a statement inserts or updates and says RETURNING.
fn returns(statement: &Statement) -> bool {
    match statement {
        Statement::Insert(insert) => insert.returning.is_some(),
        Statement::Update(update) => update.returning.is_some(),
        Statement::Query(query) => match &*query.body {
            sqlparser::ast::SetExpr::Insert(inner) | sqlparser::ast::SetExpr::Update(inner) => returns(inner),
            _ => false,
        },
        _ => false,
    }
}

fn keys<'t>(target: &Target, tables: &'t WrittenTables) -> Option<Vec<&'t str>> {
    let columns = tables.get(&target.table)?;
    let keys: Vec<&str> =
        columns.iter().filter(|column| column.in_key).map(|column| column.name.as_str()).collect();
    Some(keys).filter(|keys| !keys.is_empty())
}

impl Target {
    fn returning(&self, list: &str, keys: &[String]) -> Returning {
        let by_key: Vec<String> =
            keys.iter().zip(1..).map(|(key, number)| format!("{key} = ?{number}")).collect();
        let select = format!("SELECT {list} FROM {} WHERE {}", quoted(&self.table), by_key.join(" AND "));
        Returning { table: self.table.clone(), select }
    }
}

/// Text that takes the place of a value.
struct Edit {
    from: usize,
    to: usize,
    text: String,
}

impl Edit {
    fn of(sql: &str, lines: &Lines, formed: &FormedValue<'_>) -> Option<Self> {
        let (typed, text) = match &formed.value.value {
            Value::Placeholder(name) => (name.clone(), formed.form.call(name)),
            Value::SingleQuotedString(text) => {
                (literal(text), formed.form.of_literal(Cell::Text(text.clone()))?)
            }
            Value::Number(number, _) if formed.form.is_of_numbers() => {
                let sign = if formed.negative { "-" } else { "" };
                (number.clone(), formed.form.of_literal(as_sqlite_reads(&format!("{sign}{number}"))?)?)
            }
            _ => return None,
        };
        let mut from = lines.offset(formed.value.span.start)?;
        let to = from + typed.len();
        // Only what stands there as it was read can be replaced.
        if sql.get(from..to)? != typed {
            return None;
        }
        if formed.negative {
            from = sql[..from].trim_end().strip_suffix('-')?.len();
        }
        (text != sql[from..to]).then_some(Self { from, to, text })
    }
}

impl Form {
    fn is_of_numbers(self) -> bool {
        matches!(self, Self::Rounded(_))
    }

    /// A literal in this form. `None`: it stays.
    fn of_literal(self, value: Cell) -> Option<String> {
        match (self, value) {
            (Self::Text(kind), Cell::Text(text)) => kind.comparable_text(&text).map(|form| literal(&form)),
            (Self::Text(_), _) => None,
            (Self::Rounded(kind), value) => match to_storage(kind, kind.canonical(value).ok()?) {
                Cell::Real(number) => Some(format!("{number:?}")),
                Cell::Integer(number) => Some(number.to_string()),
                Cell::Text(text) => Some(literal(&text)),
                _ => None,
            },
        }
    }
}

/// The number that SQLite makes of a literal.
fn as_sqlite_reads(number: &str) -> Option<Cell> {
    number.parse().map(Cell::Integer).or_else(|_| number.parse().map(Cell::Real)).ok()
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn apply(sql: &str, edits: &[Edit], range: std::ops::Range<usize>, out: &mut String) {
    let mut at = range.start;
    for edit in edits.iter().filter(|edit| range.start <= edit.from && edit.to <= range.end) {
        out.push_str(&sql[at..edit.from]);
        out.push_str(&edit.text);
        at = edit.to;
    }
    out.push_str(&sql[at..range.end]);
}

/// Where characters stand: tokens tell their places by line and character.
struct Lines {
    /// The first character of each line.
    begins: Vec<usize>,
    /// The first byte of each character, where that is not the same number.
    bytes: Option<Vec<usize>>,
    length: usize,
}

impl Lines {
    fn of(sql: &str) -> Self {
        let ends = sql.chars().enumerate().filter(|(_, character)| *character == '\n');
        let begins = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let bytes =
            (!sql.is_ascii()).then(|| sql.char_indices().map(|(at, _)| at).chain([sql.len()]).collect());
        Self { begins, bytes, length: sql.len() }
    }

    fn offset(&self, location: Location) -> Option<usize> {
        let line = usize::try_from(location.line.checked_sub(1)?).ok()?;
        let column = usize::try_from(location.column.checked_sub(1)?).ok()?;
        let character = self.begins.get(line)? + column;
        match &self.bytes {
            Some(bytes) => bytes.get(character).copied(),
            None => Some(character).filter(|at| *at <= self.length),
        }
    }
}

/// Where the list of a RETURNING stands.
struct Span {
    from: usize,
    to: usize,
    has_parameters: bool,
}

impl Span {
    fn of_returning(sql: &str, tokens: &[TokenWithSpan]) -> Option<Self> {
        let is_returning = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.keyword == Keyword::RETURNING && word.quote_style.is_none());
        let at = tokens.iter().rposition(is_returning)?;
        let is_list = |token: &&TokenWithSpan| {
            !matches!(token.token, Token::Whitespace(_) | Token::SemiColon | Token::EOF)
        };
        let last = tokens[at + 1..].iter().rfind(is_list)?;
        let has_parameters = tokens[at + 1..]
            .iter()
            .any(|token| matches!(token.token, Token::Placeholder(_) | Token::Colon | Token::AtSign));
        let lines = Lines::of(sql);
        let (from, to) = (lines.offset(tokens[at].span.end)?, lines.offset(last.span.end)?);
        Some(Self { from, to, has_parameters })
    }
}
