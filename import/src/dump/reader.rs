//! What is known of a dump so far, statement by statement.

use std::collections::BTreeMap;

use sqlparser::tokenizer::Token;
use tandem_protocol::bounds;
use tandem_protocol::cause::Cause;

use super::Dump;
use super::cursor::{Cursor, Words};
use super::error::DumpError;
use super::passed::{BEFORE_OBJECT, OF_NO_MEANING};
use super::reference::keyed;
use super::rows::count_rows;
use super::table;
use super::user_type::UserType;
use super::view::View;
use crate::dialect::Dialect;
use crate::model::{Columns, Table};
use crate::note::Notes;

/// Bytes of statements that declare something, at most: what is kept of them is many times that.
const DECLARED_BYTES: usize = 32 << 20;

/// Tables, views, types and columns of them all, at most.
const DECLARED: usize = 100_000;

/// Tables at once, at most. A space holds a quarter; views may stand as tables for a while.
const TABLES: usize = 4 * bounds::TABLES;

/// See the module.
pub struct Reader {
    dialect: Dialect,
    tables: Vec<Table>,
    views: Vec<View>,
    /// By their folded names.
    types: BTreeMap<String, UserType>,
    notes: Notes,
    /// The table whose rows stand in the file.
    copying: Option<usize>,
    /// Bytes of the statements so far that declare something.
    declared: usize,
    /// Whether the last one was such.
    has_declared: bool,
    /// Where it stands.
    line: u64,
}

impl Reader {
    /// Nothing yet.
    pub fn new(dialect: Dialect) -> Self {
        let (tables, views, types, notes) = (Vec::new(), Vec::new(), BTreeMap::new(), Notes::default());
        let (copying, declared, has_declared, line) = (None, 0, false, 0);
        Self { dialect, tables, views, types, notes, copying, declared, has_declared, line }
    }

    /// Whose SQL it reads.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Refuses what would fill the memory: no database has so much.
    pub fn bounded(&mut self) -> Result<(), DumpError> {
        let mut is_more =
            self.notes.is_full() || self.declared > DECLARED_BYTES || self.tables.len() > TABLES;
        if std::mem::take(&mut self.has_declared) {
            let columns: usize = self.tables.iter().map(|table| table.columns.len() + 1).sum();
            is_more |= columns + self.views.len() + self.types.len() > DECLARED;
        }
        if is_more { Err(DumpError::Many { line: self.line }) } else { Ok(()) }
    }

    /// A line for another program.
    pub fn command(&mut self, text: &str, line: u64) {
        let word = text.split_whitespace().next().unwrap_or_default();
        self.pass(word, line, text);
    }

    /// A row below the last COPY.
    pub fn copied_row(&mut self) {
        if let Some(table) = self.copying.and_then(|at| self.tables.get_mut(at)) {
            table.rows += 1;
        }
    }

    /// One statement.
    pub fn statement(&mut self, text: &str, line: u64) -> Result<(), DumpError> {
        self.copying = None;
        self.line = line;
        let head: String = text.chars().take(2000).collect();
        let first = head.split(|sign: char| !sign.is_ascii_alphabetic()).next().unwrap_or_default();
        match first.to_ascii_uppercase().as_str() {
            "INSERT" | "REPLACE" => {
                self.insert(text, &head, line);
                return Ok(());
            }
            "CREATE" | "ALTER" | "DROP" | "RENAME" | "COPY" => {
                self.declared += text.len();
                self.has_declared = true;
            }
            _ => {
                self.pass(first, line, &head);
                return Ok(());
            }
        }
        let Some(words) = Words::of(text, line, self.dialect) else {
            return self.unread(&head, line);
        };
        let mut cursor = words.cursor();
        if let Some(view) = View::read(&cursor, line) {
            self.drop_view(&view.name);
            self.views.push(view);
            Ok(())
        } else if cursor.eat(&["CREATE"]) {
            self.create(cursor, &head, line)
        } else if cursor.eat(&["ALTER", "TABLE"]) {
            self.alter(cursor, &head, line);
            Ok(())
        } else if cursor.eat(&["RENAME", "TABLE"]) {
            for mut part in cursor.parts() {
                let old = part.object();
                if let (Some((_, old)), true, Some((_, new))) = (old, part.eat(&["TO"]), part.object()) {
                    self.rename(&old, &new);
                }
            }
            Ok(())
        } else if cursor.eat(&["DROP", "TABLE"]) {
            cursor.eat(&["IF", "EXISTS"]);
            self.drop(cursor.until(&|_| false), line, &head);
            Ok(())
        } else if cursor.eat(&["DROP", "VIEW"]) {
            cursor.eat(&["IF", "EXISTS"]);
            let names = cursor.until(&|_| false).parts().into_iter().filter_map(|mut part| part.object());
            names.for_each(|(_, name)| self.drop_view(&name));
            Ok(())
        } else if cursor.eat(&["COPY"]) {
            let name = cursor.object().map(|(_, name)| name).unwrap_or_default();
            self.copying = self.place(&name);
            Ok(())
        } else {
            self.pass_as(&cursor, line, &head);
            Ok(())
        }
    }

    /// All that is known now.
    pub fn finish(mut self) -> Dump {
        for table in &mut self.tables {
            for at in 0..table.columns.len() {
                let name = table.columns[at].declared.words.to_lowercase();
                if let Some(user_type) = self.types.get(&name) {
                    let checks = user_type.put_into(&mut table.columns[at]);
                    table.checks.extend(checks);
                }
            }
        }
        // Where one stands in for the other until all tables are there, the table does.
        let tables = &self.tables;
        self.views.retain(|view| !tables.iter().any(|table| table.name.eq_ignore_ascii_case(&view.name)));
        Dump { dialect: self.dialect, tables: self.tables, views: self.views, notes: self.notes }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|table| table.name.eq_ignore_ascii_case(name))
    }

    /// A statement that nothing is made of.
    fn pass(&mut self, kind: &str, line: u64, text: &str) {
        let first = text.lines().next().unwrap_or_default();
        let what: String = first.chars().take(80).collect();
        self.notes.add(Cause::new("dump_passed").with("statement", kind.to_ascii_uppercase()), line, what);
    }

    /// The same, of one whose first word is a verb: what it does it with says more.
    fn pass_as(&mut self, cursor: &Cursor<'_>, line: u64, head: &str) {
        let mut cursor = cursor.clone();
        let verb = head.split_whitespace().next().unwrap_or_default().to_owned();
        let mut object = String::new();
        while let Some(token) = cursor.take() {
            let Some(word) = super::cursor::word(token) else { continue };
            if word != verb.to_ascii_uppercase() && !BEFORE_OBJECT.contains(&word.as_str()) {
                object = word;
                break;
            }
        }
        self.pass(format!("{verb} {object}").trim(), line, head);
    }

    /// A statement whose signs are none of the dialect. A table among them is told as what it is.
    fn unread(&mut self, head: &str, line: u64) -> Result<(), DumpError> {
        let upper = head.to_ascii_uppercase();
        if upper.split_whitespace().take(4).any(|word| word == "TABLE") && upper.starts_with("CREATE") {
            let near = head.lines().next().unwrap_or_default().to_owned();
            return Err(DumpError::Table { line, near });
        }
        self.pass("?", line, head);
        Ok(())
    }

    fn create(&mut self, mut cursor: Cursor<'_>, head: &str, line: u64) -> Result<(), DumpError> {
        let start = cursor.clone();
        let is_temporary = cursor.is(&["TEMP"]) || cursor.is(&["TEMPORARY"]);
        while cursor.eat_one(&["GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED"]) {}
        if cursor.eat(&["TABLE"]) {
            if is_temporary {
                self.pass("CREATE TEMPORARY TABLE", line, head);
                return Ok(());
            }
            return self.create_table(cursor, line);
        }
        cursor = start;
        if (cursor.eat(&["TYPE"]) || cursor.eat(&["DOMAIN"]))
            && let Some((name, user_type)) = UserType::read(&mut cursor.clone(), &mut self.notes)
        {
            self.types.insert(name.to_lowercase(), user_type);
            return Ok(());
        }
        let is_unique = cursor.eat(&["UNIQUE"]);
        cursor.eat_one(&["CLUSTERED", "NONCLUSTERED"]);
        if cursor.eat(&["INDEX"]) {
            self.create_index(cursor, is_unique, line, head);
            return Ok(());
        }
        self.pass_as(&cursor, line, head);
        Ok(())
    }

    fn create_table(&mut self, mut cursor: Cursor<'_>, line: u64) -> Result<(), DumpError> {
        let exists = cursor.eat(&["IF", "NOT", "EXISTS"]);
        let unread = |cursor: &Cursor<'_>| DumpError::Table { line, near: cursor.text() };
        let (schema, name) = cursor.object().ok_or_else(|| unread(&cursor))?;
        if exists && self.place(&name).is_some() {
            return Ok(());
        }
        let mut found = Table { name, line, ..Table::default() };
        // The same name in another schema is another table.
        if self.place(&found.name).is_some() {
            let other = format!("{}_{}", schema.unwrap_or_default(), found.name);
            self.notes.add(Cause::new("dump_table_again").with("name", &other), line, found.name);
            found.name = other;
        }
        if cursor.eat(&["LIKE"]) || cursor.eat(&["PARTITION", "OF"]) {
            let of = cursor.object().and_then(|(_, of)| self.place(&of)).ok_or_else(|| unread(&cursor))?;
            let like = self.tables[of].clone();
            self.tables.push(Table { name: found.name, line, rows: 0, ..like });
            return Ok(());
        }
        let start = cursor.clone();
        let Some(mut group) = cursor.group() else {
            let is_open = start.peek() == Some(&Token::LParen);
            return Err(if is_open { DumpError::EndsEarly { line } } else { unread(&start) });
        };
        if cursor.eat(&["INHERITS"]) {
            let of = cursor.group().and_then(|mut group| group.object());
            if let Some(parent) = of.and_then(|(_, of)| self.place(&of)) {
                found.columns.clone_from(&self.tables[parent].columns);
                self.notes.add(Cause::new("dump_inherits"), line, found.name.clone());
            }
        }
        // `(LIKE other INCLUDING ALL, …)`
        if group.is(&["LIKE"]) && self.dialect == Dialect::PostgreSql {
            let mut first = group.until(&|token| *token == Token::Comma);
            first.take();
            let of = first.object().and_then(|(_, of)| self.place(&of)).ok_or_else(|| unread(&first))?;
            found = Table { name: found.name, line, rows: 0, ..self.tables[of].clone() };
            group.take();
            if group.is_at_end() {
                self.tables.push(found);
                return Ok(());
            }
        }
        table::parts(&mut found, group.clone(), &mut self.notes).ok_or_else(|| unread(&group))?;
        self.tables.push(found);
        Ok(())
    }

    fn create_index(&mut self, mut cursor: Cursor<'_>, is_unique: bool, line: u64, head: &str) {
        cursor.eat(&["CONCURRENTLY"]);
        cursor.eat(&["IF", "NOT", "EXISTS"]);
        let name = if cursor.is(&["ON"]) { None } else { cursor.object().map(|(_, name)| name) };
        let _kind = cursor.until_word("ON");
        cursor.eat(&["ON"]);
        cursor.eat(&["ONLY"]);
        let at = cursor.object().and_then(|(_, table)| self.place(&table));
        let kind = if cursor.eat(&["USING"]) { cursor.name().unwrap_or_default() } else { String::new() };
        let (Some(at), Some(group)) = (at, cursor.group()) else {
            return self.pass("CREATE INDEX", line, head);
        };
        cursor.eat(&["INCLUDE"]);
        cursor.group();
        let _options = cursor.until_word("WHERE");
        let is_partial = cursor.is(&["WHERE"]);
        let keyed = keyed(group);
        let is_usual = kind.is_empty() || ["btree", "hash"].contains(&kind.to_lowercase().as_str());
        let what: String = head.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
        let told = match (is_unique, is_partial, keyed.is_plain && is_usual) {
            (true, true, _) => Some("dump_unique_partial"),
            (true, _, false) => Some("dump_unique_expression"),
            (false, true, _) => Some("dump_index_partial"),
            (false, _, false) => Some("dump_index_kind"),
            _ => None,
        };
        if let Some(code) = told {
            return self.notes.add(Cause::new(code), line, what);
        }
        let table = &mut self.tables[at];
        let rules = if is_unique { &mut table.uniques } else { &mut table.indices };
        rules.push(Columns { line, name, columns: keyed.columns });
    }

    fn alter(&mut self, mut cursor: Cursor<'_>, head: &str, line: u64) {
        cursor.eat(&["IF", "EXISTS"]);
        cursor.eat(&["ONLY"]);
        let name = cursor.object().map(|(_, name)| name).unwrap_or_default();
        cursor.eat_sign(&Token::Mul);
        let Some(at) = self.place(&name) else {
            return self.pass("ALTER TABLE", line, head);
        };
        for mut part in cursor.parts() {
            let first = part.word().unwrap_or_default();
            let before = self.tables[at].name.clone();
            if table::alter(&mut self.tables[at], &mut part, &mut self.notes) {
                let after = self.tables[at].name.clone();
                if before != after {
                    self.tables[at].name.clone_from(&before);
                    self.rename(&before, &after);
                }
            } else if !OF_NO_MEANING.contains(&first.as_str()) {
                let what = format!("{}: {}", self.tables[at].name, part.text());
                self.notes.add(Cause::new("dump_alter"), line, what);
            }
        }
    }

    fn rename(&mut self, old: &str, new: &str) {
        for table in &mut self.tables {
            let rename = |name: &mut String| {
                if name.eq_ignore_ascii_case(old) {
                    new.clone_into(name);
                }
            };
            rename(&mut table.name);
            table.references.iter_mut().for_each(|reference| rename(&mut reference.table));
        }
    }

    fn drop_view(&mut self, name: &str) {
        self.views.retain(|view| !view.name.eq_ignore_ascii_case(name));
    }

    fn drop(&mut self, names: Cursor<'_>, line: u64, head: &str) {
        for mut part in names.parts() {
            let name = part.object().map(|(_, name)| name).unwrap_or_default();
            match self.place(&name) {
                Some(at) => drop(self.tables.remove(at)),
                None => self.pass("DROP TABLE", line, head),
            }
        }
    }

    fn insert(&mut self, text: &str, head: &str, line: u64) {
        // What is behind may be cut in the middle of a text.
        let named = head.split('(').next().unwrap_or_default();
        let at = Words::of(named, line, self.dialect).and_then(|words| {
            let mut cursor = words.cursor();
            cursor.take();
            let _kind = cursor.until_word("INTO");
            cursor.eat(&["INTO"]);
            cursor.object().and_then(|(_, name)| self.place(&name))
        });
        // Rows that a query would find are nowhere in the file.
        match (at, count_rows(text, self.dialect)) {
            (Some(at), count @ 1..) => self.tables[at].rows += count,
            _ => self.pass("INSERT", line, head),
        }
    }
}
