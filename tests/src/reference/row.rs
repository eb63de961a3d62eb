//! One row: everything ever written to it, and what that comes to.

use tandem_protocol::op::Mode;
use tandem_protocol::schema::{ColumnId, ColumnType};
use tandem_protocol::value::{Key, Value};

use super::cell::Cell;
use super::counter;
use super::siblings::{Sibling, siblings};
use super::table::Column;
use super::write::Write;

/// One row.
pub struct Row<'a> {
    pub key: Key,
    pub writes: Vec<Write<'a>>,
    /// The siblings of its life: whether each wrote the row, or deleted it.
    pub life: Vec<Sibling<bool>>,
    /// In the order of the table's columns; none for those of the key.
    pub cells: Vec<Option<Cell>>,
    /// What it shows, where it is shown.
    pub values: Vec<Value>,
    /// Whether it is shown.
    pub shown: bool,
}

impl<'a> Row<'a> {
    pub fn new(key: Key) -> Self {
        Self {
            key,
            writes: Vec::new(),
            life: Vec::new(),
            cells: Vec::new(),
            values: Vec::new(),
            shown: false,
        }
    }

    /// Whether it is there by its own life, whoever refers to it.
    pub fn is_alive(&self) -> bool {
        self.life.first().is_some_and(|sibling| sibling.what)
    }

    pub fn evaluate(&mut self, columns: &[Column<'_>]) {
        let life: Vec<_> = self.writes.iter().map(|write| (write, write.alive)).collect();
        self.life = siblings(&life);
        for column in columns {
            match column.key_place {
                Some(place) => {
                    self.values.push(self.key.0[place].clone());
                    self.cells.push(None);
                }
                None => {
                    let cell = Cell::of(column.def, &self.writes_of(column.id));
                    self.values.push(cell.shown.clone());
                    self.cells.push(Some(cell));
                }
            }
        }
    }

    /// The first of its counters of which a write says another number than it counted.
    pub fn miscounted(&self, columns: &[Column<'_>]) -> Option<String> {
        columns.iter().find_map(|column| match column.def.kind {
            ColumnType::Counter { .. } => counter::miscounted(column.def.kind, &self.writes_of(column.id)),
            _ => None,
        })
    }

    fn writes_of(&self, column: ColumnId) -> Vec<(&Write<'a>, Mode, &'a Value)> {
        let mut writes = Vec::new();
        for write in &self.writes {
            let of_column = write.cells.iter().filter(|(id, ..)| *id == column);
            writes.extend(of_column.map(|(_, mode, value)| (write, *mode, *value)));
        }
        writes
    }
}
