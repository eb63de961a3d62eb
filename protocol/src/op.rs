//! Ops: what one transaction does to rows, to the schema, to the membership.

use std::collections::BTreeSet;

use bincode::{Decode, Encode};

use crate::bounds;
use crate::codec::{self, DecodeError};
use crate::columns;
use crate::conflict::ConflictId;
use crate::membership::MemberOp;
use crate::schema::{ColumnId, SchemaOp, TableId};
use crate::value::{Key, Value};
use crate::version::Reference;

/// One op, or a group of row ops that share table, action and columns.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// Changes of rows.
    Rows(RowGroup),
    /// A schema change.
    Schema(SchemaOp),
    /// A membership change.
    Member(MemberOp),
    /// A conflict that no row write can end is settled.
    Settle(Settlement),
    /// An op of a kind this program does not know. Kept, counted, relayed, and parked.
    Unknown {
        /// The kind's number.
        kind: u16,
        /// Its content.
        body: Vec<u8>,
    },
    /// All that a transaction does whose rows are beyond what one may unfold to: nothing, on any
    /// site.
    Void,
}

/// Bytes of a value in memory beside its text: the same number on every machine, since what counts
/// hangs on it.
const VALUE_BYTES: usize = 48;

/// What the rows of a transaction unfold to, as far as they are counted.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Unfolded {
    rows: usize,
    bytes: usize,
}

impl Unfolded {
    /// Counts a group of so many rows and columns, and bytes beside the values themselves.
    fn add(&mut self, rows: usize, columns: usize, bytes: usize) {
        let values = rows.saturating_mul(columns).saturating_mul(VALUE_BYTES);
        self.rows = self.rows.saturating_add(rows);
        self.bytes = self.bytes.saturating_add(values).saturating_add(bytes);
    }

    /// Counts the rows of all ops, whose encoded form takes so many bytes.
    pub(crate) fn of(ops: &[Op], encoded: usize) -> Self {
        let mut unfolded = Self::default();
        unfolded.add(0, 0, encoded);
        for op in ops {
            if let Op::Rows(group) = op {
                unfolded.add(group.rows(), group.keys.len() + group.columns.len(), 0);
            }
        }
        unfolded
    }

    pub(crate) fn is_too_much(self) -> bool {
        self.rows > bounds::TRANSACTION_ROWS || self.bytes > bounds::TRANSACTION_UNFOLDED_BYTES
    }
}

/// A transaction whose rows are beyond what one may unfold to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooManyRows;

/// Ends a conflict of the kind `duplicate`: it is open while a transaction of it is in no `seen`.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Settlement {
    /// The conflict.
    pub conflict: ConflictId,
    /// The transactions that were looked at.
    pub seen: Vec<Reference>,
}

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

/// How a cell's value is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Mode {
    /// The new value. For a counter: its new offset (the value wanted minus all deltas known).
    Set,
    /// A number to add to a counter.
    Delta,
    /// For a RICHTEXT or JSON cell: a new document with this content, different from every earlier
    /// one of the cell. ([`Mode::Set`] names the document by its content alone.)
    Fresh,
    /// For a RICHTEXT or JSON cell: a blob of the document's id (16 bytes) and an automerge change
    /// of it (none: the document is only named anew).
    Change,
    /// For people: what a counter showed once its author had set it, where that is not the offset
    /// that [`Mode::Set`] writes beside it. Merges to nothing.
    Counted,
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
}

const ROWS: u16 = 1;
const SCHEMA: u16 = 2;
/// Kind number of membership ops.
pub(crate) const MEMBER: u16 = 3;
const SETTLE: u16 = 4;
/// No op that is written has this kind.
const VOID: u16 = u16::MAX;

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

impl Op {
    /// How many rows, schema or membership items it changes.
    pub fn count(&self) -> usize {
        match self {
            Self::Rows(group) => group.rows(),
            _ => 1,
        }
    }

    /// The op on its own, as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, body) = self.encode();
        [&kind.to_le_bytes()[..], &body].concat()
    }

    /// Reads back [`Op::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, body) = bytes.split_first_chunk::<2>().ok_or(DecodeError::Malformed("op"))?;
        let op = Self::decode(u16::from_le_bytes(*kind), body, &mut Unfolded::default());
        Ok(op.unwrap_or(Self::Void))
    }

    /// Kind number and content.
    pub(crate) fn encode(&self) -> (u16, Vec<u8>) {
        match self {
            Self::Rows(group) => (ROWS, encode_group(group)),
            Self::Schema(op) => (SCHEMA, codec::encode(op)),
            Self::Member(op) => (MEMBER, codec::encode(op)),
            Self::Settle(settlement) => (SETTLE, codec::encode(settlement)),
            Self::Unknown { kind, body } => (*kind, body.clone()),
            Self::Void => (VOID, Vec::new()),
        }
    }

    /// An op that cannot be read may come from a newer program: it is kept as unknown, so that it
    /// stops nothing behind it. `unfolded`: what the rows before it came to.
    pub(crate) fn decode(kind: u16, body: &[u8], unfolded: &mut Unfolded) -> Result<Self, TooManyRows> {
        let known = match kind {
            ROWS => match decode_group(body, unfolded) {
                Ok(group) => Ok(Self::Rows(group)),
                Err(_) if unfolded.is_too_much() => return Err(TooManyRows),
                Err(error) => Err(error),
            },
            SCHEMA => codec::decode(body, "schema op").map(Self::Schema),
            MEMBER => codec::decode(body, "membership op").map(Self::Member),
            SETTLE => codec::decode(body, "settlement").map(Self::Settle),
            _ => Err(DecodeError::Malformed("op")),
        };
        Ok(known.unwrap_or_else(|_| Self::Unknown { kind, body: body.to_vec() }))
    }
}

fn encode_group(group: &RowGroup) -> Vec<u8> {
    let pack = |columns: &[Vec<Value>]| columns.iter().map(|column| columns::pack(column)).collect();
    codec::encode(&EncodedGroup {
        table: group.table.clone(),
        table_id: group.table_id,
        action: group.action,
        columns: group.columns.clone(),
        rows: group.rows() as u32,
        keys: pack(&group.keys),
        cells: pack(&group.cells),
        times: group.times.clone(),
    })
}

fn decode_group(body: &[u8], unfolded: &mut Unfolded) -> Result<RowGroup, DecodeError> {
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
    let group = RowGroup {
        table: group.table,
        table_id: group.table_id,
        action: group.action,
        columns: group.columns,
        keys,
        cells: unpack(&group.cells)?,
        times: group.times,
    };
    check_group(&group).map(|()| group)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn group(columns: &[(u8, Mode)], keys: Vec<Value>) -> RowGroup {
        let column =
            |(id, mode): &(u8, Mode)| CellColumn { name: "x".into(), id: ColumnId([*id; 16]), mode: *mode };
        RowGroup {
            table: "t".into(),
            table_id: TableId([1; 16]),
            action: Action::Update,
            columns: columns.iter().map(column).collect(),
            cells: columns.iter().map(|_| vec![Value::Integer(1)]).collect(),
            keys: keys.into_iter().map(|key| vec![key]).collect(),
            times: Vec::new(),
        }
    }

    fn is_known(group: RowGroup) -> bool {
        let op = Op::Rows(group);
        match Op::from_bytes(&op.to_bytes()).unwrap() {
            Op::Unknown { .. } => false,
            known => {
                assert_eq!(known, op);
                true
            }
        }
    }

    #[test]
    fn a_group_that_no_honest_site_writes_is_not_understood() {
        let one = || vec![Value::Integer(1)];
        assert!(is_known(group(&[(1, Mode::Set), (2, Mode::Delta)], one())));
        assert!(is_known(group(&[(1, Mode::Set), (1, Mode::Counted)], one())), "a stock-take");
        assert!(!is_known(group(&[(1, Mode::Set), (1, Mode::Set)], one())));
        assert!(!is_known(group(&[(1, Mode::Set), (2, Mode::Set), (1, Mode::Delta)], one())));
        let named = |table: String| RowGroup { table, ..group(&[], one()) };
        assert!(is_known(named("t".into())));
        assert!(!is_known(named("t".repeat(10 << 20))));
    }

    #[test]
    fn a_value_takes_what_is_counted_for_it() {
        assert!(size_of::<Value>() <= VALUE_BYTES);
    }

    #[test]
    fn rows_are_counted_before_they_are_unfolded() {
        let nulls = |rows: usize, columns: usize| {
            let cells = vec![vec![Value::Null; rows]; columns];
            let columns = (0..columns as u16).map(|id| CellColumn {
                name: String::new(),
                id: ColumnId(std::array::from_fn(|at| if at < 2 { id.to_le_bytes()[at] } else { 0 })),
                mode: Mode::Set,
            });
            let one = group(&[], Vec::new());
            let keys = vec![(0..rows as i64).map(Value::Integer).collect()];
            Op::Rows(RowGroup { columns: columns.collect(), keys, cells, ..one })
        };
        let wide = bounds::TRANSACTION_UNFOLDED_BYTES / VALUE_BYTES / 512;
        for (op, counts) in [(nulls(wide - 100, 511), true), (nulls(wide + 1, 511), false)] {
            let bytes = op.to_bytes();
            assert!(bytes.len() < 2 << 20);
            assert_eq!(matches!(Op::from_bytes(&bytes), Ok(Op::Rows(_))), counts);
        }
    }

    #[test]
    fn a_key_beyond_its_bound_is_not_understood() {
        for (key, fits) in [
            (vec![Value::Text("k".repeat(bounds::KEY_BYTES - 3))], true),
            (vec![Value::Text("k".repeat(bounds::KEY_BYTES - 2))], false),
            (vec![Value::Blob(vec![0; 10 << 20])], false),
            (vec![Value::Text("k".repeat(600)), Value::Blob(vec![0; 600])], false),
            (vec![Value::Integer(i64::MIN); 93], true),
            (vec![Value::Integer(i64::MIN); 94], false),
        ] {
            let bytes = Key(key.clone()).to_bytes().len();
            assert_eq!(bytes <= bounds::KEY_BYTES, fits, "{bytes}");
            assert_eq!(is_known(group(&[], key)), fits, "{bytes}");
        }
    }
}
