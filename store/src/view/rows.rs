//! Single rows as the view's tables hold them.

use rusqlite::{Connection, params};
use tandem_protocol::value::{Key, Value};

use super::bind::read_row;
use super::table::ViewTable;
use super::{ViewError, ViewResult};

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

/// Key values out of their bytes, as the view keeps them beside its rows.
pub(super) fn key_from(bytes: &[u8]) -> ViewResult<Key> {
    Key::from_bytes(bytes).map_err(|_| ViewError::Inconsistent("a key that cannot be read"))
}
