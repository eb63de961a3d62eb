//! What a statement changes of what was read: ALTER, RENAME, DROP.

use sqlparser::tokenizer::Token;
use tandem_protocol::cause::Cause;

use super::super::cursor::Cursor;
use super::super::passed::OF_NO_MEANING;
use super::super::table;
use super::Reader;

impl Reader {
    /// ALTER TABLE, from the name of the table on.
    pub(super) fn alter(&mut self, mut cursor: Cursor<'_>, head: &str, line: u64) {
        cursor.eat(&["IF", "EXISTS"]);
        cursor.eat(&["ONLY"]);
        let said = cursor.object().unwrap_or_default();
        cursor.eat_sign(&Token::Mul);
        let Some(at) = self.tables.place(&said) else {
            // So the owner of a view or of a sequence is said.
            let means_nothing =
                |part: &Cursor<'_>| part.word().is_some_and(|word| OF_NO_MEANING.contains(&word.as_str()));
            if !cursor.clone().parts().iter().all(means_nothing) {
                self.pass("ALTER TABLE", line, head);
            }
            return;
        };
        for mut part in cursor.parts() {
            let first = part.word().unwrap_or_default();
            if part.eat(&["ATTACH", "PARTITION"]) {
                self.tables.attach(part.object(), &said);
                continue;
            }
            let table = self.tables.at_mut(at);
            if part.eat(&["SET", "SCHEMA"]) {
                table.schema = part.name();
                continue;
            }
            let before = table.name.clone();
            if table::alter(table, &mut part, &mut self.notes) {
                let after = std::mem::replace(&mut table.name, before.clone());
                if before != after {
                    self.tables.rename(at, &after);
                }
            } else if !OF_NO_MEANING.contains(&first.as_str()) {
                let what = format!("{}: {}", table.name, part.text());
                self.notes.add(Cause::new("dump_alter"), line, what);
            }
        }
    }

    /// RENAME TABLE, from the first name on.
    pub(super) fn rename(&mut self, names: Cursor<'_>) {
        for mut part in names.parts() {
            let old = part.object();
            if let (Some(old), true, Some((_, new))) = (old, part.eat(&["TO"]), part.object())
                && let Some(at) = self.tables.place(&old)
            {
                self.tables.rename(at, &new);
            }
        }
    }

    /// DROP, from the kind of thing on. What is not there, where that was thought of, is nothing to tell.
    pub(super) fn drop(&mut self, mut cursor: Cursor<'_>, head: &str, line: u64) {
        let whole = cursor.clone();
        cursor.eat_one(&["MATERIALIZED", "FOREIGN"]);
        let kind = cursor.word().unwrap_or_default();
        cursor.take();
        cursor.eat(&["CONCURRENTLY"]);
        let is_asked = cursor.eat(&["IF", "EXISTS"]);
        for mut part in cursor.parts() {
            let said = part.object().unwrap_or_default();
            let is_known = match kind.as_str() {
                "TABLE" => self.tables.drop(&said),
                "VIEW" => {
                    self.drop_view(&said.1);
                    true
                }
                "INDEX" => {
                    let of = if part.eat(&["ON"]) { part.object() } else { None };
                    self.tables.drop_index(&said.1, of.as_ref())
                }
                _ => return self.pass_as(&whole, line, head),
            };
            if !is_known && !is_asked {
                self.pass(&format!("DROP {kind}"), line, head);
            }
        }
    }

    /// A view is gone, if it was there.
    pub(super) fn drop_view(&mut self, name: &str) {
        self.views.retain(|view| !view.name.eq_ignore_ascii_case(name));
    }
}
