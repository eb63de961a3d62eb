//! What happens, as it happens: one event for each durable transaction, in order of arrival; and
//! one whenever other conflicts are open than before.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_protocol::fingerprint::Fingerprint;
use tandem_protocol::identity::Author;
use tandem_protocol::membership::Membership;
use tandem_protocol::value::Key;
use tandem_store::{ChangedRows, Commit, CommittedTransaction, Identity, LogEntry, Space};
use tokio::sync::broadcast;

use super::cell::Cell;
use super::error::Result;
use super::transaction::TableChange;
use super::{Api, to_iso};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A transaction became durable here.
    Transaction(TransactionEvent),
    /// Other conflicts are open now.
    Conflicts(OpenConflicts),
}

/// The open conflicts in short; [`Api::conflicts`] lists them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenConflicts {
    /// How many.
    pub open: u64,
    /// Equal on two sites that list the same ones.
    pub fingerprint: String,
}

/// A transaction that became durable here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionEvent {
    /// Its place in the order of arrival here, from 0: the event's id.
    pub arrival: u64,
    /// Its name.
    pub dot: String,
    /// Id of the site that wrote it.
    pub site: String,
    /// That site's name.
    pub site_name: String,
    /// When it was written, ISO 8601.
    pub time: String,
    /// Whether it was written here.
    pub local: bool,
    /// For each table, how many rows it changed.
    pub changes: Vec<TableChange>,
    /// Which ones; none where they are more than twenty, and what is wanted is to be read again. Of a
    /// transaction read from the log, those that it wrote.
    pub rows: Option<Vec<ChangedRow>>,
}

/// A row that a transaction changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedRow {
    /// Its table.
    pub table: String,
    /// Its key.
    pub key: Vec<Cell>,
}

impl ChangedRow {
    fn all(rows: &ChangedRows) -> Option<Vec<Self>> {
        let ChangedRows::Named(rows) = rows else { return None };
        let row = |(table, key): &(String, Key)| Self {
            table: table.clone(),
            key: Cell::from_values(key.0.clone()),
        };
        Some(rows.iter().map(row).collect())
    }
}

/// Transactions read from the log at a time.
const REPLAYED: usize = 256;

/// The events of one space from some arrival on, without gap or repetition. Of conflicts it tells
/// how they stand after the transactions told, as soon as that differs from what it told last.
pub struct Events {
    space: Space,
    /// Number and fingerprint of the open conflicts as the listener knows them.
    conflicts: (u64, Fingerprint),
    own: Identity,
    live: broadcast::Receiver<Arc<Commit>>,
    /// Arrival of the next event to give.
    next: u64,
    /// Arrivals before this one are read from the log.
    replay_until: u64,
}

impl Api {
    /// Events from arrival `from` on, or from now on.
    pub fn events(&self, space: &str, from: Option<u64>) -> Result<Events> {
        let space = self.space(space)?;
        // Listening first: what commits in between is both in the log and in the feed.
        let live = self.inner.feeds.listen(&space);
        let end = space.end();
        let (own, next) = (self.store().identity().clone(), from.unwrap_or(end).min(end));
        // Who was cut off may have missed how they changed: it is told if there are any.
        let conflicts = if from.is_some() { Default::default() } else { space.open_conflicts() };
        Ok(Events { space, conflicts, own, live, next, replay_until: end })
    }
}

impl Events {
    /// Waits for the next events: at least one. None when the space is closed.
    pub async fn next(&mut self) -> Option<Result<Vec<Event>>> {
        let transactions = match self.transactions().await? {
            Ok(transactions) => transactions,
            Err(error) => return Some(Err(error)),
        };
        let mut happened: Vec<_> = transactions.into_iter().map(Event::Transaction).collect();
        let now = self.space.open_conflicts();
        if now != self.conflicts {
            self.conflicts = now;
            let (open, fingerprint) = (now.0, now.1.to_string());
            happened.push(Event::Conflicts(OpenConflicts { open, fingerprint }));
        }
        Some(Ok(happened))
    }

    /// Waits for the next transactions.
    async fn transactions(&mut self) -> Option<Result<Vec<TransactionEvent>>> {
        loop {
            if self.next < self.replay_until {
                return Some(self.replay().await);
            }
            match self.live.recv().await {
                Ok(commit) => {
                    let events = self.of_commit(&commit);
                    if !events.is_empty() {
                        return Some(Ok(events));
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => self.replay_until = self.space.end(),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    fn of_commit(&mut self, commit: &Commit) -> Vec<TransactionEvent> {
        let membership = self.space.membership();
        let new = |transaction: &&CommittedTransaction| transaction.arrival >= self.next;
        let events = commit.transactions.iter().filter(new).map(|transaction| live(transaction, &membership));
        let events: Vec<_> = events.collect();
        debug_assert!(
            events.windows(2).all(|pair| pair[0].arrival < pair[1].arrival),
            "events come in the order of arrival, each once"
        );
        self.next = self.next.max(commit.end);
        events
    }

    /// Reads the next events from the log, off the async threads.
    async fn replay(&mut self) -> Result<Vec<TransactionEvent>> {
        let (space, own) = (self.space.clone(), self.own.authors());
        let (from, until) = (self.next, self.replay_until);
        let read = tokio::task::spawn_blocking(move || {
            let membership = space.membership();
            let count = usize::try_from(until - from).unwrap_or(REPLAYED).min(REPLAYED);
            let entries = space.log().entries_from(from).take(count);
            entries.map(|entry| Ok(replayed(&entry?, &own, &membership))).collect::<Result<Vec<_>>>()
        });
        let events = read.await.unwrap_or_else(|_| Err(super::error_kind::stopping.error()))?;
        debug_assert!(
            events.iter().map(|event| event.arrival).eq(from..from + events.len() as u64),
            "the log is told without gap or repetition"
        );
        // An empty page would mean a hole in the log: go on behind it rather than for ever.
        self.next = events.last().map_or(self.replay_until, |event| event.arrival + 1);
        Ok(events)
    }
}

fn live(transaction: &CommittedTransaction, membership: &Membership) -> TransactionEvent {
    TransactionEvent {
        arrival: transaction.arrival,
        dot: transaction.dot.to_string(),
        site: transaction.dot.author.to_string(),
        site_name: membership.shown_name(&transaction.dot.author),
        time: to_iso(transaction.time_ms),
        local: transaction.local,
        changes: transaction.changes.iter().map(TableChange::from).collect(),
        rows: ChangedRow::all(&transaction.rows),
    }
}

fn replayed(entry: &LogEntry, own: &[Author], membership: &Membership) -> TransactionEvent {
    let header = &entry.transaction.header;
    TransactionEvent {
        arrival: entry.arrival,
        dot: header.dot.to_string(),
        site: header.dot.author.to_string(),
        site_name: membership.shown_name(&header.dot.author),
        time: to_iso(header.time_ms),
        local: own.contains(&header.dot.author),
        changes: TableChange::of_ops(&entry.transaction.ops),
        rows: ChangedRow::all(&ChangedRows::written_by(&entry.transaction.ops)),
    }
}
