//! The tables users write to, and random SQL over whatever tables and columns a site has.

use tandem_protocol::schema::expression::spelled;
use tandem_protocol::schema::{ColumnDef, ColumnType, Schema, Storage, TableDef};

use crate::random::Random;

/// Every kind of column, key and rule. `tills` is only ever added to: its sums are known.
pub const SCHEMA: &str = "
CREATE TABLE tills (id TEXT PRIMARY KEY, sold COUNTER NOT NULL DEFAULT 0,
  takings COUNTER(12,2) NOT NULL DEFAULT 0);
CREATE TABLE things (id INTEGER PRIMARY KEY, n INTEGER CHECK (n < 100), r REAL, t TEXT NOT NULL DEFAULT '-',
  b BLOB, yes BOOLEAN NOT NULL DEFAULT 1, u UUID, d DATE, h TIME, w TIMESTAMP, price DECIMAL(9,2),
  stock COUNTER NOT NULL DEFAULT 0, paid COUNTER(12,2), note RICHTEXT, extra JSON, seen STAMP, done QUIET,
  CHECK (stock >= 0));
CREATE TABLE rooms (name TEXT PRIMARY KEY, parent TEXT REFERENCES rooms ON DELETE SET NULL, code TEXT UNIQUE,
  seats INTEGER CHECK (seats > 0), stock COUNTER);
CREATE TABLE pupils (id UUID PRIMARY KEY, name TEXT NOT NULL, room TEXT REFERENCES rooms ON DELETE RESTRICT,
  friend UUID REFERENCES pupils ON DELETE CASCADE, mark DECIMAL(9,2), UNIQUE (name, room));
CREATE TABLE lessons (day DATE, slot INTEGER, room TEXT REFERENCES rooms ON DELETE CASCADE, teacher TEXT,
  topic TEXT, PRIMARY KEY (day, slot), UNIQUE (teacher), CHECK (slot < 4 OR room <> teacher));
CREATE TABLE sales (id INTEGER PRIMARY KEY, thing INTEGER REFERENCES things ON DELETE SET NULL,
  quantity INTEGER NOT NULL, number TEXT UNIQUE);
CREATE TABLE absences (id INTEGER PRIMARY KEY, day DATE, slot INTEGER, code TEXT REFERENCES rooms (code) ON DELETE SET NULL,
  mark TEXT UNIQUE, excuse TEXT REFERENCES absences (mark) ON DELETE CASCADE, name TEXT, place TEXT,
  FOREIGN KEY (day, slot) REFERENCES lessons ON DELETE CASCADE, FOREIGN KEY (name, place) REFERENCES pupils (name, room));
CREATE TABLE vaults (rate DECIMAL(5,2), place TEXT, gold COUNTER, due COUNTER(5,2), debt COUNTER(20,2),
  price DECIMAL(38,4) CHECK (price < 4), PRIMARY KEY (rate, place));
";

/// The tables whose sums are known.
pub const TILLS: &str = "tills";
/// Their rows.
pub const TILL_IDS: [&str; 3] = ["a", "b", "c"];

const TEXTS: [&str; 6] = ["rouge", "vert", "bleu", "gris", "noir", "blanc"];
const WORDS: [&str; 6] = ["lundi", "la dictée", "à revoir", "très bien", "page 12", "absent"];

/// A statement, and what kind it is.
pub struct Drawn {
    /// The SQL.
    pub sql: String,
    /// Its kind, for counting.
    pub kind: &'static str,
    /// A statement that comes first, in the same transaction.
    pub first: Option<String>,
}

impl Drawn {
    fn new(kind: &'static str, sql: String) -> Self {
        Self { sql, kind, first: None }
    }
}

/// A table with every name as it is to be typed.
fn as_typed(table: &TableDef) -> TableDef {
    let mut table = table.clone();
    table.name = spelled(&table.name);
    table.columns.iter_mut().for_each(|column| column.name = spelled(&column.name));
    let of_rules = table.uniques.iter_mut().flat_map(|unique| &mut unique.columns);
    let of_references = table.references.iter_mut().flat_map(|reference| &mut reference.columns);
    table.key.iter_mut().chain(of_rules).chain(of_references).for_each(|name| *name = spelled(name));
    table
}

/// A statement over one of the tables.
pub fn draw(schema: &Schema, random: &mut Random, exactly: bool) -> Option<Drawn> {
    let tables: Vec<&TableDef> = schema
        .tables()
        .map(|table| &table.shown)
        .filter(|table| table.name != TILLS)
        // Twice, what refers to others, and what has every kind of column.
        .flat_map(|table| {
            let refers = !table.references.is_empty();
            std::iter::repeat_n(table, if refers || table.columns.len() > 10 { 2 } else { 1 })
        })
        .collect();
    let table = as_typed(tables.get(random.below(tables.len() as u64) as usize)?);
    let key = table.key.iter().filter_map(|name| table.column(name)).collect();
    let cells = table.columns.iter().filter(|column| !table.key.contains(&column.name)).collect();
    let target = Target { table: &table, key, cells, exactly };
    match random.below(33) {
        0..=10 => Some(target.insert(random)),
        11..=26 => target.update(random),
        27..=29 => {
            Some(Drawn::new("delete", format!("DELETE FROM {} WHERE {}", table.name, target.row(random))))
        }
        30 => Some(target.delete_and_insert(random)),
        _ => Some(target.insert_whole(random)),
    }
}

/// The table that a statement is about.
struct Target<'t> {
    table: &'t TableDef,
    key: Vec<&'t ColumnDef>,
    cells: Vec<&'t ColumnDef>,
    /// Whether the program knows `exactly()`.
    exactly: bool,
}

impl<'t> Target<'t> {
    /// What names one of its rows.
    fn row(&self, random: &mut Random) -> String {
        let parts = self.key.iter().map(|part| format!("{} = {}", part.name, value(part, random)));
        parts.collect::<Vec<_>>().join(" AND ")
    }

    /// Most of the columns beside the key.
    fn some(&self, random: &mut Random) -> Vec<&'t ColumnDef> {
        self.cells.iter().copied().filter(|_| !random.one_in(3)).collect()
    }

    fn insert(&self, random: &mut Random) -> Drawn {
        let (table, name) = (self.table, &self.table.name);
        let generated = random.one_in(8) && matches!(self.key[..], [one] if one.kind == ColumnType::Integer);
        let some = self.some(random);
        let given: Vec<&ColumnDef> =
            self.key.iter().copied().filter(|_| !generated).chain(some.iter().copied()).collect();
        if given.is_empty() {
            return Drawn::new("insert", format!("INSERT INTO {name} DEFAULT VALUES"));
        }
        let names = given.iter().map(|column| column.name.clone()).collect::<Vec<_>>().join(", ");
        let values = given.iter().map(|column| fitting(table, column, random)).collect::<Vec<_>>().join(", ");
        let into = format!("INTO {name} ({names}) VALUES ({values})");
        let unique = table.uniques.iter().find(|unique| unique.columns.len() == 1);
        match (random.below(8), unique) {
            (0 | 1, _) => Drawn::new("insert or replace", format!("INSERT OR REPLACE {into}")),
            (3 | 6, Some(unique)) => {
                // Of a value that may be in conflict at the moment.
                let on = &unique.columns[0];
                let action = match some.iter().find(|column| column.name != *on) {
                    Some(column) => format!("DO UPDATE SET {0} = excluded.{0}", column.name),
                    None => "DO NOTHING".to_owned(),
                };
                Drawn::new("upsert by another value", format!("INSERT {into} ON CONFLICT ({on}) {action}"))
            }
            (2, _) => Drawn::new("insert or ignore", format!("INSERT OR IGNORE {into}")),
            (3..=5, _) if !generated && !some.is_empty() => {
                let on = table.key.join(", ");
                let sets = some.iter().map(|column| format!("{0} = excluded.{0}", column.name));
                let sets = sets.collect::<Vec<_>>().join(", ");
                Drawn::new("upsert", format!("INSERT {into} ON CONFLICT ({on}) DO UPDATE SET {sets}"))
            }
            _ => Drawn::new("insert", format!("INSERT {into}")),
        }
    }

    fn update(&self, random: &mut Random) -> Option<Drawn> {
        if self.cells.is_empty() {
            return None;
        }
        let several = random.one_in(3);
        let mut sets: Vec<String> = Vec::new();
        let mut kind = if several { "update several" } else { "update one" };
        for _ in 0..if several { 1 + random.below(4) } else { 1 } {
            let column = self.cells[random.below(self.cells.len() as u64) as usize];
            let set = match column.kind {
                ColumnType::Counter { .. } if !several => self.count(column, &mut kind, random),
                ColumnType::RichText if random.one_in(2) => {
                    kind = "edit text";
                    edit(&column.name, random)
                }
                ColumnType::Json if random.one_in(2) => {
                    kind = "edit json";
                    let field = ["a", "b", "c"][random.below(3) as usize];
                    format!("json_set(coalesce({}, '{{}}'), '$.{field}', {})", column.name, random.below(9))
                }
                _ => fitting(self.table, column, random),
            };
            if !sets.iter().any(|set| set.starts_with(&format!("{} = ", column.name))) {
                sets.push(format!("{} = {set}", column.name));
            }
        }
        let condition = if random.one_in(10) {
            kind = "update many rows";
            format!("{} >= {}", self.key[0].name, literal(self.key[0].kind, random))
        } else {
            self.row(random)
        };
        let or = ["", "", "", "", "", "OR IGNORE ", "OR REPLACE "][random.below(7) as usize];
        Some(Drawn::new(
            kind,
            format!("UPDATE {or}{} SET {} WHERE {condition}", self.table.name, sets.join(", ")),
        ))
    }

    /// What a counter is set to: mostly a little more or less than it is.
    fn count(&self, column: &ColumnDef, kind: &mut &'static str, random: &mut Random) -> String {
        match random.below(4) {
            0 if self.exactly => {
                *kind = "exactly";
                format!("exactly({})", value(column, random))
            }
            1 => fitting(self.table, column, random),
            _ => {
                *kind = "count";
                let scale = matches!(column.kind, ColumnType::Counter { scale, .. } if scale > 0);
                let delta = random.below(9) as i64 - 6;
                let delta = if scale { format!("{delta}.25") } else { delta.to_string() };
                match (column.name.as_str(), column.kind.storage()) {
                    // SQLite adds up to the end of 64 bits, and no farther.
                    ("gold", _) => format!("max(min(coalesce(gold, 0), {0}), -{0}) + {delta}", i64::MAX - 7),
                    (name, Storage::Digits) => format!("decimal_add(coalesce({name}, 0), '{delta}')"),
                    (name, _) => format!("coalesce({name}, 0) + {delta}"),
                }
            }
        }
    }

    fn delete_and_insert(&self, random: &mut Random) -> Drawn {
        let name = &self.table.name;
        let keys: Vec<String> = self.key.iter().map(|part| value(part, random)).collect();
        let same = self.key.iter().zip(&keys).map(|(part, value)| format!("{} = {value}", part.name));
        let first = format!("DELETE FROM {name} WHERE {}", same.collect::<Vec<_>>().join(" AND "));
        let some = self.some(random);
        let names = self.key.iter().chain(&some).map(|column| column.name.as_str()).collect::<Vec<_>>();
        let values = keys.into_iter().chain(some.iter().map(|column| fitting(self.table, column, random)));
        let values = values.collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO {name} ({}) VALUES ({values})", names.join(", "));
        Drawn { sql, kind: "delete and insert", first: Some(first) }
    }

    fn insert_whole(&self, random: &mut Random) -> Drawn {
        let columns = &self.table.columns;
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let values: Vec<String> = columns.iter().map(|column| value(column, random)).collect();
        let (name, names, values) = (&self.table.name, names.join(", "), values.join(", "));
        Drawn::new("insert", format!("INSERT INTO {name} ({names}) VALUES ({values})"))
    }
}

/// A change of a text that leaves most of it as it is.
fn edit(column: &str, random: &mut Random) -> String {
    let word = WORDS[random.below(WORDS.len() as u64) as usize];
    match random.below(3) {
        0 => format!("coalesce({column}, '') || ' {word}'"),
        1 => format!("'{word} ' || coalesce({column}, '')"),
        _ => format!("substr(coalesce({column}, ''), 1, 4) || '{word}' || substr(coalesce({column}, ''), 7)"),
    }
}

/// A value for a column: mostly one that its rules allow.
fn fitting(table: &TableDef, column: &ColumnDef, random: &mut Random) -> String {
    let null_in = match (column.not_null, table.references_of(&column.name).next()) {
        (true, _) => 60,
        (false, None) => 8,
        // What is referred to is often not there.
        (false, Some(_)) => 3,
    };
    if random.one_in(null_in) {
        return "NULL".to_owned();
    }
    // Enough values that one is free here; few enough that two sites take the same one, and others refer
    // to it.
    let unique = table.uniques.iter().any(|unique| unique.columns == [column.name.as_str()]);
    let mut references = table.references_of(&column.name);
    let refers = references.any(|reference| !reference.is_to_key && reference.columns.len() == 1);
    if (unique || refers) && column.kind == ColumnType::Text {
        return format!("'no {}'", random.below(12));
    }
    value(column, random)
}

/// A value for a column. One counter is always near the ends of what it can show; there are few vaults, each spelled in
/// two ways, so that sites count in the same one.
fn value(column: &ColumnDef, random: &mut Random) -> String {
    match column.name.as_str() {
        "rate" => ["0", "0.0", "2.3", "2.30"][random.below(4) as usize].to_owned(),
        "place" => format!("'{}'", TEXTS[random.below(2) as usize]),
        "gold" => {
            let end = [i64::MAX - 3, i64::MIN + 3, i64::MAX, -i64::MAX, 5][random.below(5) as usize];
            end.to_string()
        }
        _ => literal(column.kind, random),
    }
}

/// One of the few values of a type: few, so that sites meet.
fn literal(kind: ColumnType, random: &mut Random) -> String {
    let few = random.below(5);
    match kind {
        ColumnType::Integer => {
            if random.one_in(40) {
                "150".to_owned()
            } else {
                (few + 1).to_string()
            }
        }
        ColumnType::Real => ["1.5", "-0.0", "2e10", "0.1", "7"][few as usize].to_owned(),
        ColumnType::Text | ColumnType::Quiet | ColumnType::External(_) => {
            format!("'{}'", TEXTS[few as usize])
        }
        ColumnType::Blob => ["x''", "x'00'", "x'00ff'", "x'abcd'", "x'0102030405'"][few as usize].to_owned(),
        ColumnType::Boolean => (few % 2).to_string(),
        ColumnType::Uuid => format!("'0190f5a0-0000-7000-8000-00000000000{few}'"),
        ColumnType::Date => format!("'2025-01-0{}'", few + 1),
        ColumnType::Time => format!("'08:0{few}:00'"),
        ColumnType::Timestamp | ColumnType::Stamp => format!("'2025-01-31T08:0{few}:00.000Z'"),
        ColumnType::Decimal { .. } => format!("{few}.{}", few * 15),
        ColumnType::Counter { precision: 5, .. } => {
            ["999.99", "-999.99", "900", "-998.5", "0"][few as usize].to_owned()
        }
        ColumnType::Counter { precision: 20, .. } => {
            ["'999999999999999999.99'", "'-999999999999999999.99'", "'123456789012345678.90'", "5.25", "0"]
                [few as usize]
                .to_owned()
        }
        ColumnType::Counter { scale, .. } => {
            if scale > 0 {
                format!("{few}.75")
            } else {
                (few * 3).to_string()
            }
        }
        ColumnType::RichText => format!("'{} {}'", WORDS[few as usize], TEXTS[few as usize]),
        ColumnType::Json => format!("'{{\"a\": {few}, \"list\": [1, {few}]}}'"),
    }
}

/// Names that meet: in another case, when they are joined, with SQL's words or SQLite's, with each
/// other's indices.
const GROWN: [&str; 9] = ["more", "More", "more_x", "x", "x_1", "group", "sqlite2", "été", "say \"so\""];

/// Something a schema may grow by, told in two ways: two sites that do so apart mean different
/// things by one name.
pub fn growth(random: &mut Random) -> [String; 2] {
    const KINDS: [&str; 4] = ["TEXT", "INTEGER DEFAULT 3", "COUNTER DEFAULT 0", "TEXT DEFAULT '-'"];
    let one = random.below(4) as usize;
    let kinds = [KINDS[one], KINDS[(one + 1 + random.below(3) as usize) % 4]];
    let mut name = || format!("\"{}\"", random.pick(&GROWN).replace('"', "\"\""));
    let (name, other) = (name(), name());
    match random.below(6) {
        0 | 1 => kinds.map(|kind| format!("ALTER TABLE things ADD COLUMN {name} {kind}")),
        2 => kinds.map(|kind| format!("ALTER TABLE rooms ADD COLUMN {name} {kind}")),
        3 => [
            format!("CREATE INDEX {name} ON things (t)"),
            format!("CREATE TABLE {name} (id INTEGER PRIMARY KEY, v TEXT CHECK (v <> 'gris'))"),
        ],
        _ => [("INTEGER", kinds[0]), (if random.one_in(2) { "TEXT" } else { "INTEGER" }, kinds[1])].map(
            |(key, kind)| {
                format!(
                    "CREATE TABLE {name} (id {key} PRIMARY KEY, v TEXT, c {kind}); CREATE INDEX {other} ON {name} (v)"
                )
            },
        ),
    }
}
