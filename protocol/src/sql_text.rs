//! SQL as people type it, bounded before it is parsed: the parser's work, its stack and that of
//! whatever walks its trees grow with the text.

use sqlparser::ast::Statement;
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::bounds;

/// Stack for a statement of [`bounds::STATEMENT_TOKENS`] that is as deep as it can be: each level of
/// its tree takes some frames of the parser, and of whoever reads, prints or drops the tree.
const STACK_BYTES: usize = 64 << 20;

/// Why SQL is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlTextError {
    /// More than is read at once.
    #[error("the text is longer than {0} MiB, or a statement of it than {tokens} words",
        tokens = bounds::STATEMENT_TOKENS)]
    TooLarge(usize),
    /// Not SQL that can be read.
    #[error("{0}")]
    Syntax(String),
}

/// Parses `sql`, of at most so many MiB, and gives its statements to `read`, with a stack that is
/// large enough for whatever they hold.
pub fn with_statements<T>(
    sql: &str,
    most_mib: usize,
    read: impl FnOnce(Vec<Statement>) -> T,
) -> Result<T, SqlTextError> {
    with_statements_as(sql, most_mib, |tokens| tokens, read)
}

/// The same of SQL whose words are put differently before they are parsed.
pub fn with_statements_as<T>(
    sql: &str,
    most_mib: usize,
    put: impl FnOnce(Vec<TokenWithSpan>) -> Vec<TokenWithSpan>,
    read: impl FnOnce(Vec<Statement>) -> T,
) -> Result<T, SqlTextError> {
    if sql.len() > most_mib << 20 {
        return Err(SqlTextError::TooLarge(most_mib));
    }
    let syntax = |error: &dyn std::fmt::Display| SqlTextError::Syntax(error.to_string());
    let tokens = Tokenizer::new(&SQLiteDialect {}, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| syntax(&error))?;
    let (mut longest, mut length) = (0, 0);
    for token in &tokens {
        match &token.token {
            Token::SemiColon => length = 0,
            Token::Whitespace(_) => {}
            _ => length += 1,
        }
        longest = longest.max(length);
    }
    if longest > bounds::STATEMENT_TOKENS {
        return Err(SqlTextError::TooLarge(most_mib));
    }
    let tokens = put(tokens);
    stacker::grow(STACK_BYTES, || {
        let statements = Parser::new(&SQLiteDialect {}).with_tokens_with_locations(tokens).parse_statements();
        statements.map(read).map_err(|error| syntax(&error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_and_deepest_statements_are_read_or_refused_and_no_stack_ends() {
        let most = bounds::STATEMENT_TOKENS;
        let wide = |count: usize| format!("SELECT {}", vec!["1"; count].join(" AND "));
        let printed =
            |sql: &str| with_statements(sql, 1, |statements| statements[0].clone().to_string().len());
        assert!(printed(&wide(most / 2 - 2)).is_ok());
        assert_eq!(printed(&wide(most)), Err(SqlTextError::TooLarge(1)));
        let deep =
            |open: &str, close: &str| format!("SELECT {}1{}", open.repeat(most / 5), close.repeat(most / 5));
        for sql in [deep("(", ")"), deep("- ", ""), deep("NOT ", ""), deep("abs(", ")"), deep("1 + (", ")")] {
            // The parser has a bound of its own on these.
            assert!(matches!(printed(&sql), Ok(_) | Err(SqlTextError::Syntax(_))), "{}", &sql[..20]);
        }
        assert_eq!(printed(&" ".repeat(2 << 20)), Err(SqlTextError::TooLarge(1)));
        assert!(matches!(printed("SELECT 'never closed"), Err(SqlTextError::Syntax(_))));
    }
}
