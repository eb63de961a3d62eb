//! A table out of its CREATE TABLE, and what an ALTER TABLE does with it.

use tandem_protocol::bounds;
use tandem_protocol::cause::Cause;

use super::column::{self, Declared};
use super::cursor::Cursor;
use super::reference::{self, keyed, names};
use super::rule_name::{self, Kind};
use crate::dialect::Dialect;
use crate::model::{Columns, Table};
use crate::note::Notes;

/// Columns and rules of one table: more than a database takes.
const PARTS: usize = 8 * bounds::COLUMNS;

/// Reads the parts of a CREATE TABLE into a table that has its name.
pub fn parts(table: &mut Table, group: Cursor<'_>, notes: &mut Notes) -> Option<()> {
    let all = group.parts();
    if all.len() > PARTS {
        return None;
    }
    for mut part in all {
        if part.is_at_end() {
            continue;
        }
        if !rule(table, &mut part, notes)? {
            let name = table.name.clone();
            let declared = column::declared(&mut part, &name, notes)?;
            add_column(table, declared, part.dialect(), notes);
        }
    }
    (!table.columns.is_empty()).then_some(())
}

/// Takes a column into a table.
pub fn add_column(table: &mut Table, declared: Declared, dialect: Dialect, notes: &mut Notes) {
    let Declared {
        column, is_key, key_name, is_unique, unique_name, reference, checks, is_generated, ..
    } = declared;
    let place = format!("{}.{}", table.name, column.name);
    if is_generated {
        return notes.add(Cause::new("dump_generated"), column.line, place);
    }
    let columns = vec![column.name.clone()];
    let named = |table: &Table, name: Option<String>, kind| {
        name.or_else(|| rule_name::given(dialect, table, kind, &columns))
    };
    if is_key {
        table.key_name = named(table, key_name, Kind::Key);
        table.key.clone_from(&columns);
    }
    if is_unique {
        let name = named(table, unique_name, Kind::Unique);
        table.uniques.push(Columns { line: column.line, name, columns: columns.clone() });
    }
    if let Some(mut reference) = reference {
        reference.name = named(table, reference.name, Kind::Reference);
        table.references.push(reference);
    }
    table.checks.extend(checks);
    match table.column_mut(&column.name) {
        Some(known) => *known = column,
        None => table.columns.push(column),
    }
}

/// A rule of a table, if that is what comes next; none, where it cannot be read.
pub fn rule(table: &mut Table, cursor: &mut Cursor<'_>, notes: &mut Notes) -> Option<bool> {
    let (start, line) = (cursor.clone(), cursor.line());
    let mut name = None;
    if cursor.eat(&["CONSTRAINT"]) && !is_unnamed(cursor) {
        name = cursor.name();
    }
    let is_mysql = cursor.dialect() == Dialect::MySql;
    if cursor.eat(&["PRIMARY", "KEY"]) {
        table.key = match of_index(table, cursor) {
            Some(rule) => rule.columns.clone(),
            None => {
                let _kind = cursor.until_group();
                keyed(cursor.group()?).columns
            }
        };
        table.key_name = name.or_else(|| rule_name::given(cursor.dialect(), table, Kind::Key, &table.key));
        // That stays, should the key be another one later. Of SQLite, it was never so.
        if cursor.dialect() != Dialect::Sqlite {
            for name in table.key.clone() {
                if let Some(column) = table.column_mut(&name) {
                    column.not_null = true;
                }
            }
        }
    } else if cursor.is(&["UNIQUE"]) && !is_column(cursor) {
        cursor.take();
        cursor.eat_one(&["KEY", "INDEX"]);
        unique(table, cursor, (name, line), notes)?;
    } else if cursor.eat(&["FOREIGN", "KEY"]) {
        let _name = cursor.until_group();
        let columns = names(cursor.group()?);
        let name = name.or_else(|| rule_name::given(cursor.dialect(), table, Kind::Reference, &columns));
        table.references.push(reference::referred(cursor, name, columns)?);
    } else if cursor.is(&["CHECK"]) && !is_column(cursor) {
        cursor.take();
        let place = table.name.clone();
        column::check(cursor, name, &place, &mut table.checks, notes);
    } else if is_mysql && cursor.eat_one(&["KEY", "INDEX"]) {
        index(table, cursor, line, notes);
    } else if is_mysql && cursor.eat_one(&["FULLTEXT", "SPATIAL"]) {
        notes.add(Cause::new("dump_index_kind"), line, format!("{}: {}", table.name, start.text()));
    } else if is_mysql && cursor.is(&["PERIOD", "FOR"]) {
        // Which columns say since when, and until when, a row of MariaDB is as it is.
        let _columns = cursor.until(&|_| false);
    } else if cursor.is(&["EXCLUDE"]) && !is_column(cursor) {
        notes.add(Cause::new("dump_exclude"), line, format!("{}: {}", table.name, start.text()));
    } else {
        *cursor = start;
        return Some(false);
    }
    Some(true)
}

/// Whether the rule begins behind CONSTRAINT at once, as MySQL lets it.
fn is_unnamed(cursor: &Cursor<'_>) -> bool {
    cursor.is(&["PRIMARY", "KEY"])
        || cursor.is(&["FOREIGN", "KEY"])
        || cursor.is(&["UNIQUE"])
        || cursor.is(&["CHECK"])
}

/// The UNIQUE of that index of PostgreSQL, which is to be a rule from now on.
fn of_index<'a>(table: &'a Table, cursor: &mut Cursor<'_>) -> Option<&'a Columns> {
    let mut ahead = cursor.clone();
    ahead.eat(&["USING", "INDEX"]).then_some(())?;
    let index = ahead.name()?;
    let is_it = |rule: &&Columns| rule.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&index));
    let rule = table.uniques.iter().find(is_it)?;
    *cursor = ahead;
    Some(rule)
}

/// Whether what stands next is a column with a name that begins rules elsewhere.
fn is_column(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.take();
    let is_rule = |word: &str| matches!(word, "KEY" | "INDEX" | "USING" | "NULLS");
    match ahead.word() {
        Some(word) => !is_rule(&word) && cursor.dialect() != Dialect::MySql,
        None => false,
    }
}

/// A UNIQUE, whose word is read.
fn unique(
    table: &mut Table,
    cursor: &mut Cursor<'_>,
    (named, line): (Option<String>, u64),
    notes: &mut Notes,
) -> Option<()> {
    let start = cursor.clone();
    if of_index(table, cursor).is_some() {
        return Some(());
    }
    let own = if cursor.is(&["USING"]) || cursor.is(&["NULLS"]) { None } else { cursor.name() };
    let _kind = cursor.until_group();
    let keyed = keyed(cursor.group()?);
    if !keyed.is_plain {
        notes.add(Cause::new("dump_unique_expression"), line, format!("{}: {}", table.name, start.text()));
        return Some(());
    }
    if keyed.is_prefix {
        notes.add(Cause::new("dump_unique_prefix"), line, format!("{}: {}", table.name, start.text()));
    }
    let given = || rule_name::given(cursor.dialect(), table, Kind::Unique, &keyed.columns);
    let name = own.or(named).or_else(given);
    table.uniques.push(Columns { line, name, columns: keyed.columns });
    Some(())
}

/// An index of MySQL, whose word is read.
fn index(table: &mut Table, cursor: &mut Cursor<'_>, line: u64, notes: &mut Notes) {
    let start = cursor.clone();
    let name = if cursor.is(&["USING"]) { None } else { cursor.name() };
    let _kind = cursor.until_group();
    match cursor.group().map(keyed).filter(|keyed| keyed.is_plain) {
        Some(keyed) => table.indices.push(Columns { line, name, columns: keyed.columns }),
        None => {
            notes.add(Cause::new("dump_index_kind"), line, format!("{}: {}", table.name, start.text()));
        }
    }
}

/// One action of an ALTER TABLE. `false`: it is none that changes what the table is.
pub fn alter(table: &mut Table, cursor: &mut Cursor<'_>, notes: &mut Notes) -> bool {
    let whole = cursor.clone();
    let done = if cursor.eat(&["ADD"]) {
        add(table, cursor, notes)
    } else if cursor.eat(&["MODIFY"]) {
        cursor.eat(&["COLUMN"]);
        redeclare(table, cursor, None, notes)
    } else if cursor.eat(&["CHANGE"]) {
        cursor.eat(&["COLUMN"]);
        let old = cursor.name();
        redeclare(table, cursor, old, notes)
    } else if cursor.eat(&["ALTER"]) {
        cursor.eat(&["COLUMN"]);
        alter_column(table, cursor)
    } else if cursor.eat(&["DROP"]) {
        drop(table, cursor)
    } else if cursor.eat(&["RENAME"]) {
        rename(table, cursor)
    } else {
        None
    };
    if done.is_none() {
        *cursor = whole;
    }
    done.is_some()
}

fn add(table: &mut Table, cursor: &mut Cursor<'_>, notes: &mut Notes) -> Option<()> {
    if rule(table, cursor, notes)? {
        return Some(());
    }
    cursor.eat(&["COLUMN"]);
    cursor.eat(&["IF", "NOT", "EXISTS"]);
    // Several between parentheses, or one.
    if let Some(group) = cursor.group() {
        return parts(table, group, notes);
    }
    let name = table.name.clone();
    let declared = column::declared(cursor, &name, notes)?;
    add_column(table, declared, cursor.dialect(), notes);
    Some(())
}

/// The column is declared anew; what was said of it elsewhere stays.
fn redeclare(
    table: &mut Table,
    cursor: &mut Cursor<'_>,
    old: Option<String>,
    notes: &mut Notes,
) -> Option<()> {
    let name = table.name.clone();
    let declared = column::declared(cursor, &name, notes)?;
    if let Some(old) = old {
        table.rename_column(&old, &declared.column.name.clone());
    }
    table.column(&declared.column.name)?;
    let key = table.key.clone();
    add_column(table, declared, cursor.dialect(), notes);
    if !key.is_empty() {
        table.key = key;
    }
    Some(())
}

fn alter_column(table: &mut Table, cursor: &mut Cursor<'_>) -> Option<()> {
    let name = cursor.name()?;
    let column = table.column_mut(&name)?;
    if cursor.eat(&["SET", "DEFAULT"]) {
        let rest = cursor.until(&|_| false);
        column.default = Some(rest.expression()?);
    } else if cursor.eat(&["DROP", "DEFAULT"]) {
        column.default = None;
    } else if cursor.eat(&["SET", "NOT", "NULL"]) {
        column.not_null = true;
    } else if cursor.eat(&["DROP", "NOT", "NULL"]) {
        column.not_null = false;
    } else if cursor.is(&["ADD", "GENERATED"]) {
        column.counts_up = true;
    } else if cursor.eat(&["TYPE"]) || cursor.eat(&["SET", "DATA", "TYPE"]) {
        (column.declared, column.values) = column::declared_type(cursor);
    } else if !(cursor.is(&["SET", "STATISTICS"]) || cursor.is(&["SET", "STORAGE"])) {
        return None;
    }
    Some(())
}

fn drop(table: &mut Table, cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.eat(&["PRIMARY", "KEY"]) {
        table.key.clear();
        return Some(());
    }
    let mut rule: Option<fn(&mut Table, &str) -> bool> = None;
    if cursor.eat_one(&["INDEX", "KEY"]) {
        rule = Some(Table::drop_index);
    } else if cursor.eat(&["FOREIGN", "KEY"]) {
        rule = Some(Table::drop_reference);
    } else if cursor.eat_one(&["CONSTRAINT", "CHECK"]) {
        rule = Some(Table::drop_rule);
    } else {
        cursor.eat(&["COLUMN"]);
    }
    cursor.eat(&["IF", "EXISTS"]);
    let name = cursor.name()?;
    if let Some(drop) = rule {
        return drop(table, &name).then_some(());
    }
    table.column(&name)?;
    table.drop_column(&name);
    Some(())
}

fn rename(table: &mut Table, cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.eat_one(&["TO", "AS"]) {
        table.name = cursor.object()?.1;
        return Some(());
    }
    let is_rule = cursor.eat_one(&["CONSTRAINT", "INDEX", "KEY"]);
    cursor.eat(&["COLUMN"]);
    let old = cursor.name()?;
    cursor.eat(&["TO"]).then_some(())?;
    let new = cursor.name()?;
    if is_rule {
        table.rename_rule(&old, &new);
        return Some(());
    }
    table.column(&old)?;
    table.rename_column(&old, &new);
    Some(())
}
