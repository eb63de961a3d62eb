//! The effect of blocks taken in one after the other: what became of each row and conflict that they
//! touched, however often, so that what is told is the result and not its history.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tandem_protocol::conflict::ConflictId;
use tandem_protocol::fingerprint::RowHash;
use tandem_protocol::schema::TableId;

use crate::table_change::TableChange;

/// What became of the rows and conflicts that some blocks touched. Some fifty bytes for each row.
#[derive(Clone, Debug, Default)]
pub struct Effect {
    /// By table and hash of the key: the row before the first change, and after the last.
    rows: HashMap<(TableId, RowHash), (Shown, Shown)>,
    /// By name: whether it was open before, and is.
    conflicts: HashMap<ConflictId, (bool, bool)>,
    names: Vec<(TableId, String)>,
}

/// An effect that whoever hands in the blocks shares with the writer.
#[derive(Clone, Debug, Default)]
pub struct SharedEffect(Arc<Mutex<Effect>>);

impl SharedEffect {
    /// What it has come to; nothing is left of it.
    pub fn take(&self) -> Effect {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn put(&self, effect: Effect) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = effect;
    }
}

/// The hash of a row as it is shown; none where it is not.
pub(crate) type Shown = Option<RowHash>;

impl Effect {
    /// A row was shown so, and is shown so now.
    pub(crate) fn row(&mut self, (table, name): (TableId, &str), key: &[u8], before: Shown, after: Shown) {
        if self.names.iter().all(|(known, _)| *known != table) {
            self.names.push((table, name.to_owned()));
        }
        self.rows.entry((table, RowHash::of_bytes(key))).or_insert((before, after)).1 = after;
    }

    /// A conflict was open or not, and is now.
    pub(crate) fn conflict(&mut self, id: ConflictId, before: bool, after: bool) {
        self.conflicts.entry(id).or_insert((before, after)).1 = after;
    }

    /// Rows that are there and were not, are others than they were, or are no longer there, by table.
    pub fn changes(&self) -> Vec<TableChange> {
        let mut changes: Vec<TableChange> = Vec::with_capacity(self.names.len());
        let counted =
            self.names.iter().map(|(_, name)| TableChange { table: name.clone(), ..Default::default() });
        changes.extend(counted);
        for ((table, _), (before, after)) in &self.rows {
            let Some(at) = self.names.iter().position(|(known, _)| known == table) else { continue };
            match (before, after) {
                (None, Some(_)) => changes[at].inserted += 1,
                (Some(_), None) => changes[at].deleted += 1,
                (before, after) => changes[at].updated += u64::from(before != after),
            }
        }
        changes.retain(|change| change.inserted + change.updated + change.deleted > 0);
        changes
    }

    /// Conflicts that are open and were not.
    pub fn conflicts_opened(&self) -> u64 {
        self.conflicts.values().filter(|(before, after)| !before && *after).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_the_result() {
        let (pupils, hash) =
            ((TableId([1; 16]), "pupils"), |text: &str| Some(RowHash::of_bytes(text.as_bytes())));
        let mut effect = Effect::default();
        for (key, states) in [
            ("came and went", vec![None, hash("a"), None]),
            ("came", vec![None, hash("a"), None, hash("b"), hash("c")]),
            ("changed", vec![hash("a"), hash("b"), hash("c")]),
            ("changed and back", vec![hash("a"), hash("b"), hash("a")]),
            ("went", vec![hash("a"), hash("b"), None]),
            ("made anew", vec![hash("a"), None, hash("b")]),
        ] {
            states.windows(2).for_each(|pair| effect.row(pupils, key.as_bytes(), pair[0], pair[1]));
        }
        let told = TableChange { table: "pupils".into(), inserted: 1, updated: 2, deleted: 1 };
        assert_eq!(effect.changes(), [told]);
        for (id, states) in [(1, [false, true, true]), (2, [false, true, false]), (3, [true, false, true])] {
            states.windows(2).for_each(|pair| effect.conflict(ConflictId([id; 10]), pair[0], pair[1]));
        }
        assert_eq!(effect.conflicts_opened(), 1);
    }
}
