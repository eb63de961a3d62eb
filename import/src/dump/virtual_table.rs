//! A table of SQLite that a module of it keeps: what it holds lies in other tables, which are the module's.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::model::{Column, DeclaredType, Table};

/// Behind the name of a full-text table: the one in which its rows lie, as they were entered.
const CONTENT: &str = "content";

/// What SQLite calls its own schema, as a table.
pub const SCHEMA_TABLES: &[&str] = &["sqlite_schema", "sqlite_master"];

/// See the module.
#[derive(Debug)]
pub struct VirtualTable {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    line: u64,
    /// Of the tables in which the module keeps what it needs, what stands behind the name.
    shadows: &'static [&'static str],
    /// The columns of its rows. None, where it is an index: of rows that stand elsewhere, or of places.
    columns: Option<Vec<String>>,
}

impl VirtualTable {
    /// Reads a CREATE VIRTUAL TABLE from its name on. None, where the module is none of SQLite's own.
    pub fn read(mut cursor: Cursor<'_>, line: u64) -> Option<Self> {
        cursor.eat(&["IF", "NOT", "EXISTS"]);
        let (_, name) = cursor.object()?;
        cursor.eat(&["USING"]).then_some(())?;
        let module = cursor.name()?.to_ascii_lowercase();
        let parts = cursor.group().map(Cursor::parts).unwrap_or_default();
        let (shadows, columns): (&[&str], _) = match module.as_str() {
            "fts5" => (&["config", "data", "docsize", "idx"], text_columns(parts)),
            "fts3" | "fts4" => (&["docsize", "segdir", "segments", "stat"], text_columns(parts)),
            "rtree" | "rtree_i32" | "geopoly" => (&["node", "parent", "rowid"], None),
            "fts5vocab" | "fts4aux" => (&[], None),
            _ => return None,
        };
        Some(Self { name, line, shadows, columns })
    }

    /// Whether it is an index and nothing more.
    pub fn is_index(&self) -> bool {
        self.columns.is_none()
    }

    /// Puts in the place of the module's tables the one that people see.
    pub fn settle(self, tables: &mut Vec<Table>) {
        let shadow = |kind: &str| format!("{}_{kind}", self.name);
        let is_shadow = |table: &Table| {
            self.shadows.iter().any(|kind| table.own_name.eq_ignore_ascii_case(&shadow(kind)))
        };
        tables.retain(|table| !is_shadow(table));
        let Some(names) = self.columns else { return };
        let content = tables.iter().position(|table| table.own_name.eq_ignore_ascii_case(&shadow(CONTENT)));
        let stored = content.map(|at| tables.remove(at));
        let named = |name: String| Column {
            name,
            line: self.line,
            declared: DeclaredType { words: "TEXT".to_owned(), ..DeclaredType::default() },
            ..Column::default()
        };
        let columns = names.into_iter().map(named);
        let (name, line) = (self.name.clone(), self.line);
        let mut table = Table { own_name: name.clone(), name, line, ..Table::default() };
        // Its rows have the number by which the module finds them, and which others may refer to.
        let stored = stored.filter(|stored| stored.columns.len() == columns.len() + 1);
        if let Some(mut stored) = stored {
            let mut number = stored.columns.swap_remove(0);
            while columns.clone().any(|column| column.name.eq_ignore_ascii_case(&number.name)) {
                number.name.push('_');
            }
            table.key = vec![number.name.clone()];
            table.columns.push(number);
            table.rows = stored.rows;
            table.rows_in = Some(shadow(CONTENT));
        }
        table.columns.extend(columns);
        tables.push(table);
    }
}

/// The declaration in a row of SQLite's own schema: so `.dump` writes a virtual table.
pub fn declared_in_row(mut row: Cursor<'_>) -> Option<String> {
    let _columns = row.until_word("VALUES");
    row.take();
    let Some(Token::SingleQuotedString(declared)) = row.group()?.parts().pop()?.take() else { return None };
    let mut words = declared.split_ascii_whitespace();
    let mut is_next = |wanted| words.next().is_some_and(|word| word.eq_ignore_ascii_case(wanted));
    (is_next("CREATE") && is_next("VIRTUAL")).then(|| declared.clone())
}

/// The columns of a full-text table; none, where it keeps no texts of its own.
fn text_columns(parts: Vec<Cursor<'_>>) -> Option<Vec<String>> {
    let mut columns = Vec::new();
    for mut part in parts {
        let is_tokenizer = part.is(&["TOKENIZE"]);
        let Some(name) = part.name() else { continue };
        let is_option = part.peek() == Some(&Token::Eq);
        if is_option && name.eq_ignore_ascii_case(CONTENT) {
            return None;
        }
        if !is_option && !is_tokenizer {
            columns.push(name);
        }
    }
    // Declared without any, it has one.
    Some(if columns.is_empty() { vec![CONTENT.to_owned()] } else { columns })
}
