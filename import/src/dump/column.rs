//! A column out of its declaration.

use sqlparser::tokenizer::Token;
use tandem_protocol::cause::Cause;

use super::cursor::{Cursor, word};
use super::reference;
use crate::dialect::Dialect;
use crate::model::{Check, Column, DeclaredType, Reference};
use crate::note::Notes;

/// Words with which something other than a type begins.
const OPTIONS: &[&str] = &[
    "CONSTRAINT",
    "NOT",
    "NULL",
    "PRIMARY",
    "KEY",
    "UNIQUE",
    "CHECK",
    "DEFAULT",
    "COLLATE",
    "REFERENCES",
    "GENERATED",
    "AS",
    "AUTO_INCREMENT",
    "AUTOINCREMENT",
    "COMMENT",
    "ON",
    "IDENTITY",
    "STORAGE",
    "COLUMN_FORMAT",
    "INVISIBLE",
    "VISIBLE",
    "VIRTUAL",
    "STORED",
    "PERSISTENT",
    "DEFERRABLE",
    "INITIALLY",
    "FIRST",
    "AFTER",
    "COMPRESSION",
    "SRID",
    "MATCH",
    "ENFORCED",
    "NO",
    "HIDDEN",
];

/// A column, and what its declaration says of its table.
pub struct Declared {
    /// The column.
    pub column: Column,
    /// The name that is said before the next rule.
    named: Option<String>,
    /// Whether it is the key.
    pub is_key: bool,
    /// What the key is called, if it has a name.
    pub key_name: Option<String>,
    /// Whether no two rows share a value of it.
    pub is_unique: bool,
    /// What that rule is called, if it has a name.
    pub unique_name: Option<String>,
    /// What it refers to.
    pub reference: Option<Reference>,
    /// What its values satisfy.
    pub checks: Vec<Check>,
    /// Whether it is computed from others: it is left out then.
    pub is_generated: bool,
}

/// Reads a declaration, name first. None, where that is none.
pub fn declared(cursor: &mut Cursor<'_>, table: &str, notes: &mut Notes) -> Option<Declared> {
    let name = cursor.name()?;
    declared_as(cursor, name, table, notes)
}

/// Reads what stands behind the name of a column.
pub fn declared_as(
    cursor: &mut Cursor<'_>,
    name: String,
    table: &str,
    notes: &mut Notes,
) -> Option<Declared> {
    let mut found = Declared {
        column: Column { name, line: cursor.line(), ..Column::default() },
        named: None,
        is_key: false,
        key_name: None,
        is_unique: false,
        unique_name: None,
        reference: None,
        checks: Vec::new(),
        is_generated: false,
    };
    (found.column.declared, found.column.values) = declared_type(cursor);
    // It is short for a column that is never NULL and counts up, and of MySQL for a UNIQUE besides.
    let is_serial = found.column.declared.words.contains("SERIAL");
    found.column.not_null = is_serial && cursor.dialect() != Dialect::Sqlite;
    found.is_unique = is_serial && cursor.dialect() == Dialect::MySql;
    let place = format!("{table}.{}", found.column.name);
    while !cursor.is_at_end() {
        option(cursor, &mut found, &place, notes);
    }
    Some(found)
}

/// The type that stands next, and the values of an enumeration.
pub fn declared_type(cursor: &mut Cursor<'_>) -> (DeclaredType, Vec<String>) {
    let (mut declared, mut values) = (DeclaredType::default(), Vec::new());
    let mut words: Vec<String> = Vec::new();
    loop {
        match cursor.peek() {
            Some(Token::LParen) if declared.arguments.is_empty() && !words.is_empty() => {
                // One that is never closed ends the type.
                let Some(group) = cursor.group() else { break };
                for part in group.parts() {
                    match part.peek() {
                        Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) => {
                            values.push(text.clone());
                        }
                        _ => declared.arguments.push(part.text()),
                    }
                }
            }
            Some(Token::LBracket) => {
                let _inner = cursor.until(&|token| word(token).is_some());
                declared.is_array = true;
            }
            // A type in a schema: `public.citext`, `"char"`.
            Some(Token::Period) => {
                cursor.take();
                words.pop();
            }
            Some(Token::Word(found)) => {
                let upper = found.value.to_ascii_uppercase();
                if found.quote_style.is_none() && OPTIONS.contains(&upper.as_str()) {
                    break;
                }
                cursor.take();
                match upper.as_str() {
                    "UNSIGNED" if words.first().is_some_and(|word| word != "UNSIGNED") => {
                        declared.is_unsigned = true;
                    }
                    "SIGNED" | "ZEROFILL" | "BINARY" if !words.is_empty() => {}
                    "CHARSET" => drop(cursor.take()),
                    "CHARACTER" if cursor.is(&["SET"]) => {
                        cursor.take();
                        cursor.take();
                    }
                    "ARRAY" if !words.is_empty() => declared.is_array = true,
                    _ => words.push(upper),
                }
            }
            _ => break,
        }
    }
    declared.words = words.join(" ");
    (declared, values)
}

/// Reads what stands behind the type, word by word.
fn option(cursor: &mut Cursor<'_>, found: &mut Declared, place: &str, notes: &mut Notes) {
    let line = cursor.line();
    let column = &mut found.column;
    if cursor.eat(&["CONSTRAINT"]) {
        // A name, where the word is not the last one.
        if cursor.word().is_none_or(|word| !OPTIONS.contains(&word.as_str())) {
            found.named = cursor.name();
        }
    } else if cursor.eat(&["NOT", "NULL"]) {
        column.not_null = true;
    } else if cursor.eat(&["NOT", "DEFERRABLE"]) || cursor.eat(&["NOT", "ENFORCED"]) || cursor.eat(&["NULL"])
    {
    } else if cursor.eat(&["PRIMARY", "KEY"]) || cursor.eat(&["KEY"]) {
        found.is_key = true;
        found.key_name = found.named.take();
        cursor.eat_one(&["ASC", "DESC"]);
    } else if cursor.eat_one(&["AUTO_INCREMENT", "AUTOINCREMENT"]) {
        column.counts_up = true;
    } else if cursor.eat(&["UNIQUE"]) {
        found.is_unique = true;
        found.unique_name = found.named.take();
        cursor.eat(&["KEY"]);
    } else if cursor.eat(&["DEFAULT"]) {
        default(cursor, column, place, notes);
    } else if cursor.is(&["CHECK"]) {
        cursor.take();
        check(cursor, found.named.take(), place, &mut found.checks, notes);
    } else if cursor.is(&["REFERENCES"]) {
        found.reference = reference::referred(cursor, found.named.take(), vec![column.name.clone()]);
    } else if cursor.eat(&["ON", "UPDATE"]) {
        column.is_stamp = cursor.take().is_some();
        cursor.group();
    } else if cursor.eat(&["ON", "CONFLICT"]) {
        cursor.take();
    } else if cursor.eat(&["COLLATE"]) {
        let collation = cursor.object().map(|(_, name)| name).unwrap_or_default();
        if cursor.dialect() == Dialect::Sqlite && !collation.eq_ignore_ascii_case("binary") {
            notes.add(Cause::new("dump_collation"), line, format!("{place} ({collation})"));
        }
    } else if cursor.eat_one(&["COMMENT", "CHARSET", "COLUMN_FORMAT", "STORAGE", "COMPRESSION", "SRID"]) {
        cursor.take();
    } else if cursor.is(&["GENERATED"]) || cursor.is(&["AS"]) {
        generated(cursor, found);
    } else if cursor.eat(&["IDENTITY"]) {
        column.counts_up = true;
        cursor.group();
    } else {
        cursor.take();
        cursor.group();
    }
}

fn default(cursor: &mut Cursor<'_>, column: &mut Column, place: &str, notes: &mut Notes) {
    let line = cursor.line();
    // `DEFAULT NULL` begins with a word that ends others.
    let is_end = |token: &Token| word(token).is_some_and(|word| OPTIONS.contains(&word.as_str()));
    let first = cursor.clone();
    if cursor.group().is_none() {
        cursor.take();
    }
    let _rest = cursor.until(&is_end);
    let all = first.up_to(cursor);
    let expression = all.expression();
    if expression.is_none() {
        notes.add(Cause::new("dump_default"), line, format!("{place} ({})", all.text()));
    }
    column.default = expression;
}

/// A CHECK, whose word is read, as a rule of that name.
pub fn check(
    cursor: &mut Cursor<'_>,
    name: Option<String>,
    place: &str,
    checks: &mut Vec<Check>,
    notes: &mut Notes,
) {
    let line = cursor.line();
    let Some(inner) = cursor.group() else { return };
    match inner.expression() {
        Some(expression) => checks.push(Check { line, name, expression }),
        None => notes.add(Cause::new("dump_check"), line, format!("{place} ({})", inner.text())),
    }
    cursor.eat(&["NOT", "VALID"]);
    cursor.eat(&["NO", "INHERIT"]);
    cursor.eat(&["NOT", "ENFORCED"]);
    cursor.eat(&["ENFORCED"]);
}

/// `GENERATED … AS IDENTITY`, or a column that is computed.
fn generated(cursor: &mut Cursor<'_>, found: &mut Declared) {
    cursor.eat(&["GENERATED"]);
    if !cursor.eat(&["ALWAYS"]) && cursor.eat(&["BY"]) {
        cursor.eat(&["DEFAULT"]);
        if cursor.eat(&["ON"]) {
            cursor.eat(&["NULL"]);
        }
    }
    cursor.eat(&["AS"]);
    if cursor.eat(&["IDENTITY"]) {
        found.column.counts_up = true;
        found.column.not_null = true;
        cursor.group();
    } else {
        found.is_generated = true;
        cursor.group();
        cursor.eat_one(&["STORED", "VIRTUAL", "PERSISTENT"]);
    }
}
