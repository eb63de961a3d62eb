//! Dialect: what SQLite reads in a statement and sqlparser does not, put into tokens that it reads.
//!
//! Nobody runs the result: it tells which values stand beside which columns. So `x IS y` may become
//! `x = y`, and a hint to the planner goes. What is kept keeps its place in the text.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// A statement's tokens as sqlparser reads them.
pub(super) struct Readable {
    pub tokens: Vec<TokenWithSpan>,
    /// What an INSERT calls its table: `INSERT INTO t AS x`. In lower case.
    pub alias: Option<String>,
}

/// Puts a statement's tokens so that sqlparser reads them.
pub(super) fn readable(tokens: Vec<TokenWithSpan>) -> Readable {
    let is_word = |token: &TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
    let given = tokens.into_iter().filter(is_word).collect();
    let mut reader = Reader { given, at: 0, readable: Readable { tokens: Vec::new(), alias: None } };
    while reader.at < reader.given.len() {
        reader.step();
    }
    reader.readable
}

/// The tokens of a statement as they are made readable.
struct Reader {
    given: Vec<TokenWithSpan>,
    at: usize,
    readable: Readable,
}

impl Reader {
    /// Takes over what begins at the token at hand.
    fn step(&mut self) {
        let says = |words: &[&str]| self.says(self.at, words);
        if says(&["IS"]) {
            self.comparison();
        } else if says(&["ISNULL"]) {
            self.keep_as(word("IS", Keyword::IS), 0);
            self.keep_as(word("NULL", Keyword::NULL), 1);
        } else if says(&["AS", "MATERIALIZED"]) || says(&["AS", "NOT", "MATERIALIZED"]) {
            self.keep();
            self.at += if self.says(self.at, &["NOT"]) { 2 } else { 1 };
        } else if says(&["NOT", "INDEXED"]) {
            self.at += 2;
        } else if says(&["INDEXED", "BY"]) {
            self.at += 3;
        } else if ["GLOB", "MATCH", "REGEXP"].iter().any(|operator| says(&["NOT", operator])) {
            self.at += 1;
        } else if says(&["INTO"]) {
            self.into();
        } else if says(&["ON", "CONFLICT"]) {
            self.on_conflict();
        } else if says(&["EXCLUDE", "NO"]) || says(&["EXCLUDE", "CURRENT"]) {
            self.at += 3;
        } else if says(&["EXCLUDE", "GROUP"]) || says(&["EXCLUDE", "TIES"]) {
            self.at += 2;
        } else if says(&["IN"]) && self.names_table(self.at + 1) {
            self.keep();
            self.keep_as(Token::LParen, 1);
            self.keep_as(Token::RParen, 0);
            self.at += if self.is(self.at, &Token::Period) { 2 } else { 0 };
        } else {
            self.keep();
        }
    }

    /// `IS`, and what sqlparser does not take after it.
    fn comparison(&mut self) {
        let not = self.says(self.at + 1, &["NOT"]);
        let next = self.at + 1 + usize::from(not);
        if ["NULL", "TRUE", "FALSE", "DISTINCT"].iter().any(|word| self.says(next, &[word])) {
            self.keep();
        } else {
            self.keep_as(if not { Token::Neq } else { Token::Eq }, 1 + usize::from(not));
        }
    }

    /// `INTO table AS alias`.
    fn into(&mut self) {
        self.keep();
        self.keep();
        while self.is(self.at, &Token::Period) {
            self.keep();
            self.keep();
        }
        if self.says(self.at, &["AS"])
            && let Some(Token::Word(name)) = self.given.get(self.at + 1).map(|token| &token.token)
        {
            self.readable.alias = Some(name.value.to_ascii_lowercase());
            self.at += 2;
        }
    }

    /// `ON CONFLICT (…) WHERE … DO`, and one that does nothing before another.
    fn on_conflict(&mut self) {
        let (mut depth, mut end, mut condition) = (0usize, self.at + 2, None);
        while end < self.given.len() && !(depth == 0 && self.says(end, &["DO"])) {
            match self.given[end].token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ if depth == 0 && self.says(end, &["WHERE"]) => condition = condition.or(Some(end)),
                _ => {}
            }
            end += 1;
        }
        if self.says(end, &["DO", "NOTHING", "ON"]) {
            self.at = end + 2;
            return;
        }
        while self.at < condition.unwrap_or(end) {
            self.keep();
        }
        self.at = end;
    }

    /// Whether a table stands where others write a list.
    fn names_table(&self, at: usize) -> bool {
        let is_name = matches!(self.given.get(at).map(|token| &token.token), Some(Token::Word(_)));
        let end = if self.is(at + 1, &Token::Period) { at + 3 } else { at + 1 };
        is_name && !self.is(end, &Token::LParen)
    }

    /// Whether these keywords stand there.
    fn says(&self, at: usize, words: &[&str]) -> bool {
        let is = |(token, wanted): (&TokenWithSpan, &&str)| matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted));
        let there = self.given.get(at..at + words.len());
        there.is_some_and(|tokens| tokens.iter().zip(words).all(is))
    }

    fn is(&self, at: usize, wanted: &Token) -> bool {
        self.given.get(at).is_some_and(|token| token.token == *wanted)
    }

    /// Takes over a token.
    fn keep(&mut self) {
        let Some(token) = self.given.get(self.at) else { return };
        let mut token = token.clone();
        match &mut token.token {
            // How they bind does not matter here.
            Token::ShiftLeft | Token::ShiftRight => token.token = Token::Plus,
            // To SQLite a name like any other.
            Token::Word(word) if word.keyword == Keyword::INTERVAL => word.keyword = Keyword::NoKeyword,
            _ => {}
        }
        self.readable.tokens.push(token);
        self.at += 1;
    }

    /// Puts another token in the place of so many.
    fn keep_as(&mut self, token: Token, of: usize) {
        let last = self.given.len().saturating_sub(1);
        if let Some(stood) = self.given.get(self.at.min(last)) {
            self.readable.tokens.push(TokenWithSpan::new(token, stood.span));
        }
        self.at += of;
    }
}

fn word(text: &str, keyword: Keyword) -> Token {
    let Token::Word(mut word) = Token::make_keyword(text) else { return Token::make_keyword(text) };
    word.keyword = keyword;
    Token::Word(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlparser::dialect::SQLiteDialect;
    use sqlparser::parser::Parser;
    use sqlparser::tokenizer::Tokenizer;

    fn read(sql: &str) -> Result<(String, Option<String>), String> {
        let tokens = Tokenizer::new(&SQLiteDialect {}, sql).tokenize_with_location().unwrap();
        let Readable { tokens, alias } = readable(tokens);
        let statements = Parser::new(&SQLiteDialect {}).with_tokens_with_locations(tokens).parse_statements();
        let shown = |all: Vec<_>| all.iter().map(ToString::to_string).collect::<Vec<String>>().join("; ");
        statements.map(|all| (shown(all), alias)).map_err(|error| error.to_string())
    }

    #[test]
    fn what_sqlite_reads_is_read() {
        for (sql, expected) in [
            ("SELECT a FROM t WHERE a IS ?", "SELECT a FROM t WHERE a = ?"),
            ("SELECT a FROM t WHERE a IS NOT 9e999", "SELECT a FROM t WHERE a <> 9e999"),
            ("SELECT a IS -1 AS b, a IS NOT (SELECT 1)", "SELECT a = -1 AS b, a <> (SELECT 1)"),
            ("SELECT a IS NOT NULL, a IS TRUE, a ISNULL", "SELECT a IS NOT NULL, a IS TRUE, a IS NULL"),
            ("SELECT a IS NOT DISTINCT FROM b", "SELECT a IS NOT DISTINCT FROM b"),
            ("WITH s AS MATERIALIZED (SELECT 1) SELECT * FROM s", "WITH s AS (SELECT 1) SELECT * FROM s"),
            ("WITH s AS NOT MATERIALIZED (SELECT 1) SELECT 1", "WITH s AS (SELECT 1) SELECT 1"),
            ("DELETE FROM t NOT INDEXED WHERE a = 1", "DELETE FROM t WHERE a = 1"),
            ("UPDATE t INDEXED BY i SET a = 1", "UPDATE t SET a = 1"),
            ("SELECT a NOT GLOB 'x*' FROM t", "SELECT a GLOB 'x*' FROM t"),
            ("SELECT a FROM t WHERE a IN main.o AND b IN (1)", "SELECT a FROM t WHERE a IN () AND b IN (1)"),
            ("SELECT a << 2, interval FROM t", "SELECT a + 2, interval FROM t"),
            (
                "SELECT sum(a) OVER (ORDER BY b ROWS CURRENT ROW EXCLUDE CURRENT ROW) FROM t",
                "SELECT sum(a) OVER (ORDER BY b ROWS CURRENT ROW) FROM t",
            ),
            (
                "INSERT INTO t VALUES (1) ON CONFLICT (a) WHERE (b = 1) DO UPDATE SET a = 2 WHERE t.a = 1",
                "INSERT INTO t VALUES (1) ON CONFLICT(a) DO UPDATE SET a = 2 WHERE t.a = 1",
            ),
            (
                "INSERT INTO t VALUES (1) ON CONFLICT (b) DO NOTHING ON CONFLICT DO UPDATE SET a = 2",
                "INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 2",
            ),
        ] {
            assert_eq!(read(sql), Ok((expected.to_owned(), None)), "{sql}");
        }
        let (_, alias) = read("INSERT INTO main.t AS X (a) VALUES (1)").unwrap();
        assert_eq!(alias.as_deref(), Some("x"));
        // Whatever it is, it ends.
        for broken in [
            "x IS",
            "IS NOT",
            "IN",
            "IN a.",
            "INTO",
            "INTO a AS",
            "ON CONFLICT",
            "AS NOT MATERIALIZED",
            "INDEXED BY",
            "EXCLUDE NO",
            "ISNULL",
        ] {
            let _either_way = read(broken);
        }
    }
}
