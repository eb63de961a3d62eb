//! What a user's statements changed, as the pre-update hook reports it: one net change per row,
//! from the values before the first statement to those after the last.

use std::collections::HashMap;
use std::sync::Arc;

use tandem_protocol::value::{Key, Value};

use super::preupdate::{Change, Watcher};
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
    /// Whether the row that was there was deleted, and a new one inserted by another statement.
    pub renewed: bool,
    /// The statement that deleted it last.
    deleted_by: u64,
}

impl RowChange {
    /// The changes of one key that was written in two forms: one of them deleted, the other inserted.
    pub(crate) fn joined(self, other: Self) -> Result<Self, Box<(Self, Self)>> {
        let (deleted, inserted) = match (&self.old, &self.new, &other.old, &other.new) {
            (Some(_), None, None, Some(_)) => (self, other),
            (None, Some(_), Some(_), None) => (other, self),
            _ => return Err(Box::new((self, other))),
        };
        Ok(Self { old: deleted.old, renewed: true, ..inserted })
    }
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
}

/// Collects changes while it is on.
#[derive(Default)]
pub(crate) struct Capture {
    pub on: bool,
    /// By name, as SQLite spells it.
    pub tables: HashMap<String, Arc<ViewTable>>,
    /// The number of the statement at hand.
    pub statement: u64,
    /// What the statement at hand sets by `exactly()`: table number and position.
    pub exact: Vec<(i64, usize)>,
    changes: Vec<RowChange>,
    by_key: HashMap<(i64, Vec<u8>), usize>,
    error: Option<CaptureError>,
}

/// Rowids stay far from the greatest, beyond which SQLite picks them at random.
const ROWID_BELOW: i64 = 1 << 60;

impl Capture {
    /// Starts over.
    pub(crate) fn begin(&mut self) {
        self.on = true;
        self.changes.clear();
        self.by_key.clear();
        self.error = None;
    }

    /// What changed since [`Capture::begin`], in the order in which rows were first touched.
    pub(crate) fn finish(&mut self) -> Result<Vec<RowChange>, CaptureError> {
        self.on = false;
        self.by_key.clear();
        let changes = std::mem::take(&mut self.changes);
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(changes),
        }
    }

    fn fail(&mut self, error: CaptureError) {
        self.error.get_or_insert(error);
    }
}

impl Watcher for Capture {
    fn changing(&mut self, change: &Change<'_>) {
        if !self.on {
            return;
        }
        let Some(table) = self.tables.get(change.table) else { return };
        let table = Arc::clone(table);
        let columns = table.def.columns.len();
        let name = || table.def.name.clone();
        let old = change.has_old.then(|| change.row_before(columns));
        let new = change.has_new.then(|| change.row_after(columns));
        if matches!(old, Some(None)) || matches!(new, Some(None)) {
            return self.fail(CaptureError::NotReadable(name()));
        }
        let (old, new) = (old.flatten(), new.flatten());
        let old_key = old.as_ref().map(|row| table.key_of(row));
        let new_key = new.as_ref().map(|row| table.key_of(row));
        if let (Some(before), Some(after)) = (&old_key, &new_key)
            && before != after
        {
            return self.fail(CaptureError::KeyChanged(name()));
        }
        if change.has_new && change.new_rowid >= ROWID_BELOW {
            return self.fail(CaptureError::Rowid(name()));
        }
        let Some(key) = old_key.or(new_key) else { return };
        let new = new.map(|row| (change.new_rowid, row));
        let number = table.number;
        let at = match self.by_key.entry((number, key.to_bytes())) {
            std::collections::hash_map::Entry::Occupied(at) => {
                let known = &mut self.changes[*at.get()];
                // Within one statement (OR REPLACE) it is the same row, with other values.
                known.renewed |=
                    known.new.is_none() && known.old.is_some() && known.deleted_by != self.statement;
                if new.is_none() {
                    known.deleted_by = self.statement;
                }
                known.new = new;
                *at.get()
            }
            std::collections::hash_map::Entry::Vacant(at) => {
                at.insert(self.changes.len());
                let old = old.map(|row| (change.old_rowid, row));
                let (exact, deleted_by) = (Vec::new(), self.statement);
                self.changes.push(RowChange { table, key, old, new, exact, renewed: false, deleted_by });
                self.changes.len() - 1
            }
        };
        if change.has_old && change.has_new && !self.exact.is_empty() {
            let known = &mut self.changes[at].exact;
            let set = self.exact.iter().filter(|(table, _)| *table == number).map(|(_, column)| *column);
            set.for_each(|column| {
                if !known.contains(&column) {
                    known.push(column)
                }
            });
        }
    }
}

/// The changes of one key are one change, in whatever forms it was written.
pub(super) fn join_forms(changes: Vec<RowChange>) -> Vec<RowChange> {
    let has_forms = |change: &RowChange| change.table.key_has_forms;
    if !changes.iter().any(has_forms) {
        return changes;
    }
    let mut places: HashMap<(i64, Vec<u8>), usize> = HashMap::new();
    let mut joined: Vec<Option<RowChange>> = Vec::new();
    for change in changes {
        let (table, row) = (&change.table, change.new.as_ref().or(change.old.as_ref()));
        let key = row.and_then(|(_, row)| table.canonical_key(row)).filter(|_| table.key_has_forms);
        let mut change = Some(change);
        if let Some((key, table)) = key.map(|key| (key.to_bytes(), change.as_ref().map(|it| it.table.number)))
            && let Some(table) = table
        {
            let place = *places.entry((table, key)).or_insert(joined.len());
            if let Some(known) = joined.get_mut(place)
                && let (Some(first), Some(second)) = (known.take(), change.take())
            {
                match first.joined(second) {
                    Ok(one) => *known = Some(one),
                    Err(two) => (*known, change) = (Some(two.0), Some(two.1)),
                }
            }
        }
        joined.extend(change.map(Some));
    }
    joined.into_iter().flatten().collect()
}
