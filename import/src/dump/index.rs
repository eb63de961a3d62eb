//! An index out of its CREATE INDEX.

use super::cursor::Cursor;
use super::reference::keyed;
use crate::model::Columns;

/// See the module.
pub struct DeclaredIndex {
    /// The schema of its table, if it is said.
    pub schema: Option<String>,
    /// Its table.
    pub table: String,
    /// Its columns.
    pub columns: Columns,
    /// Whether only the beginning of a text counts.
    pub is_prefix: bool,
    /// The code of why it is left out; none, where it is not.
    pub told: Option<&'static str>,
}

impl DeclaredIndex {
    /// Reads a statement from the name of the index on. None, where it names no table and no columns.
    pub fn read(mut cursor: Cursor<'_>, is_unique: bool, line: u64) -> Option<Self> {
        cursor.eat(&["CONCURRENTLY"]);
        cursor.eat(&["IF", "NOT", "EXISTS"]);
        let name = if cursor.is(&["ON"]) { None } else { cursor.object().map(|(_, name)| name) };
        let _kind = cursor.until_word("ON");
        cursor.eat(&["ON"]);
        cursor.eat(&["ONLY"]);
        let (schema, table) = cursor.object()?;
        let kind = if cursor.eat(&["USING"]) { cursor.name().unwrap_or_default() } else { String::new() };
        let keyed = keyed(cursor.group()?);
        cursor.eat(&["INCLUDE"]);
        cursor.group();
        let _options = cursor.until_word("WHERE");
        let is_partial = cursor.is(&["WHERE"]);
        let is_usual = kind.is_empty() || ["btree", "hash"].contains(&kind.to_lowercase().as_str());
        let told = match (is_unique, is_partial, keyed.is_plain && is_usual) {
            (true, true, _) => Some("dump_unique_partial"),
            (true, _, false) => Some("dump_unique_expression"),
            (false, true, _) => Some("dump_index_partial"),
            (false, _, false) => Some("dump_index_kind"),
            _ => None,
        };
        let columns = Columns { line, name, columns: keyed.columns };
        Some(Self { schema, table, columns, is_prefix: keyed.is_prefix, told })
    }
}
