//! What is new of rows that were looked at, until it is written: of a sheet of its own what one look at some
//! of its rows found; of sheets that refer to each other, all that goes into one write.

use std::collections::{BTreeMap, HashSet};

use tandem_node::api::cell::Cell;
use tandem_node::api::rows::{EditRows, RowEdit};
use tandem_protocol::schema::TableId;
use tandem_protocol::value::Value;

use super::reading::{Candidate, Reading};
use crate::batch;

/// A row, by its table and key.
pub type RowKey = (TableId, Vec<u8>);

/// Rows to be written, by the columns that they name.
type Puts = BTreeMap<Vec<usize>, Vec<Vec<Cell>>>;

/// What is new of some rows of a sheet.
#[derive(Default)]
pub struct News {
    /// What is written knowing all that is here.
    pub puts: Puts,
    /// What was made knowing only what both sides had when they last met.
    theirs: Puts,
    /// The same in columns that may refer to rows of `puts`.
    leading: Puts,
    /// What was here, written once more behind that, where it is the later one.
    pub ours: Puts,
    /// The rows that it is of.
    pub keys: HashSet<RowKey>,
}

impl News {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        [&self.puts, &self.theirs, &self.leading, &self.ours].into_iter().all(BTreeMap::is_empty)
    }

    /// Adds what was made of a row knowing only what both sides had. These columns of it may refer to rows that
    /// are new, and come behind them; others may free a value that one of those has, and come before.
    pub fn add_theirs(
        &mut self,
        (reading, leading): (&Reading<'_>, &[usize]),
        columns: Vec<usize>,
        value: impl Fn(usize) -> Option<Value>,
    ) {
        let (leads, others): (Vec<usize>, Vec<usize>) =
            columns.into_iter().partition(|at| leading.contains(at));
        if leads.is_empty() || others.iter().any(|at| Some(*at) != reading.time) {
            put(&mut self.theirs, with(reading, others), &value);
        }
        if !leads.is_empty() {
            put(&mut self.leading, with(reading, leads), &value);
        }
    }

    /// How many rows are to be written, and their bytes.
    fn size(&self) -> (u64, u64) {
        let puts = [&self.puts, &self.theirs, &self.leading, &self.ours].into_iter();
        puts.flat_map(BTreeMap::values).flatten().fold((0, 0), |(rows, bytes), row| {
            let of_row: usize = row.iter().map(|Cell(value)| size(value)).sum();
            (rows + 1, bytes + of_row as u64)
        })
    }
}

/// Adds a row to those that name the same columns. A value that is left to the table is not named.
pub fn put(puts: &mut Puts, columns: Vec<usize>, value: impl Fn(usize) -> Option<Value>) {
    let columns: Vec<usize> = columns.into_iter().filter(|at| value(*at).is_some()).collect();
    let row = columns.iter().filter_map(|at| value(*at)).map(Cell).collect();
    puts.entry(columns).or_default().push(row);
}

/// See the module.
#[derive(Default)]
pub struct Pending {
    theirs: Vec<RowEdit>,
    puts: Vec<RowEdit>,
    leading: Vec<RowEdit>,
    ours: Vec<RowEdit>,
    /// What this site held before any of this, if that has to be said.
    now: Option<String>,
    keys: HashSet<RowKey>,
    rows: u64,
    bytes: u64,
}

impl Pending {
    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether a row is among these.
    pub fn has(&self, key: &RowKey) -> bool {
        self.keys.contains(key)
    }

    /// Whether that can be written together with these.
    pub fn has_room(&self, news: &News) -> bool {
        let (rows, bytes) = news.size();
        batch::is_one(self.rows + rows, self.bytes + bytes)
    }

    /// Adds what is new of a sheet. What this site held before counts once.
    pub fn add(&mut self, news: News, reading: &Reading<'_>, now: Option<String>) {
        let (rows, bytes) = news.size();
        (self.rows, self.bytes) = (self.rows + rows, self.bytes + bytes);
        self.keys.extend(news.keys);
        self.now = self.now.take().or(now);
        let edit = |(columns, rows): (Vec<usize>, Vec<Vec<Cell>>)| RowEdit::Put {
            table: reading.table.name.clone(),
            columns: columns.iter().map(|at| reading.columns[*at].name.clone()).collect(),
            rows,
        };
        self.puts.extend(news.puts.into_iter().map(edit));
        self.theirs.extend(news.theirs.into_iter().map(edit));
        self.leading.extend(news.leading.into_iter().map(edit));
        self.ours.extend(news.ours.into_iter().map(edit));
    }

    /// The writes, of somebody who writes so and had seen that, and the rows that they are of. Where both
    /// sides changed the same, both values are recorded, each as made without knowing the other, and the later
    /// one last: so that is shown, and the other listed.
    pub fn take(&mut self, as_in: &EditRows, basis: Option<&str>) -> (Vec<EditRows>, HashSet<RowKey>) {
        let Self { theirs, puts, leading, ours, now, keys, .. } = std::mem::take(self);
        let basis = basis.map(str::to_owned);
        let groups = [(theirs, basis.clone()), (puts, None), (leading, basis), (ours, now)].into_iter();
        let request = |(edits, basis)| EditRows { edits, basis, ..as_in.clone() };
        (groups.filter(|(edits, _)| !edits.is_empty()).map(request).collect(), keys)
    }
}

/// Columns together with the key, and with the row's time, which a row that is changed would get anew.
pub fn with(reading: &Reading<'_>, mut columns: Vec<usize>) -> Vec<usize> {
    columns.extend(&reading.key);
    columns.extend(reading.time);
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// The bytes of a row.
pub fn row_size(candidate: &Candidate) -> usize {
    candidate.values.iter().map(|value| value.as_ref().map_or(1, size)).sum()
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => 8,
    }
}
