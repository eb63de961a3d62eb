//! Takes what the application changed into the log, transaction by transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, sync_channel};

use tandem_protocol::cause::Cause;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::VersionVector;
use tandem_store::{Edits, ObservedChange, Space, Write, WriteError, Written};

use crate::dirty::{Dirty, Place};
use crate::engine::{Engine, Entry, Outcome, Pending};
use crate::error::{BridgeError, told};
use crate::held::{Held, Row, agree};
use crate::mirror::Mirror;
use crate::paired::PairedTable;
use crate::stale_form::StaleForm;
use crate::status::SharedStatus;
use crate::view_rows;

/// Rows of one transaction of the log, at most: a larger one of the application becomes several.
const ROWS: usize = 5_000;
/// The same, of rows that were changed behind the triggers.
const MISSED: usize = 1_000;
/// Transactions that wait for the log together.
const TOGETHER: usize = 200;

/// A change of one row, from the first to the last entry that tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub table: usize,
    pub key: Key,
    pub old: Option<Row>,
    pub new: Option<Row>,
}

/// What entries say of one row, each before and after.
type Steps = Vec<(Option<Row>, Option<Row>)>;

/// Where steps begin and end, taken together.
fn ends(mut steps: Steps) -> (Option<Row>, Option<Row>) {
    assert!(!steps.is_empty(), "something is said of a row that is told of");
    // Each step that ends where another begins is one with it.
    let mut at = 0;
    while steps.len() > 1 && at < steps.len() {
        let next = steps.iter().enumerate().position(|(other, step)| other != at && step.0 == steps[at].1);
        match next {
            Some(next) => {
                let (_, end) = steps.remove(next);
                at -= usize::from(next < at);
                steps[at].1 = end;
            }
            None => at += 1,
        }
    }
    let last = steps.len() - 1;
    let end = steps[last].1.take();
    (steps.swap_remove(0).0, end)
}

/// A transaction on its way into the log.
struct Sent {
    changes: Vec<Change>,
    write: Write,
    answer: Receiver<Result<Written, WriteError>>,
}

/// See the module.
pub(crate) struct Intake<'a> {
    pub space: &'a Space,
    pub tables: &'a [PairedTable],
    pub mirror: &'a Mirror,
    pub dirty: &'a Dirty,
    pub status: &'a SharedStatus,
    /// Which attachment it is: part of what names a transaction.
    pub incarnation: &'a str,
    sent: Vec<Sent>,
    /// The rows that they change.
    places: BTreeSet<Place>,
    /// Tables in which a row was entered under an id, and the greatest of those.
    pub entered: BTreeMap<usize, i64>,
}

impl<'a> Intake<'a> {
    pub fn new(
        (space, tables, incarnation): (&'a Space, &'a [PairedTable], &'a str),
        mirror: &'a Mirror,
        dirty: &'a Dirty,
        status: &'a SharedStatus,
    ) -> Self {
        let (sent, places, entered) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        Self { space, tables, mirror, dirty, status, incarnation, sent, places, entered }
    }

    /// Takes transactions of the outbox in. All of them are in the log when it returns.
    pub fn take(&mut self, engine: &mut dyn Engine, pending: &[Pending]) -> Outcome {
        let mut rest = pending;
        while let Some(first) = rest.first() {
            if first.entries.len() > ROWS {
                for (part, numbers) in first.entries.chunks(ROWS).enumerate() {
                    let changes = self.net(engine.entries(self.tables, numbers)?);
                    self.send(changes, &format!("{}/{part}", first.token), first.seen)?;
                }
                rest = &rest[1..];
                continue;
            }
            // Small ones are read together.
            let mut count = 0;
            let within = rest.iter().take_while(|one| {
                count += one.entries.len();
                count <= ROWS
            });
            let (together, left) = rest.split_at(within.count());
            rest = left;
            let numbers: Vec<i64> = together.iter().flat_map(|one| one.entries.iter().copied()).collect();
            let entries = engine.entries(self.tables, &numbers)?;
            let mut entries: BTreeMap<i64, Entry> = entries.into_iter().map(|one| (one.seq, one)).collect();
            for one in together {
                let own = one.entries.iter().filter_map(|number| entries.remove(number)).collect();
                let changes = self.net(own);
                self.send(changes, &format!("{}/0", one.token), one.seen)?;
            }
            assert!(entries.is_empty(), "each entry is of one transaction");
        }
        self.settle()
    }

    /// Takes in what was changed behind the triggers, all of it in the log when it returns.
    pub fn take_missed(&mut self, changes: &[Change], seen: i64) -> Outcome {
        changes.chunks(MISSED).try_for_each(|part| self.take_part(part.to_vec(), seen))
    }

    fn take_part(&mut self, changes: Vec<Change>, seen: i64) -> Outcome {
        let mut hasher = blake3::Hasher::new();
        for change in &changes {
            hasher.update(&change.key.to_bytes());
            for row in [&change.old, &change.new].into_iter().flatten() {
                hasher.update(&crate::held::to_bytes(row));
            }
        }
        let token = format!("missed/{seen}/{}", hasher.finalize().to_hex());
        self.send(changes, &token, seen)?;
        self.settle()
    }

    /// One change for each row that entries tell of. A row whose key changes is another row. Triggers of the
    /// application may change a row from within its change, and are heard of first: so in whatever order
    /// they stand, what the row was is what no entry made, and what it is, what no entry began with.
    fn net(&self, entries: Vec<Entry>) -> Vec<Change> {
        let (mut steps, mut places) = (Vec::<(usize, Key, Steps)>::new(), BTreeMap::<Place, usize>::new());
        let mut note = |table: usize, key: Key, old: Option<Row>, new: Option<Row>| {
            let at = *places.entry((table, key.to_bytes())).or_insert_with(|| {
                steps.push((table, key, Steps::new()));
                steps.len() - 1
            });
            steps[at].2.push((old, new));
        };
        for Entry { table, old, new, .. } in entries {
            let key_of = |row: &Option<Row>| row.as_ref().and_then(|row| self.tables[table].key_of(row));
            match (key_of(&old), key_of(&new)) {
                (Some(before), Some(after)) if before != after => {
                    note(table, before, old, None);
                    note(table, after, None, new);
                }
                (Some(key), _) | (None, Some(key)) => note(table, key, old, new),
                (None, None) => self.status.change(|status| status.unread += 1),
            }
        }
        let change = |(table, key, steps): (usize, Key, Steps)| {
            let (old, new) = ends(steps);
            Change { table, key, old, new }
        };
        steps.into_iter().map(change).collect()
    }

    /// Sends changes to the log. What changes a row that is on its way there waits for it.
    fn send(&mut self, changes: Vec<Change>, token: &str, seen: i64) -> Outcome {
        let place = |change: &Change| (change.table, change.key.to_bytes());
        if self.sent.len() >= TOGETHER || changes.iter().any(|change| self.places.contains(&place(change))) {
            self.settle()?;
        }
        let (mut observed, mut seen) = (Vec::with_capacity(changes.len()), seen);
        for change in &changes {
            if let (None, Some(id)) = (&change.old, self.tables[change.table].id_of(&change.key)) {
                let greatest = self.entered.entry(change.table).or_insert(id);
                *greatest = id.max(*greatest);
            }
            let form = StaleForm::of(change, &self.tables[change.table], self.mirror)?;
            if !form.uncounted.is_empty() {
                self.status.change(|status| status.uncounted += 1);
                self.dirty.put(change.table, &change.key);
            }
            seen = form.seen.map_or(seen, |before| before.min(seen));
            observed.extend(self.observed(change, &form));
        }
        self.status.change(|status| status.taken_in += changes.len() as u64);
        if observed.is_empty() {
            return changes.iter().try_for_each(|change| self.note(change));
        }
        let write = Write {
            edits: Edits::Observed(observed),
            idempotency_key: Some(format!("bridge/{}/{token}", self.incarnation)),
            basis: Some(self.basis(seen)?),
            ..Write::default()
        };
        debug_assert!(changes.len() <= ROWS, "a transaction of the log has no more rows than it may");
        let before = self.places.len();
        self.places.extend(changes.iter().map(place));
        assert_eq!(
            self.places.len(),
            before + changes.len(),
            "a row on its way is changed by one transaction"
        );
        let answer = self.start(write.clone());
        self.sent.push(Sent { changes, write, answer });
        Ok(())
    }

    fn start(&self, write: Write) -> Receiver<Result<Written, WriteError>> {
        let (done, answer) = sync_channel(1);
        assert!(write.idempotency_key.is_some(), "what may come again is named");
        self.space.write(write, move |result| {
            let _whoever_asked_waits = done.send(result);
        });
        answer
    }

    /// Waits until all that was sent is in the log.
    fn settle(&mut self) -> Outcome {
        self.places.clear();
        assert!(self.sent.len() <= TOGETHER, "no more wait for the log than may");
        for Sent { changes, write, answer } in std::mem::take(&mut self.sent) {
            match answer.recv().unwrap_or(Err(WriteError::Closed)) {
                Ok(written) => self.written(&changes, &written)?,
                Err(WriteError::Refused(_)) => self.one_by_one(&changes, &write)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn written(&self, changes: &[Change], written: &Written) -> Outcome {
        if let Some(dot) = written.dot {
            self.dirty.forget(dot);
        }
        for change in changes {
            self.note(change)?;
            let shown = view_rows::row(self.space, &self.tables[change.table], &change.key)?;
            if !agree(change.new.as_ref(), shown.as_ref()) {
                self.dirty.put(change.table, &change.key);
            }
        }
        Ok(())
    }

    fn note(&self, change: &Change) -> Outcome {
        self.mirror.put(change.table, &change.key, change.new.as_ref())
    }

    /// Takes in what can be of a transaction that was refused; the rest is listed.
    fn one_by_one(&self, changes: &[Change], refused: &Write) -> Outcome {
        for (at, change) in changes.iter().enumerate() {
            let form = StaleForm::of(change, &self.tables[change.table], self.mirror)?;
            let Some(observed) = self.observed(change, &form) else { continue };
            let key = refused.idempotency_key.as_ref().map(|key| format!("{key}/{at}"));
            let write =
                Write { edits: Edits::Observed(vec![observed]), idempotency_key: key, ..refused.clone() };
            match self.start(write).recv().unwrap_or(Err(WriteError::Closed)) {
                Ok(written) => self.written(std::slice::from_ref(change), &written)?,
                Err(WriteError::Refused(refusal)) => {
                    let reason = Cause::new("bridge_not_taken_in").with("detail", told(refusal));
                    let name = &self.tables[change.table].here;
                    self.mirror.park(change.table, &change.key, name, &reason)?;
                }
                Err(error) => return Err(BridgeError::from(error)),
            }
        }
        Ok(())
    }

    /// What the log is told of a change; nothing, if none of it can be held here.
    fn observed(&self, change: &Change, form: &StaleForm) -> Option<ObservedChange> {
        let table = &self.tables[change.table];
        let (mut columns, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
        let (mut unread, null) = (0, Held::Value(Value::Null));
        for (at, column) in table.columns.iter().enumerate() {
            let of = |row: &Option<Row>| row.as_ref().map_or(null.clone(), |row| row[at].clone());
            let (was, is) = (of(&change.old), of(&change.new));
            let Some(is) = is.value() else {
                unread += 1;
                continue;
            };
            let was = if form.uncounted.contains(&at) { Some(is) } else { was.value() };
            columns.push(column.here.clone());
            before.push(was.cloned().unwrap_or(Value::Null));
            after.push(is.clone());
        }
        if unread > 0 {
            self.status.change(|status| status.unread += unread);
        }
        let (before, after) = (change.old.as_ref().map(|_| before), change.new.as_ref().map(|_| after));
        let changes = before != after && (before.is_some() || after.is_some());
        let restored = form.restored.iter().map(|at| table.columns[*at].here.clone()).collect();
        changes.then(|| ObservedChange { table: table.here.clone(), columns, before, after, restored })
    }

    /// What whoever saw that number of what was applied had seen: that, and all that this site wrote.
    fn basis(&self, seen: i64) -> Outcome<VersionVector> {
        let (me, now) = (self.space.me(), self.space.vector());
        let own = now.heads().filter(|(chain, _)| chain.author == me).map(|(chain, head)| (*chain, *head));
        let mut basis = self.mirror.basis(seen)?;
        basis.join(&VersionVector::of(own, now.branches()));
        Ok(basis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_put_together_in_whatever_order_they_are_told() {
        let row = |text: &str| Some(vec![Held::Value(Value::Text(text.to_owned()))]);
        let step = |old: &str, new: &str| (row(old), row(new));
        assert_eq!(ends(vec![step("a", "b")]), step("a", "b"));
        assert_eq!(ends(vec![step("a", "b"), step("b", "c")]), step("a", "c"));
        // A trigger behind the statement changes the row again, and is heard of first.
        assert_eq!(ends(vec![step("b", "c"), step("a", "b")]), step("a", "c"));
        assert_eq!(ends(vec![step("c", "d"), step("b", "c"), step("a", "b")]), step("a", "d"));
        assert_eq!(ends(vec![(None, row("a")), step("a", "b"), (row("b"), None)]), (None, None));
        assert_eq!(ends(vec![(row("a"), None), (None, row("b"))]), step("a", "b"));
        let there_and_back = ends(vec![step("a", "b"), step("b", "a")]);
        assert_eq!(there_and_back.0, there_and_back.1);
    }
}
