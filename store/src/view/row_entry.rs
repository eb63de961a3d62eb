//! The entry of a row: its merge state, kept only where the view alone does not tell it (see
//! `insert_runs`).

use bincode::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_protocol::codec;
use tandem_protocol::merge::{Cell, RowState};
use tandem_protocol::value::{Key, Value};

use super::authors::Authors;
use super::insert_runs::{InsertOrigin, origin_of_rowid};
use super::table::ViewTable;
use super::{ViewError, ViewResult, touched};

#[derive(Encode, Decode)]
struct StoredEntry {
    origin: Option<InsertOrigin>,
    /// Without the cells that only `origin` wrote.
    state: RowState,
}

/// A row's full state.
#[derive(Clone)]
pub(crate) struct RowEntry {
    pub state: RowState,
    /// The row shown: rowid and canonical values.
    pub shown: Option<(i64, Vec<Value>)>,
    origin: Option<InsertOrigin>,
    /// Places of the cells that were filled in from the row shown.
    from_insert: Vec<usize>,
    /// Whether it has an entry of its own.
    pub stored: bool,
}

impl RowEntry {
    /// The state of the row of that key, shown as `shown` before the change at hand.
    pub(crate) fn load(
        connection: &Connection,
        authors: &Authors,
        table: &ViewTable,
        key: &[u8],
        shown: Option<(i64, Vec<Value>)>,
    ) -> ViewResult<Self> {
        let stored: Option<Vec<u8>> = connection
            .prepare_cached("SELECT state FROM _tandem_rows WHERE tbl = ?1 AND key = ?2")?
            .query_row(params![table.number, key], |row| row.get(0))
            .optional()?;
        let is_stored = stored.is_some();
        let (origin, mut state) = match (&stored, &shown) {
            (Some(bytes), _) => {
                let stored: StoredEntry = codec::decode(bytes, "row state")
                    .map_err(|_| ViewError::Inconsistent("a row state that cannot be read"))?;
                (stored.origin, stored.state)
            }
            (None, Some((rowid, _))) => {
                let origin = origin_of_rowid(connection, authors, table, *rowid)?;
                (Some(origin), RowState::once(origin.by, []))
            }
            (None, None) => (None, RowState::default()),
        };
        let mut from_insert = Vec::new();
        if let (Some(origin), Some((_, row))) = (origin, &shown) {
            for at in table.cells.iter().filter(|at| **at < usize::from(origin.width)) {
                state.cells.entry(table.ids[*at]).or_insert_with(|| {
                    from_insert.push(*at);
                    Cell::once(origin.by, &table.register_value(*at, &row[*at]))
                });
            }
        }
        Ok(Self { state, shown, origin, from_insert, stored: is_stored })
    }

    /// A row that `origin` just inserted, to be stored on its own.
    pub(crate) fn inserted(table: &ViewTable, origin: InsertOrigin, row: &[Value]) -> Self {
        let values: Vec<_> = table.cells.iter().map(|at| table.register_value(*at, &row[*at])).collect();
        let ids = table.cells.iter().map(|at| table.ids[*at]);
        Self {
            state: RowState::once(origin.by, ids.zip(&values)),
            shown: None,
            origin: Some(origin),
            from_insert: Vec::new(),
            stored: false,
        }
    }

    /// Whether a cell is still just what the insert wrote that the row shown tells of.
    pub(crate) fn is_as_inserted(&self, table: &ViewTable, at: usize) -> bool {
        let cell = self.state.cells.get(&table.ids[at]);
        self.state.is_alive()
            && self.origin.is_some_and(|origin| {
                at < usize::from(origin.width)
                    && cell.is_some_and(|cell| cell.set.is_just(&origin.by) && table.tells_of(at, cell))
            })
    }

    /// The text of a document cell that so far only the row shown tells of.
    pub(crate) fn inserted_text(&self, at: usize) -> Option<&str> {
        match self.shown.as_ref().filter(|_| self.from_insert.contains(&at)).map(|(_, row)| &row[at]) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The same state, of a row shown so.
    pub(super) fn shown_as(self, shown: Option<(i64, Vec<Value>)>) -> Self {
        Self { shown, ..self }
    }

    /// Lets the row shown tell no more of cells that were written since.
    pub(super) fn forget_changed(&mut self, table: &ViewTable) {
        let mut from_insert = std::mem::take(&mut self.from_insert);
        from_insert.retain(|at| self.is_as_inserted(table, *at));
        self.from_insert = from_insert;
    }

    /// Stores the state, and that the transaction of that arrival number touched the row.
    pub(crate) fn save(
        mut self,
        connection: &Connection,
        authors: &Authors,
        table: &ViewTable,
        key: &[u8],
        arrival: u64,
    ) -> ViewResult<()> {
        touched::note(connection, authors, table, key, arrival, self.origin.filter(|_| !self.stored))?;
        if !self.state.is_alive() {
            // Without a shown row its cells can only be kept here.
            self.origin = None;
        }
        for at in &table.cells {
            if self.is_as_inserted(table, *at) {
                self.state.cells.remove(&table.ids[*at]);
            }
        }
        debug_assert!(
            Key::from_bytes(key).is_ok_and(|read| read.to_bytes() == key),
            "the bytes of a key are read as that key"
        );
        let stored = codec::encode(&StoredEntry { origin: self.origin, state: self.state });
        debug_assert!(
            codec::decode::<StoredEntry>(&stored, "row state")
                .is_ok_and(|read| codec::encode(&read) == stored),
            "an entry that is stored can be loaded"
        );
        connection
            .prepare_cached(
                "INSERT INTO _tandem_rows (tbl, key, state) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (tbl, key) DO UPDATE SET state = excluded.state",
            )?
            .execute(params![table.number, key, stored])?;
        Ok(())
    }
}
