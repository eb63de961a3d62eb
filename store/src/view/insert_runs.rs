//! Which transaction inserted a row that nobody touched since.
//!
//! Such a row needs no entry of its own: its cells are the view's row, and which transaction wrote it
//! follows from its rowid. Rowids ascend, and the rows one transaction inserts are neighbours, so one
//! entry of `_tandem_runs` per transaction and table tells it for all of them. (An entry per row would
//! halve the speed of bulk writes.)

use bincode::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension, params};
use tandem_protocol::merge::WriteId;
use tandem_protocol::version::Dot;

use super::authors::Authors;
use super::table::ViewTable;
use super::{ViewError, ViewResult};

/// The insert that wrote a row's first `width` columns, as far as nothing else is known.
#[derive(Clone, Copy, PartialEq, Debug, Encode, Decode)]
pub(crate) struct InsertOrigin {
    pub by: WriteId,
    pub width: u16,
}

/// A run of rows that one transaction inserted.
pub(crate) struct InsertRun {
    pub first: i64,
    pub author: i64,
    pub origin: InsertOrigin,
}

/// Records that the rows of `table` from `run.first` on were inserted by one transaction.
pub(crate) fn put_run(connection: &Connection, table: &ViewTable, run: &InsertRun) -> ViewResult<()> {
    assert_eq!(run.origin.width, table.width(), "an insert writes every column there is");
    // Rowids are reused after the last rows were deleted; older runs above are stale then.
    connection
        .prepare_cached("DELETE FROM _tandem_runs WHERE tbl = ?1 AND first >= ?2")?
        .execute(params![table.number, run.first])?;
    let sql =
        "INSERT INTO _tandem_runs (tbl, first, author, seq, time, width) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (seq, time) = (run.origin.by.seq as i64, run.origin.by.time_ms);
    connection.prepare_cached(sql)?.execute(params![
        table.number,
        run.first,
        run.author,
        seq,
        time,
        run.origin.width
    ])?;
    Ok(())
}

pub(super) fn origin_of_rowid(
    connection: &Connection,
    authors: &Authors,
    table: &ViewTable,
    rowid: i64,
) -> ViewResult<InsertOrigin> {
    let sql = "SELECT author, seq, time, width FROM _tandem_runs \
               WHERE tbl = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1";
    let found: Option<(i64, i64, i64, u16)> = connection
        .prepare_cached(sql)?
        .query_row(params![table.number, rowid], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let origin = found.and_then(|(author, seq, time_ms, width)| {
        let by = WriteId::new(time_ms, Dot::new(authors.author(author)?, seq as u64));
        Some(InsertOrigin { by, width })
    });
    origin.ok_or(ViewError::Inconsistent("a row that no transaction inserted"))
}
