//! Groups of row changes, and their bytes: column by column, so that what repeats costs little.

use std::collections::BTreeSet;

use bincode::{Decode, Encode};

use super::mode::Mode;
use super::unfolded::Unfolded;
use crate::bounds;
use crate::codec::{self, DecodeError};
use crate::columns;
use crate::schema::{ColumnId, TableId};
use crate::value::{Key, Value};

/// What a group does to each of its rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Action {
    /// A new row, all cells.
    Insert,
    /// Changed cells.
    Update,
    /// The row's deletion.
    Delete,
}

/// A column of a group, named by its definition.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub struct CellColumn {
    /// Its name, for people: an op is readable before its schema is known.
    pub name: String,
    /// Its id, which is what counts.
    pub id: ColumnId,
    /// How its values are meant.
    pub mode: Mode,
}

/// Row changes that share table, action and columns, stored column by column.
#[derive(Clone, PartialEq, Debug)]
pub struct RowGroup {
    /// The table's name, for people.
    pub table: String,
    /// The table's id.
    pub table_id: TableId,
    /// What happens to each row.
    pub action: Action,
    /// The columns written, in the order of `cells`.
    pub columns: Vec<CellColumn>,
    /// Key column by key column: the value for each row.
    pub keys: Vec<Vec<Value>>,
    /// Column by column: the value for each row.
    pub cells: Vec<Vec<Value>>,
    /// Times of the single rows, in place of the transaction's (imports); empty: all have its.
    pub times: Vec<i64>,
}

impl RowGroup {
    /// How many rows it changes.
    pub fn rows(&self) -> usize {
        self.keys.first().map_or(0, Vec::len)
    }

    /// The key of row `at`.
    pub fn key(&self, at: usize) -> Key {
        Key(self.keys.iter().map(|column| column[at].clone()).collect())
    }

    /// The written cells of row `at`.
    pub fn row(&self, at: usize) -> impl Iterator<Item = (&CellColumn, &Value)> {
        self.columns.iter().zip(self.cells.iter().map(move |column| &column[at]))
    }

    /// The time of row `at`, given the transaction's.
    pub fn time(&self, at: usize, transaction_ms: i64) -> i64 {
        self.times.get(at).copied().unwrap_or(transaction_ms)
    }

    /// The group as bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let pack = |columns: &[Vec<Value>]| columns.iter().map(|column| columns::pack(column)).collect();
        codec::encode(&EncodedGroup {
            table: self.table.clone(),
            table_id: self.table_id,
            action: self.action,
            columns: self.columns.clone(),
            rows: self.rows() as u32,
            keys: pack(&self.keys),
            cells: pack(&self.cells),
            times: self.times.clone(),
        })
    }

    /// Reads back [`RowGroup::to_bytes`]. `unfolded`: what the rows before it came to.
    pub(super) fn from_bytes(body: &[u8], unfolded: &mut Unfolded) -> Result<Self, DecodeError> {
        let group: EncodedGroup = codec::decode(body, "row op")?;
        let rows = group.rows as usize;
        let malformed = || DecodeError::Malformed("row op");
        // A key is never NULL, so no row takes less than a byte: this bounds all that follows.
        if rows == 0 || rows > body.len() || group.keys.is_empty() {
            return Err(malformed());
        }
        let width = group.columns.len() + group.keys.len();
        if width > bounds::COLUMNS {
            return Err(DecodeError::TooLarge("row op"));
        }
        // A few bytes can say many rows: counted before any is unfolded.
        unfolded.add(rows, width, body.len());
        if unfolded.is_too_much() {
            return Err(DecodeError::TooLarge("row op"));
        }
        if group.cells.len() != group.columns.len()
            || !(group.times.is_empty() || group.times.len() == rows)
            || (group.action == Action::Delete && !group.cells.is_empty())
        {
            return Err(malformed());
        }
        let unpack = |columns: &[Vec<u8>]| {
            columns.iter().map(|column| columns::unpack(column, rows)).collect::<Result<Vec<_>, _>>()
        };
        let keys = unpack(&group.keys)?;
        if keys.iter().flatten().any(Value::is_null) {
            return Err(malformed());
        }
        let group = Self {
            table: group.table,
            table_id: group.table_id,
            action: group.action,
            columns: group.columns,
            keys,
            cells: unpack(&group.cells)?,
            times: group.times,
        };
        // What was unpacked is what was counted for it.
        debug_assert!(
            group.keys.iter().chain(&group.cells).all(|column| column.len() == rows),
            "every column has a value for each row"
        );
        check_group(&group).map(|()| group)
    }
}

/// A group as its bytes say it: every column packed.
#[derive(Encode, Decode)]
struct EncodedGroup {
    table: String,
    table_id: TableId,
    action: Action,
    columns: Vec<CellColumn>,
    rows: u32,
    keys: Vec<Vec<u8>>,
    cells: Vec<Vec<u8>>,
    times: Vec<i64>,
}

/// What holds of every group that an honest site writes, whatever its schema.
fn check_group(group: &RowGroup) -> Result<(), DecodeError> {
    let names = group.columns.iter().map(|column| &column.name).chain([&group.table]);
    // A shown name may have a number behind it: "notes (2)".
    if names.into_iter().any(|name| name.len() > 2 * bounds::NAME_BYTES) {
        return Err(DecodeError::TooLarge("row op"));
    }
    // A cell is written once; what a counter showed stands beside its offset.
    let mut written = BTreeSet::new();
    let once = |column: &CellColumn| written.insert((column.id, column.mode == Mode::Counted));
    if !group.columns.iter().all(once) {
        return Err(DecodeError::Malformed("row op"));
    }
    if (0..group.rows()).any(|at| is_long(group.keys.iter().map(|column| &column[at]))) {
        return Err(DecodeError::TooLarge("key"));
    }
    Ok(())
}

/// Whether a key of these values has more than [`bounds::KEY_BYTES`] bytes.
fn is_long<'a>(key: impl Iterator<Item = &'a Value> + Clone) -> bool {
    /// More than any value takes beside its content.
    const BESIDE: usize = 12;
    let about: usize = key
        .clone()
        .map(|value| match value {
            Value::Text(text) => text.len() + BESIDE,
            Value::Blob(bytes) => bytes.len() + BESIDE,
            _ => BESIDE,
        })
        .sum();
    // Mostly that says it.
    about > bounds::KEY_BYTES && {
        let mut bytes = Vec::new();
        key.for_each(|value| value.write_canonical(&mut bytes));
        bytes.len() > bounds::KEY_BYTES
    }
}
