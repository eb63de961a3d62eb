//! What the database beside was last known to hold, row by row, and which vector each number of `applied`
//! stands for. It follows the database: its own transaction is committed after the database's, and what it
//! missed by that is found by the next cycle.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_protocol::cause::Cause;
use tandem_protocol::codec;
use tandem_protocol::value::Key;
use tandem_protocol::version::VersionVector;
use tandem_store::now_ms;

use crate::catalogue::Layout;
use crate::engine::Outcome;
use crate::held::{Held, Row, from_bytes, key_told, to_bytes};
use crate::status::ParkedRow;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS rows (
  tbl INTEGER NOT NULL, key BLOB NOT NULL, cells BLOB NOT NULL, PRIMARY KEY (tbl, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS layout (
  one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS cycles (
  one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS bases (
  applied INTEGER PRIMARY KEY, vector BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS replaced (
  tbl INTEGER NOT NULL, key BLOB NOT NULL, col INTEGER NOT NULL, value BLOB NOT NULL, applied INTEGER NOT NULL,
  at INTEGER NOT NULL, PRIMARY KEY (tbl, key, col, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS replaced_at ON replaced (at);
CREATE TABLE IF NOT EXISTS parked (
  tbl INTEGER NOT NULL, key BLOB NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (tbl, key)
) STRICT, WITHOUT ROWID;
";

/// For how long a form that shows an old value may be open.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Bases that are kept: transactions of the application are rarely open for longer.
const BASES: i64 = 100_000;

/// See the module.
pub(crate) struct Mirror {
    connection: Connection,
}

impl Mirror {
    /// The mirror in that file, made if it is not there.
    pub fn open(path: &Path) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection })
    }

    pub fn begin(&self) -> Outcome {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    pub fn commit(&self) -> Outcome {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Takes back what was begun, if anything was.
    pub fn rollback(&self) {
        if !self.connection.is_autocommit() {
            // One that fails leaves a transaction open, which the next BEGIN reports.
            let _reported_by_the_next_begin = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// A row as it was last known.
    pub fn row(&self, table: usize, key: &Key) -> Outcome<Option<Row>> {
        let sql = "SELECT cells FROM rows WHERE tbl = ?1 AND key = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let place = params![table as i64, key.to_bytes()];
        let bytes: Option<Vec<u8>> = statement.query_row(place, |row| row.get(0)).optional()?;
        Ok(bytes.and_then(|bytes| from_bytes(&bytes)))
    }

    /// Notes a row as it is.
    pub fn put(&self, table: usize, key: &Key, row: Option<&Row>) -> Outcome {
        match row {
            Some(row) => {
                let sql = "INSERT OR REPLACE INTO rows (tbl, key, cells) VALUES (?1, ?2, ?3)";
                let mut statement = self.connection.prepare_cached(sql)?;
                statement.execute(params![table as i64, key.to_bytes(), to_bytes(row)])?;
            }
            None => {
                let sql = "DELETE FROM rows WHERE tbl = ?1 AND key = ?2";
                self.connection.prepare_cached(sql)?.execute(params![table as i64, key.to_bytes()])?;
            }
        }
        Ok(())
    }

    /// The keys of a table's rows.
    pub fn keys(&self, table: usize, take: &mut dyn FnMut(Key)) -> Outcome {
        let mut statement = self.connection.prepare_cached("SELECT key FROM rows WHERE tbl = ?1")?;
        let mut rows = statement.query([table as i64])?;
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(0)?;
            if let Ok(key) = Key::from_bytes(&bytes) {
                take(key);
            }
        }
        Ok(())
    }

    /// Forgets all rows of a table, and what was replaced in them.
    pub fn clear(&self, table: usize) -> Outcome {
        self.connection.execute("DELETE FROM rows WHERE tbl = ?1", [table as i64])?;
        self.connection.execute("DELETE FROM replaced WHERE tbl = ?1", [table as i64])?;
        Ok(())
    }

    /// Which columns its rows have.
    pub fn layout(&self) -> Outcome<Option<Layout>> {
        let text: Option<String> =
            self.connection.query_row("SELECT text FROM layout", [], |row| row.get(0)).optional()?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Notes them.
    pub fn note_layout(&self, layout: &Layout) -> Outcome {
        let text = serde_json::to_string(layout).map_err(std::io::Error::other)?;
        self.connection.execute("INSERT OR REPLACE INTO layout (one, text) VALUES (1, ?1)", [text])?;
        Ok(())
    }

    /// How many cycles the database had counted.
    pub fn cycles(&self) -> Outcome<i64> {
        let sql = "SELECT count FROM cycles";
        Ok(self.connection.query_row(sql, [], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// Notes it.
    pub fn note_cycles(&self, count: i64) -> Outcome {
        let sql = "INSERT OR REPLACE INTO cycles (one, count) VALUES (1, ?1)";
        self.connection.prepare_cached(sql)?.execute([count])?;
        Ok(())
    }

    /// The newest number of what was applied.
    pub fn applied(&self) -> Outcome<i64> {
        Ok(self.connection.query_row("SELECT coalesce(max(applied), 0) FROM bases", [], |row| row.get(0))?)
    }

    /// Notes which vector a number stands for.
    pub fn note_basis(&self, applied: i64, vector: &VersionVector) -> Outcome {
        assert!(applied > self.applied()?, "what is applied only grows");
        let sql = "INSERT INTO bases (applied, vector) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![applied, codec::encode(vector)])?;
        let sql = "DELETE FROM bases WHERE applied <= ?1";
        self.connection.prepare_cached(sql)?.execute([applied - BASES])?;
        Ok(())
    }

    /// What whoever saw that number had seen: of numbers that are not known, what is known of those before.
    pub fn basis(&self, seen: i64) -> Outcome<VersionVector> {
        let sql = "SELECT vector FROM bases WHERE applied <= ?1 ORDER BY applied DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let bytes: Option<Vec<u8>> = statement.query_row([seen], |row| row.get(0)).optional()?;
        Ok(bytes.and_then(|bytes| codec::decode(&bytes, "basis").ok()).unwrap_or_default())
    }

    /// Notes the values of a row that are replaced in these columns, after that number of what was applied.
    pub fn note_replaced(
        &self,
        (table, key): (usize, &Key),
        row: &Row,
        columns: &[usize],
        applied: i64,
    ) -> Outcome {
        let sql = "INSERT OR REPLACE INTO replaced (tbl, key, col, value, applied, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut statement = self.connection.prepare_cached(sql)?;
        for at in columns {
            let value = to_bytes(&vec![row[*at].clone()]);
            statement.execute(params![table as i64, key.to_bytes(), *at as i64, value, applied, now_ms()])?;
        }
        Ok(())
    }

    /// Of a row's values those that were replaced within the last day: the column, the value, and the number
    /// of what was applied before.
    pub fn replaced(&self, table: usize, key: &Key) -> Outcome<Vec<(usize, Held, i64)>> {
        let sql = "SELECT col, value, applied FROM replaced WHERE tbl = ?1 AND key = ?2 AND at > ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![table as i64, key.to_bytes(), now_ms() - DAY_MS])?;
        let mut replaced = Vec::new();
        while let Some(row) = rows.next()? {
            let (at, bytes, applied): (i64, Vec<u8>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let value = from_bytes(&bytes).and_then(|mut row| row.pop());
            replaced.extend(value.map(|value| (at as usize, value, applied)));
        }
        Ok(replaced)
    }

    /// Forgets what was replaced more than a day ago.
    pub fn forget_replaced(&self) -> Outcome {
        self.connection.execute("DELETE FROM replaced WHERE at <= ?1", [now_ms() - DAY_MS])?;
        Ok(())
    }

    /// Notes that the database does not take a row, and why.
    pub fn park(&self, table: usize, key: &Key, name: &str, reason: &Cause) -> Outcome {
        let reason = serde_json::to_string(reason).map_err(std::io::Error::other)?;
        let sql = "INSERT OR REPLACE INTO parked (tbl, key, name, reason) VALUES (?1, ?2, ?3, ?4)";
        let place = params![table as i64, key.to_bytes(), name, reason];
        self.connection.prepare_cached(sql)?.execute(place)?;
        Ok(())
    }

    /// The database took it.
    pub fn unpark(&self, table: usize, key: &Key) -> Outcome {
        let sql = "DELETE FROM parked WHERE tbl = ?1 AND key = ?2";
        self.connection.prepare_cached(sql)?.execute(params![table as i64, key.to_bytes()])?;
        Ok(())
    }

    /// The rows that the database does not take.
    pub fn parked(&self) -> Outcome<Vec<(usize, Key, ParkedRow)>> {
        let mut statement = self.connection.prepare_cached("SELECT tbl, key, name, reason FROM parked")?;
        let mut rows = statement.query([])?;
        let mut parked = Vec::new();
        while let Some(row) = rows.next()? {
            let (table, bytes): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let (name, reason): (String, String) = (row.get(2)?, row.get(3)?);
            let Ok(key) = Key::from_bytes(&bytes) else { continue };
            let reason = serde_json::from_str(&reason).unwrap_or_else(|_| Cause::new("bridge_refused"));
            let told = ParkedRow { table: name, key: key_told(&key), reason };
            parked.push((table as usize, key, told));
        }
        Ok(parked)
    }
}
