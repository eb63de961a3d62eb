//! One query of a user: what it asks, what takes its answer, and the connection that it runs on.

use std::borrow::Borrow;
use std::ops::ControlFlow;

use rusqlite::Connection;
use tandem_protocol::value::Value;

use super::bind::{Bind, read_row, weight};
use super::forms::Rewritten;
use super::guard::{self, End, Guard, Leave};
use super::heap;
use crate::refusal::Refusal;

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

/// A query, and how much of an answer is taken.
pub(crate) struct Query<'a> {
    pub sql: &'a str,
    pub params: &'a [Value],
    /// Bytes of its rows at most.
    pub most: usize,
}

/// A read-only connection for users' queries, and what ends them.
pub(super) struct Reader {
    pub connection: Connection,
    pub guard: Guard,
}

impl Borrow<Connection> for Reader {
    fn borrow(&self) -> &Connection {
        &self.connection
    }
}

impl Reader {
    /// Answers a query, within the time and the memory that it has.
    pub fn answer(
        &self,
        asked: &Query<'_>,
        rewritten: &Rewritten,
        leave: Leave,
        answer: &mut dyn Answer,
    ) -> Result<(), Refusal> {
        self.guard.begin(leave);
        let memory = heap::Bound::new(guard::STATEMENT_BYTES);
        let result = self.run(asked, rewritten, answer);
        let end = self.guard.finish();
        let end = if memory.was_met() { Some(End::Memory) } else { end };
        drop(memory);
        match (result, end) {
            (Ok(true), _) => Ok(()),
            (Ok(false), _) => Err(Refusal::not_a_query()),
            (Err(_), Some(end)) => Err(Refusal::of_end(end)),
            (Err(error), None) => Err(Refusal::of_sql(&error, 0, asked.sql)),
        }
    }

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
