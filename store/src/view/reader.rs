//! Read-only connections: queries never wait for the writer, nor it for them.

use std::borrow::Borrow;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tandem_protocol::schema::Schema;
use tandem_protocol::sql_text;
use tandem_protocol::value::Value;

use super::bind::{Bind, read_row, weight};
use super::forms::{Forms, Rewritten};
use super::guard::{self, End, Guard, Leave};
use super::{ViewResult, access, file, functions, heap};
use crate::refusal::Refusal;

/// Idle connections kept of each kind.
const IDLE: usize = 4;

/// What a query returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// Takes the answer to a query, as it is found.
pub trait Answer {
    /// The names of the columns, before all rows.
    fn columns(&mut self, names: Vec<String>) -> ControlFlow<()>;

    /// A row. To break is to have left: the rest is not read.
    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()>;
}

impl Answer for Rows {
    fn columns(&mut self, names: Vec<String>) -> ControlFlow<()> {
        self.columns = names;
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.rows.push(row);
        ControlFlow::Continue(())
    }
}

/// A read-only connection for users' queries, and what ends them.
struct Reader {
    connection: Connection,
    guard: Guard,
}

/// Read-only connections to one view.
pub(crate) struct Readers {
    path: PathBuf,
    /// For users' queries.
    users: Idle<Reader>,
    /// For tandem's own reading. Apart, because SQLite forgets all it prepared where rights change.
    own: Idle<Connection>,
    forms: Mutex<Forms>,
}

/// Connections that nobody uses at the moment.
struct Idle<T>(Mutex<Vec<T>>);

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl Borrow<Connection> for Reader {
    fn borrow(&self) -> &Connection {
        &self.connection
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

/// A query, and how much of an answer is taken.
pub(crate) struct Query<'a> {
    pub sql: &'a str,
    pub params: &'a [Value],
    /// Bytes of its rows at most.
    pub most: usize,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), users: Idle::default(), own: Idle::default(), forms: Mutex::default() }
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
        let reader = self.reader().map_err(refused)?;
        let rewritten = {
            let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
            if !forms.is_of(schema) {
                *forms = Forms::new(Arc::clone(schema));
            }
            forms.rewrite(asked.sql)
        };
        reader.guard.begin(leave);
        let memory = heap::Bound::new(guard::STATEMENT_BYTES);
        let result = reader.run(asked, &rewritten, answer);
        let end = reader.guard.finish();
        let end = if memory.was_met() { Some(End::Memory) } else { end };
        drop(memory);
        self.users.keep(reader);
        match (result, end) {
            (Ok(true), _) => Ok(()),
            (Ok(false), _) => Err(Refusal::not_a_query()),
            (Err(_), Some(end)) => Err(Refusal::of_end(end)),
            (Err(error), None) => Err(refused(error)),
        }
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

impl Reader {
    /// Whether the statement reads, and nothing else.
    fn run(
        &self,
        asked: &Query<'_>,
        rewritten: &Rewritten,
        answer: &mut dyn Answer,
    ) -> rusqlite::Result<bool> {
        let connection = &self.connection;
        // What SQLite does not take as rewritten runs as it was given.
        let formed = rewritten.sql.as_ref().and_then(|sql| connection.prepare(sql).ok());
        let (mut statement, named) = match formed {
            Some(statement) if rewritten.names_text => (statement, Some(connection.prepare(asked.sql)?)),
            Some(statement) => (statement, None),
            None => (connection.prepare(asked.sql)?, None),
        };
        if !statement.readonly() {
            return Ok(false);
        }
        let names = named.as_ref().unwrap_or(&statement).column_names();
        let names: Vec<String> = names.map(str::to_owned).collect();
        let width = names.len();
        self.unless_left(answer.columns(names))?;
        let mut rows = statement.query(rusqlite::params_from_iter(asked.params.iter().map(Bind)))?;
        let mut bytes = 0usize;
        while let Some(row) = rows.next()? {
            let row = read_row(row, 0, width)?;
            bytes = bytes.saturating_add(weight(&row));
            if bytes > asked.most {
                self.guard.end(End::Answer);
            }
            // A statement of few steps and much output is never asked by SQLite.
            self.guard.check()?;
            self.unless_left(answer.row(row))?;
        }
        Ok(true)
    }

    fn unless_left(&self, flow: ControlFlow<()>) -> rusqlite::Result<()> {
        if flow.is_break() {
            self.guard.end(End::Left);
        }
        self.guard.check()
    }
}
