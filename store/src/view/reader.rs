//! Read-only connections: queries never wait for the writer, nor it for them.

use std::borrow::Borrow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tandem_protocol::schema::Schema;
use tandem_protocol::sql_text;

use super::catalogue::{self, Catalogues};
use super::forms::Forms;
use super::guard::{self, Guard, Leave};
use super::query::{Answer, Query, Reader};
use super::{ViewResult, access, file, functions, heap};
use crate::refusal::Refusal;

/// Idle connections kept of each kind.
const IDLE: usize = 4;

/// Read-only connections to one view.
pub(crate) struct Readers {
    path: PathBuf,
    /// For users' queries.
    users: Idle<Reader>,
    /// For tandem's own reading. Apart, because SQLite forgets all it prepared where rights change.
    own: Idle<Connection>,
    forms: Mutex<Forms>,
    catalogues: Catalogues,
}

/// Connections that nobody uses at the moment.
struct Idle<T>(Mutex<Vec<T>>);

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Borrow<Connection>> Idle<T> {
    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: T) {
        let is_at_rest = connection.borrow().is_autocommit();
        assert!(is_at_rest, "an idle reader holds no moment of the view");
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }

    fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        let (users, own, forms) = (Idle::default(), Idle::default(), Mutex::default());
        Self { path: path.to_owned(), users, own, forms, catalogues: Catalogues::default() }
    }

    /// Closes idle connections, so that the view can be replaced.
    pub(crate) fn close(&self) {
        self.users.close();
        self.own.close();
    }

    /// Runs a user's query, what it compares in the forms of that schema.
    pub(crate) fn query(
        &self,
        schema: &Arc<Schema>,
        asked: &Query<'_>,
        leave: Leave,
        answer: &mut dyn Answer,
    ) -> Result<(), Refusal> {
        let refused = |error| Refusal::of_sql(&error, 0, asked.sql);
        sql_text::check_statement(asked.sql).map_err(|error| Refusal::of_text(&error, 0))?;
        if catalogue::is_asked(schema, asked.sql) {
            return self.catalogues.query(schema, asked, leave, answer);
        }
        let reader = self.reader().map_err(refused)?;
        let rewritten = {
            let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
            if !forms.is_of(schema) {
                *forms = Forms::new(Arc::clone(schema));
            }
            forms.rewrite(asked.sql)
        };
        let result = reader.answer(asked, &rewritten, leave, answer);
        self.users.keep(reader);
        result
    }

    /// Runs tandem's own reading.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> ViewResult<T>) -> ViewResult<T> {
        let connection = match self.own.take() {
            Some(connection) => connection,
            None => {
                let connection = self.connect()?;
                file::plan_once(&connection)?;
                connection
            }
        };
        let result = read(&connection);
        self.own.keep(connection);
        result
    }

    /// A connection on which users' queries run.
    fn reader(&self) -> rusqlite::Result<Reader> {
        if let Some(reader) = self.users.take() {
            return Ok(reader);
        }
        let mut connection = self.connect()?;
        access::restrict_always(&mut connection)?;
        guard::limit(&connection)?;
        let guard = Guard::of(&mut connection)?;
        Ok(Reader { connection, guard })
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        heap::count();
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.pragma_update(None, "cache_size", -2_000)?;
        // What a statement sorts or sets aside is memory, which is bounded; a file would not be.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        functions::install_for_readers(&connection)?;
        Ok(connection)
    }
}
