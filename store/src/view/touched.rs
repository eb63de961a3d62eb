//! Which transactions touched a row, so that its history is found without reading the log.
//!
//! A row that one insert wrote and nobody touched since is in no list: its rowid tells which
//! transaction that was (see `rows`). From the first change on, each transaction that touched the row
//! is noted under a number made of its table and key. Two rows may share a number; who asks looks at
//! the transactions themselves.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_protocol::schema::{ColumnType, Storage, TableId};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;

use super::authors::Authors;
use super::insert_runs::{InsertOrigin, origin_of_rowid};
use super::rows;
use super::table::ViewTable;
use super::{ViewError, ViewResult};

const DOT_SQL: &str = "SELECT arrival FROM _tandem_transactions WHERE author = ?1 AND seq = ?2";

/// The number of a row.
fn number(table: TableId, key: &[u8]) -> i64 {
    let hash = *blake3::Hasher::new().update(&table.0).update(key).finalize().as_bytes();
    i64::from_le_bytes(hash.first_chunk().copied().unwrap_or_default())
}

/// Notes that the transaction of that arrival number touched a row; and `origin`, that inserted it.
pub(super) fn note(
    connection: &Connection,
    authors: &Authors,
    table: &ViewTable,
    key: &[u8],
    arrival: u64,
    origin: Option<InsertOrigin>,
) -> ViewResult<()> {
    let number = number(table.id, key);
    let sql = "INSERT OR IGNORE INTO _tandem_touched (key, arrival) VALUES (?1, ?2)";
    let mut noted = connection.prepare_cached(sql)?;
    noted.execute(params![number, arrival as i64])?;
    if let Some(inserted) =
        origin.map(|origin| arrival_of(connection, authors, &origin)).transpose()?.flatten()
    {
        noted.execute(params![number, inserted])?;
    }
    Ok(())
}

/// `None`: it is the transaction at hand.
fn arrival_of(connection: &Connection, authors: &Authors, origin: &InsertOrigin) -> ViewResult<Option<i64>> {
    let author = authors.number(&origin.by.author);
    let mut statement = connection.prepare_cached(DOT_SQL)?;
    Ok(statement.query_row(params![author, origin.by.seq as i64], |row| row.get(0)).optional()?)
}

/// The transactions that may have touched a row that is in the list, in order of arrival, from `first`
/// on: so many at most.
pub(super) fn dots(
    connection: &Connection,
    authors: &Authors,
    table: &ViewTable,
    key: &[u8],
    first: u64,
    most: i64,
) -> ViewResult<Vec<(u64, Dot)>> {
    let sql = "SELECT arrival, author, seq FROM _tandem_touched JOIN _tandem_transactions USING (arrival) \
               WHERE key = ?1 AND arrival >= ?2 ORDER BY arrival LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![number(table.id, key), first as i64, most])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let author =
            authors.author(row.get(1)?).ok_or(ViewError::Inconsistent("an author without a name"))?;
        let seq = row.get::<_, i64>(2)? as u64;
        found.push((row.get::<_, i64>(0)? as u64, Dot::new(author, seq)));
    }
    Ok(found)
}

/// Arrival numbers of the transactions that may have touched the row whose key people write as
/// `text`. `None`: the text may mean several keys.
pub(crate) fn arrivals(
    connection: &Connection,
    authors: &Authors,
    table: &ViewTable,
    text: &str,
) -> ViewResult<Option<BTreeSet<u64>>> {
    let parts: Vec<&str> = if table.key.len() == 1 { vec![text] } else { text.split(',').collect() };
    let kinds = table.key.iter().map(|at| table.def.columns[*at].kind);
    if parts.len() != table.key.len() || kinds.clone().any(|kind| kind.storage() == Storage::Blob) {
        return Ok(None);
    }
    let Some(key) = kinds.zip(parts).map(|(kind, part)| value_of(kind, part)).collect::<Option<_>>() else {
        return Ok(Some(BTreeSet::new()));
    };
    arrivals_of(connection, authors, table, &Key(key)).map(Some)
}

/// Arrival numbers of the transactions that may have touched a row.
pub(crate) fn arrivals_of(
    connection: &Connection,
    authors: &Authors,
    table: &ViewTable,
    key: &Key,
) -> ViewResult<BTreeSet<u64>> {
    let mut statement = connection.prepare_cached("SELECT arrival FROM _tandem_touched WHERE key = ?1")?;
    let touched = statement.query_map([number(table.id, &key.to_bytes())], |row| row.get::<_, i64>(0))?;
    let mut found =
        touched.map(|arrival| arrival.map(|arrival| arrival as u64)).collect::<Result<BTreeSet<_>, _>>()?;
    if let Some((rowid, _)) = rows::select(connection, table, key)?
        && !rows::is_stored(connection, table, &key.to_bytes())?
    {
        let origin = origin_of_rowid(connection, authors, table, rowid)?;
        found.extend(arrival_of(connection, authors, &origin)?.map(|arrival| arrival as u64));
    }
    Ok(found)
}

/// The value that people see as `text` in a column of a key.
fn value_of(kind: ColumnType, text: &str) -> Option<Value> {
    match kind.storage() {
        Storage::Integer => text.parse().ok().map(Value::Integer),
        _ => kind.canonical(Value::Text(text.to_owned())).ok(),
    }
}
