//! The file of a view: how it is opened, emptied, kept short, and removed.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{ColumnType, Judge};

use super::{ViewError, ViewResult, ddl, heap, state};

/// Bytes of the view's pages kept in memory.
pub(super) const CACHE_BYTES: usize = 40 << 20;

/// Its name in the space's folder.
pub(crate) const VIEW_FILE: &str = "view.sqlite";

/// To be raised where the same tables come to mean something else. What the tables are, and what types
/// a program knows, makes another version by itself ([`version`]).
const MEANING: u64 = 7;

/// Bytes that SQLite's own journal keeps on the disk when it has been used up.
const JOURNAL_BYTES: i64 = 8 << 20;

/// Bytes of SQLite's own journal beyond which it is not left for the next write to shorten it.
const LONG_JOURNAL_BYTES: u64 = 64 << 20;

/// How long another program that has the view locked is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Opens the view at `path`, creating it if it is not there, for a program that knows so much of
/// expressions.
pub(super) fn open(path: &Path, judge: Judge) -> ViewResult<Connection> {
    heap::count();
    let connection = connect(path)?;
    let is_fresh =
        !connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_tandem_state'")?.exists([])?;
    if is_fresh {
        connection.execute_batch(&format!("BEGIN; {} COMMIT;", ddl::OWN_TABLES))?;
        put_version(&connection, judge)?;
    }
    let made_by = (state::state(&connection, "version")?, state::state(&connection, "judge")?);
    if made_by != (Some(version()), Some(judge.level().into())) {
        return Err(ViewError::Inconsistent("a view of another version"));
    }
    Ok(connection)
}

/// The version of a view: one that another program made is built anew, and so takes in what that one did
/// not understand.
fn version() -> i64 {
    let types = ColumnType::ALL.map(|kind| kind.to_string()).join(" ");
    let hash = blake3::hash(format!("{MEANING} {types} {}", ddl::OWN_TABLES).as_bytes());
    i64::from_le_bytes(hash.as_bytes().first_chunk().copied().unwrap_or_default())
}

/// The writer's connection to the view at `path`.
fn connect(path: &Path) -> ViewResult<Connection> {
    // Made here, for SQLite would let everybody read it; its other files take after this one. Where
    // that fails, SQLite says why.
    let _told_by_sqlite = crate::private::options().open(path);
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // The log is the truth: a power cut may take back the view's last transactions, which are
    // then replayed, but must never leave it corrupt. That is what NORMAL promises in WAL mode.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 2000)?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES)?;
    connection.pragma_update(None, "cache_size", -(CACHE_BYTES as i64 >> 10))?;
    // Whether references lead somewhere is our own question; see `integrity`.
    connection.pragma_update(None, "foreign_keys", false)?;
    // A table that is made anew takes the old one's name, whatever a view makes of that meanwhile.
    connection.pragma_update(None, "legacy_alter_table", true)?;
    // What a statement sorts or sets aside is memory, which is bounded; a file would not be.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    plan_once(&connection)?;
    Ok(connection)
}

/// Has each statement planned when it is prepared, whatever its parameters are: else SQLite prepares some anew whenever
/// they change, which is once a row.
pub(super) fn plan_once(connection: &Connection) -> rusqlite::Result<()> {
    let is_set = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    assert!(is_set, "SQLite does as it is told");
    Ok(())
}

/// Drops all tables and views but SQLite's own, and lays out those in which a view keeps what it derives.
pub(super) fn empty(connection: &Connection, judge: Judge) -> ViewResult<()> {
    // Of SQLite's own names, the underscore is part: "sqlite2" is a user's.
    let sql = "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
    let names: Vec<(String, String)> = connection
        .prepare(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (kind, name) in names {
        connection.execute_batch(&format!("DROP {kind} {}", quoted(&name)))?;
    }
    connection.execute_batch(ddl::OWN_TABLES)?;
    put_version(connection, judge)
}

fn put_version(connection: &Connection, judge: Judge) -> ViewResult<()> {
    state::put_state(connection, "judge", judge.level().into())?;
    state::put_state(connection, "version", version())
}

/// Gives back the room of a journal that one large group made long. A reader that still needs it is
/// not waited for: the next group tries again.
pub(super) fn shorten_journal(connection: &Connection) -> ViewResult<()> {
    let journal = connection.path().map(|path| format!("{path}-wal"));
    let long = journal.and_then(|path| std::fs::metadata(path).ok());
    if long.is_some_and(|journal| journal.len() > LONG_JOURNAL_BYTES) {
        connection.busy_timeout(Duration::ZERO)?;
        let shortened = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        connection.busy_timeout(BUSY_WAIT)?;
        shortened?;
    }
    Ok(())
}

/// Removes a view's files. The log has everything.
pub(crate) fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_prepared_once_whatever_its_parameters() {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(&folder.path().join("view.sqlite")).unwrap();
        empty(&connection, Judge::default()).unwrap();
        let sql =
            "SELECT author FROM _tandem_runs WHERE tbl = ?1 AND first <= ?2 ORDER BY first DESC LIMIT 1";
        for rowid in 1..10 {
            assert!(!connection.prepare_cached(sql).unwrap().exists([7, rowid]).unwrap());
        }
        assert_eq!(connection.prepare_cached(sql).unwrap().get_status(StatementStatus::RePrepare), 0);
    }
}
