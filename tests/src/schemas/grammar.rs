//! Random additive schema changes, and rows by what there is then.

use tandem_protocol::bounds;
use tandem_protocol::schema::{ColumnDef, ColumnType, TableDef};

use super::base::Base;
use super::names::{name, quoted};
use super::{expressions, views};
use crate::random::Random;

const TYPES: [&str; 18] = [
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
    "DECIMAL(30,4)",
    "COUNTER",
    "COUNTER(9,2)",
    "RICHTEXT",
    "JSON",
    "STAMP",
    "QUIET",
    "EXTERNAL('inet')",
];

const KEYS: [&str; 5] = ["INTEGER", "TEXT", "UUID", "DECIMAL(5,2)", "DATE"];

/// What meets: names that join to one, an index called as a table, an index and its column beside
/// another column, one table in two spellings, two tables of one name, one column of which two demand
/// different things, a view and what it reads, what rows that are there come to hold beside what becomes
/// of other rows, references to values that rows are deleted with, of a column of two types, and to what
/// somebody else may make UNIQUE. The sites of one run draw from one of these.
const MEETING: [&[&str]; 11] = [
    &[
        "CREATE TABLE orders_item (id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
        "ALTER TABLE orders ADD COLUMN item_code TEXT UNIQUE",
    ],
    &[
        "CREATE TABLE base_n (id INTEGER PRIMARY KEY, \"1\" TEXT UNIQUE)",
        "ALTER TABLE base ADD COLUMN n_1 TEXT UNIQUE",
    ],
    &["CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT)", "CREATE INDEX item ON base (n)"],
    &[
        "ALTER TABLE base ADD COLUMN grp TEXT; CREATE INDEX base_grp ON base (grp)",
        "ALTER TABLE base ADD COLUMN grp TEXT DEFAULT 'g'",
        "ALTER TABLE base ADD COLUMN Grp TEXT DEFAULT 'g' NOT NULL",
        "ALTER TABLE base ADD COLUMN grp COUNTER NOT NULL",
        "ALTER TABLE base ADD COLUMN other TEXT",
    ],
    &[
        "CREATE TABLE Notes (id TEXT PRIMARY KEY, body TEXT)",
        "CREATE TABLE notes (ID TEXT PRIMARY KEY, Body TEXT NOT NULL)",
        "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT, author TEXT NOT NULL)",
    ],
    &[
        "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT)",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)",
    ],
    &[
        "CREATE VIEW item AS SELECT b.n, own FROM base b, (SELECT 1 AS own)",
        "CREATE TABLE Item (id INTEGER PRIMARY KEY)",
        "ALTER TABLE base ADD COLUMN own TEXT",
        "CREATE OR REPLACE VIEW Item AS SELECT own AS n FROM base",
    ],
    &[
        "ALTER TABLE base ADD COLUMN twin INTEGER DEFAULT 2 REFERENCES base",
        "ALTER TABLE base ADD COLUMN first INTEGER NOT NULL DEFAULT 1 REFERENCES base ON DELETE CASCADE",
        "ALTER TABLE orders ADD COLUMN guest INTEGER DEFAULT 1 REFERENCES base ON DELETE SET NULL",
        "ALTER TABLE base ADD COLUMN rank INTEGER DEFAULT 1 UNIQUE",
        "ALTER TABLE orders ADD COLUMN since TEXT DEFAULT CURRENT_TIMESTAMP",
    ],
    &[
        "CREATE TABLE item (id INTEGER PRIMARY KEY, code TEXT DEFAULT 'a' REFERENCES rooms (code))",
        "CREATE TABLE item (id INTEGER PRIMARY KEY, room TEXT DEFAULT 'b' REFERENCES rooms (code) ON DELETE CASCADE)",
        "ALTER TABLE base ADD COLUMN room TEXT DEFAULT 'a' REFERENCES rooms (code) ON DELETE SET NULL",
        "ALTER TABLE orders ADD FOREIGN KEY (code) REFERENCES rooms (code)",
    ],
    &[
        "ALTER TABLE orders ADD COLUMN room TEXT REFERENCES rooms (code)",
        "ALTER TABLE orders ADD COLUMN room INTEGER REFERENCES rooms ON DELETE CASCADE",
        "ALTER TABLE orders ADD COLUMN room INTEGER",
        "ALTER TABLE base ADD COLUMN room INTEGER REFERENCES rooms",
        "ALTER TABLE base ADD COLUMN Room INTEGER REFERENCES rooms ON DELETE SET NULL",
    ],
    &[
        "ALTER TABLE base ADD UNIQUE (n)",
        "ALTER TABLE base ADD UNIQUE (n); ALTER TABLE orders ADD FOREIGN KEY (code) REFERENCES base (n)",
        "ALTER TABLE base ADD UNIQUE (n); ALTER TABLE orders ADD FOREIGN KEY (code) REFERENCES base (n) ON DELETE CASCADE",
        "ALTER TABLE base ADD UNIQUE (n); ALTER TABLE base ADD COLUMN up TEXT DEFAULT 'two' REFERENCES base (n) ON DELETE SET NULL",
        "CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT, day DATE, FOREIGN KEY (day, v) REFERENCES orders (day, code))",
        "CREATE TABLE item (id INTEGER PRIMARY KEY, v TEXT UNIQUE, day DATE, w TEXT REFERENCES item (v), UNIQUE (v, day))",
        "ALTER TABLE base ADD COLUMN day DATE; ALTER TABLE base ADD FOREIGN KEY (n, day) REFERENCES orders ON DELETE CASCADE",
    ],
];

/// What the sites of one run have in common.
#[derive(Clone, Copy)]
pub struct Theme {
    pub base: Base,
    meeting: &'static [&'static str],
}

impl Theme {
    pub fn draw(random: &mut Random) -> Self {
        Self { base: Base::draw(random), meeting: random.pick::<&[&str]>(&MEETING) }
    }
}

/// A column's declaration: name, type, and what else is said of it.
fn column(random: &mut Random, own: &str) -> String {
    let kind = *random.pick(&TYPES);
    let mut sql = format!("{own} {kind}");
    let default = match kind {
        "TEXT" | "QUIET" | "RICHTEXT" | "EXTERNAL('inet')" => "'-'",
        "INTEGER" | "COUNTER" | "BOOLEAN" => "1",
        "REAL" | "DECIMAL(9,2)" | "DECIMAL(30,4)" | "COUNTER(9,2)" => "1.5",
        "TIMESTAMP" | "STAMP" => "(now())",
        "UUID" => "(uuid7())",
        "DATE" => "(CURRENT_DATE)",
        _ => "NULL",
    };
    if random.one_in(3) {
        let own = random.one_in(3).then(|| expressions::default(random));
        let default = own.unwrap_or_else(|| default.to_owned());
        sql.push_str(&format!(" DEFAULT {default}"));
        if random.one_in(3) && default != "NULL" {
            sql.push_str(" NOT NULL");
        }
    } else if random.one_in(8) {
        sql.push_str(" NOT NULL");
    }
    if random.one_in(4) && !matches!(kind, "RICHTEXT" | "JSON") {
        sql.push_str(" UNIQUE");
    }
    if random.one_in(4) {
        let check = expressions::check(random, &[own.to_owned()]);
        sql.push_str(&format!(" CHECK ({check})"));
    }
    if random.one_in(6) && matches!(kind, "INTEGER" | "TEXT") {
        let table = if random.one_in(2) { "base".to_owned() } else { name(random) };
        let action = random.pick::<&str>(&["", " ON DELETE CASCADE", " ON DELETE SET NULL"]);
        let to = if random.one_in(3) {
            format!(" ({})", *random.pick(&["n", "m", "code"]))
        } else {
            String::new()
        };
        sql.push_str(&format!(" REFERENCES {table}{to}{action}"));
    }
    sql
}

fn create_table(random: &mut Random) -> String {
    let table = name(random);
    // Now and then nearly as many columns as there may be.
    let many = if random.one_in(400) { bounds::COLUMNS as u64 - 3 } else { 0 };
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
    let (key, first) = match random.below(3) {
        0 => (format!("k1 {key}, k2 TEXT, PRIMARY KEY (k1, k2)"), "k1"),
        _ => (format!("id {key} PRIMARY KEY"), "id"),
    };
    let mut rules = Vec::new();
    if names.len() > 1 && random.one_in(3) {
        rules.push(format!("UNIQUE ({})", names.join(", ")));
    }
    if random.one_in(60) {
        // More than half of what is allowed: of what two sites say of it, not all can be.
        let from = random.below(60) as usize;
        let most = bounds::RULES * 2 / 3;
        rules.extend((from..from + most).map(|at| format!("CHECK ({first} IS NOT {at})")));
    }
    let parts: Vec<String> = match key.contains("k1") {
        // The key's rule stands last.
        true => columns.into_iter().chain([key]).collect(),
        false => [key].into_iter().chain(columns).collect(),
    };
    format!("CREATE TABLE {table} ({})", parts.into_iter().chain(rules).collect::<Vec<_>>().join(", "))
}

/// One change. It may be one that no site accepts.
pub fn change(theme: Theme, random: &mut Random) -> String {
    if random.one_in(2)
        && let Some(sql) = theme.base.one_more(random)
    {
        return sql;
    }
    if random.one_in(4) {
        return (*random.pick(theme.meeting)).to_owned();
    }
    let table = match random.below(4) {
        0 | 1 => "base".to_owned(),
        2 => "orders".to_owned(),
        _ => name(random),
    };
    let own = |random: &mut Random, plain: &str| {
        if random.one_in(2) { plain.to_owned() } else { name(random) }
    };
    match random.below(13) {
        0..=2 => create_table(random),
        3..=5 => {
            let own = name(random);
            let index = match random.one_in(4) {
                true => format!("; CREATE INDEX {} ON {table} ({own})", name(random)),
                false => String::new(),
            };
            format!("ALTER TABLE {table} ADD COLUMN {}{index}", column(random, &own))
        }
        6 | 7 => {
            let unique = if random.one_in(3) { "UNIQUE " } else { "" };
            let second = if random.one_in(4) { format!(", {}", name(random)) } else { String::new() };
            format!("CREATE {unique}INDEX {} ON {table} ({}{second})", name(random), own(random, "n"))
        }
        8 | 9 => views::change(random),
        10 => format!("ALTER TABLE {table} ADD UNIQUE ({})", own(random, "m")),
        11 => {
            let target = if random.one_in(2) { "base".to_owned() } else { name(random) };
            let to = if random.one_in(2) { "(n)".to_owned() } else { format!("({}, m)", own(random, "n")) };
            let from = if to == "(n)" { own(random, "n") } else { format!("{}, m", own(random, "n")) };
            let action = random.pick::<&str>(&["", " ON DELETE CASCADE", " ON DELETE SET NULL"]);
            format!("ALTER TABLE {table} ADD FOREIGN KEY ({from}) REFERENCES {target} {to}{action}")
        }
        _ => {
            let columns = [own(random, "m"), own(random, "n")];
            format!("ALTER TABLE {table} ADD CHECK ({})", expressions::check(random, &columns))
        }
    }
}

/// A row for a table, the end of one, or a change of all its rows; few values, so that rows of different
/// sites meet.
pub fn row(table: &TableDef, random: &mut Random) -> String {
    let name = quoted(&table.name);
    if random.one_in(5)
        && let [key] = table.key.as_slice()
        && let Some(column) = table.column(key)
    {
        return format!("DELETE FROM {name} WHERE {} = {}", quoted(key), value(column.kind, random));
    }
    let some: Vec<&ColumnDef> = table.columns.iter().take(24).collect();
    if random.one_in(4) {
        let column = random.pick(&some);
        if !table.is_key(&column.name) {
            return format!("UPDATE {name} SET {} = {}", quoted(&column.name), value(column.kind, random));
        }
    }
    let generated = |column: &ColumnDef| {
        table.key.len() == 1
            && matches!(column.kind, ColumnType::Integer | ColumnType::Uuid)
            && table.is_key(&column.name)
    };
    let mut given: Vec<&ColumnDef> = Vec::new();
    for column in some {
        let leave =
            if table.is_key(&column.name) { generated(column) && random.one_in(2) } else { random.one_in(2) };
        if !leave {
            given.push(column);
        }
    }
    if given.is_empty() {
        return format!("INSERT INTO {name} DEFAULT VALUES");
    }
    let names: Vec<String> = given.iter().map(|column| quoted(&column.name)).collect();
    let values: Vec<String> = given.iter().map(|column| value(column.kind, random)).collect();
    format!("INSERT INTO {name} ({}) VALUES ({})", names.join(", "), values.join(", "))
}

/// A literal that a column of that type holds; now and then one that it may not.
fn value(kind: ColumnType, random: &mut Random) -> String {
    if random.one_in(10) {
        return "NULL".to_owned();
    }
    let from: &[&str] = match kind {
        ColumnType::Integer => &["1", "2", "1001"],
        ColumnType::Boolean => &["0", "1"],
        ColumnType::Real => &["1.5", "-2.0", "1e300"],
        ColumnType::Blob => &["x'01'", "x'02ff'"],
        ColumnType::Uuid => {
            &["'00000000-0000-7000-8000-000000000001'", "'00000000-0000-7000-8000-000000000002'"]
        }
        ColumnType::Date => &["'2026-01-31'", "'2026-02-01'"],
        ColumnType::Time => &["'05:00:00'", "'23:59:59'"],
        ColumnType::Timestamp | ColumnType::Stamp => &["'2026-01-31 05:00:00'"],
        ColumnType::Decimal { .. } => &["1.5", "12.34", "-1"],
        ColumnType::Counter { .. } => &["3", "-2", "0"],
        ColumnType::Json => &["'{\"a\":1}'", "'[1,2]'"],
        _ => &["'a'", "'b'", "'a long one'", "'{'", "''"],
    };
    (*random.pick(from)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_every_type_are_drawn() {
        for kind in ColumnType::ALL {
            let told = kind.to_string();
            let name = told.split('(').next().unwrap();
            let is_drawn = TYPES.iter().any(|drawn| drawn.split('(').next() == Some(name));
            assert!(is_drawn, "no column is {name}");
        }
    }
}
