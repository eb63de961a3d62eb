//! Row ops that no honest site writes.

use std::collections::BTreeSet;

use tandem_protocol::bounds;
use tandem_protocol::op::{Action, CellColumn, Mode, Op, RowGroup};
use tandem_protocol::schema::{ColumnId, TableId};
use tandem_protocol::value::Value;

use super::text::{number, text, value};
use crate::random::Random;

const MODES: [Mode; 5] = [Mode::Set, Mode::Delta, Mode::Fresh, Mode::Change, Mode::Counted];

/// Columns and tables that ops of this run named.
#[derive(Default)]
pub struct Named {
    pub tables: Vec<(String, TableId)>,
    pub columns: Vec<(String, ColumnId)>,
}

impl Named {
    pub fn table(&self, random: &mut Random) -> (String, TableId) {
        match self.tables.is_empty() || random.one_in(8) {
            true => (text(random), TableId([random.any() as u8; 16])),
            false => random.pick(&self.tables).clone(),
        }
    }

    pub fn column(&self, random: &mut Random) -> (String, ColumnId) {
        match self.columns.is_empty() || random.one_in(8) {
            true => (text(random), ColumnId([random.any() as u8; 16])),
            false => random.pick(&self.columns).clone(),
        }
    }
}

/// Changes a group of rows in one to four ways.
pub fn changed(mut group: RowGroup, named: &Named, random: &mut Random) -> RowGroup {
    for _ in 0..=random.below(4) {
        change(&mut group, named, random);
    }
    group
}

fn change(group: &mut RowGroup, named: &Named, random: &mut Random) {
    let rows = group.rows();
    let row = random.below(rows as u64) as usize;
    let at = random.below(group.columns.len() as u64) as usize;
    match random.below(16) {
        0 => group.action = *random.pick(&[Action::Insert, Action::Update, Action::Delete]),
        1 => (group.table, group.table_id) = named.table(random),
        2 => group.table = text(random),
        3 => group.columns.iter_mut().skip(at).take(1).for_each(|column| column.mode = *random.pick(&MODES)),
        4 => group.columns.iter_mut().skip(at).take(1).for_each(|column| {
            (column.name, column.id) = named.column(random);
        }),
        5 | 6 => cell(&mut group.cells, at, row, value(random)),
        7 => {
            let key = random.below(group.keys.len() as u64) as usize;
            cell(&mut group.keys, key, row, value(random));
        }
        // A column twice, with the same values or others.
        8 => {
            if let (Some(column), Some(values)) = (group.columns.get(at), group.cells.get(at)) {
                let (column, mut values) = (column.clone(), values.clone());
                if random.one_in(2) {
                    values.iter_mut().for_each(|cell| *cell = value(random));
                }
                group.columns.push(column);
                group.cells.push(values);
            }
        }
        9 => {
            let (name, id) = named.column(random);
            group.columns.push(CellColumn { name, id, mode: *random.pick(&MODES) });
            group.cells.push((0..rows).map(|_| value(random)).collect());
        }
        10 => {
            group.columns.truncate(at);
            group.cells.truncate(at);
        }
        11 => group.keys.push((0..rows).map(|_| value(random)).collect()),
        12 => drop(group.keys.pop()),
        13 => group.times = (0..rows).map(|_| number(random)).collect(),
        14 => group.times = (0..random.below(4)).map(|_| number(random)).collect(),
        // Rows again: one key twice in one group.
        _ => {
            let all = group.keys.iter_mut().chain(&mut group.cells);
            all.for_each(|column| column.extend_from_within(..column.len().min(8)));
            group.times.clear();
        }
    }
}

fn cell(columns: &mut [Vec<Value>], column: usize, row: usize, value: Value) {
    if let Some(cell) = columns.get_mut(column).and_then(|column| column.get_mut(row)) {
        *cell = value;
    }
}

/// Whether an op that was read is within bounds: else it should not have been understood.
pub fn holds_bounds(op: &Op) -> Result<(), String> {
    let Op::Rows(group) = op else { return Ok(()) };
    let columns: BTreeSet<_> =
        group.columns.iter().map(|column| (column.id, column.mode == Mode::Counted)).collect();
    let long = (0..group.rows()).any(|at| group.key(at).to_bytes().len() > bounds::KEY_BYTES);
    if long || columns.len() < group.columns.len() {
        return Err(format!(
            "a group of rows beyond its bounds was understood: {:.2000}",
            format!("{group:?}")
        ));
    }
    Ok(())
}
