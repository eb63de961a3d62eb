//! The merge state of single rows, kept only where the view alone does not tell it.
//!
//! A row that one insert wrote and nobody touched since needs no state of its own: its cells are
//! the view's row, and which transaction wrote it follows from its rowid. Rowids ascend, and the
//! rows one transaction inserts are neighbours, so one entry of `_tandem_runs` per transaction
//! and table tells it for all of them. (State per row would halve the speed of bulk writes.)

use bincode::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_protocol::codec;
use tandem_protocol::merge::{Cell, RowState, WriteId};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;

use super::authors::Authors;
use super::bind::read_row;
use super::table::ViewTable;
use super::touched;
use super::{ViewError, ViewResult};

/// The insert that wrote a row's first `width` columns, as far as nothing else is known.
#[derive(Clone, Copy, PartialEq, Debug, Encode, Decode)]
pub(crate) struct Base {
    pub by: WriteId,
    pub width: u16,
}

#[derive(Encode, Decode)]
struct Stored {
    base: Option<Base>,
    /// Without the cells that only `base` wrote.
    state: RowState,
}

/// A row's full state.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub state: RowState,
    /// The row shown: rowid and canonical values.
    pub shown: Option<(i64, Vec<Value>)>,
    base: Option<Base>,
    /// Places of the cells that were filled in from the row shown.
    from_base: Vec<usize>,
    /// Whether it has an entry of its own.
    pub stored: bool,
}

/// A run of rows that one transaction inserted.
pub(crate) struct Run {
    pub first: i64,
    pub author: i64,
    pub base: Base,
}

/// Records that the rows of `table` from `run.first` on were inserted by one transaction.
pub(crate) fn put_run(connection: &Connection, table: &ViewTable, run: &Run) -> ViewResult<()> {
    // Rowids are reused after the last rows were deleted; older runs above are stale then.
    connection
        .prepare_cached("DELETE FROM _tandem_runs WHERE tbl = ?1 AND first >= ?2")?
        .execute(params![table.number, run.first])?;
    let sql =
        "INSERT INTO _tandem_runs (tbl, first, author, seq, time, width) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (seq, time) = (run.base.by.seq as i64, run.base.by.time_ms);
    connection.prepare_cached(sql)?.execute(params![
        table.number,
        run.first,
        run.author,
        seq,
        time,
        run.base.width
    ])?;
    Ok(())
}

pub(super) fn base_of_rowid(
    connection: &Connection,
    authors: &Authors,
    table: &ViewTable,
    rowid: i64,
) -> ViewResult<Base> {
    let sql = "SELECT author, seq, time, width FROM _tandem_runs \
               WHERE tbl = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1";
    let found: Option<(i64, i64, i64, u16)> = connection
        .prepare_cached(sql)?
        .query_row(params![table.number, rowid], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let base = found.and_then(|(author, seq, time_ms, width)| {
        let by = WriteId::new(time_ms, Dot::new(authors.author(author)?, seq as u64));
        Some(Base { by, width })
    });
    base.ok_or(ViewError::Inconsistent("a row that no transaction inserted"))
}

/// The shown row of that key.
pub(crate) fn select(
    connection: &Connection,
    table: &ViewTable,
    key: &Key,
) -> ViewResult<Option<(i64, Vec<Value>)>> {
    let mut statement = connection.prepare_cached(&table.sql.select)?;
    let mut rows = statement.query(rusqlite::params_from_iter(table.stored_key(&key.0)))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let values = read_row(row, 1, table.def.columns.len())?;
    Ok(Some((row.get(0)?, table.read_back(values))))
}

/// Whether a row has an entry of its own.
pub(crate) fn is_stored(connection: &Connection, table: &ViewTable, key: &[u8]) -> ViewResult<bool> {
    let sql = "SELECT 1 FROM _tandem_rows WHERE tbl = ?1 AND key = ?2";
    Ok(connection.prepare_cached(sql)?.exists(params![table.number, key])?)
}

impl Loaded {
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
        let (base, mut state) = match (&stored, &shown) {
            (Some(bytes), _) => {
                let stored: Stored = codec::decode(bytes, "row state")
                    .map_err(|_| ViewError::Inconsistent("a row state that cannot be read"))?;
                (stored.base, stored.state)
            }
            (None, Some((rowid, _))) => {
                let base = base_of_rowid(connection, authors, table, *rowid)?;
                (Some(base), RowState::once(base.by, []))
            }
            (None, None) => (None, RowState::default()),
        };
        let mut from_base = Vec::new();
        if let (Some(base), Some((_, row))) = (base, &shown) {
            for at in table.cells.iter().filter(|at| **at < usize::from(base.width)) {
                state.cells.entry(table.ids[*at]).or_insert_with(|| {
                    from_base.push(*at);
                    Cell::once(base.by, &table.register_value(*at, &row[*at]))
                });
            }
        }
        Ok(Self { state, shown, base, from_base, stored: is_stored })
    }

    /// A row that `base` just inserted, to be stored on its own.
    pub(crate) fn inserted(table: &ViewTable, base: Base, row: &[Value]) -> Self {
        let values: Vec<_> = table.cells.iter().map(|at| table.register_value(*at, &row[*at])).collect();
        let ids = table.cells.iter().map(|at| table.ids[*at]);
        Self {
            state: RowState::once(base.by, ids.zip(&values)),
            shown: None,
            base: Some(base),
            from_base: Vec::new(),
            stored: false,
        }
    }

    /// Whether a cell is still just what the insert wrote that the row shown tells of.
    pub(crate) fn is_only_base(&self, table: &ViewTable, at: usize) -> bool {
        let cell = self.state.cells.get(&table.ids[at]);
        self.state.is_alive()
            && self.base.is_some_and(|base| {
                at < usize::from(base.width)
                    && cell.is_some_and(|cell| cell.set.is_just(&base.by) && table.tells_of(at, cell))
            })
    }

    /// The text of a document cell that so far only the row shown tells of.
    pub(crate) fn base_text(&self, at: usize) -> Option<&str> {
        match self.shown.as_ref().filter(|_| self.from_base.contains(&at)).map(|(_, row)| &row[at]) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The same state, of a row shown so.
    pub(super) fn shown_as(self, shown: Option<(i64, Vec<Value>)>) -> Self {
        Self { shown, ..self }
    }

    /// Lets the row shown tell no more of cells that were written since.
    pub(super) fn forget_changed_base(&mut self, table: &ViewTable) {
        let mut from_base = std::mem::take(&mut self.from_base);
        from_base.retain(|at| self.is_only_base(table, *at));
        self.from_base = from_base;
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
        touched::note(connection, authors, table, key, arrival, self.base.filter(|_| !self.stored))?;
        if !self.state.is_alive() {
            // Without a shown row its cells can only be kept here.
            self.base = None;
        }
        for at in &table.cells {
            if self.is_only_base(table, *at) {
                self.state.cells.remove(&table.ids[*at]);
            }
        }
        let stored = codec::encode(&Stored { base: self.base, state: self.state });
        connection
            .prepare_cached(
                "INSERT INTO _tandem_rows (tbl, key, state) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (tbl, key) DO UPDATE SET state = excluded.state",
            )?
            .execute(params![table.number, key, stored])?;
        Ok(())
    }
}
