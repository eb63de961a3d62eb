//! Random queries.

use super::expression::{comparable, condition};
use super::kind::Kind;
use super::sql::Sql;
use super::statement::{keys_of, reference};
use super::story::Draw;
use super::table::Table;
use super::values::pick;

/// A query of the tables.
pub fn query(draw: &mut Draw<'_>) -> Sql {
    let table = pick(draw.tables, draw.random);
    let mut sql = Sql { reads: true, ..Sql::new("SELECT") };
    match draw.random.below(9) {
        0 | 1 => filtered(&mut sql, table, draw),
        2 => grouped(&mut sql, table, draw),
        3 => joined(&mut sql, table, draw),
        4 => {
            sql.verb = "WITH … SELECT";
            sql.both(&format!("WITH w AS (SELECT * FROM {} AS t WHERE ", table.name));
            condition(&mut sql, table, "t.", draw);
            let every = listed("t.", table);
            sql.both(&format!(") SELECT {every} FROM w AS t ORDER BY {every}"));
        }
        5 => {
            let keys = keys_of("t.", table);
            sql.verb = "SELECT window";
            sql.both(&format!(
                "SELECT {keys}, row_number() OVER (ORDER BY {keys}) FROM {} AS t ORDER BY {keys}",
                table.name
            ));
        }
        6 => {
            sql.verb = "SELECT LIMIT";
            let every = listed("t.", table);
            let (limit, offset) = (1 + draw.random.below(5), draw.random.below(3));
            let way = *pick(&["", " DESC"], draw.random);
            let keys = keys_of("t.", table).replace(',', &format!("{way},"));
            sql.both(&format!(
                "SELECT {every} FROM {} AS t ORDER BY {keys}{way} LIMIT {limit} OFFSET {offset}",
                table.name
            ));
        }
        7 if draw.features.has("rowid") && table.is_alias() => {
            sql.verb = "SELECT rowid";
            let number = draw.random.below(12);
            sql.both(&format!("SELECT rowid, k0 FROM {} WHERE rowid >= {number} ORDER BY rowid", table.name));
        }
        8 => {
            sql.verb = "SELECT UNION";
            let other = pick(draw.tables, draw.random);
            let word = *pick(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"], draw.random);
            sql.both(&format!("SELECT {} FROM {} {word} SELECT ", table.names()[0], table.name));
            sql.both(&format!("{} FROM {} ORDER BY 1", other.names()[0], other.name));
        }
        _ => filtered(&mut sql, table, draw),
    }
    sql
}

/// The columns that queries look at, as a list.
fn listed(prefix: &str, table: &Table) -> String {
    let looked_at = table.columns.iter().filter(|column| column.kind != Kind::Stamp);
    looked_at.map(|column| format!("{prefix}{}", column.name)).collect::<Vec<_>>().join(", ")
}

fn filtered(sql: &mut Sql, table: &Table, draw: &mut Draw<'_>) {
    let every = listed("t.", table);
    let distinct = *pick(&["", "", "DISTINCT "], draw.random);
    sql.both(&format!("SELECT {distinct}{every} FROM {} AS t WHERE ", table.name));
    condition(sql, table, "t.", draw);
    sql.both(&format!(" ORDER BY {every}"));
}

fn grouped(sql: &mut Sql, table: &Table, draw: &mut Draw<'_>) {
    sql.verb = "SELECT GROUP BY";
    let by: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| comparable(column.kind))
        .map(|column| column.name.as_str())
        .collect();
    let by = *pick(&by, draw.random);
    let figures = table.columns.iter().filter(|column| comparable(column.kind)).map(|column| {
        let name = &column.name;
        match column.kind {
            kind if kind.is_whole() => format!("sum({name} % 1000), min({name}), max({name})"),
            Kind::Decimal(10, 2) | Kind::Money(10, 2) => format!("round(sum({name}), 2)"),
            _ => format!("count({name}), min({name}), max({name})"),
        }
    });
    let figures = figures.collect::<Vec<_>>().join(", ");
    sql.both(&format!(
        "SELECT {by}, count(*), {figures} FROM {} GROUP BY {by} HAVING count(*) > 0 ORDER BY {by}",
        table.name
    ));
}

fn joined(sql: &mut Sql, table: &Table, draw: &mut Draw<'_>) {
    let Some((column, target)) = reference(table) else { return filtered(sql, table, draw) };
    sql.verb = "SELECT JOIN";
    let target = &draw.tables[target];
    let word = *pick(&["JOIN", "LEFT JOIN"], draw.random);
    let every = format!("{}, {}", listed("t.", table), listed("o.", target));
    let key = &target.columns[0].name;
    sql.both(&format!(
        "SELECT {every} FROM {} AS t {word} {} AS o ON o.{key} = t.{column} WHERE ",
        table.name, target.name
    ));
    condition(sql, table, "t.", draw);
    sql.both(&format!(" ORDER BY {every}"));
}
