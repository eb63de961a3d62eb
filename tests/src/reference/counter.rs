//! A counter: the shown offset, and all deltas ever.

use tandem_protocol::decimal::Decimal;
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Mode;
use tandem_protocol::value::Value;

use super::cell::{CellWrites, Claim};
use super::row::Write;
use super::siblings::{self, Sibling};

/// The siblings of its offset.
pub fn siblings(scale: u8, writes: &CellWrites<'_, '_>) -> Vec<Sibling<Claim>> {
    let sum = sum(writes);
    let offsets: Vec<_> = writes
        .iter()
        .filter(|(_, mode, _)| *mode == Mode::Set)
        .map(|(write, _, offset)| {
            (*write, Claim { meant: (*offset).clone(), shows: counted(scale, offset, sum) })
        })
        .collect();
    siblings::siblings(&offsets)
}

/// What a write says that it counted, where that is not its offset and the deltas its writer had
/// seen: a stock-take that forgot some, or counted some twice.
pub fn miscounted(scale: u8, writes: &CellWrites<'_, '_>) -> Option<String> {
    let of = |write: &Write<'_>, wanted: Mode| {
        let same = |(other, mode, _): &&(&Write<'_>, Mode, _)| std::ptr::eq(*other, write) && *mode == wanted;
        writes.iter().find(same).map(|(_, _, value)| *value)
    };
    writes.iter().filter(|(_, mode, value)| *mode == Mode::Set && !value.is_null()).find_map(
        |(write, _, offset)| {
            let seen: Vec<_> =
                writes.iter().filter(|(other, ..)| write.entry.knows(other.entry)).copied().collect();
            let says = of(write, Mode::Counted).unwrap_or(offset);
            let should = counted(scale, offset, sum(&seen));
            (*says != should).then(|| format!("{} counted {says}, which is {should}", write.entry.header.dot))
        },
    )
}

/// Who made it what it is: of its writes, deltas or not, those that no other writer of it knew;
/// but of offsets only the one that is shown.
pub fn makers(writes: &CellWrites<'_, '_>, shown: Option<WriteId>) -> Vec<WriteId> {
    let said = writes.iter().filter(|(_, mode, _)| *mode != Mode::Counted);
    let said: Vec<_> = said.map(|(write, mode, _)| (*write, *mode == Mode::Delta)).collect();
    let last = siblings::siblings(&said).into_iter();
    last.filter(|one| one.what || Some(one.by) == shown).map(|one| one.by).collect()
}

/// What it shows while no offset was ever set.
pub fn unwritten(scale: u8, writes: &CellWrites<'_, '_>, default: &Value) -> Value {
    counted(scale, default, sum(writes))
}

fn sum(writes: &CellWrites<'_, '_>) -> i128 {
    writes.iter().filter(|(_, mode, _)| *mode == Mode::Delta).map(|(_, _, delta)| units(delta)).sum()
}

/// NULL stays NULL until something is counted; then it counts as 0.
fn counted(scale: u8, offset: &Value, sum: i128) -> Value {
    if sum == 0 && offset.is_null() {
        return Value::Null;
    }
    let total = units(offset).saturating_add(sum);
    let within = |least: i64, most: i64| total.clamp(least.into(), most.into()) as i64;
    match scale {
        0 => Value::Integer(within(i64::MIN, i64::MAX)),
        // What floating point still holds exactly.
        _ => Value::Decimal(Decimal { mantissa: within(-999_999_999_999_999, 999_999_999_999_999), scale }),
    }
}

fn units(value: &Value) -> i128 {
    match value {
        Value::Integer(number) => (*number).into(),
        Value::Decimal(decimal) => decimal.mantissa.into(),
        _ => 0,
    }
}
