//! Random additive schema changes over names that meet in every way names can.

use tandem_protocol::bounds;

use crate::random::Random;

/// What all sites have before they part.
pub const BASE: &str = "CREATE TABLE base (id INTEGER PRIMARY KEY, n TEXT, m INTEGER);
CREATE TABLE Orders (code TEXT, day DATE, total DECIMAL(9,2), PRIMARY KEY (code, day));";

/// Names that meet when they are joined, in another case or form, with SQL's own words, with SQLite's
/// or each other's; few, so that sites meet.
const NAMES: [&str; 20] = [
    "orders",
    "orders_item",
    "item",
    "item_code",
    "Base",
    "base_n",
    "n",
    "N_1",
    "code",
    "Order",
    "group",
    "sqlite2",
    "été",
    "e\u{301}te\u{301}",
    "É",
    "a b",
    "say \"so\"",
    "x'); --",
    "notes (2)",
    "_tand",
];

const TYPES: [&str; 16] = [
    "TEXT",
    "INTEGER",
    "REAL",
    "BLOB",
    "BOOLEAN",
    "UUID",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "DECIMAL(9,2)",
    "COUNTER",
    "COUNTER(9,2)",
    "RICHTEXT",
    "JSON",
    "STAMP",
    "QUIET",
];

const KEYS: [&str; 4] = ["INTEGER", "TEXT", "UUID", "DECIMAL(5,2)"];

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn name(random: &mut Random) -> String {
    if random.one_in(40) {
        return quoted(&"long ".repeat(bounds::NAME_BYTES / 5).trim_end().replace(' ', "_"));
    }
    quoted(random.pick::<&str>(&NAMES))
}

/// A column's declaration: name, type, and what else is said of it.
fn column(random: &mut Random, own: &str) -> String {
    let kind = *random.pick(&TYPES);
    let mut sql = format!("{own} {kind}");
    let default = match kind {
        "TEXT" | "QUIET" | "RICHTEXT" => "'-'",
        "INTEGER" | "COUNTER" | "BOOLEAN" => "1",
        "REAL" | "DECIMAL(9,2)" | "COUNTER(9,2)" => "1.5",
        "TIMESTAMP" | "STAMP" => "(now())",
        "UUID" => "(uuid7())",
        "DATE" => "(CURRENT_DATE)",
        _ => "NULL",
    };
    if random.one_in(3) {
        sql.push_str(&format!(" DEFAULT {default}"));
        if random.one_in(3) && default != "NULL" {
            sql.push_str(" NOT NULL");
        }
    }
    if random.one_in(4) && !matches!(kind, "RICHTEXT" | "JSON") {
        sql.push_str(" UNIQUE");
    }
    if random.one_in(5) {
        sql.push_str(&format!(" CHECK ({own} IS NOT NULL OR length(coalesce({own}, '')) < 9)"));
    }
    if random.one_in(6) && matches!(kind, "INTEGER" | "TEXT") {
        let action = random.pick::<&str>(&["", " ON DELETE CASCADE", " ON DELETE SET NULL"]);
        sql.push_str(&format!(" REFERENCES base{action}"));
    }
    sql
}

fn create_table(random: &mut Random) -> String {
    let table = name(random);
    // Now and then nearly as many columns as there may be.
    let many = if random.one_in(200) { bounds::COLUMNS as u64 - 3 } else { 0 };
    let mut columns: Vec<String> = (0..many).map(|at| format!("c{at} TEXT")).collect();
    let mut names: Vec<String> = Vec::new();
    for _ in 0..random.below(4) {
        let own = name(random);
        if !names.contains(&own) {
            columns.push(column(random, &own));
            names.push(own);
        }
    }
    let key = *random.pick(&KEYS);
    let key = match random.below(3) {
        0 => format!("k1 {key}, k2 TEXT, PRIMARY KEY (k1, k2)"),
        _ => format!("id {key} PRIMARY KEY"),
    };
    let mut rules = Vec::new();
    if names.len() > 1 && random.one_in(3) {
        rules.push(format!("UNIQUE ({})", names.join(", ")));
    }
    let parts: Vec<String> = match key.contains("k1") {
        // The key's rule stands last.
        true => columns.into_iter().chain([key]).collect(),
        false => [key].into_iter().chain(columns).collect(),
    };
    format!("CREATE TABLE {table} ({})", parts.into_iter().chain(rules).collect::<Vec<_>>().join(", "))
}

/// One change. It may be one that no site accepts.
pub fn change(random: &mut Random) -> String {
    let table = match random.below(4) {
        0 | 1 => "base".to_owned(),
        2 => "orders".to_owned(),
        _ => name(random),
    };
    match random.below(10) {
        0..=2 => create_table(random),
        3..=5 => {
            let own = name(random);
            format!("ALTER TABLE {table} ADD COLUMN {}", column(random, &own))
        }
        6 | 7 => {
            let unique = if random.one_in(3) { "UNIQUE " } else { "" };
            let column = if random.one_in(2) { "n".to_owned() } else { name(random) };
            format!("CREATE {unique}INDEX {} ON {table} ({column})", name(random))
        }
        8 => {
            let column = if random.one_in(2) { "m".to_owned() } else { name(random) };
            format!("ALTER TABLE {table} ADD UNIQUE ({column})")
        }
        _ => format!("ALTER TABLE {table} ADD CHECK (length({}) < {})", name(random), random.below(3) + 5),
    }
}
