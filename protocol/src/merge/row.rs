//! One row: its life, and its cells.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use super::{Cell, Register, WriteId};
use crate::op::{Action, Mode};
use crate::schema::{ColumnDef, ColumnId, TableDef};
use crate::transaction::Basis;
use crate::value::Value;

/// The merged state of one row: everything that nobody has superseded.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
pub struct RowState {
    /// Insert and update write `true`, delete writes `false`.
    pub life: Register<bool>,
    /// The cells ever written. Those of a deleted row are kept.
    pub cells: BTreeMap<ColumnId, Cell>,
}

impl RowState {
    /// The state of a row that one insert wrote.
    pub fn once<'a>(by: WriteId, cells: impl IntoIterator<Item = (ColumnId, &'a Value)>) -> Self {
        let cells = cells.into_iter().map(|(id, value)| (id, Cell::once(by, value)));
        Self { life: Register::once(by, true), cells: cells.collect() }
    }

    /// Takes in one row op.
    pub fn apply<'a>(
        &mut self,
        action: Action,
        cells: impl IntoIterator<Item = (ColumnId, Mode, &'a Value)>,
        by: WriteId,
        basis: &Basis<'_>,
    ) {
        self.life.write(by, action != Action::Delete, basis);
        for (column, mode, value) in cells.into_iter().filter(|(_, mode, _)| *mode != Mode::Counted) {
            self.cells.entry(column).or_default().write(mode, value, by, basis);
        }
    }

    /// Whether the row is shown.
    pub fn is_alive(&self) -> bool {
        self.life.shown().is_some_and(|sibling| sibling.value)
    }

    /// The values shown, in the order of the table's columns; `ids` are theirs.
    pub fn shown(&self, table: &TableDef, ids: &[ColumnId]) -> Vec<Value> {
        assert_eq!(ids.len(), table.columns.len(), "the ids are those of the table's columns");
        let shown = |(column, id): (&ColumnDef, &ColumnId)| match self.cells.get(id) {
            Some(cell) => cell.shown(column.kind, &column.unwritten()),
            None => column.unwritten(),
        };
        table.columns.iter().zip(ids).map(shown).collect()
    }
}
