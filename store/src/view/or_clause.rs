//! OR of an INSERT into a table whose keys are made where none is given.
//!
//! NULL asks for a key there by a clause of the column (`ddl.rs`). A statement's own clause goes
//! before a column's: with `INSERT OR IGNORE` SQLite passes over the row, with `OR ABORT` it refuses it.
//! So the statement is put in words that say the same of all else: what fails refuses its transaction
//! without `OR ABORT` and `OR FAIL`, and `ON CONFLICT DO NOTHING` passes over rows as `OR IGNORE` does.

use std::borrow::Cow;

use tandem_protocol::schema::{ColumnType, DefaultValue, TableDef};

use super::tables::Tables;
use super::words::{Word, contains, words, written_table};

/// What may follow the source of an INSERT's rows.
const AFTER_FROM: [&str; 6] = ["WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT"];

/// A statement that leaves it to the key's column what NULL means.
pub(super) fn ask_for_keys<'s>(tables: &Tables, sql: &'s str) -> Cow<'s, str> {
    let given = Cow::Borrowed(sql);
    if !["ignore", "abort", "fail"].iter().any(|clause| contains(sql, clause)) {
        return given;
    }
    let words = words(sql);
    let table = written_table(&words).and_then(|name| tables.named(&name));
    let makes = table.is_some_and(|table| makes_keys(&table.def));
    makes.then(|| without_clause(sql, &words)).flatten().map_or(given, Cow::Owned)
}

/// Whether a key, or a part of one, is made where it is NULL.
fn makes_keys(def: &TableDef) -> bool {
    let in_key = |name: &str| def.key.iter().any(|key| key.eq_ignore_ascii_case(name));
    let mut key = def.columns.iter().filter(|column| in_key(&column.name));
    key.any(|column| {
        column.default != DefaultValue::None || def.key.len() == 1 && column.kind == ColumnType::Integer
    })
}

/// The INSERT without its OR; none if it has none that matters.
fn without_clause(sql: &str, words: &[Word<'_>]) -> Option<String> {
    let says = |at: usize, wanted: &str| words.get(at).is_some_and(|word| word.depth == 0 && word.is(wanted));
    let insert = (0..words.len()).find(|at| says(*at, "INSERT") && says(at + 1, "OR"))?;
    let clause = words[insert + 1].at..words.get(insert + 2)?.end();
    let mut text = sql.to_owned();
    if says(insert + 2, "IGNORE") {
        let places = || insert + 3..words.len();
        let end = places().find(|at| says(*at, "RETURNING") || says(*at, ";")).unwrap_or(words.len());
        if places().any(|at| says(at, "DEFAULT") && says(at + 1, "VALUES")) {
            return None;
        }
        // One that names no columns is for all rules as it stands.
        if !places().any(|at| says(at, "CONFLICT") && says(at + 1, "DO")) {
            text.insert_str(words[end - 1].end(), " ON CONFLICT DO NOTHING");
        }
        let conflict = places().find(|at| says(*at, "ON") && says(at + 1, "CONFLICT"));
        let source = insert + 3..conflict.unwrap_or(end);
        // The last part of the source, up to its end.
        let part = source.clone().rfind(|at| says(*at, "SELECT") || says(*at, "VALUES")).unwrap_or(end);
        let has = |wanted: &[&str]| (part..source.end).any(|at| wanted.iter().any(|word| says(at, word)));
        // Else ON is taken for that of a join.
        if conflict.is_none() && has(&["FROM"]) && !has(&AFTER_FROM) {
            text.insert_str(words[end - 1].end(), " WHERE true");
        }
    } else if !says(insert + 2, "ABORT") && !says(insert + 2, "FAIL") {
        return None;
    }
    text.replace_range(clause, "");
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clause_goes_and_what_it_says_of_other_rules_stays() {
        for (sql, expected) in [
            ("INSERT OR ABORT INTO t VALUES (1)", Some("INSERT  INTO t VALUES (1)")),
            ("insert or fail into t values (1)", Some("insert  into t values (1)")),
            (
                "INSERT OR IGNORE INTO t VALUES (1) -- all\n",
                Some("INSERT  INTO t VALUES (1) ON CONFLICT DO NOTHING -- all\n"),
            ),
            (
                "INSERT OR IGNORE INTO t (a) VALUES (NULL) RETURNING a;",
                Some("INSERT  INTO t (a) VALUES (NULL) ON CONFLICT DO NOTHING RETURNING a;"),
            ),
            (
                "INSERT OR IGNORE INTO t SELECT * FROM o",
                Some("INSERT  INTO t SELECT * FROM o WHERE true ON CONFLICT DO NOTHING"),
            ),
            (
                "WITH x AS (SELECT 1 WHERE 1) INSERT OR IGNORE INTO t SELECT 1 WHERE 2 UNION SELECT * FROM x JOIN o ON a = b;",
                Some(
                    "WITH x AS (SELECT 1 WHERE 1) INSERT  INTO t SELECT 1 WHERE 2 UNION SELECT * FROM x JOIN o ON a = b WHERE true ON CONFLICT DO NOTHING;",
                ),
            ),
            (
                "INSERT OR IGNORE INTO t SELECT * FROM o ORDER BY a",
                Some("INSERT  INTO t SELECT * FROM o ORDER BY a ON CONFLICT DO NOTHING"),
            ),
            (
                "INSERT OR IGNORE INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1",
                Some("INSERT  INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1 ON CONFLICT DO NOTHING"),
            ),
            (
                "INSERT OR IGNORE INTO t VALUES (1) ON CONFLICT DO UPDATE SET b = 1",
                Some("INSERT  INTO t VALUES (1) ON CONFLICT DO UPDATE SET b = 1"),
            ),
            (
                "INSERT OR IGNORE INTO t SELECT * FROM o UNION VALUES (1)",
                Some("INSERT  INTO t SELECT * FROM o UNION VALUES (1) ON CONFLICT DO NOTHING"),
            ),
            ("INSERT OR IGNORE INTO t DEFAULT VALUES", None),
            ("INSERT OR REPLACE INTO t VALUES ('ignore')", None),
            ("INSERT INTO t VALUES ('or ignore')", None),
            ("UPDATE OR IGNORE t SET a = 1", None),
            ("INSERT OR", None),
        ] {
            assert_eq!(without_clause(sql, &words(sql)).as_deref(), expected, "{sql}");
        }
    }
}
