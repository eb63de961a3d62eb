//! Statements with a basis that come too late: the row they are about was changed or deleted since
//! their writer looked.
//!
//! An UPDATE of one row, named by its whole key (what forms send), that was deleted meanwhile is an
//! edit concurrent with the deletion. So that the statement finds the row, it is put back for as long
//! as the statements run; what they did is then taken back and merged.

use std::sync::Arc;

use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::VersionVector;

use super::local::LocalRun;
use super::table::ViewTable;
use super::words::{Word, written_table};
use super::{ViewResult, rows};

impl LocalRun<'_> {
    /// Puts back the row that an UPDATE is about, if it was deleted since its writer looked.
    pub(super) fn put_back_deleted(
        &mut self,
        words: &[Word<'_>],
        parameters: &[Value],
        basis: &VersionVector,
    ) -> ViewResult<()> {
        let Some((table, key)) = self.updated_by_key(words, parameters) else { return Ok(()) };
        let bytes = key.to_bytes();
        if rows::select(&self.view.connection, &table, &key)?.is_some()
            || !rows::is_stored(&self.view.connection, &table, &bytes)?
        {
            return Ok(());
        }
        let row = self.view.load_row(&table, &key, &bytes)?;
        let seen = |by: &tandem_protocol::merge::WriteId| basis.covers(&by.dot());
        let deleted_since =
            row.state.life.siblings().iter().any(|sibling| !sibling.value && !seen(&sibling.by));
        let mut writes = row.state.cells.values().flat_map(|cell| cell.set.siblings());
        let was_there = row.state.cells.is_empty() || writes.any(|sibling| seen(&sibling.by));
        if !deleted_since || !was_there {
            return Ok(());
        }
        let values = self.view.values(&table, &key, &bytes, &row)?;
        self.view.watch.capture().on = false;
        let view = &mut *self.view;
        let inserted = view.fold.unique.insert_row(&view.connection, &table, &values);
        self.view.watch.capture().on = true;
        inserted.map(|_| ())
    }

    /// Whether a statement that changed nothing may have done so because of what was changed since
    /// its writer looked.
    pub(super) fn is_too_late(&self, words: &[Word<'_>]) -> bool {
        let changes = words.iter().any(|word| word.depth == 0 && (word.is("UPDATE") || word.is("DELETE")));
        let table = written_table(words).and_then(|name| self.view.fold.tables.named(&name));
        changes && table.is_some_and(|table| self.unseen.tables.contains(&table.id))
    }

    /// The row that an UPDATE names by its whole key and by nothing else.
    fn updated_by_key(&self, words: &[Word<'_>], parameters: &[Value]) -> Option<(Arc<ViewTable>, Key)> {
        if !words.first()?.is("UPDATE") {
            return None;
        }
        let table = self.view.fold.tables.named(&written_table(words)?)?;
        let wanted = equalities(words, parameters)?;
        if wanted.len() != table.key.len() {
            return None;
        }
        let part = |at: &usize| {
            let column = &table.def.columns[*at];
            let named = wanted.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
            column.kind.canonical(named?.1.clone()).ok().filter(|value| !value.is_null())
        };
        let key = table.key.iter().map(part).collect::<Option<Vec<_>>>()?;
        Some((table, Key(key)))
    }
}

/// The columns and values of `WHERE a = … AND b = …`, if that is all there is to it.
fn equalities(words: &[Word<'_>], parameters: &[Value]) -> Option<Vec<(String, Value)>> {
    let start = words.iter().position(|word| word.depth == 0 && word.is("WHERE"))?;
    let mut rest = Condition { words, at: 0, last_place: 0, named: Vec::new(), parameters };
    // Places of parameters count from the beginning.
    while rest.at < start {
        if rest.operand().is_none() {
            rest.at += 1;
        }
    }
    rest.at = start + 1;
    let mut found = Vec::new();
    loop {
        found.push(rest.equality()?);
        match words.get(rest.at) {
            None => return Some(found),
            Some(word) if word.is(";") || word.is("RETURNING") => return Some(found),
            Some(word) if word.is("AND") => rest.at += 1,
            Some(_) => return None,
        }
    }
}

/// A condition being read.
struct Condition<'a> {
    words: &'a [Word<'a>],
    at: usize,
    /// The greatest place of a parameter so far.
    last_place: usize,
    /// Parameters with names, and their places.
    named: Vec<(String, usize)>,
    parameters: &'a [Value],
}

impl Condition<'_> {
    fn equality(&mut self) -> Option<(String, Value)> {
        if let Some(name) = self.column() {
            self.sign("=")?;
            // `==` is the same.
            let _either = self.sign("=");
            return Some((name, self.operand()??));
        }
        let value = self.operand()??;
        self.sign("=")?;
        let _either = self.sign("=");
        Some((self.column()?, value))
    }

    fn sign(&mut self, sign: &str) -> Option<()> {
        self.words.get(self.at).filter(|word| word.is(sign))?;
        self.at += 1;
        Some(())
    }

    /// A column, with or without its table's name.
    fn column(&mut self) -> Option<String> {
        let name = self.words.get(self.at)?.name()?;
        self.at += 1;
        match self.sign(".") {
            Some(()) => self.column(),
            None => Some(name),
        }
    }

    /// A parameter, whole number or text. Inside: none if the parameter is not given.
    fn operand(&mut self) -> Option<Option<Value>> {
        let word = self.words.get(self.at)?;
        if let Some(parameter) = word.parameter() {
            self.at += 1;
            let place = self.place(parameter);
            return Some(self.parameters.get(place.wrapping_sub(1)).cloned());
        }
        let negative = word.is("-");
        let value = match self.words.get(self.at + usize::from(negative))? {
            number if number.integer().is_some() => {
                // A number with a fraction is none that a key has.
                let follows = self.words.get(self.at + usize::from(negative) + 1);
                follows.is_none_or(|next| !next.is(".")).then_some(())?;
                Value::Integer(number.integer()? * if negative { -1 } else { 1 })
            }
            text if !negative => Value::Text(text.text()?),
            _ => return None,
        };
        self.at += 1 + usize::from(negative);
        Some(Some(value))
    }

    /// The place of a parameter, as SQLite counts them; 0 if there is none such.
    fn place(&mut self, parameter: &str) -> usize {
        let known = self.named.iter().find(|(name, _)| name == parameter).map(|(_, place)| *place);
        let place = match parameter.strip_prefix('?') {
            Some("") => self.last_place + 1,
            Some(number) => number.parse().unwrap_or(0),
            None => known.unwrap_or(self.last_place + 1),
        };
        if known.is_none() && !parameter.starts_with('?') {
            self.named.push((parameter.to_owned(), place));
        }
        self.last_place = self.last_place.max(place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;

    #[test]
    fn equality_on_columns_is_read_and_nothing_else() {
        let parameters = [Value::Integer(10), Value::Text("b".into()), Value::Integer(30)];
        for (sql, expected) in [
            ("UPDATE t SET a = ? WHERE id = ?", "id=b"),
            ("UPDATE t SET a = 'x' WHERE id = 7", "id=7"),
            ("UPDATE t SET a = ?3 WHERE t.\"Id\" == ?1 AND -5 = slot", "id=10 slot=-5"),
            ("UPDATE t SET a = ?2, b = ? WHERE id = 'it''s' RETURNING id;", "id=it's"),
            ("UPDATE t SET a = :x, b = @x, c = :x WHERE id = @x", "id=b"),
            ("UPDATE t SET a = ? WHERE id = $id AND b = ?", "id=b b=30"),
            ("UPDATE t SET a = ?, b = (SELECT 1 WHERE 1 = ?) WHERE id = ?", "id=30"),
            ("UPDATE t SET a = 1 WHERE id = 7 AND version = 3 OR 1", "-"),
            ("UPDATE t SET a = 1 WHERE id = 7.5", "-"),
            ("UPDATE t SET a = 1 WHERE id >= 7", "-"),
            ("UPDATE t SET a = 1 WHERE id IN (7)", "-"),
            ("UPDATE t SET a = 1 WHERE id = b", "-"),
            ("UPDATE t SET a = 1 WHERE id = ?9", "-"),
            ("UPDATE t SET a = 1 WHERE id = 7 + 1", "-"),
            ("UPDATE t SET a = 1", "-"),
        ] {
            let found = equalities(&words(sql), &parameters);
            let told = found.map_or("-".to_owned(), |found| {
                let told = found.iter().map(|(name, value)| format!("{name}={value}"));
                told.collect::<Vec<_>>().join(" ")
            });
            assert_eq!(told, expected, "{sql}");
        }
    }
}
