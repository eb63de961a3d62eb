//! One cell: a register, and for a counter the sum of its deltas.

use bincode::{Decode, Encode};

use super::{Register, WriteId};
use crate::decimal::Decimal;
use crate::op::Mode;
use crate::schema::{ColumnType, Constant, MergeKind};
use crate::transaction::Basis;
use crate::value::Value;

/// The merged state of one cell.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
pub struct Cell {
    /// What was set and not superseded. For a counter: its offset.
    pub set: Register<Constant>,
    /// For a counter: the sum of all deltas ever, in units of its last digit.
    pub sum: i128,
}

impl Cell {
    /// A cell that was set once.
    pub fn once(by: WriteId, value: &Value) -> Self {
        Self { set: Register::once(by, Constant::new(value)), sum: 0 }
    }

    /// Takes in one write. Every delta must be given exactly once (the log sees to it).
    pub fn write(&mut self, mode: Mode, value: &Value, by: WriteId, basis: &Basis<'_>) {
        match mode {
            Mode::Set => self.set.write(by, Constant::new(value), basis),
            Mode::Delta => self.sum += i128::from(units(value).unwrap_or(0)),
        }
    }

    /// The value shown. A cell never written shows `unwritten`, the column's constant default.
    pub fn shown(&self, kind: ColumnType, unwritten: &Value) -> Value {
        let offset = match kind.merge_kind() {
            MergeKind::Stamp => self.greatest(),
            _ => self.set.shown().and_then(|sibling| sibling.value.value().ok()),
        };
        let offset = offset.unwrap_or_else(|| unwritten.clone());
        match kind.merge_kind() {
            MergeKind::Counter if self.sum != 0 => with_sum(kind, &offset, self.sum),
            _ => offset,
        }
    }

    /// Canonical timestamps order as their text does.
    fn greatest(&self) -> Option<Value> {
        let values = self.set.siblings().iter().filter_map(|sibling| sibling.value.value().ok());
        values.max_by(|a, b| match (a, b) {
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (a, _) => {
                if a.is_null() {
                    std::cmp::Ordering::Less
                } else {
                    std::cmp::Ordering::Greater
                }
            }
        })
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

/// A counter counts from 0 where its offset is NULL. Beyond 64 bits the nearest value is shown;
/// the sum itself stays exact.
fn with_sum(kind: ColumnType, offset: &Value, sum: i128) -> Value {
    let total = i128::from(units(offset).unwrap_or(0)).saturating_add(sum);
    let shown = total.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
    in_units(kind, shown)
}

/// The value of a counter column that is `units` of its last digit.
pub fn in_units(kind: ColumnType, units: i64) -> Value {
    match kind {
        ColumnType::Counter { scale, .. } if scale > 0 => Value::Decimal(Decimal { mantissa: units, scale }),
        _ => Value::Integer(units),
    }
}
