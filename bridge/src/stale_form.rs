//! The stale form. A program that saves a form writes every column as the form showed it. What another site
//! changed meanwhile then goes back to what it was, though nobody wanted that: such a column is told from
//! one that somebody set by what it returns to, the value that was replaced here within the last day.

use tandem_protocol::schema::{ColumnType, MergeKind};
use tandem_protocol::value::Value;

use crate::engine::Outcome;
use crate::held::Held;
use crate::intake::Change;
use crate::mirror::Mirror;
use crate::paired::PairedTable;

/// What of a change goes back to what was replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct StaleForm {
    /// The places of columns that are set to what the form had shown.
    pub restored: Vec<usize>,
    /// The places of counters that nobody counted: they stay as they are.
    pub uncounted: Vec<usize>,
    /// What had been applied when the form was filled: the smallest number.
    pub seen: Option<i64>,
}

impl StaleForm {
    /// Looks at a change of a row.
    pub fn of(change: &Change, table: &PairedTable, mirror: &Mirror) -> Outcome<Self> {
        let (Some(old), Some(new)) = (&change.old, &change.new) else { return Ok(Self::default()) };
        let replaced = mirror.replaced(change.table, &change.key)?;
        if replaced.is_empty() {
            return Ok(Self::default());
        }
        let changed: Vec<usize> = (0..new.len()).filter(|at| old[*at] != new[*at]).collect();
        let before = |at: usize| {
            let same = replaced.iter().filter(|(column, value, _)| *column == at && *value == new[at]);
            same.map(|(_, _, applied)| *applied).max()
        };
        let stale: Vec<(usize, i64)> = changed.iter().filter_map(|at| Some((*at, before(*at)?))).collect();
        // Who only ticks a box, or only chooses of a list, means it; and who only counts, counts. (Most forms
        // change the time of last change as well, and say who they are.)
        let is_meant = |at: &usize| {
            let column = &table.columns[*at];
            let says_nothing =
                matches!(column.kind, ColumnType::Boolean | ColumnType::Stamp | ColumnType::Quiet);
            column.is_choice || says_nothing || column.kind.merge_kind() == MergeKind::Counter
        };
        if changed.iter().all(is_meant) {
            return Ok(Self::default());
        }
        let is_counter = |(at, _): &(usize, i64)| {
            table.columns[*at].kind.merge_kind() == MergeKind::Counter && is_number(&new[*at])
        };
        let (uncounted, restored): (Vec<_>, Vec<_>) = stale.into_iter().partition(is_counter);
        Ok(Self {
            seen: restored.iter().map(|(_, applied)| *applied).min(),
            restored: restored.into_iter().map(|(at, _)| at).collect(),
            uncounted: uncounted.into_iter().map(|(at, _)| at).collect(),
        })
    }
}

fn is_number(held: &Held) -> bool {
    matches!(held, Held::Value(value) if !matches!(value, Value::Null))
}
