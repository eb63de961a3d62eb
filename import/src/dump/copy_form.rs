//! How the rows below a COPY are written: what stands between their values, and what is NULL.

use sqlparser::tokenizer::Token;

use super::cursor::{Words, word};
use crate::dialect::Dialect;

/// See the module.
#[derive(Debug, PartialEq, Eq)]
pub struct CopyForm {
    separator: String,
    null: String,
}

impl CopyForm {
    /// The one that a COPY says, or the usual one.
    pub fn of(statement: &str, line: u64) -> Self {
        let mut form = Self { separator: "\t".to_owned(), null: "\\N".to_owned() };
        let Some(words) = Words::of(statement, line, Dialect::PostgreSql) else { return form };
        let mut cursor = words.cursor();
        // Columns may be called as the options are.
        let _columns = cursor.until_word("FROM");
        while let Some(token) = cursor.take() {
            let said = match word(token).as_deref() {
                Some("DELIMITER" | "DELIMITERS") => &mut form.separator,
                Some("NULL") => &mut form.null,
                _ => continue,
            };
            cursor.eat(&["AS"]);
            if let Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) = cursor.peek() {
                said.clone_from(text);
            }
        }
        form
    }

    /// The values of a row; none for NULL.
    pub fn values(&self, row: &str) -> Vec<Option<String>> {
        let value = |text: &str| (text != self.null).then(|| plain(text));
        let pieces = row.split(self.separator.as_str());
        if !row.contains('\\') {
            return pieces.map(value).collect();
        }
        // A separator that is part of a value is marked.
        let mut values: Vec<String> = Vec::new();
        let mut is_open = false;
        for piece in pieces {
            match values.last_mut().filter(|_| is_open) {
                Some(last) => *last += &format!("{}{piece}", self.separator),
                None => values.push(piece.to_owned()),
            }
            let marks = piece.len() - piece.trim_end_matches('\\').len();
            is_open = marks % 2 == 1;
        }
        values.iter().map(|text| value(text)).collect()
    }
}

/// A text that is not NULL.
fn plain(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        let (b'\\', [sign, behind @ ..]) = (*first, rest) else {
            bytes.push(*first);
            continue;
        };
        rest = behind;
        bytes.push(match sign {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            other => *other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_apart_as_the_statement_says() {
        let text = |text: &str| Some(text.to_owned());
        let usual = CopyForm::of("COPY public.boats (id, \"null\") FROM stdin", 1);
        let expected = [None, text("a\tb\\"), text("\\x41"), text("")];
        assert_eq!(usual.values("\\N\ta\\tb\\\\\t\\\\x41\t"), expected);
        for statement in [
            "COPY boats (delimiter, id) FROM stdin DELIMITER '|' NULL AS ''",
            "COPY boats FROM stdin WITH (DELIMITER '|', NULL '')",
            "copy boats from stdin using delimiters E'|' with null as ''",
        ] {
            let form = CopyForm::of(statement, 1);
            let expected = [text("a|b\\"), None, text("\tc"), text("N")];
            assert_eq!(form.values("a\\|b\\\\||\tc|\\N"), expected, "{statement}");
        }
    }
}
