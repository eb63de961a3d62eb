//! The tables of another database, as its own words declare them: nothing of it is tandem's yet.

use sqlparser::ast::Expr;
use tandem_protocol::bounds;

/// A type, as it is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredType {
    /// Its words, in upper case: `CHARACTER VARYING`. None, where SQLite asks for none.
    pub words: String,
    /// What stands in parentheses behind it.
    pub arguments: Vec<String>,
    /// Whether it is a whole list of such values.
    pub is_array: bool,
    /// Whether it has no sign.
    pub is_unsigned: bool,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub line: u64,
    /// Its type.
    pub declared: DeclaredType,
    /// The values of its enumeration.
    pub values: Vec<String>,
    /// Whether it is never NULL.
    pub not_null: bool,
    /// What it is where nothing is given.
    pub default: Option<Expr>,
    /// Whether the database counts its values up.
    pub counts_up: bool,
    /// Whether its rows hold other numbers than 0 and 1.
    pub holds_more: bool,
    /// Whether the database sets it to the time of each change.
    pub is_stamp: bool,
}

/// A rule over columns: a UNIQUE, or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Where it is declared.
    pub line: u64,
    /// What it is called, if it has a name.
    pub name: Option<String>,
    /// The columns.
    pub columns: Vec<String>,
}

/// What a deletion of the row referred to does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// It is refused.
    #[default]
    Restrict,
    /// The rows that refer to it are deleted too.
    Cascade,
    /// They refer to nothing.
    SetNull,
    /// They refer to what their default says.
    SetDefault,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where it is declared.
    pub line: u64,
    /// What it is called, if it has a name.
    pub name: Option<String>,
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The schema of the table they refer to, if it is said.
    pub schema: Option<String>,
    /// The table they refer to.
    pub table: String,
    /// Its columns; none where its key is meant.
    pub targets: Vec<String>,
    /// What a deletion there does here.
    pub on_delete: OnDelete,
    /// Whether a change of the key there would change it here.
    pub on_update: bool,
}

/// A CHECK.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Where it is declared.
    pub line: u64,
    /// What it is called, if it has a name.
    pub name: Option<String>,
    /// What it asks.
    pub expression: Expr,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Its name among all: without that of its schema, where no other has it.
    pub name: String,
    /// The schema in which it stands, if it is known.
    pub schema: Option<String>,
    /// Its name there.
    pub own_name: String,
    /// The name of the table in which the file has its rows, if that is another.
    pub rows_in: Option<String>,
    /// Where it is declared.
    pub line: u64,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of its key.
    pub key: Vec<String>,
    /// What the key is called, if it has a name.
    pub key_name: Option<String>,
    /// What no two rows share.
    pub uniques: Vec<Columns>,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// What each row satisfies.
    pub checks: Vec<Check>,
    /// What makes it fast.
    pub indices: Vec<Columns>,
    /// The schema and the name of the table of which it holds a part of the rows.
    pub part_of: Option<(Option<String>, String)>,
    /// Rows of it in the file, as far as they are counted.
    pub rows: u64,
}

impl Table {
    /// Whether it has that name in its schema, or its rows stand under it.
    pub fn is_called(&self, name: &str) -> bool {
        let rows_in = self.rows_in.as_deref();
        self.own_name.eq_ignore_ascii_case(name)
            || rows_in.is_some_and(|rows_in| rows_in.eq_ignore_ascii_case(name))
    }

    /// It has the columns and the rules of another, and no row.
    pub fn take_after(&mut self, other: &Self) {
        self.columns.clone_from(&other.columns);
        self.key.clone_from(&other.key);
        self.key_name.clone_from(&other.key_name);
        self.uniques = first(&other.uniques);
        self.references = first(&other.references);
        self.checks = first(&other.checks);
        self.indices = first(&other.indices);
    }

    /// It holds a part of that one's rows: its rules are satisfied here too.
    pub fn keep_rules_of(&mut self, whole: &Self) {
        if self.key.is_empty() {
            self.key.clone_from(&whole.key);
        }
        for rule in first(&whole.uniques) {
            if !self.uniques.iter().any(|known| known.columns == rule.columns) {
                self.uniques.push(rule);
            }
        }
        for reference in first(&whole.references) {
            let says_it = |known: &Reference| {
                (&known.columns, &known.targets) == (&reference.columns, &reference.targets)
                    && known.table.eq_ignore_ascii_case(&reference.table)
            };
            if !self.references.iter().any(says_it) {
                self.references.push(reference);
            }
        }
        for column in whole.columns.iter().filter(|column| column.not_null) {
            if let Some(own) = self.column_mut(&column.name) {
                own.not_null = true;
            }
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The same, to be changed.
    pub fn column_mut(&mut self, name: &str) -> Option<&mut Column> {
        self.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// A column is called otherwise, wherever it is named.
    pub fn rename_column(&mut self, from: &str, to: &str) {
        let rename = |name: &mut String| {
            if name.eq_ignore_ascii_case(from) {
                to.clone_into(name);
            }
        };
        self.columns.iter_mut().for_each(|column| rename(&mut column.name));
        self.key.iter_mut().for_each(rename);
        let rules = self.uniques.iter_mut().chain(&mut self.indices);
        rules.for_each(|rule| rule.columns.iter_mut().for_each(rename));
        self.references.iter_mut().for_each(|reference| reference.columns.iter_mut().for_each(rename));
    }

    /// A column is gone, and every rule that names it.
    pub fn drop_column(&mut self, name: &str) {
        let is_it = |other: &String| other.eq_ignore_ascii_case(name);
        self.columns.retain(|column| !is_it(&column.name));
        self.key.retain(|column| !is_it(column));
        self.uniques.retain(|rule| !rule.columns.iter().any(is_it));
        self.indices.retain(|rule| !rule.columns.iter().any(is_it));
        self.references.retain(|reference| !reference.columns.iter().any(is_it));
    }

    /// The rules of that name are gone, of whatever kind; whether there was one.
    pub fn drop_rule(&mut self, name: &str) -> bool {
        let is_key = is_called(&self.key_name, name) && !self.key.is_empty();
        if is_key {
            self.key.clear();
        }
        let checks = self.checks.len();
        self.checks.retain(|rule| !is_called(&rule.name, name));
        let is_check = self.checks.len() < checks;
        let is_index = self.drop_index(name);
        self.drop_reference(name) || is_index || is_check || is_key
    }

    /// The UNIQUE or the index of that name is gone; whether there was one.
    pub fn drop_index(&mut self, name: &str) -> bool {
        let before = self.uniques.len() + self.indices.len();
        self.uniques.retain(|rule| !is_called(&rule.name, name));
        self.indices.retain(|rule| !is_called(&rule.name, name));
        self.uniques.len() + self.indices.len() < before
    }

    /// The reference of that name is gone; whether there was one.
    pub fn drop_reference(&mut self, name: &str) -> bool {
        let before = self.references.len();
        self.references.retain(|rule| !is_called(&rule.name, name));
        self.references.len() < before
    }

    /// A rule is called otherwise.
    pub fn rename_rule(&mut self, from: &str, to: &str) {
        let keyed = self.uniques.iter_mut().chain(&mut self.indices).map(|rule| &mut rule.name);
        let names = keyed
            .chain(self.references.iter_mut().map(|rule| &mut rule.name))
            .chain(self.checks.iter_mut().map(|rule| &mut rule.name))
            .chain(std::iter::once(&mut self.key_name));
        for name in names.flatten().filter(|name| name.eq_ignore_ascii_case(from)) {
            to.clone_into(name);
        }
    }
}

/// The first rules of a kind, and one more than a table may have: a file could say of each table that it has
/// all of another.
fn first<T: Clone>(rules: &[T]) -> Vec<T> {
    rules.iter().take(bounds::RULES + 1).cloned().collect()
}

fn is_called(known: &Option<String>, name: &str) -> bool {
    known.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(name))
}
