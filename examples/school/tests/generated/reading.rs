//! A reader of this crate's own SQL, just enough to hold rows against schema.

use std::collections::BTreeMap;

use tandem_school::Cell;

/// One column of a table, as declared.
pub struct Column {
    pub name: String,
    pub declared: String,
}

impl Column {
    pub fn is_nullable(&self) -> bool {
        !self.declared.contains("NOT NULL") && !self.declared.contains("PRIMARY KEY")
    }

    /// The table it refers to.
    pub fn parent(&self) -> Option<&str> {
        self.declared.split_once("REFERENCES ").map(|(_, rest)| rest.split(' ').next().unwrap())
    }

    /// The values its CHECK (… IN (…)) allows.
    pub fn allowed(&self) -> Option<Vec<&str>> {
        let (_, list) = self.declared.split_once(" IN (")?;
        let (list, _) = list.split_once(')')?;
        Some(list.split(", ").map(|value| value.trim_matches('\'')).collect())
    }
}

/// The tables of a schema with one column per line.
pub fn tables(schema: &str) -> BTreeMap<String, Vec<Column>> {
    let mut tables = BTreeMap::new();
    for definition in schema.split("CREATE TABLE ").skip(1) {
        let (name, rest) = definition.split_once(" (\n").unwrap();
        let (columns, _) = rest.split_once("\n);").unwrap();
        let columns = columns.lines().map(|line| {
            let (name, declared) = line.trim().split_once(' ').unwrap();
            Column { name: name.to_owned(), declared: declared.trim_end_matches(',').trim().to_owned() }
        });
        tables.insert(name.to_owned(), columns.collect());
    }
    tables
}

/// The table, the columns and the number of parameters of an INSERT.
pub fn insert(sql: &str) -> (String, Vec<String>, usize) {
    let rest = sql.strip_prefix("INSERT INTO ").unwrap();
    let (table, rest) = rest.split_once(" (").unwrap();
    let (columns, values) = rest.split_once(") VALUES (").unwrap();
    let values = values.strip_suffix(')').unwrap();
    assert!(values.split(", ").all(|value| value == "?"), "{sql}");
    let columns = columns.split(", ").map(str::to_owned).collect();
    (table.to_owned(), columns, values.split(", ").count())
}

/// FNV-1a over rows: unlike the standard hasher, fixed for all time.
pub struct Digest(pub u64);

impl Digest {
    pub fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    pub fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    pub fn add_row(&mut self, row: &[Cell]) {
        for cell in row {
            match cell {
                Cell::Null => self.add("null"),
                Cell::Integer(value) => self.add(&value.to_string()),
                Cell::Real(value) => self.add(&value.to_bits().to_string()),
                Cell::Text(value) => self.add(value),
            }
        }
    }
}

pub fn text(cell: &Cell) -> &str {
    match cell {
        Cell::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

pub fn integer(cell: &Cell) -> i64 {
    match cell {
        Cell::Integer(value) => *value,
        other => panic!("{other:?} is no integer"),
    }
}
