//! Rows grouped into statements.

use std::iter::Peekable;

use serde::Serialize;

use crate::cell::Cell;

/// How many rows [`School::batches`](crate::School::batches) puts in a batch.
pub const BATCH_ROWS: usize = 1_000;

/// Rows of one table with the statement that inserts them.
///
/// Serialises to one element of the node's `statements`:
/// `{"sql": "INSERT …", "params_list": [[…], …]}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Batch {
    /// The table the rows belong to.
    #[serde(skip)]
    pub table: &'static str,
    /// `INSERT INTO table (columns…) VALUES (?, …)`
    pub sql: &'static str,
    /// One list of parameters per row, in the order of the statement's columns.
    #[serde(rename = "params_list")]
    pub rows: Vec<Vec<Cell>>,
}

/// A row that knows its table.
pub(crate) trait Record {
    const TABLE: &'static str;
    const INSERT: &'static str;

    fn cells(&self) -> Vec<Cell>;
}

/// All rows of one table, made as they are asked for.
pub(crate) struct Rows<'a> {
    table: &'static str,
    sql: &'static str,
    cells: Peekable<Box<dyn Iterator<Item = Vec<Cell>> + 'a>>,
}

impl<'a> Rows<'a> {
    pub(crate) fn of<R: Record>(records: impl Iterator<Item = R> + 'a) -> Rows<'a> {
        let cells: Box<dyn Iterator<Item = _>> = Box::new(records.map(|record| record.cells()));
        Rows { table: R::TABLE, sql: R::INSERT, cells: cells.peekable() }
    }
}

impl<R: Record> Record for &R {
    const TABLE: &'static str = R::TABLE;
    const INSERT: &'static str = R::INSERT;

    fn cells(&self) -> Vec<Cell> {
        R::cells(self)
    }
}

/// The batches of a school, parents before children.
pub struct Batches<'a> {
    tables: std::vec::IntoIter<Rows<'a>>,
    current: Option<Rows<'a>>,
    batch_rows: usize,
}

impl<'a> Batches<'a> {
    pub(crate) fn new(tables: Vec<Rows<'a>>, batch_rows: usize) -> Self {
        Batches { tables: tables.into_iter(), current: None, batch_rows: batch_rows.max(1) }
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        loop {
            if let Some(rows) = &mut self.current
                && rows.cells.peek().is_some()
            {
                return Some(Batch {
                    table: rows.table,
                    sql: rows.sql,
                    rows: rows.cells.by_ref().take(self.batch_rows).collect(),
                });
            }
            self.current = Some(self.tables.next()?);
        }
    }
}
