//! A type that a dump makes of others: an enumeration, or a domain.

use sqlparser::ast::Expr;
use sqlparser::tokenizer::Token;

use super::column;
use super::cursor::Cursor;
use crate::model::{Check, Column, DeclaredType};
use crate::note::Notes;

/// See the module.
#[derive(Clone, Debug)]
pub struct UserType {
    declared: DeclaredType,
    values: Vec<String>,
    not_null: bool,
    default: Option<Expr>,
    /// What its values satisfy, each of which is called VALUE there.
    checks: Vec<Check>,
}

impl UserType {
    /// Reads a CREATE TYPE … AS ENUM or a CREATE DOMAIN from its name on. None, where it is another.
    pub fn read(cursor: &mut Cursor<'_>, notes: &mut Notes) -> Option<(String, Self)> {
        let start = cursor.clone();
        let (_, name) = cursor.object()?;
        cursor.eat(&["AS"]);
        if cursor.eat(&["ENUM"]) {
            let values = cursor.group()?.parts().into_iter().filter_map(|part| match part.peek() {
                Some(Token::SingleQuotedString(text)) => Some(text.clone()),
                _ => None,
            });
            let declared = DeclaredType { words: "ENUM".to_owned(), ..DeclaredType::default() };
            let values = values.collect();
            return Some((name, Self { declared, values, not_null: false, default: None, checks: vec![] }));
        }
        if cursor.peek() == Some(&Token::LParen) || cursor.is(&["RANGE"]) {
            return None;
        }
        // A domain is declared as a column is, but for the AS.
        let mut as_column = start;
        as_column.object()?;
        as_column.eat(&["AS"]);
        let declared = column::declared_as(&mut as_column, "VALUE".to_owned(), &name, notes)?;
        let Column { declared: kind, values, not_null, default, .. } = declared.column;
        Some((name, Self { declared: kind, values, not_null, default, checks: declared.checks }))
    }

    /// Makes it the type of a column, and gives what its values satisfy, of that column.
    pub fn put_into(&self, column: &mut Column) -> Vec<Check> {
        let is_array = column.declared.is_array;
        column.declared = DeclaredType { is_array, ..self.declared.clone() };
        column.values.clone_from(&self.values);
        column.not_null |= self.not_null;
        if column.default.is_none() {
            column.default.clone_from(&self.default);
        }
        let named = |check: &Check| Check {
            line: check.line,
            name: check.name.clone(),
            expression: crate::schema::plain::renamed(check.expression.clone(), "VALUE", &column.name),
        };
        self.checks.iter().map(named).collect()
    }
}
