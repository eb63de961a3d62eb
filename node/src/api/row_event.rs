//! The rows that transactions write, for who asked for them: before each transaction, piece by piece, so
//! that one of a million rows is told in pieces, too, and who is cut off goes on within it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tandem_protocol::op::{Action, Op, RowGroup};
use tandem_store::Space;

use super::cell::Cell;
use super::error::Result;
use super::event::{Event, Events, TransactionEvent};
use super::{Api, error_kind};

/// Rows of one event.
pub const MOST_ROWS: usize = 500;

/// Rows that a transaction wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowsEvent {
    /// The transaction's place in the order of arrival here.
    pub arrival: u64,
    /// How many of its rows are told with this event: with the arrival, the event's id.
    #[serde(skip)]
    pub told: usize,
    /// Its name.
    pub dot: String,
    /// The rows.
    pub rows: Vec<WrittenRow>,
}

/// A row that a transaction wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrittenRow {
    /// Its table.
    pub table: String,
    /// Its key.
    pub key: Vec<Cell>,
    /// `added`, `changed` or `deleted`.
    pub change: String,
}

/// What is told of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum RowEvent {
    /// Rows of the transaction that is told next.
    Rows(RowsEvent),
    /// What is told without being asked for rows.
    Plain(Event),
}

/// Where a listener goes on: within a transaction, behind so many of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCursor {
    /// The transaction's place in the order of arrival here.
    pub arrival: u64,
    /// Rows of it that the listener knows.
    pub told: usize,
}

impl RowCursor {
    /// The transaction that is told as a whole to who asks for no rows.
    pub fn whole(self) -> u64 {
        self.arrival
    }
}

/// The events of one space with the rows of its transactions.
pub struct RowEvents {
    space: Space,
    events: Events,
    /// Told next, in this order.
    waiting: VecDeque<Event>,
    /// The rows of the transaction that is told next.
    current: Option<Current>,
    cursor: Option<RowCursor>,
}

/// The rows of one transaction, and how many of them are told.
struct Current {
    event: TransactionEvent,
    groups: Vec<RowGroup>,
    told: usize,
}

impl Api {
    /// Events with rows, from a place on, or from now on.
    pub fn row_events(&self, space: &str, cursor: Option<RowCursor>) -> Result<RowEvents> {
        let events = self.events(space, cursor.map(|cursor| cursor.arrival))?;
        let (space, waiting) = (self.space(space)?, VecDeque::new());
        Ok(RowEvents { space, events, waiting, current: None, cursor })
    }
}

impl RowEvents {
    /// Waits for the next event. None when the space is closed.
    pub async fn next(&mut self) -> Option<Result<RowEvent>> {
        loop {
            if let Some(piece) = self.current.as_mut().and_then(Current::piece) {
                return Some(Ok(RowEvent::Rows(piece)));
            }
            if let Some(done) = self.current.take() {
                return Some(Ok(RowEvent::Plain(Event::Transaction(done.event))));
            }
            match self.waiting.pop_front() {
                Some(Event::Transaction(event)) => match self.opened(event).await {
                    Ok(current) => self.current = Some(current),
                    Err(error) => return Some(Err(error)),
                },
                Some(other) => return Some(Ok(RowEvent::Plain(other))),
                None => match self.events.next().await? {
                    Ok(batch) => self.waiting.extend(batch),
                    Err(error) => return Some(Err(error)),
                },
            }
        }
    }

    /// Reads the rows of a transaction, off the async threads.
    async fn opened(&mut self, event: TransactionEvent) -> Result<Current> {
        let (space, arrival) = (self.space.clone(), event.arrival);
        let read = tokio::task::spawn_blocking(move || space.log().entry(arrival));
        let entry = read.await.unwrap_or_else(|_| Ok(None))?.ok_or_else(|| error_kind::stopping.error())?;
        let groups = entry.transaction.ops.into_iter().filter_map(|op| match op {
            Op::Rows(group) => Some(group),
            _ => None,
        });
        let known = self.cursor.take().filter(|cursor| cursor.arrival == arrival);
        Ok(Current { event, groups: groups.collect(), told: known.map_or(0, |cursor| cursor.told) })
    }
}

impl Current {
    /// The next rows, if there are more.
    fn piece(&mut self) -> Option<RowsEvent> {
        let mut skip = self.told;
        let mut rows = Vec::new();
        for group in &self.groups {
            let from = skip.min(group.rows());
            skip -= from;
            let until = group.rows().min(from + MOST_ROWS - rows.len());
            rows.extend((from..until).map(|at| WrittenRow::of(group, at)));
        }
        assert!(rows.len() <= MOST_ROWS, "a piece is bounded");
        self.told += rows.len();
        let (arrival, dot) = (self.event.arrival, self.event.dot.clone());
        (!rows.is_empty()).then_some(RowsEvent { arrival, told: self.told, dot, rows })
    }
}

impl WrittenRow {
    fn of(group: &RowGroup, at: usize) -> Self {
        let change = match group.action {
            Action::Insert => "added",
            Action::Update => "changed",
            Action::Delete => "deleted",
        };
        let key = Cell::from_values(group.key(at).0);
        Self { table: group.table.clone(), key, change: change.to_owned() }
    }
}
