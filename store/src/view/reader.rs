//! Read-only connections: queries never wait for the writer, nor it for them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tandem_protocol::codec;
use tandem_protocol::identity::Author;
use tandem_protocol::schema::Schema;
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;

use super::bind::{Bind, read_row};
use super::forms::Forms;
use super::{ViewError, ViewResult, access, functions};
use crate::write::Refusal;

/// Idle connections kept.
const IDLE: usize = 4;

/// What a query returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// What an author held of others when it wrote its last transaction.
pub(crate) fn context(connection: &Connection, author: &Author) -> ViewResult<VersionVector> {
    let sql = "SELECT context FROM _tandem_authors WHERE author = ?1";
    let found: Option<Vec<u8>> =
        connection.prepare_cached(sql)?.query_row([author.0], |row| row.get(0)).optional()?;
    let Some(bytes) = found else { return Ok(VersionVector::default()) };
    codec::decode(&bytes, "context").map_err(|_| ViewError::Inconsistent("a context that cannot be read"))
}

/// Read-only connections to one view.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    forms: Mutex<Forms>,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()), forms: Mutex::default() }
    }

    /// Closes idle connections, so that the view can be replaced.
    pub(crate) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Runs a user's query, what it compares in the forms of that schema.
    pub(crate) fn query(&self, schema: &Arc<Schema>, sql: &str, params: &[Value]) -> Result<Rows, Refusal> {
        let refused = |error| Refusal::of_sql(error, 0, sql);
        let mut connection = self.take().map_err(|error| Refusal::of_sql(error, 0, sql))?;
        access::restrict_always(&mut connection).map_err(refused)?;
        let rewritten = {
            let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
            if !forms.is_of(schema) {
                *forms = Forms::new(Arc::clone(schema));
            }
            forms.rewrite(sql)
        };
        let result = (|| {
            // What SQLite does not take as rewritten runs as it was given.
            let formed = rewritten.sql.as_ref().and_then(|sql| connection.prepare(sql).ok());
            let (mut statement, named) = match formed {
                Some(statement) if rewritten.names_text => (statement, Some(connection.prepare(sql)?)),
                Some(statement) => (statement, None),
                None => (connection.prepare(sql)?, None),
            };
            if !statement.readonly() {
                return Ok(None);
            }
            let names = named.as_ref().unwrap_or(&statement).column_names();
            let columns: Vec<String> = names.map(str::to_owned).collect();
            let mut rows = statement.query(rusqlite::params_from_iter(params.iter().map(Bind)))?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(read_row(row, 0, columns.len())?);
            }
            Ok(Some(Rows { columns, rows: all }))
        })();
        let result = result.map_err(refused);
        self.give_back(connection);
        result?.ok_or_else(|| Refusal {
            code: "not_a_query",
            message: "the statement writes; a query only reads".into(),
            hint: Some("send it as a transaction".into()),
            params: Vec::new(),
        })
    }

    /// Runs tandem's own reading.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> ViewResult<T>) -> ViewResult<T> {
        let mut connection = self.take()?;
        connection
            .authorizer(None::<fn(rusqlite::hooks::AuthContext<'_>) -> rusqlite::hooks::Authorization>)?;
        let result = read(&connection);
        self.give_back(connection);
        result
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.pragma_update(None, "cache_size", -2_000)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        functions::install_for_readers(&connection)?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}
