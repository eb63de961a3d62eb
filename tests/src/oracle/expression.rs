//! Random expressions and conditions over a table's columns.

use super::kind::Kind;
use super::sql::Sql;
use super::story::Draw;
use super::table::{Column, Table};
use super::values::{self, pick};

/// How a column is named where several tables are in sight.
pub fn named(prefix: &str, column: &Column) -> String {
    format!("{prefix}{}", column.name)
}

/// A value fit for a column, given directly: a constant or, for a reference, a row that is there.
pub fn given(sql: &mut Sql, column: &Column, draw: &mut Draw<'_>) {
    if let Some((target, _)) = column.refers
        && !draw.random.one_in(3)
    {
        let target = &draw.tables[target];
        let which = *pick(&["min", "max"], draw.random);
        sql.both(&format!("(SELECT {which}({}) FROM {})", target.columns[0].name, target.name));
        return;
    }
    if let Some((target, at)) = column.alike
        && !draw.random.one_in(3)
    {
        let target = &draw.tables[target];
        let which = *pick(&["min", "max"], draw.random);
        sql.both(&format!("(SELECT {which}({}) FROM {})", target.columns[at].name, target.name));
        return;
    }
    let value = draw.value(column.kind);
    sql.value(value, draw.random);
}

/// What is made of a number: `#` is the column, `%` another number.
const OF_NUMBERS: &[&str] =
    &["# + %", "# - %", "% + #", "-#", "# * 2", "coalesce(#, 0) + %", "abs(#)", "# / 2", "# + 0.005"];
/// What is made of a text.
const OF_TEXTS: &[&str] =
    &["# || 'x'", "upper(#)", "substr(#, 1, 2)", "replace(#, 'a', 'é')", "trim(#)", "'n' || length(#)"];

/// What an UPDATE sets a column to. `prefix` names the row itself.
pub fn changed(sql: &mut Sql, table: &Table, at: usize, prefix: &str, draw: &mut Draw<'_>) {
    let column = &table.columns[at];
    let name = named(prefix, column);
    if column.refers.is_some() || column.alike.is_some() || draw.random.one_in(2) {
        return given(sql, column, draw);
    }
    match draw.random.below(6) {
        0 => {
            sql.both("CASE WHEN ");
            condition_on_others(sql, table, prefix, draw);
            sql.both(" THEN ");
            given(sql, column, draw);
            sql.both(&format!(" ELSE {name} END"));
        }
        1 => {
            sql.both(&format!("coalesce({name}, "));
            given(sql, column, draw);
            sql.both(")");
        }
        2 => from_elsewhere(sql, table, column, draw),
        _ if column.kind.is_number() && column.kind != Kind::Boolean => {
            let by = draw.random.below(9);
            let form = pick(OF_NUMBERS, draw.random);
            sql.both(&form.replace('#', &name).replace('%', &by.to_string()));
        }
        _ if column.kind.is_text() => {
            sql.both(&pick(OF_TEXTS, draw.random).replace('#', &name));
        }
        _ => given(sql, column, draw),
    }
}

/// A condition that asks no question to the table itself: what it finds would depend on which rows came
/// before.
fn condition_on_others(sql: &mut Sql, table: &Table, prefix: &str, draw: &mut Draw<'_>) {
    let before = sql.clone();
    let asks_itself = format!("FROM {} AS o", table.name);
    loop {
        condition(sql, table, prefix, draw);
        if !sql.tandem[before.tandem.len()..].contains(&asks_itself) {
            return;
        }
        sql.clone_from(&before);
    }
}

/// What another table has in a column of that kind; a value, if there is none.
fn from_elsewhere(sql: &mut Sql, table: &Table, column: &Column, draw: &mut Draw<'_>) {
    let others: Vec<(&Table, &Column)> = draw
        .tables
        .iter()
        .filter(|other| other.name != table.name)
        .flat_map(|other| other.columns.iter().map(move |column| (other, column)))
        .filter(|(_, other)| other.kind == column.kind && comparable(other.kind))
        .collect();
    match others.as_slice() {
        [] => given(sql, column, draw),
        others => {
            let (other, from) = *pick(others, draw.random);
            sql.both(&format!("(SELECT max({}) FROM {})", from.name, other.name));
        }
    }
}

/// Whether columns of a kind are compared and put in order.
pub fn comparable(kind: Kind) -> bool {
    !matches!(kind, Kind::Stamp | Kind::Json | Kind::RichText)
}

/// A condition on one row.
pub fn condition(sql: &mut Sql, table: &Table, prefix: &str, draw: &mut Draw<'_>) {
    match draw.random.below(10) {
        0 => {
            sql.both("NOT (");
            one_condition(sql, table, prefix, draw);
            sql.both(")");
        }
        1 | 2 => {
            let word = pick(&[" AND ", " OR "], draw.random);
            sql.both("(");
            one_condition(sql, table, prefix, draw);
            sql.both(word);
            one_condition(sql, table, prefix, draw);
            sql.both(")");
        }
        _ => one_condition(sql, table, prefix, draw),
    }
}

/// That the row is the one of a key.
pub fn is_key(sql: &mut Sql, table: &Table, prefix: &str, draw: &mut Draw<'_>) {
    for (at, column) in table.columns[..table.key].iter().enumerate() {
        sql.both(if at > 0 { " AND " } else { "" }).both(&named(prefix, column)).both(" = ");
        let value = values::usual(column.kind, draw.random);
        sql.compared(column.kind, |sql| sql.value(value, draw.random));
    }
}

fn one_condition(sql: &mut Sql, table: &Table, prefix: &str, draw: &mut Draw<'_>) {
    if draw.random.one_in(4) {
        return is_key(sql, table, prefix, draw);
    }
    let columns: Vec<&Column> = table.columns.iter().filter(|column| comparable(column.kind)).collect();
    let column = *pick(&columns, draw.random);
    let name = named(prefix, column);
    let constant = |sql: &mut Sql, draw: &mut Draw<'_>| {
        let value = values::of(column.kind, draw.random);
        sql.compared(column.kind, |sql| sql.value(value, draw.random));
    };
    match draw.random.below(9) {
        0 => {
            sql.both(&format!("{name} IS NULL"));
        }
        1 => {
            sql.both(&format!("{name} IS NOT NULL"));
        }
        2 => {
            sql.both(&format!("{name} BETWEEN "));
            constant(sql, draw);
            sql.both(" AND ");
            constant(sql, draw);
        }
        3 => {
            sql.both(&format!("{name} IN ("));
            constant(sql, draw);
            sql.both(", ");
            constant(sql, draw);
            sql.both(")");
        }
        4 if column.kind.is_text() => {
            let like = pick(&["a%", "%x%", "_", "%", "A%"], draw.random);
            sql.both(&format!("{name} LIKE '{like}'"));
        }
        5 => match column.refers {
            Some((target, _)) => {
                let target = &draw.tables[target];
                let key = &target.columns[0].name;
                sql.both(&format!("EXISTS (SELECT 1 FROM {} AS o WHERE o.{key} = {name})", target.name));
            }
            None => {
                sql.both(&format!("{name} = (SELECT max(o.{}) FROM {} AS o)", column.name, table.name));
            }
        },
        6 => {
            // The constant stands first.
            constant(sql, draw);
            let sign = pick(&[" = ", " < ", " >= "], draw.random);
            sql.both(sign).both(&name);
        }
        _ => {
            let sign = pick(&[" = ", " <> ", " < ", " <= ", " > ", " >= ", " IS ", " IS NOT "], draw.random);
            sql.both(&name).both(sign);
            constant(sql, draw);
        }
    }
}
