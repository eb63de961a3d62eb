//! Numbers that the view remembers by name.

use rusqlite::{Connection, OptionalExtension, params};

use super::ViewResult;

pub(super) fn state(connection: &Connection, name: &str) -> ViewResult<Option<i64>> {
    let sql = "SELECT value FROM _tandem_state WHERE name = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?)
}

pub(super) fn put_state(connection: &Connection, name: &str, value: i64) -> ViewResult<()> {
    let sql = "INSERT OR REPLACE INTO _tandem_state (name, value) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute(params![name, value])?;
    Ok(())
}
