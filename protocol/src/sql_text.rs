//! SQL as people type it, bounded before it is parsed: the parser's work, its stack and that of
//! whatever walks its trees grow with the text.

use sqlparser::ast::Statement;
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::bounds;

/// Stack for a text that is as deep as it can be: each token may be a level of its tree, which takes
/// some frames of the parser, and of whoever reads, prints or drops the tree.
const STACK_BYTES_A_TOKEN: usize = 6 << 10;

/// Stack for what is no level of a tree.
const STACK_BYTES: usize = 1 << 20;

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

/// Refuses one statement that is too long for anybody to parse, SQLite included.
pub fn check_statement(sql: &str) -> Result<(), SqlTextError> {
    check(sql, bounds::STATEMENT_MIB, bounds::STATEMENT_TOKENS)
}

/// Parses `sql`, of at most so many MiB, and gives its statements to `read`, with a stack that is
/// large enough for whatever they hold.
pub fn with_statements<T>(
    sql: &str,
    most_mib: usize,
    read: impl FnOnce(Vec<Statement>) -> T,
) -> Result<T, SqlTextError> {
    with_tokens(sql, most_mib, |tokens| (tokens, ()), |(), statements| read(statements))
}

/// Parses the statements of `sql`, of at most so many MiB, each by itself, and gives them to `read`, each
/// with the line in which it begins: what cannot be read hides nothing of what stands behind it.
pub fn each_statement(
    sql: &str,
    most_mib: usize,
    mut read: impl FnMut(u64, Result<&Statement, SqlTextError>),
) -> Result<(), SqlTextError> {
    let tokens = tokens_of(sql, most_mib)?;
    let mut rest = tokens.as_slice();
    while let Some(begin) = rest.iter().position(|token| !is_between(&token.token)) {
        let (statement, behind) = rest[begin..].split_at(statement_length(&rest[begin..]));
        let needed = STACK_BYTES + statement.len() * STACK_BYTES_A_TOKEN;
        stacker::maybe_grow(needed, needed, || {
            let mut parser = Parser::new(&SQLiteDialect {}).with_tokens_with_locations(statement.to_vec());
            let parsed = parser.parse_statement().and_then(|parsed| {
                parser.expect_token(&Token::EOF)?;
                Ok(parsed)
            });
            let parsed = parsed.as_ref().map_err(|error| SqlTextError::Syntax(error.to_string()));
            read(statement[0].span.start.line, parsed);
        });
        rest = behind;
    }
    Ok(())
}

/// What stands between statements.
fn is_between(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_) | Token::SemiColon)
}

/// How many tokens the first statement has. A trigger has statements in it, up to its END.
fn statement_length(tokens: &[TokenWithSpan]) -> usize {
    let word = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        _ => String::new(),
    };
    let is_trigger = tokens.iter().take(8).any(|token| word(token) == "TRIGGER");
    let mut last = String::new();
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::SemiColon if !is_trigger || last == "END" => return at,
            Token::Whitespace(_) => {}
            _ => last = word(token),
        }
    }
    tokens.len()
}

/// As [`with_statements`], of SQL whose words `put` puts differently before they are parsed; `read` is
/// told what it found on the way.
pub fn with_tokens<F, T>(
    sql: &str,
    most_mib: usize,
    put: impl FnOnce(Vec<TokenWithSpan>) -> (Vec<TokenWithSpan>, F),
    read: impl FnOnce(F, Vec<Statement>) -> T,
) -> Result<T, SqlTextError> {
    let (tokens, found) = put(tokens_of(sql, most_mib)?);
    // No statement of them is longer than that.
    let levels = tokens.len().min(bounds::STATEMENT_TOKENS);
    let needed = STACK_BYTES + levels * STACK_BYTES_A_TOKEN;
    // Most statements are short, and find room where they are: a stack of one's own costs more than
    // to parse them.
    stacker::maybe_grow(needed, needed, || {
        let statements = Parser::new(&SQLiteDialect {}).with_tokens_with_locations(tokens).parse_statements();
        let statements = statements.map(|statements| read(found, statements));
        statements.map_err(|error| SqlTextError::Syntax(error.to_string()))
    })
}

/// The tokens of a text that is short enough.
fn tokens_of(sql: &str, most_mib: usize) -> Result<Vec<TokenWithSpan>, SqlTextError> {
    check(sql, most_mib, bounds::SCHEMA_TOKENS)?;
    let tokens = Tokenizer::new(&SQLiteDialect {}, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| SqlTextError::Syntax(error.to_string()))?;
    let counted = tokens.iter().map(|token| match &token.token {
        Token::SemiColon => Counted::End,
        Token::Whitespace(_) => Counted::Nothing,
        _ => Counted::Token,
    });
    // Should the two ever disagree on what a token is, the parser's own word counts as well.
    if !fits(counted, bounds::SCHEMA_TOKENS) {
        return Err(SqlTextError::TooLarge(most_mib));
    }
    Ok(tokens)
}

/// What a token is to the count.
enum Counted {
    Token,
    Nothing,
    /// A new statement begins behind it.
    End,
}

fn check(sql: &str, most_mib: usize, most_tokens: usize) -> Result<(), SqlTextError> {
    // As many tokens need as many bytes.
    let short = sql.len() <= bounds::STATEMENT_TOKENS;
    let fit = sql.len() <= most_mib << 20 && (short || fits(Scan(sql), most_tokens));
    if fit { Ok(()) } else { Err(SqlTextError::TooLarge(most_mib)) }
}

fn fits(tokens: impl Iterator<Item = Counted>, most: usize) -> bool {
    let (mut all, mut of_statement) = (0, 0);
    for token in tokens {
        match token {
            Counted::Token => {
                all += 1;
                of_statement += 1;
            }
            Counted::Nothing => {}
            // Behind one of a single text, SQLite would still read the rest.
            Counted::End if most <= bounds::STATEMENT_TOKENS => {}
            Counted::End => of_statement = 0,
        }
        if all > most || of_statement > bounds::STATEMENT_TOKENS {
            return false;
        }
    }
    true
}

/// Two signs that are one.
const PAIRS: [&str; 8] = ["||", "<=", ">=", "<>", "!=", "==", "<<", ">>"];

/// The tokens of a text, told apart without keeping any: words, quotes, comments, and each sign.
struct Scan<'a>(&'a str);

impl Iterator for Scan<'_> {
    type Item = Counted;

    fn next(&mut self) -> Option<Counted> {
        let rest = self.0;
        let first = rest.chars().next()?;
        let behind = |closing: &str, from: usize| {
            rest[from..].find(closing).map_or(rest.len(), |at| from + at + closing.len())
        };
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let (length, counted) = match first {
            ';' => (1, Counted::End),
            _ if first.is_whitespace() => (first.len_utf8(), Counted::Nothing),
            '-' if rest.starts_with("--") => (behind("\n", 2), Counted::Nothing),
            '/' if rest.starts_with("/*") => (behind("*/", 2), Counted::Nothing),
            // A quote inside is written twice: two quotes side by side count as two.
            '\'' => (behind("'", 1), Counted::Token),
            '"' => (behind("\"", 1), Counted::Token),
            '`' => (behind("`", 1), Counted::Token),
            '[' => (behind("]", 1), Counted::Token),
            _ if is_word(first) => (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), Counted::Token),
            _ if PAIRS.iter().any(|pair| rest.starts_with(pair)) => (2, Counted::Token),
            _ => (first.len_utf8(), Counted::Token),
        };
        self.0 = &rest[length..];
        Some(counted)
    }
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

    /// Short ones are parsed where they are: there must be room, also on a small stack.
    #[test]
    fn a_statement_of_any_length_finds_its_stack() {
        let small = std::thread::Builder::new().stack_size(256 << 10);
        let parsed = small.spawn(|| {
            let nested =
                |open: &str, close: &str, n: usize| format!("SELECT {}1{}", open.repeat(n), close.repeat(n));
            for n in (1..60).chain([100, 300, 1_000]) {
                let long = |joint: &str| format!("SELECT {}", vec!["1"; n].join(joint));
                let deep =
                    [("(", ")"), ("abs(", ")"), ("1 + (", ")"), ("- ", ""), ("NOT ", ""), ("(SELECT ", ")")];
                let deep = deep.iter().map(|(open, close)| nested(open, close, n));
                for sql in deep.chain([" AND ", " + ", " || ", " UNION SELECT "].map(long)) {
                    let read = with_statements(&sql, 1, |statements| statements[0].clone().to_string().len());
                    // The parser has a bound of its own on depth.
                    assert!(matches!(read, Ok(_) | Err(SqlTextError::Syntax(_))), "{read:?}");
                }
            }
        });
        parsed.unwrap().join().unwrap();
    }

    #[test]
    fn one_statement_is_bounded_before_anybody_parses_it() {
        let most = bounds::STATEMENT_TOKENS;
        let terms = |count: usize| format!("SELECT {}", vec!["1"; count].join("+"));
        assert_eq!(check_statement(&terms(most / 2)), Ok(()));
        assert_eq!(check_statement(&terms(most / 2 + 1)), Err(SqlTextError::TooLarge(1)));
        // What is quoted is one word, however long, and a remark is none.
        let quoted = format!("SELECT '{}' -- {}\n", "1+".repeat(100_000), "1+".repeat(100_000));
        assert_eq!(check_statement(&quoted), Ok(()));
        assert_eq!(
            check_statement(&format!("{quoted}{}", " ".repeat(1 << 20))),
            Err(SqlTextError::TooLarge(1))
        );
        // No semicolon hides the rest.
        assert_eq!(check_statement(&"1;".repeat(most + 1)), Err(SqlTextError::TooLarge(1)));
        let many = "CREATE TABLE t(a INTEGER PRIMARY KEY);".repeat(2_000);
        assert!(with_statements(&many, bounds::SCHEMA_MIB, |statements| statements.len()).is_ok());
        let many = "CREATE TABLE t(a INTEGER PRIMARY KEY);".repeat(30_000);
        let refused = with_statements(&many, bounds::SCHEMA_MIB, |statements| statements.len());
        assert_eq!(refused, Err(SqlTextError::TooLarge(bounds::SCHEMA_MIB)));
    }
}
