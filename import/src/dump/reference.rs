//! A foreign key out of its declaration.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, word};
use crate::model::{OnDelete, Reference};

/// `REFERENCES …`, of these columns, as a rule of that name. None, where it names no table.
pub fn referred(cursor: &mut Cursor<'_>, name: Option<String>, columns: Vec<String>) -> Option<Reference> {
    let line = cursor.line();
    if !cursor.eat(&["REFERENCES"]) {
        return None;
    }
    let (schema, table) = cursor.object()?;
    let targets = cursor.group().map(names).unwrap_or_default();
    let on_delete = OnDelete::Restrict;
    let mut found = Reference { line, name, columns, schema, table, targets, on_delete, on_update: false };
    loop {
        if cursor.eat(&["ON", "DELETE"]) {
            found.on_delete = action(cursor);
        } else if cursor.eat(&["ON", "UPDATE"]) {
            found.on_update = action(cursor) != OnDelete::Restrict;
        } else if cursor.eat(&["MATCH"]) || cursor.eat(&["INITIALLY"]) {
            cursor.take();
        } else if !(cursor.eat(&["DEFERRABLE"])
            || cursor.eat(&["NOT", "DEFERRABLE"])
            || cursor.eat(&["NOT", "VALID"])
            || cursor.eat(&["NOT", "ENFORCED"])
            || cursor.eat(&["ENFORCED"]))
        {
            return Some(found);
        }
    }
}

fn action(cursor: &mut Cursor<'_>) -> OnDelete {
    if cursor.eat(&["CASCADE"]) {
        OnDelete::Cascade
    } else if cursor.eat(&["SET", "NULL"]) {
        OnDelete::SetNull
    } else if cursor.eat(&["SET", "DEFAULT"]) {
        OnDelete::SetDefault
    } else {
        let _none = cursor.eat(&["NO", "ACTION"]) || cursor.eat(&["RESTRICT"]);
        OnDelete::Restrict
    }
}

/// Names of columns between parentheses, whatever else is said of them.
pub fn names(group: Cursor<'_>) -> Vec<String> {
    group.parts().into_iter().filter_map(|mut part| part.name()).collect()
}

/// The columns of a rule or an index, and whether it is one of them as they are: not of an
/// expression, of the first signs of a text, or by another order of the alphabet.
pub struct Keyed {
    /// The columns.
    pub columns: Vec<String>,
    /// Whether all parts are columns.
    pub is_plain: bool,
    /// Whether only the beginning of a text counts.
    pub is_prefix: bool,
}

/// What stands between the parentheses of a rule or an index.
pub fn keyed(group: Cursor<'_>) -> Keyed {
    let mut found = Keyed { columns: Vec::new(), is_plain: true, is_prefix: false };
    for mut part in group.parts() {
        let is_call = matches!(part.peek(), Some(Token::LParen));
        let Some(name) = part.name().filter(|_| !is_call) else {
            found.is_plain = false;
            continue;
        };
        if let Some(inner) = part.group() {
            // `name(20)` is the beginning of a text, `lower(name)` an expression.
            match inner.peek() {
                Some(Token::Number(..)) => found.is_prefix = true,
                _ => {
                    found.is_plain = false;
                    continue;
                }
            }
        }
        // An order, an operator class, a collation: none of them changes which values are equal, but
        // a collation.
        let is_other = |token: &Token| {
            !matches!(word(token).as_deref(), Some("ASC" | "DESC" | "NULLS" | "FIRST" | "LAST" | "COLLATE"))
                && !matches!(token, Token::Word(_) | Token::Period)
        };
        while let Some(token) = part.take() {
            found.is_plain &= !is_other(token);
        }
        found.columns.push(name);
    }
    found
}
