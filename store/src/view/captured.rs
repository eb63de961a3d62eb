//! What a local transaction did, captured and put in words, before it has a name.

use std::collections::HashMap;
use std::sync::Arc;

use tandem_protocol::op::{Action, Mode, Op, RowGroup};
use tandem_protocol::schema::{ColumnId, TableId};
use tandem_protocol::value::{Key, Value};

use super::row_entry::RowEntry;
use super::row_op::RowOp;
use super::table::ViewTable;
use crate::statement::StatementResult;

/// A local transaction whose statements have run.
pub(crate) struct LocalWrite {
    /// What each statement did or returned.
    pub results: Vec<StatementResult>,
    /// What changed, for the log. Empty: nothing.
    pub ops: Vec<Op>,
    pub(super) captured: Vec<Captured>,
}

/// A row's net change in canonical values.
pub(super) struct Captured {
    pub table: Arc<ViewTable>,
    pub key: Key,
    pub old: Option<(i64, Vec<Value>)>,
    pub new: Option<(i64, Vec<Value>)>,
    /// The row's state before, where it has one.
    pub state: Option<RowEntry>,
    pub op: RowOp,
}

impl Captured {
    /// Whether nobody wrote the row before.
    pub(super) fn is_new(&self) -> bool {
        self.state.is_none()
    }

    /// The row's values before.
    pub(super) fn before(&self) -> Option<&[Value]> {
        self.old.as_ref().map(|(_, row)| row.as_slice())
    }

    /// The row's values after.
    pub(super) fn after(&self) -> Option<&[Value]> {
        self.new.as_ref().map(|(_, row)| row.as_slice())
    }
}

/// What the rows of a group have in common.
type Shape = (TableId, Action, Vec<(ColumnId, Mode)>);

/// The ops of a transaction: rows that share table, action and columns side by side. Rows that are
/// new need what was written to them no longer.
pub(super) fn group_ops(captured: &mut [Captured]) -> Vec<Op> {
    let changed = captured.iter().filter(|row| row.op.changes()).count();
    let mut groups: Vec<RowGroup> = Vec::new();
    let mut places: HashMap<Shape, usize> = HashMap::new();
    let mut last: Option<usize> = None;
    for row in captured.iter_mut().filter(|row| row.op.changes()) {
        let op = &row.op;
        let columns = || op.cells.iter().map(|(at, mode, _)| (row.table.ids[*at], *mode));
        // Neighbours mostly belong together.
        let same = last.filter(|at| {
            let group = &groups[*at];
            group.table_id == row.table.id
                && group.action == op.action
                && group.columns.iter().map(|column| (column.id, column.mode)).eq(columns())
        });
        let place = same.unwrap_or_else(|| {
            *places.entry((row.table.id, op.action, columns().collect())).or_insert_with(|| {
                groups.push(op.empty_group(&row.table));
                groups.len() - 1
            })
        });
        last = Some(place);
        let group = &mut groups[place];
        assert_eq!(group.keys.len(), row.key.0.len(), "a key has a value for each of its columns");
        assert_eq!(group.cells.len(), row.op.cells.len(), "rows of a group write the same columns");
        group.keys.iter_mut().zip(&row.key.0).for_each(|(column, value)| column.push(value.clone()));
        let cells = if row.is_new() { std::mem::take(&mut row.op.cells) } else { row.op.cells.clone() };
        group.cells.iter_mut().zip(cells).for_each(|(column, (_, _, value))| column.push(value));
    }
    let grouped: usize = groups.iter().map(RowGroup::rows).sum();
    assert_eq!(grouped, changed, "each row that changed is in one group");
    groups.into_iter().map(Op::Rows).collect()
}
