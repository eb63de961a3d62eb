//! One cell: its siblings, and the value shown.

use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Mode;
use tandem_protocol::schema::{ColumnDef, ColumnType};
use tandem_protocol::value::Value;

use super::siblings::{Sibling, siblings};
use super::write::Write;
use super::{counter, document};

/// All writes of one cell.
pub type CellWrites<'w, 'a> = [(&'w Write<'a>, Mode, &'a Value)];

/// What one sibling of a cell stands for.
#[derive(Clone)]
pub struct Claim {
    /// What must differ for siblings to be in conflict.
    pub meant: Value,
    /// What the cell would show if this sibling were chosen.
    pub shows: Value,
    /// Whether that is a counter with more digits than its column is meant to have.
    pub is_beyond: bool,
}

impl Claim {
    /// That the cell is this.
    pub fn plain(value: &Value) -> Self {
        Self { meant: value.clone(), shows: value.clone(), is_beyond: false }
    }
}

/// One cell.
pub struct Cell {
    /// The value shown.
    pub shown: Value,
    /// The write it is shown for; none where nothing was ever set.
    pub by: Option<WriteId>,
    /// The writes that made it what it is, greatest first.
    pub makers: Vec<WriteId>,
    /// Whether it is a counter with more digits than its column is meant to have.
    pub is_beyond: bool,
    /// Greatest first.
    pub siblings: Vec<Sibling<Claim>>,
    /// Whether siblings that differ are for a person to decide.
    tells: bool,
}

impl Cell {
    pub fn of(column: &ColumnDef, writes: &CellWrites<'_, '_>) -> Self {
        let (siblings, unwritten) = match column.kind {
            ColumnType::Counter { .. } => {
                let unwritten = counter::unwritten(column.kind, writes, &column.unwritten());
                (counter::siblings(column.kind, writes), unwritten)
            }
            ColumnType::RichText | ColumnType::Json => {
                (document::siblings(column.kind, writes), Claim::plain(&column.unwritten()))
            }
            _ => (plain(writes), Claim::plain(&column.unwritten())),
        };
        let chosen = match column.kind {
            ColumnType::Stamp => {
                siblings.iter().max_by_key(|sibling| (stamp(&sibling.what.shows), sibling.by))
            }
            _ => siblings.first(),
        };
        let claim = chosen.map_or(&unwritten, |sibling| &sibling.what);
        Self {
            shown: claim.shows.clone(),
            is_beyond: claim.is_beyond,
            by: chosen.map(|sibling| sibling.by),
            makers: match column.kind {
                ColumnType::Counter { .. } => counter::makers(writes, chosen.map(|sibling| sibling.by)),
                _ => chosen.map(|sibling| sibling.by).into_iter().collect(),
            },
            siblings,
            tells: !matches!(column.kind, ColumnType::Stamp | ColumnType::Quiet),
        }
    }

    /// Whether different values were written by people who did not know of each other.
    pub fn is_disputed(&self) -> bool {
        let differs = |sibling: &Sibling<Claim>| sibling.what.meant != self.siblings[0].what.meant;
        self.tells && self.siblings.iter().any(differs)
    }
}

fn plain(writes: &CellWrites<'_, '_>) -> Vec<Sibling<Claim>> {
    let writes: Vec<_> = writes.iter().map(|(write, _, value)| (*write, Claim::plain(value))).collect();
    siblings(&writes)
}

/// Canonical timestamps order as their text does; none comes before all.
fn stamp(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
