//! One cell: a register, and for a counter the sum of its deltas.

use bincode::{Decode, Encode};

use super::{Register, Sibling, WriteId};
use crate::bounds;
use crate::decimal::Decimal;
use crate::op::Mode;
use crate::schema::{ColumnType, Constant, MergeKind};
use crate::transaction::Basis;
use crate::value::Value;

/// The merged state of one cell.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
pub struct Cell {
    /// What was set and not superseded. For a counter: its offset. For a document: its id.
    pub set: Register<Constant>,
    /// For a counter: the sum of all deltas ever, in units of its last digit.
    pub sum: i128,
    /// For a counter, since its first delta: the writes of it, deltas or not, that no other knew.
    pub latest: Register<()>,
}

impl Cell {
    /// A cell that was set once.
    pub fn once(by: WriteId, value: &Value) -> Self {
        Self { set: Register::once(by, Constant::new(value)), ..Self::default() }
    }

    /// Takes in one write. Every delta must be given exactly once (the log sees to it). Of a document
    /// column `value` is what [`crate::document::DocumentWrite::register_value`] says.
    pub fn write(&mut self, mode: Mode, value: &Value, by: WriteId, basis: &Basis<'_>) {
        match mode {
            Mode::Set | Mode::Fresh | Mode::Change => {
                if !self.latest.siblings().is_empty() {
                    self.latest.write(by, (), basis);
                }
                self.set.write(by, Constant::new(value), basis);
            }
            Mode::Delta => {
                if self.latest.siblings().is_empty() {
                    self.latest = self.set.map(|_| ());
                }
                self.latest.write(by, (), basis);
                self.sum += i128::from(units(value).unwrap_or(0));
            }
            Mode::Counted => {}
        }
    }

    /// The value shown. A cell never written shows `unwritten`, the column's constant default.
    pub fn shown(&self, kind: ColumnType, unwritten: &Value) -> Value {
        self.counted(kind, self.written(kind, unwritten))
    }

    /// What was set, without what was counted since.
    pub fn written(&self, kind: ColumnType, unwritten: &Value) -> Value {
        let shown = self.shown_sibling(kind).and_then(|sibling| sibling.value.value().ok());
        shown.unwrap_or_else(|| unwritten.clone())
    }

    /// The write whose value is shown: the greatest; of a STAMP, the one of the greatest time.
    pub fn shown_sibling(&self, kind: ColumnType) -> Option<&Sibling<Constant>> {
        let time = |sibling: &&Sibling<Constant>| match sibling.value.value() {
            Ok(Value::Text(text)) => Some(text),
            _ => None,
        };
        match kind.merge_kind() {
            // Canonical timestamps order as their text does.
            MergeKind::Stamp => self.set.siblings().iter().max_by_key(|one| (time(one), one.by)),
            _ => self.set.shown(),
        }
    }

    /// The writes that made what is shown: of a counter the latest deltas, and the offset's if none
    /// of them knew it; of any other cell the one that is shown. Greatest first.
    pub(super) fn makers(&self, kind: ColumnType) -> Vec<WriteId> {
        let shown = self.shown_sibling(kind).map(|sibling| sibling.by);
        let latest = self.latest.siblings();
        if latest.is_empty() {
            return shown.into_iter().collect();
        }
        let is_hidden =
            |by: &WriteId| Some(*by) != shown && self.set.siblings().iter().any(|sibling| sibling.by == *by);
        latest.iter().map(|sibling| sibling.by).filter(|by| !is_hidden(by)).collect()
    }

    /// What a counter with that offset shows; any other value as it is.
    pub(super) fn counted(&self, kind: ColumnType, offset: Value) -> Value {
        match kind.merge_kind() {
            MergeKind::Counter if self.sum != 0 || !offset.is_null() => with_sum(kind, &offset, self.sum),
            _ => offset,
        }
    }
}

/// A number in units of its last digit.
pub fn units(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Decimal(decimal) => Some(decimal.mantissa),
        _ => None,
    }
}

/// A counter counts from 0 where its offset is NULL. Beyond what a cell can show, the nearest
/// value is shown; the sum itself stays exact.
fn with_sum(kind: ColumnType, offset: &Value, sum: i128) -> Value {
    let total = i128::from(units(offset).unwrap_or(0)).saturating_add(sum);
    let (least, most) = match kind {
        // The view holds it as floating point, exact up to 15 digits.
        ColumnType::Counter { scale, .. } if scale > 0 => {
            (1 - bounds::DECIMAL_UNITS, bounds::DECIMAL_UNITS - 1)
        }
        _ => (i64::MIN, i64::MAX),
    };
    in_units(kind, total.clamp(i128::from(least), i128::from(most)) as i64)
}

/// The value of a counter column that is `units` of its last digit.
pub fn in_units(kind: ColumnType, units: i64) -> Value {
    match kind {
        ColumnType::Counter { scale, .. } if scale > 0 => Value::Decimal(Decimal { mantissa: units, scale }),
        _ => Value::Integer(units),
    }
}
