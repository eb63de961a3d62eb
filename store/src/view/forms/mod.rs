//! Forms: a statement's values in the form that its columns hold, before SQLite sees them.
//!
//! SQLite compares texts byte by byte, and a time or a UUID has many spellings. So a literal or
//! parameter that a statement gives to a column of such a type, or compares directly with one
//! (`finder.rs`, `writes.rs`), is replaced by its canonical form: a literal in the text of the statement, a
//! parameter by wrapping it, `at >= ?` becoming `at >= timestamp_form(?)`; a parameter used beside
//! columns of two types so has both forms. What means nothing to the type stays as it is, and is
//! refused where it is written.
//!
//! A statement is read once for each schema and text. One that is too large to be read, or that
//! sqlparser does not understand, runs as it is: what it writes is made canonical after it ran
//! (`canonical.rs`), what it compares is compared as typed.

mod finder;
mod form;
mod kinds;
mod rewrite;
mod writes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tandem_protocol::schema::{ColumnType, Schema, TableDef};
use tandem_protocol::value::Value;

use super::bind::to_storage;

use form::{Form, WrittenColumn, WrittenTables, function};
pub(crate) use rewrite::{Returning, Rewritten};

/// Statements with more operators outside of lists run as they are: each may nest what is read one
/// level deeper, and walking that takes stack.
const OPERATORS: usize = 2_000;
/// Texts of statements kept, and the longest of them.
const CACHED: usize = 512;
const CACHED_BYTES: usize = 16 << 10;

/// The forms of one schema.
pub(crate) struct Forms {
    schema: Arc<Schema>,
    tables: WrittenTables,
    /// WrittenTables whose statements must be read, and those for which they must where they write.
    always: HashSet<String>,
    written: HashSet<String>,
    /// A table's name is no plain word.
    odd: bool,
    known: HashMap<String, Arc<Rewritten>>,
}

impl Default for Forms {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Forms {
    pub(crate) fn new(schema: Arc<Schema>) -> Self {
        let mut forms = Self {
            tables: WrittenTables::new(),
            always: HashSet::new(),
            written: HashSet::new(),
            odd: false,
            known: HashMap::new(),
            schema: Arc::clone(&schema),
        };
        for table in schema.tables() {
            forms.add(&table.shown);
        }
        forms
    }

    fn add(&mut self, def: &TableDef) {
        let name = def.name.to_ascii_lowercase();
        let in_key = |column: &str| def.key.iter().any(|other| other.eq_ignore_ascii_case(column));
        let columns: Vec<WrittenColumn> = def
            .columns
            .iter()
            .map(|column| WrittenColumn {
                name: column.name.to_ascii_lowercase(),
                kind: column.kind,
                in_key: in_key(&column.name),
            })
            .collect();
        if columns.iter().any(|column| Form::written(column.kind).is_some()) {
            let compares = columns.iter().any(|column| Form::compared(column.kind).is_some());
            self.odd |= !name.bytes().all(is_word);
            if compares { &mut self.always } else { &mut self.written }.insert(name.clone());
        }
        self.tables.insert(name, columns);
    }

    /// Whether these are the forms of that schema.
    pub(crate) fn is_of(&self, schema: &Arc<Schema>) -> bool {
        Arc::ptr_eq(&self.schema, schema)
    }

    /// The statement as SQLite is to see it.
    pub(crate) fn rewrite(&mut self, sql: &str) -> Arc<Rewritten> {
        if self.always.is_empty() && self.written.is_empty() {
            return Arc::default();
        }
        if let Some(known) = self.known.get(sql) {
            return Arc::clone(known);
        }
        let rewritten = Arc::new(if self.concerns(sql) {
            rewrite::read(sql, &self.tables)
        } else {
            Rewritten::default()
        });
        if sql.len() <= CACHED_BYTES {
            if self.known.len() >= CACHED {
                self.known.clear();
            }
            assert!(self.known.len() < CACHED, "statements at hand are few");
            self.known.insert(sql.to_owned(), Arc::clone(&rewritten));
        }
        rewritten
    }

    /// Whether a statement must be read, and may be: it names a table with such columns, and is
    /// small and flat enough.
    fn concerns(&self, sql: &str) -> bool {
        let (mut named, mut maybe, mut writes) = (self.odd, false, false);
        let mut operators = 0;
        let mut rest = sql.as_bytes();
        while let Some(first) = rest.first() {
            let length = if is_word(*first) {
                let length = rest.iter().take_while(|byte| is_word(**byte)).count();
                let word = String::from_utf8_lossy(&rest[..length]).to_ascii_lowercase();
                named |= self.always.contains(&word);
                maybe |= self.written.contains(&word);
                writes |= ["insert", "replace", "update"].contains(&word.as_str());
                operators += usize::from(JOINTS.contains(&word.as_str()));
                length
            } else if *first == b'\'' {
                // A quote inside is two: two texts side by side are the same to this count.
                1 + rest[1..].iter().position(|byte| *byte == b'\'').map_or(rest.len() - 1, |at| at + 1)
            } else {
                operators += usize::from(b"+-*/%|&<>=!~".contains(first));
                1
            };
            rest = &rest[length..];
        }
        (named || maybe && writes) && operators <= OPERATORS
    }
}

/// Words that, as operators do, may nest what follows one level deeper.
const JOINTS: [&str; 20] = [
    "and",
    "or",
    "not",
    "is",
    "in",
    "like",
    "glob",
    "regexp",
    "match",
    "between",
    "collate",
    "case",
    "union",
    "except",
    "intersect",
    "isnull",
    "notnull",
    "escape",
    "join",
    "select",
];

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

/// Adds the functions that give values their form. Users may call them as well.
pub(crate) fn install(connection: &Connection) -> rusqlite::Result<()> {
    let pure =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    let of_texts = ColumnType::ALL.into_iter().filter(|kind| Form::compared(*kind).is_some());
    for kind in of_texts.filter(|kind| *kind != ColumnType::Stamp) {
        connection.create_scalar_function(function(kind), 1, pure, move |context| {
            let ValueRef::Text(bytes) = context.get_raw(0) else { return Ok(ToSqlOutput::Arg(0)) };
            let Ok(text) = std::str::from_utf8(bytes) else { return Ok(ToSqlOutput::Arg(0)) };
            if kind.is_canonical_text(text) {
                return Ok(ToSqlOutput::Arg(0));
            }
            Ok(kind.comparable_text(text).map_or(ToSqlOutput::Arg(0), ToSqlOutput::from))
        })?;
    }
    connection.create_scalar_function("decimal_form", 3, pure, |context| {
        let (precision, scale) = (context.get::<u8>(1)?, context.get::<u8>(2)?);
        let given = match context.get_raw(0) {
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            _ => return Ok(ToSqlOutput::Arg(0)),
        };
        let kind = ColumnType::Decimal { precision, scale };
        let rounded = kind.canonical(given).map(|value| to_storage(kind, value));
        Ok(match rounded {
            Ok(Value::Real(number)) => ToSqlOutput::from(number),
            Ok(Value::Integer(number)) => ToSqlOutput::from(number),
            Ok(Value::Text(text)) => ToSqlOutput::from(text),
            _ => ToSqlOutput::Arg(0),
        })
    })
}
