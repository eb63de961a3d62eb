//! What both sides of an exchange by files had when they last met: of each row that the files held, its
//! cells, as numbers that stand for them. Beside it, one can tell which side has changed a cell since, and
//! that a row which is missing was deleted, and not just never heard of.
//!
//! It lies in the data folder, one file for what was last taken in and one for each of the last exports. If
//! a file is missing or damaged, nothing is known of it, and nothing is deleted on the strength of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use tandem_node::api::now_ms;
use tandem_protocol::value::Value;
use tandem_store::write_private;

/// The folder, in the data folder.
const FOLDER: &str = "exchanges";

/// What the first record says.
const FORMAT: [&str; 2] = ["tandem exchange", "1"];

/// Rows that are kept, at most. Of an exchange of more, nothing is.
const ROWS: usize = 250_000;

/// Stands for a key.
type KeyHash = [u8; 16];

/// Cells of a row, as numbers that stand for them.
pub type Cells = Box<[u64]>;

/// Which files are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// The last ones that were taken in.
    Taken,
    /// An export, by its number.
    Given(u64),
}

/// Rows of one table.
#[derive(Clone, Debug, Default, PartialEq)]
struct KnownTable {
    columns: Vec<String>,
    rows: HashMap<KeyHash, Cells>,
    /// Keys of rows that were there at an earlier exchange.
    gone: HashSet<KeyHash>,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// What this site held then, as a version token.
    pub version: String,
    /// When the files were written, if they say so.
    pub made: String,
    /// When it was kept, in milliseconds.
    pub saved: i64,
    tables: BTreeMap<String, KnownTable>,
    rows: usize,
}

impl Known {
    /// Nothing yet, of a site that holds so much, in files written then.
    pub fn at(version: String, made: String) -> Self {
        Self { version, made, saved: now_ms(), ..Self::default() }
    }

    /// The columns of a table that cells are told of, in this order.
    pub fn begin(&mut self, table: &str, columns: &[String]) {
        let table = self.tables.entry(table.to_owned()).or_default();
        *table = KnownTable { columns: columns.to_vec(), ..KnownTable::default() };
    }

    /// Keeps in mind what was there before and is no more.
    pub fn remember(&mut self, before: &Self) {
        for (name, table) in &mut self.tables {
            let Some(before) = before.tables.get(name) else { continue };
            let keys = before.rows.keys().chain(&before.gone);
            table.gone.extend(keys.filter(|key| !table.rows.contains_key(*key)).take(ROWS).copied());
        }
    }

    /// One row more.
    pub fn add(&mut self, table: &str, key: &[u8], cells: Cells) {
        if let Some(table) = self.tables.get_mut(table).filter(|_| self.rows < ROWS) {
            debug_assert_eq!(cells.len(), table.columns.len(), "a row has a cell for each column");
            table.rows.insert(hash(key), cells);
            self.rows += 1;
        }
    }

    /// Keeps a row as it was before, though the files no longer have it.
    pub fn carry(&mut self, before: &Self, table: &str, key: &[u8]) {
        let cells = before.tables.get(table).and_then(|table| table.rows.get(&hash(key)));
        if let (Some(cells), Some(table)) = (cells, self.tables.get_mut(table)) {
            table.rows.insert(hash(key), cells.clone());
            table.gone.remove(&hash(key));
            self.rows += 1;
        }
    }

    /// The cells of a row in these columns; none if it was not there, or had others.
    pub fn cells(&self, table: &str, columns: &[String], key: &[u8]) -> Option<&[u64]> {
        let table = self.tables.get(table).filter(|table| table.columns == columns)?;
        table.rows.get(&hash(key)).map(|cells| &**cells)
    }

    /// Whether there was a row of that key.
    pub fn has(&self, table: &str, key: &[u8]) -> bool {
        self.tables.get(table).is_some_and(|table| table.rows.contains_key(&hash(key)))
    }

    /// Whether there is, or was at an earlier exchange, a row of that key.
    pub fn had(&self, table: &str, key: &[u8]) -> bool {
        let is_gone = |table: &KnownTable| table.gone.contains(&hash(key));
        self.has(table, key) || self.tables.get(table).is_some_and(is_gone)
    }

    /// Where it is kept.
    pub fn path(data: &Path, space: &str, name: Name) -> PathBuf {
        let name = match name {
            Name::Taken => format!("{space}-taken.csv"),
            Name::Given(number) => format!("{space}-given-{number}.csv"),
        };
        data.join(FOLDER).join(name)
    }

    /// The numbers of the exports that are kept in mind, in their order.
    pub fn exports(data: &Path, space: &str) -> Vec<u64> {
        let begins = format!("{space}-given-");
        let entries = fs::read_dir(data.join(FOLDER)).into_iter().flatten().flatten();
        let number = |name: &str| name.strip_prefix(&begins)?.strip_suffix(".csv")?.parse().ok();
        let mut numbers: Vec<u64> =
            entries.filter_map(|entry| number(&entry.file_name().to_string_lossy())).collect();
        numbers.sort_unstable();
        numbers
    }

    /// What is known of a space.
    pub fn load(data: &Path, space: &str, name: Name) -> Self {
        let read = || -> Option<Self> {
            let file = BufReader::new(File::open(Self::path(data, space, name)).ok()?);
            let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
            let mut known = Self::default();
            let mut table = None;
            let mut is_whole = false;
            for record in reader.records() {
                let record = record.ok()?;
                match record.iter().collect::<Vec<_>>()[..] {
                    [name, version, token, made, saved] if [name, version] == FORMAT => {
                        token.clone_into(&mut known.version);
                        made.clone_into(&mut known.made);
                        known.saved = saved.parse().ok()?;
                    }
                    ["table", name, ref columns @ ..] => {
                        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
                        known.begin(name, &columns);
                        table = Some(name.to_owned());
                    }
                    ["gone", key] => {
                        let key = u128::from_str_radix(key, 16).ok()?.to_be_bytes();
                        known.tables.get_mut(table.as_deref()?)?.gone.insert(key);
                    }
                    ["row", key, cells] => known.read(table.as_deref()?, key, cells)?,
                    ["end", rows] => is_whole = rows.parse() == Ok(known.rows),
                    _ => return None,
                }
            }
            Some(known).filter(|known| is_whole && !known.version.is_empty())
        };
        read().unwrap_or_default()
    }

    fn read(&mut self, table: &str, key: &str, cells: &str) -> Option<()> {
        let cells = cells.split(' ').filter(|cell| !cell.is_empty());
        let cells = cells.map(|cell| u64::from_str_radix(cell, 16).ok()).collect::<Option<Cells>>()?;
        let key = u128::from_str_radix(key, 16).ok()?.to_be_bytes();
        let table = self.tables.get_mut(table).filter(|table| table.columns.len() == cells.len())?;
        table.rows.insert(key, cells);
        self.rows += 1;
        Some(())
    }

    /// Keeps it. Of an exchange that is too large, nothing is kept.
    pub fn save(&self, data: &Path, space: &str, name: Name) -> io::Result<()> {
        let path = Self::path(data, space, name);
        if self.rows >= ROWS {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        fs::create_dir_all(data.join(FOLDER))?;
        let mut writer = WriterBuilder::new().flexible(true).from_writer(Vec::new());
        writer.write_record([FORMAT[0], FORMAT[1], &self.version, &self.made, &self.saved.to_string()])?;
        for (name, table) in &self.tables {
            let mut head = StringRecord::from(vec!["table", name]);
            head.extend(&table.columns);
            writer.write_record(&head)?;
            let hexadecimal = |key: &KeyHash| format!("{:032x}", u128::from_be_bytes(*key));
            for key in &table.gone {
                writer.write_record(["gone", &hexadecimal(key)])?;
            }
            for (key, cells) in &table.rows {
                let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:x}")).collect();
                writer.write_record(["row", &hexadecimal(key), &cells.join(" ")])?;
            }
        }
        writer.write_record(["end", &self.rows.to_string()])?;
        let content = writer.into_inner().map_err(|error| error.into_error())?;
        write_private(&path, &content)
    }
}

fn hash(key: &[u8]) -> KeyHash {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(key).as_bytes()[..16]);
    hash
}

/// The number that stands for a value. One that a file leaves out, or writes as nothing, is nothing.
pub fn cell(value: Option<&Value>) -> u64 {
    let mut bytes = Vec::new();
    match value {
        Some(Value::Text(text)) if text.is_empty() => Value::Null.write_canonical(&mut bytes),
        Some(value) => value.write_canonical(&mut bytes),
        None => Value::Null.write_canonical(&mut bytes),
    }
    let mut number = [0; 8];
    number.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_known_again_and_what_is_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let columns = ["id".to_owned(), "été".to_owned()];
        let mut known = Known::at("a:1:2".into(), "2026-01-31 18:00:00".into());
        known.begin("élèves", &columns);
        for id in 0..3 {
            let cells = [Value::Integer(id), Value::Text("x".into())];
            known.add("élèves", &[id as u8], cells.iter().map(|value| cell(Some(value))).collect());
        }
        let mut before = known.clone();
        before.add("élèves", &[9], Box::new([0, 0]));
        known.remember(&before);
        known.save(folder.path(), "s", Name::Taken).unwrap();
        let again = Known::load(folder.path(), "s", Name::Taken);
        assert_eq!(again, known);
        assert!(again.had("élèves", &[9]) && !again.has("élèves", &[9]) && !again.had("élèves", &[8]));
        assert!(again.has("élèves", &[2]) && !again.has("élèves", &[3]) && !again.has("cours", &[2]));
        assert!(again.cells("élèves", &columns, &[1]).is_some());
        assert!(again.cells("élèves", &columns[..1], &[1]).is_none(), "of other columns nothing is known");
        assert_eq!(Known::load(folder.path(), "s", Name::Given(1)), Known::default());
        let path = Known::path(folder.path(), "s", Name::Taken);
        let text = std::fs::read_to_string(&path).unwrap();
        for cut in [text.len() - 1, text.len() - 8, text.len() / 2, 3] {
            std::fs::write(&path, &text[..cut]).unwrap();
            let cut = Known::load(folder.path(), "s", Name::Taken);
            assert!(cut == Known::default() || cut == known);
        }
        assert_eq!(cell(None), cell(Some(&Value::Text(String::new()))));
    }
}
