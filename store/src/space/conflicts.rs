//! Open conflicts, and their resolution.

use rusqlite::OptionalExtension;
use tandem_protocol::conflict::{Conflict, ConflictId, ConflictKind};
use tandem_protocol::schema::ColumnDef;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;

use super::Space;
use crate::view::{ViewError, decode, quoted};
use crate::write::{WriteError, Written};
use crate::writer::LocalWork;

/// What is to become of a conflict.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The conflict.
    pub id: ConflictId,
    /// [`Conflict::seen`] of what was looked at; refused if it has changed since.
    pub seen: u64,
    /// What is wanted.
    pub choice: Choice,
    /// Label: who.
    pub by: Option<String>,
    /// Label: why.
    pub message: Option<String>,
}

/// What is wanted of a conflict.
#[derive(Clone, Debug)]
pub enum Choice {
    /// The version that this transaction wrote.
    Use(Dot),
    /// Another value.
    Value(Value),
    /// All of them (`duplicate`: they are different requests after all).
    KeepAll,
}

/// A row that refers to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Referrer {
    /// Its table.
    pub table: String,
    /// Its column.
    pub column: String,
    /// Its key.
    pub key: Key,
}

/// The rows that refer to a deleted one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Referrers {
    /// The first of them.
    pub rows: Vec<Referrer>,
    /// How many there are in all.
    pub count: u64,
}

impl Space {
    /// All open conflicts, by kind, table and key.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, ViewError> {
        self.0.readers.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT body FROM _tandem_conflicts")?;
            let bodies = statement.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
            let mut open = bodies.map(|body| decode(&body?)).collect::<Result<Vec<_>, ViewError>>()?;
            // The same order on every site.
            open.sort_by_cached_key(|one| {
                (one.kind, one.table.clone(), one.key.clone(), one.columns.clone())
            });
            Ok(open)
        })
    }

    /// An open conflict.
    pub fn conflict(&self, id: ConflictId) -> Result<Option<Conflict>, ViewError> {
        self.0.readers.read(|connection| {
            let sql = "SELECT body FROM _tandem_conflicts WHERE id = ?1";
            let body: Option<Vec<u8>> =
                connection.prepare_cached(sql)?.query_row([id.0], |row| row.get(0)).optional()?;
            body.map(|body| decode(&body)).transpose()
        })
    }

    /// The first rows that refer to the row of a `reference` conflict, by table, column and key, and
    /// how many there are in all: the same on every site that shows the same rows.
    pub fn referrers(&self, conflict: &Conflict, limit: usize) -> Result<Referrers, ViewError> {
        let key = conflict.key_values();
        let ([value], ConflictKind::Reference) = (key.as_slice(), conflict.kind) else {
            return Ok(Referrers::default());
        };
        let schema = self.schema();
        let mut found = Referrers::default();
        for table in schema.tables().map(|table| &table.shown) {
            let refers = |column: &&ColumnDef| {
                let target = column.references.as_ref().map(|reference| reference.table.as_str());
                target.is_some_and(|target| target.eq_ignore_ascii_case(&conflict.table))
            };
            let mut columns: Vec<&ColumnDef> = table.columns.iter().filter(refers).collect();
            // Columns stand in the order in which they came to be known here.
            columns.sort_by(|one, other| one.name.cmp(&other.name));
            for column in columns {
                let keys = table.key.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
                let (name, at) = (quoted(&table.name), quoted(&column.name));
                let rows = |sql: &str| -> Result<Vec<Vec<Value>>, ViewError> {
                    let rows = self.query(sql, std::slice::from_ref(value));
                    Ok(rows.map_err(|refusal| ViewError::Behind(refusal.message))?.0.rows)
                };
                let count = rows(&format!("SELECT count(*) FROM {name} WHERE {at} = ?1"))?;
                if let Some(Value::Integer(count)) = count.first().and_then(|row| row.first()) {
                    found.count += count.unsigned_abs();
                }
                let left = limit - found.rows.len();
                let first =
                    rows(&format!("SELECT {keys} FROM {name} WHERE {at} = ?1 ORDER BY {keys} LIMIT {left}"))?;
                found.rows.extend(first.into_iter().map(|key| Referrer {
                    table: table.name.clone(),
                    column: column.name.clone(),
                    key: Key(key),
                }));
            }
        }
        Ok(found)
    }

    /// Ends a conflict, by an ordinary transaction. `reply` as for [`Space::write`].
    pub fn resolve(
        &self,
        resolution: Resolution,
        reply: impl FnOnce(Result<Written, WriteError>) + Send + 'static,
    ) {
        self.local(LocalWork::Resolve(resolution), reply);
    }
}
