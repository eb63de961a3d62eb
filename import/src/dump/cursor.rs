//! The words and signs of a statement, read from left to right.

use sqlparser::ast::Expr;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};
use tandem_protocol::bounds;

use crate::dialect::Dialect;

/// Stack for an expression, whose every sign may be a level of its tree.
const STACK_BYTES_A_TOKEN: usize = 6 << 10;

/// Stack for what is no level of it.
const STACK_BYTES: usize = 1 << 20;

/// Signs of an expression or a view, at most: some for each of its parts.
const PARSED_TOKENS: usize = 4 * bounds::EXPRESSION_NODES;

/// Signs of a statement or a row outside of texts, at most: what is kept of one is many times its text.
const SIGNS: usize = 500_000;

/// The words and signs of one statement.
pub struct Words {
    tokens: Vec<TokenWithSpan>,
    /// The line in which the statement begins.
    line: u64,
    dialect: Dialect,
}

impl Words {
    /// Those of a statement; none, where it holds a sign that its dialect does not have, or more than any
    /// has.
    pub fn of(text: &str, line: u64, dialect: Dialect) -> Option<Self> {
        if text.len() > SIGNS && signs(text, dialect) > SIGNS {
            return None;
        }
        let tokens = Tokenizer::new(dialect.grammar(), text).tokenize_with_location().ok()?;
        let is_one = |token: &TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
        Some(Self { tokens: tokens.into_iter().filter(is_one).collect(), line, dialect })
    }

    /// All of them, from the left.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { tokens: &self.tokens, at: 0, line: self.line, dialect: self.dialect }
    }
}

/// See the module.
#[derive(Clone)]
pub struct Cursor<'a> {
    tokens: &'a [TokenWithSpan],
    at: usize,
    line: u64,
    dialect: Dialect,
}

impl<'a> Cursor<'a> {
    /// Whose words they are.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The next sign.
    pub fn peek(&self) -> Option<&'a Token> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + ahead).map(|token| &token.token)
    }

    /// The line in which the next sign stands.
    pub fn line(&self) -> u64 {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        self.line + token.map_or(0, |token| token.span.start.line.saturating_sub(1))
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Takes the next sign.
    pub fn take(&mut self) -> Option<&'a Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    /// The next word, if it is one without quotes, in upper case.
    pub fn word(&self) -> Option<String> {
        word(self.peek()?)
    }

    /// Whether these words come next.
    pub fn is(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, wanted)| {
            let found = self.peek_at(ahead).and_then(plain);
            found.is_some_and(|word| word.value.eq_ignore_ascii_case(wanted))
        })
    }

    /// Takes these words, if they come next.
    pub fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.is(words);
        self.at += if found { words.len() } else { 0 };
        found
    }

    /// Takes one of these words, if one comes next.
    pub fn eat_one(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.eat(&[word]))
    }

    /// Takes that sign, if it comes next.
    pub fn eat_sign(&mut self, sign: &Token) -> bool {
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    /// A name.
    pub fn name(&mut self) -> Option<String> {
        let name = match self.peek()? {
            Token::Word(word) => unquoted(word),
            // SQLite takes a text for a name where only a name can stand.
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)
                if self.dialect != Dialect::PostgreSql =>
            {
                text.clone()
            }
            _ => return None,
        };
        self.at += 1;
        Some(name)
    }

    /// A name that may stand in a schema: the schema's, and its own.
    pub fn object(&mut self) -> Option<(Option<String>, String)> {
        let mut name = self.name()?;
        let mut schema = None;
        while self.eat_sign(&Token::Period) {
            schema = Some(std::mem::replace(&mut name, self.name()?));
        }
        Some((schema, name))
    }

    /// What stands between parentheses; none, where none opens, or it is never closed.
    pub fn group(&mut self) -> Option<Self> {
        if self.peek() != Some(&Token::LParen) {
            return None;
        }
        let length = self.item_length();
        if self.peek_at(length - 1) != Some(&Token::RParen) {
            return None;
        }
        assert!(length >= 2, "what opens and closes has two signs at least");
        let inner = Self { tokens: &self.tokens[self.at + 1..self.at + length - 1], at: 0, ..self.clone() };
        self.at += length;
        Some(inner)
    }

    /// The parts between the commas of this level.
    pub fn parts(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        while !self.is_at_end() {
            parts.push(self.until(&|token| *token == Token::Comma));
            self.at += 1;
        }
        parts
    }

    /// All up to the sign of this level for which that holds, or up to the end.
    pub fn until(&mut self, is_end: &dyn Fn(&Token) -> bool) -> Self {
        let from = self.at;
        while !self.is_at_end() && self.peek().is_some_and(|token| !is_end(token)) {
            self.at += self.item_length();
        }
        Self { tokens: &self.tokens[from..self.at], at: 0, ..self.clone() }
    }

    /// All up to that word of this level, or up to the end.
    pub fn until_word(&mut self, end: &str) -> Self {
        self.until(&|token| plain(token).is_some_and(|word| word.value.eq_ignore_ascii_case(end)))
    }

    /// All up to what stands between parentheses, or up to the end.
    pub fn until_group(&mut self) -> Self {
        self.until(&|token| *token == Token::LParen)
    }

    /// All from here up to where another one of the same statement stands.
    pub fn up_to(&self, end: &Self) -> Self {
        assert!(
            std::ptr::eq(self.tokens, end.tokens) && self.at <= end.at,
            "the end stands behind, in the same words"
        );
        Self { tokens: &self.tokens[self.at..end.at], at: 0, ..self.clone() }
    }

    /// How many signs the next item has: one, or all from an opening parenthesis to the closing one.
    fn item_length(&self) -> usize {
        let mut depth = 0_usize;
        for (length, token) in self.tokens[self.at..].iter().enumerate() {
            match token.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return length + 1;
            }
        }
        self.tokens.len() - self.at
    }

    /// The expression that all of it is.
    pub fn expression(&self) -> Option<Expr> {
        self.parsed(|parser| {
            let expression = parser.parse_expr().ok()?;
            (parser.peek_token().token == Token::EOF).then_some(expression)
        })
    }

    /// What a parser makes of all of it, if it is not too long for one.
    pub fn parsed<T>(&self, parse: impl FnOnce(&mut Parser<'_>) -> Option<T>) -> Option<T> {
        let tokens = self.tokens.get(self.at..)?;
        if tokens.len() > PARSED_TOKENS {
            return None;
        }
        let needed = STACK_BYTES + tokens.len() * STACK_BYTES_A_TOKEN;
        stacker::maybe_grow(needed, needed, || {
            parse(&mut Parser::new(self.dialect.grammar()).with_tokens_with_locations(tokens.to_vec()))
        })
    }

    /// All of it as text, cut where it is long.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for token in self.tokens.get(self.at..).unwrap_or_default() {
            let tight = matches!(token.token, Token::Comma | Token::RParen | Token::Period | Token::LParen);
            if !text.is_empty() && !tight && !text.ends_with(['(', '.']) {
                text.push(' ');
            }
            text += &token.token.to_string();
            if text.chars().count() > 80 {
                let short: String = text.chars().take(80).collect();
                return short + "…";
            }
        }
        text
    }
}

/// How many signs there are that are no letter of a word, outside of texts.
fn signs(text: &str, dialect: Dialect) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        count += usize::from(!bytes[at].is_ascii_alphanumeric());
        at += item_length(&bytes[at..], dialect);
    }
    count
}

/// How long what begins here is: a text or a quoted name as a whole, else one sign.
pub fn item_length(bytes: &[u8], dialect: Dialect) -> usize {
    let mark = match bytes.first() {
        Some(b'[') if dialect == Dialect::Sqlite => b']',
        Some(mark @ (b'\'' | b'"' | b'`')) => *mark,
        _ => return 1,
    };
    let escapes = dialect == Dialect::MySql && mark != b'`';
    let mut at = 1;
    while let Some(sign) = bytes.get(at) {
        at += 1;
        match sign {
            b'\\' if escapes => at += 1,
            sign if *sign == mark => break,
            _ => {}
        }
    }
    at.min(bytes.len())
}

fn plain(token: &Token) -> Option<&Word> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word),
        _ => None,
    }
}

/// A word without quotes, in upper case.
pub fn word(token: &Token) -> Option<String> {
    plain(token).map(|word| word.value.to_ascii_uppercase())
}

/// A name without the signs that double a quote in it.
fn unquoted(word: &Word) -> String {
    match word.quote_style {
        Some(quote @ ('"' | '`')) => word.value.replace(&format!("{quote}{quote}"), &quote.to_string()),
        _ => word.value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_groups_stand_in_each_other() {
        let words = Words::of("a (b, c (d)) e,\n`x``y` int", 7, Dialect::MySql).unwrap();
        let mut parts = words.cursor().parts().into_iter();
        let (mut first, mut second) = (parts.next().unwrap(), parts.next().unwrap());
        assert!(parts.next().is_none());
        assert_eq!(first.name().unwrap(), "a");
        let inner: Vec<String> = first.group().unwrap().parts().iter().map(Cursor::text).collect();
        assert_eq!(inner, ["b", "c(d)"]);
        assert!(first.eat(&["E"]) && first.is_at_end());
        assert_eq!(second.line(), 8);
        assert_eq!(second.name().unwrap(), "x`y");
    }
}
