//! What is known of a dump so far, statement by statement.

mod change;

use std::collections::BTreeMap;

use sqlparser::tokenizer::Token;
use tandem_protocol::bounds;
use tandem_protocol::cause::Cause;

use super::Dump;
use super::cursor::{Cursor, Words, word};
use super::error::DumpError;
use super::index::DeclaredIndex;
use super::passed::BEFORE_OBJECT;
use super::rows::count_rows;
use super::table;
use super::tables::Tables;
use super::user_type::UserType;
use super::view::View;
use super::virtual_table::{SCHEMA_TABLES, VirtualTable, declared_in_row};
use crate::dialect::Dialect;
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
    tables: Tables,
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
        let (tables, views, types, notes) =
            (Tables::default(), Vec::new(), BTreeMap::new(), Notes::default());
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
            is_more |= self.tables.columns() + self.views.len() + self.types.len() > DECLARED;
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
        if let Some(at) = self.copying {
            self.tables.at_mut(at).rows += 1;
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
                return self.insert(text, &head, line);
            }
            "CREATE" | "ALTER" | "DROP" | "RENAME" | "COPY" => {
                self.declared += text.len();
                self.has_declared = true;
            }
            _ => {
                self.tables.names().hear(text, line, self.dialect);
                self.pass(first, line, &head);
                return Ok(());
            }
        }
        match Words::of(text, line, self.dialect) {
            Some(words) => self.declaration(words.cursor(), &head, line),
            None => self.unread(&head, line),
        }
    }

    /// One statement that declares something, or a part of one that does so by itself.
    fn declaration(&mut self, mut cursor: Cursor<'_>, head: &str, line: u64) -> Result<(), DumpError> {
        if cursor.eat(&["CREATE", "SCHEMA"]) {
            self.create_schema(cursor, head, line)
        } else if let Some(view) = View::read(&cursor, line) {
            self.drop_view(&view.name);
            self.views.push(view);
            Ok(())
        } else if cursor.eat(&["CREATE"]) {
            self.create(cursor, head, line)
        } else if cursor.eat(&["ALTER", "TABLE"]) {
            self.alter(cursor, head, line);
            Ok(())
        } else if cursor.eat(&["RENAME", "TABLE"]) {
            self.rename(cursor);
            Ok(())
        } else if cursor.eat(&["DROP"]) {
            self.drop(cursor, head, line);
            Ok(())
        } else if cursor.eat(&["COPY"]) {
            self.copying = cursor.object().and_then(|said| self.tables.place(&said));
            Ok(())
        } else {
            self.pass_as(&cursor, line, head);
            Ok(())
        }
    }

    /// All that is known now.
    pub fn finish(mut self) -> Dump {
        let mut tables = self.tables.settle();
        for table in &mut tables {
            for at in 0..table.columns.len() {
                let name = table.columns[at].declared.words.to_lowercase();
                if let Some(user_type) = self.types.get(&name) {
                    let checks = user_type.put_into(&mut table.columns[at]);
                    table.checks.extend(checks);
                }
            }
        }
        // Where one stands in for the other until all tables are there, the table does.
        self.views.retain(|view| !tables.iter().any(|table| table.name.eq_ignore_ascii_case(&view.name)));
        Dump { dialect: self.dialect, tables, views: self.views, notes: self.notes }
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
            let Some(word) = word(token) else { continue };
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

    /// `CREATE SCHEMA`, and what PostgreSQL lets stand within it.
    fn create_schema(&mut self, mut cursor: Cursor<'_>, head: &str, line: u64) -> Result<(), DumpError> {
        self.pass("CREATE SCHEMA", line, head);
        let is_element = |token: &Token| matches!(word(token).as_deref(), Some("CREATE" | "GRANT"));
        cursor.eat(&["IF", "NOT", "EXISTS"]);
        let name = if cursor.eat(&["AUTHORIZATION"]) { None } else { cursor.name() };
        let _owner = cursor.until(&is_element);
        let usual = self.tables.names().enter(name.into_iter().collect());
        while !cursor.is_at_end() {
            let start = cursor.clone();
            cursor.take();
            let _element = cursor.until(&is_element);
            let element = start.up_to(&cursor);
            self.declaration(element.clone(), &element.text(), element.line())?;
        }
        self.tables.names().enter(usual);
        Ok(())
    }

    fn create(&mut self, mut cursor: Cursor<'_>, head: &str, line: u64) -> Result<(), DumpError> {
        let start = cursor.clone();
        let is_temporary = cursor.is(&["TEMP"]) || cursor.is(&["TEMPORARY"]);
        while cursor.eat_one(&["GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED"]) {}
        if cursor.eat(&["TABLE"]) || cursor.eat(&["FOREIGN", "TABLE"]) {
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
        if cursor.eat(&["VIRTUAL", "TABLE"]) {
            match VirtualTable::read(cursor, line) {
                Some(table) if table.is_index() => {
                    self.notes.add(Cause::new("dump_index_kind"), line, in_one_line(head));
                    self.tables.add_virtual(table);
                }
                Some(table) => self.tables.add_virtual(table),
                None => self.pass("CREATE VIRTUAL TABLE", line, head),
            }
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
        let said = cursor.object().ok_or_else(|| unread(&cursor))?;
        // SQLite's own: `.schema` shows them, and nobody can declare one.
        let is_own = self.dialect == Dialect::Sqlite && said.1.to_ascii_lowercase().starts_with("sqlite_");
        if is_own || exists && self.tables.is_there(&said) {
            return Ok(());
        }
        let mut found = self.tables.named(said, line, &mut self.notes);
        let is_part = cursor.eat(&["PARTITION", "OF"]);
        if is_part || cursor.eat(&["LIKE"]) {
            let of = cursor.object().ok_or_else(|| unread(&cursor))?;
            found.take_after(self.tables.called(&of).ok_or_else(|| unread(&cursor))?);
            found.part_of = is_part.then_some(of);
            self.tables.add(found);
            return Ok(());
        }
        let start = cursor.clone();
        let Some(mut group) = cursor.group() else {
            let is_open = start.peek() == Some(&Token::LParen);
            return Err(if is_open { DumpError::EndsEarly { line } } else { unread(&start) });
        };
        if cursor.eat(&["INHERITS"]) {
            let of = cursor.group().and_then(|mut group| group.object());
            if let Some(parent) = of.and_then(|of| self.tables.called(&of)) {
                found.columns.clone_from(&parent.columns);
                self.notes.add(Cause::new("dump_inherits"), line, found.name.clone());
            }
        }
        // `(LIKE other INCLUDING ALL, …)`
        if group.is(&["LIKE"]) && self.dialect == Dialect::PostgreSql {
            let mut first = group.until(&|token| *token == Token::Comma);
            first.take();
            let like = first.object().and_then(|of| self.tables.called(&of)).ok_or_else(|| unread(&first))?;
            found.take_after(like);
            group.take();
            if group.is_at_end() {
                self.tables.add(found);
                return Ok(());
            }
        }
        table::parts(&mut found, group.clone(), &mut self.notes).ok_or_else(|| unread(&group))?;
        self.tables.add(found);
        Ok(())
    }

    fn create_index(&mut self, cursor: Cursor<'_>, is_unique: bool, line: u64, head: &str) {
        let index = DeclaredIndex::read(cursor, is_unique, line);
        let Some(index) = index else { return self.pass("CREATE INDEX", line, head) };
        let Some(at) = self.tables.place(&(index.schema, index.table)) else {
            return self.pass("CREATE INDEX", line, head);
        };
        if let Some(code) = index.told {
            return self.notes.add(Cause::new(code), line, in_one_line(head));
        }
        if is_unique && index.is_prefix {
            self.notes.add(Cause::new("dump_unique_prefix"), line, in_one_line(head));
        }
        let table = self.tables.at_mut(at);
        let rules = if is_unique { &mut table.uniques } else { &mut table.indices };
        rules.push(index.columns);
    }

    fn insert(&mut self, text: &str, head: &str, line: u64) -> Result<(), DumpError> {
        // What is behind may be cut in the middle of a text.
        let named = head.split('(').next().unwrap_or_default();
        let said = Words::of(named, line, self.dialect).and_then(|words| {
            let mut cursor = words.cursor();
            cursor.take();
            let _kind = cursor.until_word("INTO");
            cursor.eat(&["INTO"]);
            cursor.object()
        });
        let said = said.unwrap_or_default();
        if self.dialect == Dialect::Sqlite && SCHEMA_TABLES.contains(&said.1.as_str()) {
            match Words::of(text, line, self.dialect).and_then(|words| declared_in_row(words.cursor())) {
                Some(declared) => return self.statement(&declared, line),
                None => self.pass("INSERT", line, head),
            }
            return Ok(());
        }
        // Rows that a query would find are nowhere in the file.
        match (self.tables.place(&said), count_rows(text, self.dialect)) {
            (Some(at), count @ 1..) => self.tables.at_mut(at).rows += count,
            _ => self.pass("INSERT", line, head),
        }
        Ok(())
    }
}

/// The beginning of a statement, for people.
fn in_one_line(head: &str) -> String {
    head.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect()
}
