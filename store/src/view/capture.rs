//! What a user's statements changed, as the pre-update hook reports it: one net change per row,
//! from the values before the first statement to those after the last.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tandem_protocol::bounds;
use tandem_protocol::schema::{OnDelete, TableId};
use tandem_protocol::value::{Key, Value};

use super::bind::weight;
use super::guard::Guard;
use super::ids::{self, SharedIds};
use super::preupdate::{PreUpdate, Watcher};
use super::table::ViewTable;

/// The net change of one row. Values are as SQLite stores them.
pub(crate) struct RowChange {
    pub table: Arc<ViewTable>,
    pub key: Key,
    /// Before the transaction: rowid and values.
    pub old: Option<(i64, Vec<Value>)>,
    /// After it.
    pub new: Option<(i64, Vec<Value>)>,
    /// Positions of counters that were set by `exactly()`.
    pub exact: Vec<usize>,
    /// Positions of counters that were set absolutely.
    pub absolute: Vec<usize>,
    /// Whether the row that was there was deleted, and a new one inserted by another statement.
    pub renewed: bool,
    /// The statement that deleted it last.
    deleted_by: u32,
    /// The statement, by its number in the transaction, that last inserted or updated it.
    written_by: u32,
    /// What the statement at hand did to it.
    pub now: Touch,
}

/// What one statement did to a row.
#[derive(Clone, Copy, Default)]
pub(crate) struct Touch {
    /// Anything at all; else the row is canonical.
    pub any: bool,
    /// The row that is there was inserted by it.
    pub inserted: bool,
    /// It is another than it was.
    pub changed: bool,
}

/// Why what happened cannot be an op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaptureError {
    /// A primary key was given another value.
    KeyChanged(String),
    /// A value is text that is not UTF-8, or could not be read.
    NotReadable(String),
    /// A row was given a rowid of its own.
    Rowid(String),
    /// More rows than one transaction may change: no more of them are kept.
    TooManyRows,
}

/// Collects changes while it is on.
#[derive(Default)]
pub(crate) struct Capture {
    pub on: bool,
    /// Takes note of keys at once: the next row of the same statement may ask for one.
    ids: SharedIds,
    /// By name, as SQLite spells it.
    pub tables: HashMap<String, Arc<ViewTable>>,
    /// What the statement at hand sets by `exactly()`: table number and position.
    pub exact: Vec<(i64, usize)>,
    /// What it sets absolutely, where that is not what it would be relatively: as above.
    pub absolute: Vec<(i64, usize)>,
    /// The statement at hand, by its number in the transaction.
    statement: u32,
    /// Whether what changes now follows from what the statement removed.
    following: bool,
    /// Numbers of the tables whose rows others are to follow when they are deleted.
    followed: HashSet<i64>,
    /// Rows of those that the statement at hand removed, by their place in `changes`, and what they held.
    removed: Vec<(usize, Vec<Value>)>,
    /// The INTEGER PRIMARY KEY that the statement at hand gave its last new row.
    inserted: Option<i64>,
    changes: Vec<RowChange>,
    /// Places of those that the statement at hand touched.
    touched: Vec<usize>,
    by_key: HashMap<(i64, Vec<u8>), usize>,
    error: Option<CaptureError>,
    /// Ends what changes more than can be held.
    guard: Guard,
}

/// Rowids stay far from the greatest, beyond which SQLite picks them at random.
const ROWID_BELOW: i64 = 1 << 60;

impl Capture {
    /// Whose changes that guard bounds.
    pub(crate) fn new(ids: SharedIds, guard: Guard) -> Self {
        Self { ids, guard, ..Self::default() }
    }

    /// Starts over.
    pub(crate) fn begin(&mut self) {
        assert!(!self.on, "the changes of one transaction are captured at a time");
        self.on = true;
        self.statement = 0;
        self.removed.clear();
        self.changes.clear();
        self.touched.clear();
        self.by_key.clear();
        self.error = None;
    }

    /// A row that was touched since the last statement, if any is left: to be made canonical.
    pub(crate) fn next_touched(&mut self) -> Option<(usize, &mut RowChange)> {
        let at = self.touched.pop()?;
        debug_assert!(at < self.changes.len(), "what a statement touched has a net change");
        let change = self.changes.get_mut(at)?;
        Some((at, change))
    }

    /// Puts back what was taken of a change.
    pub(crate) fn put_back(&mut self, at: usize, key: Key, new: Option<(i64, Vec<Value>)>) {
        if let Some(change) = self.changes.get_mut(at) {
            (change.key, change.new) = (key, new);
        }
    }

    /// What changed since [`Capture::begin`], in the order in which rows were first touched.
    pub(crate) fn finish(&mut self) -> Result<Vec<RowChange>, CaptureError> {
        self.on = false;
        assert_eq!(self.by_key.len(), self.changes.len(), "a row has one net change");
        self.by_key.clear();
        let changes = std::mem::take(&mut self.changes);
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(changes),
        }
    }

    /// What the statement at hand sets in ways that its values do not tell.
    pub(super) fn sets(&mut self, exact: &[(i64, usize)], absolute: &[(i64, usize)]) {
        exact.clone_into(&mut self.exact);
        absolute.clone_into(&mut self.absolute);
    }

    /// A statement is about to run.
    pub(crate) fn next_statement(&mut self) {
        debug_assert!(self.on, "a user's statement is captured");
        self.statement += 1;
        self.inserted = None;
        self.following = false;
    }

    /// Rows of which tables the ON DELETE actions of others wait for.
    pub(super) fn follow_deletions_of<'a>(
        &mut self,
        tables: impl Iterator<Item = &'a Arc<ViewTable>> + Clone,
    ) {
        let acting = tables
            .clone()
            .flat_map(|table| &table.references)
            .filter(|reference| reference.on_delete != OnDelete::Restrict);
        let targets: HashSet<TableId> = acting.map(|reference| reference.target).collect();
        let is_target = |table: &&Arc<ViewTable>| targets.contains(&table.id);
        self.followed = tables.filter(is_target).map(|table| table.number).collect();
    }

    /// The INTEGER PRIMARY KEY that the statement at hand gave its last new row, if to any.
    pub(super) fn last_inserted(&self) -> Option<i64> {
        self.inserted
    }

    /// Whether a statement has removed rows that others are to follow.
    pub(super) fn has_removed(&self) -> bool {
        !self.removed.is_empty()
    }

    /// The rows that were removed since, and are not there again: as SQLite stored them.
    pub(super) fn take_removed(&mut self) -> Vec<(Arc<ViewTable>, Vec<Value>)> {
        // What follows is nobody's stock-take.
        self.exact.clear();
        self.absolute.clear();
        self.following = true;
        let removed = std::mem::take(&mut self.removed).into_iter();
        let gone = removed.filter(|(at, _)| self.changes[*at].new.is_none());
        gone.map(|(at, row)| (Arc::clone(&self.changes[at].table), row)).collect()
    }

    /// Whether the statement at hand inserted or updated a row.
    pub(super) fn was_just_written(&self, table: &ViewTable, key: &Key) -> bool {
        let stored = Key(table.key_as_stored(key)).to_bytes();
        let change = self.by_key.get(&(table.number, stored)).map(|at| &self.changes[*at]);
        change.is_some_and(|change| change.written_by == self.statement)
    }

    fn fail(&mut self, error: CaptureError) {
        self.error.get_or_insert(error);
    }
}

impl Watcher for Capture {
    fn changing(&mut self, change: &PreUpdate<'_>) {
        if !self.on {
            return;
        }
        let Some(table) = self.tables.get(change.table).cloned() else { return };
        match RowUpdate::read(&table, change) {
            Ok(Some(update)) => self.take(table, update),
            Ok(None) => {}
            Err(error) => self.fail(error),
        }
    }
}

/// What SQLite is about to do to one row, if an op can say it.
struct RowUpdate {
    key: Key,
    old: Option<(i64, Vec<Value>)>,
    new: Option<(i64, Vec<Value>)>,
}

impl RowUpdate {
    /// Reads it. `None`: there is no row before it, and none after.
    fn read(table: &ViewTable, change: &PreUpdate<'_>) -> Result<Option<Self>, CaptureError> {
        let columns = table.def.columns.len();
        let name = || table.def.name.clone();
        let readable = |row: Option<Vec<Value>>| row.ok_or_else(|| CaptureError::NotReadable(name()));
        let old = change.has_old.then(|| readable(change.row_before(columns))).transpose()?;
        let new = change.has_new.then(|| readable(change.row_after(columns))).transpose()?;
        let old_key = old.as_ref().map(|row| table.key_of(row));
        let new_key = new.as_ref().map(|row| table.key_of(row));
        if let (Some(before), Some(after)) = (&old_key, &new_key)
            && before != after
        {
            return Err(CaptureError::KeyChanged(name()));
        }
        if change.has_new && change.new_rowid >= ROWID_BELOW {
            return Err(CaptureError::Rowid(name()));
        }
        let Some(key) = old_key.or(new_key) else { return Ok(None) };
        let old = old.map(|row| (change.old_rowid, row));
        let new = new.map(|row| (change.new_rowid, row));
        Ok(Some(Self { key, old, new }))
    }

    /// What it is for the statement that does it.
    fn touch(&self) -> Touch {
        let (old, new) = (self.old.as_ref(), self.new.as_ref());
        let changed = old.map(|(_, values)| values) != new.map(|(_, values)| values);
        Touch { any: true, inserted: old.is_none(), changed }
    }

    /// The memory that its rows take.
    fn weight(&self) -> usize {
        [&self.old, &self.new].into_iter().flatten().map(|(_, row)| weight(row)).sum()
    }
}

impl Capture {
    fn take(&mut self, table: Arc<ViewTable>, update: RowUpdate) {
        self.guard.changed(size_of::<RowChange>() + update.weight());
        let (was_there, is_there) = (update.old.is_some(), update.new.is_some());
        if !was_there {
            self.note_generated(&table, &update.key);
        }
        let (number, touch) = (table.number, update.touch());
        let removed = update.old.as_ref().filter(|_| !is_there && self.followed.contains(&number));
        let removed = removed.map(|(_, row)| row.clone());
        debug_assert!(was_there || is_there, "a change is of a row that is there before it, or after");
        let Some(at) = self.net(table, update) else { return };
        let change = &mut self.changes[at];
        if is_there && !self.following {
            change.written_by = self.statement;
        }
        self.removed.extend(removed.map(|row| (at, row)));
        if !change.now.any {
            self.touched.push(at);
        }
        change.now = Touch { changed: touch.changed || change.now.changed, ..touch };
        if was_there && is_there {
            note_set(&self.exact, number, &mut change.exact);
        }
        // OR REPLACE deletes a row and inserts it.
        if is_there {
            note_set(&self.absolute, number, &mut change.absolute);
        }
    }

    /// Takes note of the key of a new row, where tandem could have made it.
    fn note_generated(&mut self, table: &ViewTable, key: &Key) {
        if table.generated_key().is_some()
            && let [Value::Integer(id)] = key.0[..]
        {
            self.inserted = Some(id);
            ids::locked(&self.ids).saw(&table.id_text, id);
        }
    }

    /// Where the net change of a row stands, with what now happens to it. `None`: they are too many.
    fn net(&mut self, table: Arc<ViewTable>, update: RowUpdate) -> Option<usize> {
        let RowUpdate { key, old, new } = update;
        let statement = self.statement;
        match self.by_key.entry((table.number, key.to_bytes())) {
            Entry::Occupied(at) => {
                let known = &mut self.changes[*at.get()];
                // Within one statement (OR REPLACE) it is the same row, with other values.
                known.renewed |= known.new.is_none() && known.old.is_some() && known.deleted_by != statement;
                if new.is_none() {
                    known.deleted_by = statement;
                }
                known.new = new;
                Some(*at.get())
            }
            Entry::Vacant(_) if self.changes.len() >= bounds::TRANSACTION_ROWS => {
                self.error.get_or_insert(CaptureError::TooManyRows);
                None
            }
            Entry::Vacant(at) => {
                at.insert(self.changes.len());
                self.changes.push(RowChange {
                    table,
                    key,
                    old,
                    new,
                    exact: Vec::new(),
                    absolute: Vec::new(),
                    renewed: false,
                    deleted_by: statement,
                    written_by: 0,
                    now: Touch::default(),
                });
                Some(self.changes.len() - 1)
            }
        }
    }
}

/// Notes the columns of a table that are set.
fn note_set(set: &[(i64, usize)], table: i64, known: &mut Vec<usize>) {
    for (_, column) in set.iter().filter(|(number, _)| *number == table) {
        if !known.contains(column) {
            known.push(*column);
        }
    }
}
