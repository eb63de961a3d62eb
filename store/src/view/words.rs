//! The words of a statement: as much of SQL's surface as it takes to tell names from texts and
//! remarks, and to find where a clause begins. What a statement means is left to SQLite.

/// A word or a sign.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Word<'a> {
    text: &'a str,
    /// Where it begins.
    pub at: usize,
    /// How many parentheses are open before it.
    pub depth: usize,
}

/// What every table calls the number by which SQLite finds its rows.
const ROWID: [&str; 3] = ["rowid", "oid", "_rowid_"];

impl<'a> Word<'a> {
    /// Whether it is this keyword or sign.
    pub(super) fn is(&self, wanted: &str) -> bool {
        self.text.eq_ignore_ascii_case(wanted)
    }

    /// The name it is, in lower case, without its quotes; none if it is a text, number or sign.
    pub(super) fn name(&self) -> Option<String> {
        let quoted = |close: &str| {
            let inner = self.text.get(1..)?.strip_suffix(close)?;
            Some(inner.replace(&close.repeat(2), close).to_ascii_lowercase())
        };
        match self.text.chars().next()? {
            '"' => quoted("\""),
            '`' => quoted("`"),
            '[' => quoted("]"),
            first if first.is_alphabetic() || first == '_' || !first.is_ascii() => {
                Some(self.text.to_ascii_lowercase())
            }
            _ => None,
        }
    }

    /// The whole number it is.
    pub(super) fn integer(&self) -> Option<i64> {
        self.text.parse().ok()
    }

    /// The text it is, without its quotes.
    pub(super) fn text(&self) -> Option<String> {
        let inner = self.text.strip_prefix('\'')?.strip_suffix('\'')?;
        Some(inner.replace("''", "'"))
    }

    /// The parameter it is: its sign, and its number or name.
    pub(super) fn parameter(&self) -> Option<&'a str> {
        let is_named = self.text.len() > 1 && self.text.starts_with([':', '@', '$']);
        (is_named || self.text.starts_with('?')).then_some(self.text)
    }

    /// Where it ends.
    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// The words of a statement.
pub(super) fn words(sql: &str) -> Vec<Word<'_>> {
    let bytes = sql.as_bytes();
    let (mut found, mut at, mut depth) = (Vec::new(), 0, 0usize);
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let until = |close: &str, from: usize| {
            rest.get(from..)
                .and_then(|inner| inner.find(close))
                .map_or(rest.len(), |end| from + end + close.len())
        };
        let length = match first {
            _ if first.is_whitespace() => {
                at += first.len_utf8();
                continue;
            }
            '-' if rest.starts_with("--") => {
                at += until("\n", 2);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                at += until("*/", 2);
                continue;
            }
            '\'' | '"' | '`' => quoted_length(rest, first),
            '[' => until("]", 1),
            '?' => 1 + rest[1..].bytes().take_while(u8::is_ascii_digit).count(),
            ':' | '@' | '$' => parameter_length(rest),
            _ if is_inside(first) => rest.find(|c| !is_inside(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        if bytes[at] == b')' {
            depth = depth.saturating_sub(1);
        }
        found.push(Word { text: &rest[..length], at, depth });
        if bytes[at] == b'(' {
            depth += 1;
        }
        at += length;
    }
    found
}

fn is_inside(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// A quote inside is written twice.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Bytes of the parameter with a name that begins a text: its sign alone, if it is none. As in SQLite, `::`
/// may stand inside a name, and `(…)` at its end.
fn parameter_length(text: &str) -> usize {
    let mut length = 1;
    loop {
        let rest = &text[length..];
        match rest.chars().next() {
            Some(inside) if is_inside(inside) => length += inside.len_utf8(),
            Some(':') if rest.starts_with("::") => length += 2,
            Some('(') if length > 1 => {
                let end = rest.find(|c: char| c == ')' || c.is_ascii_whitespace());
                return match end {
                    Some(end) if rest[end..].starts_with(')') => length + end + 1,
                    _ => length,
                };
            }
            _ => return length,
        }
    }
}

/// The parameters of a statement as they stand in it: `?`, `?3`, `:name`, `@name`, `$name`.
pub(crate) fn parameters(sql: &str) -> Vec<&str> {
    words(sql).iter().filter_map(Word::parameter).collect()
}

/// By which of its names a statement speaks of the rowid, if it does. `is_column`: whether some
/// table has a column of that name.
pub(super) fn rowid_in(sql: &str, is_column: impl Fn(&str) -> bool) -> Option<&'static str> {
    let mentioned = ROWID.iter().copied().filter(|name| contains(sql, name) && !is_column(name));
    let mentioned: Vec<&str> = mentioned.collect();
    if mentioned.is_empty() {
        return None;
    }
    let words = words(sql);
    let named = |(place, word): (usize, &Word<'_>)| {
        let name = word.name()?;
        let is_new_name = place > 0 && words[place - 1].is("AS");
        let is_function = words.get(place + 1).is_some_and(|next| next.is("("));
        mentioned.iter().copied().find(|rowid| *rowid == name && !is_new_name && !is_function)
    };
    words.iter().enumerate().find_map(named)
}

/// Whether a statement calls a function by name.
pub(super) fn calls(sql: &str, function: &str) -> bool {
    if !contains(sql, function) {
        return false;
    }
    let words = words(sql);
    let is_call = |pair: &[Word<'_>]| pair[0].name().is_some_and(|name| name == function) && pair[1].is("(");
    words.windows(2).any(is_call)
}

/// Whether a text contains a word, in whatever case.
pub(super) fn contains(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// The table that a statement writes to, in lower case.
pub(super) fn written_table(words: &[Word<'_>]) -> Option<String> {
    let verb = words.iter().position(|word| {
        word.depth == 0 && ["INSERT", "REPLACE", "UPDATE", "DELETE"].iter().any(|verb| word.is(verb))
    })?;
    let mut place = match words[verb].is("UPDATE") {
        true if words.get(verb + 1)?.is("OR") => verb + 3,
        true => verb + 1,
        false => verb + 1 + words[verb + 1..].iter().position(|word| word.is("INTO") || word.is("FROM"))?,
    };
    place += usize::from(!words[verb].is("UPDATE"));
    if words.get(place + 1).is_some_and(|next| next.is(".")) {
        place += 2;
    }
    words.get(place)?.name()
}

/// A conflict target of an upsert: `ON CONFLICT (a, b)`.
#[derive(Debug, PartialEq)]
pub(super) struct ConflictTarget {
    /// Its columns, in lower case, in alphabetical order.
    pub columns: Vec<String>,
    /// Where a WHERE may stand, and up to where one stands.
    pub condition: std::ops::Range<usize>,
}

/// The conflict targets of a statement. One that is more than a list of columns is left out.
pub(super) fn conflict_targets(words: &[Word<'_>]) -> Vec<ConflictTarget> {
    let target = |place: usize| {
        let open = words.get(place + 2).filter(|word| word.is("("))?;
        let close = place
            + 3
            + words[place + 3..].iter().position(|word| word.is(")") && word.depth == open.depth)?;
        let list = &words[place + 3..close];
        let parts = list.iter().enumerate().map(|(at, word)| match at % 2 {
            0 => word.name(),
            _ => word.is(",").then(String::new),
        });
        let mut columns: Vec<String> = parts.collect::<Option<Vec<_>>>()?.into_iter().step_by(2).collect();
        columns.sort();
        let action = words[close..].iter().find(|word| word.is("DO") && word.depth == open.depth)?;
        Some(ConflictTarget { columns, condition: words[close].end()..action.at })
    };
    let begins = |place: &usize| words[*place].is("ON") && words[*place + 1].is("CONFLICT");
    (0..words.len().saturating_sub(1)).filter(begins).filter_map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_texts_and_remarks_are_told_apart() {
        let sql = "SELECT \"a\"\"b\", 'it''s -- no', [c d] /* oid */ FROM t1 -- rowid\nWHERE é = ?1 AND (x)";
        let names: Vec<String> = words(sql).iter().filter_map(Word::name).collect();
        assert_eq!(names, ["select", "a\"b", "c d", "from", "t1", "where", "é", "and", "x"]);
        assert_eq!(words(sql).last().map(|word| (word.at, word.depth)), Some((sql.len() - 1, 0)));
        // Whatever it is, it ends.
        for broken in ["'", "\"a", "[", "/*", "--", "$", "((", "))", "é", "\u{0}", "'a''"] {
            words(broken);
        }
    }

    #[test]
    fn the_rowid_is_found_under_all_its_names_and_nothing_else_is() {
        for (sql, expected) in [
            ("INSERT INTO t (RowId, a) VALUES (1, 2)", Some("rowid")),
            ("INSERT INTO t (\"oid\") VALUES (1)", Some("oid")),
            ("DELETE FROM t WHERE t._rowid_ = 1", Some("_rowid_")),
            ("INSERT INTO t VALUES (1) RETURNING [rowid]", Some("rowid")),
            ("INSERT INTO t (a) VALUES ('rowid') -- rowid", None),
            ("INSERT INTO kid (e) VALUES (last_insert_rowid())", None),
            ("INSERT INTO t SELECT id AS rowid FROM t", None),
            ("UPDATE t SET void = 1", None),
            ("UPDATE t SET a = :rowid WHERE id = @oid OR id = $_rowid_", None),
        ] {
            assert_eq!(rowid_in(sql, |_| false), expected, "{sql}");
        }
        assert_eq!(rowid_in("UPDATE t SET oid = 1", |name| name == "oid"), None);
    }

    #[test]
    fn the_table_written_to_is_found() {
        for (sql, table) in [
            ("INSERT OR IGNORE INTO main.\"T 1\" (a) SELECT a FROM u", Some("t 1")),
            ("WITH x AS (SELECT 1 FROM y) REPLACE INTO t VALUES (1)", Some("t")),
            ("update or ignore T set a = 1", Some("t")),
            ("UPDATE t AS x SET a = 1 FROM u", Some("t")),
            ("DELETE FROM t", Some("t")),
            ("SELECT 1", None),
        ] {
            assert_eq!(written_table(&words(sql)).as_deref(), table, "{sql}");
        }
    }

    #[test]
    fn conflict_targets_are_found_with_the_place_of_their_condition() {
        let sql = "INSERT INTO t VALUES (1) ON CONFLICT (b, \"A\") WHERE x > 1 DO NOTHING ON CONFLICT(c) DO UPDATE SET d = (1)";
        let found = conflict_targets(&words(sql));
        assert_eq!(found[0].columns, ["a", "b"]);
        assert_eq!(&sql[found[0].condition.clone()], " WHERE x > 1 ");
        assert_eq!((&found[1].columns[..], &sql[found[1].condition.clone()]), (&["c".to_owned()][..], " "));
        assert_eq!(conflict_targets(&words("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING")), []);
        assert_eq!(conflict_targets(&words("x ON CONFLICT (lower(a)) DO NOTHING")), []);
        assert_eq!(conflict_targets(&words("ON CONFLICT")), []);
    }
}
