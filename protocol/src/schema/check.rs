//! What a CHECK may say: it is evaluated on every site, also after a merge, and must give the same
//! everywhere and always.

use sqlparser::dialect::SQLiteDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Functions whose result depends on their arguments alone. Those of dates and times are none: an
/// argument, be it a column's value, may say `now` or `localtime`.
const FUNCTIONS: &[&str] = &[
    "abs",
    "char",
    "coalesce",
    "format",
    "glob",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json_extract",
    "json_type",
    "json_valid",
    "length",
    "like",
    "lower",
    "ltrim",
    "max",
    "min",
    "nullif",
    "octet_length",
    "printf",
    "replace",
    "round",
    "rtrim",
    "sign",
    "substr",
    "substring",
    "trim",
    "typeof",
    "unicode",
    "upper",
];

/// Words that may stand before a parenthesis without calling anything.
const KEYWORDS: &[&str] = &[
    "and", "or", "not", "in", "is", "between", "like", "glob", "case", "when", "then", "else", "escape",
    "null",
];

/// Refuses an expression that another row, another site or another day could answer differently;
/// says which part of it.
pub(super) fn refuse_changing(expression: &str) -> Result<(), String> {
    let tokens =
        Tokenizer::new(&SQLiteDialect {}, expression).tokenize().map_err(|error| error.to_string())?;
    let tokens: Vec<Token> =
        tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Word(word) => {
                let name = word.value.to_ascii_lowercase();
                let plain = word.quote_style.is_none();
                let called = tokens.get(at + 1) == Some(&Token::LParen);
                let allowed =
                    !called || FUNCTIONS.contains(&name.as_str()) || KEYWORDS.contains(&name.as_str());
                if plain && (matches!(name.as_str(), "select" | "exists") || name.starts_with("current_"))
                    || !allowed
                {
                    return Err(word.value.clone());
                }
            }
            Token::Placeholder(_) | Token::Colon | Token::AtSign => return Err(token.to_string()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_same_everywhere_may_be_checked() {
        for expression in [
            "paid >= 0",
            "status IN ('present', 'absent')",
            "length(trim(name)) > 0 AND (a IS NULL OR b BETWEEN 1 AND (2 + 3))",
            "CASE WHEN (a > 1) THEN (b) ELSE (c) END",
            "json_valid(doc) AND d >= '2000-01-01' AND d < ends",
            "\"select\" > 1",
        ] {
            assert_eq!(refuse_changing(expression), Ok(()), "{expression}");
        }
        for (expression, part) in [
            ("random() > 0", "random"),
            ("d <= date('now')", "date"),
            ("date() >= d", "date"),
            ("strftime('%Y', d, zone) > 2000", "strftime"),
            ("?1 > 0", "?1"),
            ("a > :b", ":"),
            ("d <= CURRENT_DATE", "CURRENT_DATE"),
            ("a IN (SELECT id FROM t)", "SELECT"),
            ("uuid7() <> a", "uuid7"),
            ("last_insert_rowid() = 1", "last_insert_rowid"),
        ] {
            assert_eq!(refuse_changing(expression), Err(part.to_owned()), "{expression}");
        }
    }
}
