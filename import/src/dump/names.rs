//! Which table a name means: several schemas may have one of that name.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, Words};
use crate::dialect::Dialect;
use crate::model::{Reference, Table};

/// What PostgreSQL and SQLite call the schema in which tables stand that name none.
const USUAL: &[&str] = &["public", "main"];

/// The names of a file, up to where it is read.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The schemas, or the database of MySQL, in which a name stands that says none, the first before the
    /// others. Empty, while nothing is said.
    path: Vec<String>,
}

impl Names {
    /// A statement, which may say where names stand from now on; whether it does.
    pub fn hear(&mut self, text: &str, line: u64, dialect: Dialect) -> bool {
        let is_one = |word: &str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        let may_be = match dialect {
            Dialect::MySql => is_one("USE"),
            Dialect::PostgreSql => is_one("SET") || is_one("SELECT"),
            Dialect::Sqlite => false,
        };
        // What says so is short.
        let words = if may_be && text.len() < 1000 { Words::of(text, line, dialect) } else { None };
        let said = words.and_then(|words| said(words.cursor()));
        let is_said = said.is_some();
        self.path = said.unwrap_or_else(|| std::mem::take(&mut self.path));
        is_said
    }

    /// Names stand there from now on; where they stood.
    pub fn enter(&mut self, path: Vec<String>) -> Vec<String> {
        std::mem::replace(&mut self.path, path)
    }

    /// Where a table stands that is declared by such a name.
    pub fn schema_of(&self, said: Option<&str>) -> Option<String> {
        said.map(str::to_owned).or_else(|| self.path.first().cloned())
    }

    /// The place of the table that a name means. Where no schema is said at all, it may be of any.
    pub fn place(&self, tables: &[Table], (said, name): (Option<&str>, &str)) -> Option<usize> {
        match said {
            Some(schema) => in_schema(tables, schema, name),
            None if self.path.is_empty() => in_path(tables, &[], name).or_else(|| any(tables, name)),
            None => in_path(tables, &self.path, name),
        }
    }
}

/// The place of the table that a reference of this one means. Without a schema, it is one of the same schema
/// before any other.
pub fn referred(tables: &[Table], table: &Table, reference: &Reference) -> Option<usize> {
    let name = reference.table.as_str();
    match &reference.schema {
        Some(schema) => in_schema(tables, schema, name),
        None => in_path(tables, table.schema.as_slice(), name).or_else(|| any(tables, name)),
    }
}

/// In that schema, or where no schema is known.
fn in_schema(tables: &[Table], schema: &str, name: &str) -> Option<usize> {
    let place = |is_it: &dyn Fn(&Table) -> bool| {
        tables.iter().position(|table| table.is_called(name) && is_it(table))
    };
    place(&|table| is_in(table, Some(schema))).or_else(|| place(&|table| table.schema.is_none()))
}

/// In the first of those schemas that has it, or in the usual one.
fn in_path(tables: &[Table], path: &[String], name: &str) -> Option<usize> {
    let mut schemas = path.iter().map(|schema| Some(schema.as_str())).chain(std::iter::once(None));
    schemas.find_map(|schema| tables.iter().position(|table| table.is_called(name) && is_in(table, schema)))
}

fn any(tables: &[Table], name: &str) -> Option<usize> {
    tables.iter().position(|table| table.is_called(name))
}

/// Whether a table stands in that schema: in the usual one, where nothing is said.
pub fn is_in(table: &Table, schema: Option<&str>) -> bool {
    let named = |schema: &&str| !USUAL.iter().any(|usual| usual.eq_ignore_ascii_case(schema));
    let (one, other) = (table.schema.as_deref().filter(named), schema.filter(named));
    one.map(str::to_ascii_lowercase) == other.map(str::to_ascii_lowercase)
}

/// The schemas that a statement sets, if it sets any: perhaps to none.
fn said(mut cursor: Cursor<'_>) -> Option<Vec<String>> {
    if cursor.eat(&["USE"]) {
        return cursor.name().map(|name| vec![name]);
    }
    if cursor.eat(&["SET"]) {
        cursor.eat_one(&["SESSION", "LOCAL"]);
        cursor.eat(&["SEARCH_PATH"]).then_some(())?;
        let _sign = cursor.eat(&["TO"]) || cursor.eat_sign(&Token::Eq);
        let named = |mut part: Cursor<'_>| match part.peek() {
            Some(Token::SingleQuotedString(name)) => Some(name.clone()),
            _ => part.name(),
        };
        return Some(path(cursor.parts().into_iter().filter_map(named)));
    }
    // As `pg_dump` says it: `SELECT pg_catalog.set_config('search_path', '', false)`.
    cursor.eat(&["SELECT"]).then_some(())?;
    cursor.object().filter(|(_, name)| name.eq_ignore_ascii_case("set_config"))?;
    let texts = cursor.group()?.parts().into_iter().map(|part| match part.peek() {
        Some(Token::SingleQuotedString(text)) => text.clone(),
        _ => String::new(),
    });
    match texts.collect::<Vec<_>>().as_slice() {
        [setting, value, ..] if setting == "search_path" => {
            Some(path(value.split(',').map(|name| name.trim().trim_matches('"').to_owned())))
        }
        _ => None,
    }
}

/// Those of the schemas in which tables of people stand.
fn path(names: impl Iterator<Item = String>) -> Vec<String> {
    names.filter(|name| !matches!(name.as_str(), "" | "$user" | "pg_catalog")).collect()
}
