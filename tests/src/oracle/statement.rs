//! Random statements that write.

use tandem_protocol::value::Value;

use super::expression::{changed, comparable, condition, given, is_key};
use super::kind::Kind;
use super::sql::Sql;
use super::story::Draw;
use super::table::Table;
use super::values::{self, pick};

/// A statement that writes to one of the tables.
pub fn statement(draw: &mut Draw<'_>) -> Sql {
    let place = draw.random.below(draw.tables.len() as u64) as usize;
    match draw.random.below(10) {
        0..=4 => insert(place, draw),
        5..=7 if draw.features.has("updates") => update(place, draw),
        8 if draw.features.has("deletes") => delete(place, draw),
        _ => insert(place, draw),
    }
}

/// An INSERT.
pub fn insert(place: usize, draw: &mut Draw<'_>) -> Sql {
    let table = &draw.tables[place];
    if draw.random.one_in(25) {
        return insert_defaults(place, draw);
    }
    let upsert = draw.features.has("upserts");
    let or = if upsert { or_clause(draw) } else { "" };
    let selects = draw.features.has("selects") && draw.random.one_in(8);
    let verb = match (or, selects) {
        ("OR IGNORE ", _) => "INSERT OR IGNORE",
        ("OR REPLACE ", _) => "INSERT OR REPLACE",
        (_, true) => "INSERT SELECT",
        _ => "INSERT",
    };
    let mut sql = Sql::new(verb);
    let makes_key = table.generates() && draw.features.has("ids") && draw.random.one_in(2);
    let omits_key = makes_key && draw.random.one_in(2);
    let columns: Vec<usize> = (0..table.columns.len())
        .filter(|at| match table.columns[*at].kind {
            _ if *at < table.key => !omits_key,
            Kind::Stamp => draw.random.one_in(3),
            // Left out, it would mostly refuse the row.
            _ if table.columns[*at].not_null => !draw.random.one_in(16),
            _ => !draw.random.one_in(4),
        })
        .collect();
    if columns.is_empty() {
        return insert_defaults(place, draw);
    }
    let names: Vec<&str> = columns.iter().map(|at| table.names()[*at]).collect();
    sql.both(&format!("INSERT {or}INTO {} (", table.name));
    if omits_key {
        sql.only_plain(&format!("{}, ", table.columns[0].name));
    }
    sql.both(&names.join(", ")).both(") ");
    if makes_key {
        sql.generates = Some(place);
    }
    if selects {
        select_into(&mut sql, place, &columns, omits_key, draw);
    } else {
        sql.both("VALUES ");
        for row in 0..*pick(&[1, 1, 1, 2, 4], draw.random) {
            sql.both(if row > 0 { ", (" } else { "(" });
            if omits_key {
                sql.only_plain(&format!("{}, ", next_key(table)));
            }
            row_of_values(&mut sql, table, &columns, makes_key, draw);
            sql.both(")");
        }
    }
    if or.is_empty() && upsert && draw.random.one_in(3) {
        on_conflict(&mut sql, table, &columns, draw);
    }
    returning(&mut sql, table, draw);
    sql
}

fn or_clause(draw: &mut Draw<'_>) -> &'static str {
    let or = *pick(&["", "", "", "OR IGNORE ", "OR REPLACE ", "OR ABORT ", "OR FAIL "], draw.random);
    if or == "OR REPLACE " && !draw.replaces { "" } else { or }
}

/// A value for each of these columns.
fn row_of_values(sql: &mut Sql, table: &Table, columns: &[usize], makes_key: bool, draw: &mut Draw<'_>) {
    for (place_in_row, at) in columns.iter().enumerate() {
        sql.both(if place_in_row > 0 { ", " } else { "" });
        let column = &table.columns[*at];
        if *at < table.key {
            let null = makes_key && draw.random.one_in(3);
            key_value(sql, table, *at, null, draw);
        } else {
            sql.written(column.kind, |sql| match column.kind {
                Kind::Stamp => sql.value(values::usual(Kind::Stamp, draw.random), draw.random),
                _ => given(sql, column, draw),
            });
        }
    }
}

/// The value of a key's column; where tandem makes keys, NULL asks for one.
fn key_value(sql: &mut Sql, table: &Table, at: usize, null: bool, draw: &mut Draw<'_>) {
    let kind = table.columns[at].kind;
    let null = null && table.generates();
    let value = if null { Value::Null } else { values::usual(kind, draw.random) };
    made_where_null(sql, table, |sql| {
        sql.written(kind, |sql| sql.value(value, draw.random));
    });
    if table.generates() {
        sql.generates = sql.generates.or(draw.place_of(table));
    }
}

/// A value of a key's column, in whose place tandem makes one where it is NULL.
fn made_where_null(sql: &mut Sql, table: &Table, value: impl FnOnce(&mut Sql)) {
    if !table.generates() {
        return value(sql);
    }
    sql.only_plain("coalesce(");
    value(sql);
    sql.only_plain(&format!(", {})", next_key(table)));
}

fn next_key(table: &Table) -> &'static str {
    if table.is_alias() { "next_id()" } else { "next_uuid()" }
}

/// An INSERT of one row that is not in the way of another, and a row that refers to it by
/// `last_insert_rowid()`; none if no table refers to one whose key is a number.
pub fn insert_and_refer(draw: &mut Draw<'_>) -> Option<[Sql; 2]> {
    let (child, at, parent) = draw.tables.iter().find_map(|table| {
        let (at, column) = table.columns.iter().enumerate().find(|(at, column)| {
            *at >= table.key && column.refers.is_some_and(|(target, _)| draw.tables[target].is_alias())
        })?;
        Some((table, at, column.refers?.0))
    })?;
    let first = plain_insert(parent, None, draw);
    let second = plain_insert(draw.place_of(child)?, Some(at), draw);
    Some([first, second])
}

/// One row, without a clause for conflicts; `refers` takes the last id.
fn plain_insert(place: usize, refers: Option<usize>, draw: &mut Draw<'_>) -> Sql {
    let table = &draw.tables[place];
    let mut sql = Sql::new(if refers.is_some() { "INSERT last_insert_rowid()" } else { "INSERT" });
    let columns: Vec<usize> = (0..table.columns.len())
        .filter(|at| *at < table.key || refers == Some(*at) || table.columns[*at].not_null)
        .collect();
    let names: Vec<&str> = columns.iter().map(|at| table.names()[*at]).collect();
    sql.both(&format!("INSERT INTO {} ({}) VALUES (", table.name, names.join(", ")));
    for (place_in_row, at) in columns.iter().enumerate() {
        sql.both(if place_in_row > 0 { ", " } else { "" });
        let column = &table.columns[*at];
        if *at < table.key {
            let null = draw.random.one_in(2);
            key_value(&mut sql, table, *at, null, draw);
        } else if refers == Some(*at) {
            sql.both("last_insert_rowid()");
        } else {
            sql.written(column.kind, |sql| given(sql, column, draw));
        }
    }
    sql.both(")");
    sql
}

fn insert_defaults(place: usize, draw: &mut Draw<'_>) -> Sql {
    let table = &draw.tables[place];
    let mut sql = Sql::new("INSERT DEFAULT VALUES");
    sql.tandem = format!("INSERT INTO {} DEFAULT VALUES", table.name);
    sql.plain.clone_from(&sql.tandem);
    if table.generates() {
        sql.plain =
            format!("INSERT INTO {} ({}) VALUES ({})", table.name, table.columns[0].name, next_key(table));
        sql.generates = Some(place);
    }
    sql
}

/// INSERT … SELECT from a table, this one or another: constants, and columns of the same kind. The
/// rows come in an order that is said, for which of them is in the way of which depends on it.
fn select_into(sql: &mut Sql, place: usize, columns: &[usize], omits_key: bool, draw: &mut Draw<'_>) {
    let table = &draw.tables[place];
    let from = pick(draw.tables, draw.random);
    sql.both(&format!("WITH s AS MATERIALIZED (SELECT * FROM {} AS o WHERE ", from.name));
    condition(sql, from, "o.", draw);
    sql.both(&format!(" ORDER BY {}) SELECT ", keys_of("o.", from)));
    if omits_key {
        sql.only_plain(&format!("{}, ", next_key(table)));
    }
    for (place_in_row, at) in columns.iter().enumerate() {
        sql.both(if place_in_row > 0 { ", " } else { "" });
        let column = &table.columns[*at];
        let alike: Vec<&str> = from
            .columns
            .iter()
            .filter(|other| other.kind == column.kind && comparable(other.kind))
            .map(|other| other.name.as_str())
            .collect();
        let mut selected = |sql: &mut Sql| {
            sql.written(column.kind, |sql| match alike.as_slice() {
                [] => sql.value(values::usual(column.kind, draw.random), draw.random),
                alike => {
                    sql.both(&format!("s.{}", pick(alike, draw.random)));
                }
            });
        };
        if *at < table.key && table.generates() {
            sql.generates = Some(place);
            made_where_null(sql, table, selected);
        } else {
            selected(sql);
        }
    }
    sql.both(" FROM s WHERE true");
}

/// A table's key, for an ORDER BY.
pub fn keys_of(prefix: &str, table: &Table) -> String {
    table.names()[..table.key].iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>().join(", ")
}

fn on_conflict(sql: &mut Sql, table: &Table, columns: &[usize], draw: &mut Draw<'_>) {
    let mut targets = table.uniques();
    targets.push(table.names()[..table.key].to_vec());
    let target = pick(&targets, draw.random).join(", ");
    if draw.random.one_in(3) {
        sql.verb = "INSERT ON CONFLICT DO NOTHING";
        let target = if draw.random.one_in(2) { String::new() } else { format!(" ({target})") };
        sql.both(&format!(" ON CONFLICT{target} DO NOTHING"));
        return;
    }
    let settable: Vec<usize> = (table.key..table.columns.len())
        .filter(|at| !table.is_distinct(*at) && table.columns[*at].kind != Kind::Stamp)
        .collect();
    if settable.is_empty() {
        return;
    }
    sql.verb = "INSERT ON CONFLICT DO UPDATE";
    sql.both(&format!(" ON CONFLICT ({target}) DO UPDATE SET "));
    let at = *pick(&settable, draw.random);
    let column = &table.columns[at];
    sql.both(&format!("{} = ", column.name));
    sql.written(column.kind, |sql| {
        if columns.contains(&at) && draw.random.one_in(2) {
            let form = if column.kind.is_number() && column.kind != Kind::Boolean {
                *pick(&["excluded.#", "coalesce(@.#, 0) + excluded.#"], draw.random)
            } else {
                "excluded.#"
            };
            sql.both(&form.replace('#', &column.name).replace('@', &table.name));
        } else {
            changed(sql, table, at, &format!("{}.", table.name), draw);
        }
    });
    stamped(sql, table);
    if draw.random.one_in(3) {
        sql.both(" WHERE ");
        condition(sql, table, &format!("{}.", table.name), draw);
    }
}

/// STAMP fills itself where an update does not set it.
fn stamped(sql: &mut Sql, table: &Table) {
    for column in table.columns.iter().filter(|column| column.kind == Kind::Stamp) {
        sql.only_plain(&format!(", {} = '{}'", column.name, super::functions::NOW));
    }
}

fn returning(sql: &mut Sql, table: &Table, draw: &mut Draw<'_>) {
    if !draw.random.one_in(3) {
        return;
    }
    let columns = match draw.random.below(3) {
        0 => "*".to_owned(),
        1 => table.key_list(),
        _ => format!("{}, {}", table.names()[table.columns.len() - 1], table.key_list()),
    };
    sql.both(&format!(" RETURNING {columns}"));
}

fn update(place: usize, draw: &mut Draw<'_>) -> Sql {
    let table = &draw.tables[place];
    if draw.features.has("keys") && draw.random.one_in(20) {
        return update_key(table, draw);
    }
    let alone = draw.random.one_in(2);
    let settable: Vec<usize> = (table.key..table.columns.len())
        .filter(|at| (alone || !table.is_distinct(*at)) && table.columns[*at].kind != Kind::Stamp)
        .collect();
    if settable.is_empty() {
        return delete(place, draw);
    }
    // Which of several rows is first refused depends on the order in which they are looked at.
    let or = if alone { *pick(&["", "", "OR IGNORE ", "OR REPLACE "], draw.random) } else { "" };
    let or = if or == "OR REPLACE " && !draw.replaces { "" } else { or };
    let mut sql = Sql::new(match or {
        "OR IGNORE " => "UPDATE OR IGNORE",
        "OR REPLACE " => "UPDATE OR REPLACE",
        _ => "UPDATE",
    });
    sql.both(&format!("UPDATE {or}{} SET ", table.name));
    let from = (!alone && draw.random.one_in(3)).then(|| reference(table)).flatten();
    let first = *pick(&settable, draw.random);
    let second = *pick(&settable, draw.random);
    let prefix = from.map_or(String::new(), |_| format!("{}.", table.name));
    let set = |sql: &mut Sql, at: usize, draw: &mut Draw<'_>| {
        let column = &table.columns[at];
        sql.both(&format!("{} = ", column.name));
        sql.written(column.kind, |sql| changed(sql, table, at, &prefix, draw));
    };
    set(&mut sql, first, draw);
    if second != first {
        sql.both(", ");
        set(&mut sql, second, draw);
    }
    stamped(&mut sql, table);
    if let Some((column, target)) = from {
        let target = &draw.tables[target];
        sql.verb = "UPDATE FROM";
        sql.both(&format!(
            " FROM {} AS o WHERE o.{} = {prefix}{column}",
            target.name, target.columns[0].name
        ));
        if draw.random.one_in(2) {
            sql.both(" AND ");
            condition(&mut sql, target, "o.", draw);
        }
    } else if alone {
        sql.both(" WHERE ");
        is_key(&mut sql, table, "", draw);
    } else if !draw.random.one_in(6) {
        sql.both(" WHERE ");
        condition(&mut sql, table, "", draw);
    }
    returning(&mut sql, table, draw);
    sql
}

/// A column that refers to another table, and which.
pub fn reference(table: &Table) -> Option<(&str, usize)> {
    let own: usize = table.name[1..].parse().ok()?;
    let refers = |column: &super::table::Column| column.refers.filter(|(target, _)| *target != own);
    table.columns.iter().find_map(|column| refers(column).map(|(target, _)| (column.name.as_str(), target)))
}

/// A key's value cannot be changed.
fn update_key(table: &Table, draw: &mut Draw<'_>) -> Sql {
    let column = &table.columns[0];
    let mut set = Sql::new("UPDATE of a key");
    set.written(column.kind, |sql| {
        let value = values::usual(column.kind, draw.random);
        sql.both(&values::literal(&value).unwrap_or_else(|| "NULL".into()));
    });
    let mut at = Sql::default();
    let value = values::usual(column.kind, draw.random);
    at.compared(column.kind, |sql| {
        sql.both(&values::literal(&value).unwrap_or_else(|| "NULL".into()));
    });
    let (name, key) = (&table.name, &column.name);
    let mut sql = Sql::new("UPDATE of a key");
    sql.tandem = format!("UPDATE {name} SET {key} = {} WHERE {key} = {}", set.tandem, at.tandem);
    sql.plain = format!("UPDATE {name} SET {key} = {} WHERE {key} = {}", set.plain, at.plain);
    sql.moves = Some(format!(
        "SELECT count(*) FROM {name} WHERE {key} = {} AND {key} IS NOT {}",
        at.plain, set.plain
    ));
    sql
}

fn delete(place: usize, draw: &mut Draw<'_>) -> Sql {
    let table = &draw.tables[place];
    let mut sql = Sql::new("DELETE");
    sql.both(&format!("DELETE FROM {}", table.name));
    match draw.random.below(6) {
        0 if draw.random.one_in(4) => {}
        1 => {
            let other = pick(draw.tables, draw.random);
            let (key, kind) = (&table.columns[0].name, table.columns[0].kind);
            let alike = other.columns.iter().find(|column| column.kind == kind);
            let column = alike.map_or("NULL", |column| column.name.as_str());
            sql.both(&format!(" WHERE {key} IN (SELECT {column} FROM {} AS o WHERE ", other.name));
            condition(&mut sql, other, "o.", draw);
            sql.both(")");
        }
        2 | 3 => {
            sql.both(" WHERE ");
            is_key(&mut sql, table, "", draw);
        }
        _ => {
            sql.both(" WHERE ");
            condition(&mut sql, table, "", draw);
        }
    }
    returning(&mut sql, table, draw);
    sql
}
