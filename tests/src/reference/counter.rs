//! A counter: the shown offset, and all deltas ever.

use tandem_protocol::decimal::Decimal;
use tandem_protocol::merge::{WriteId, units};
use tandem_protocol::op::Mode;
use tandem_protocol::schema::ColumnType;
use tandem_protocol::value::Value;
use tandem_protocol::wide::Wide;

use super::cell::{CellWrites, Claim};
use super::siblings::{self, Sibling};
use super::write::Write;

/// The siblings of its offset.
pub fn siblings(kind: ColumnType, writes: &CellWrites<'_, '_>) -> Vec<Sibling<Claim>> {
    let offsets: Vec<_> = writes
        .iter()
        .filter(|(_, mode, _)| *mode == Mode::Set)
        .map(|(write, _, offset)| (*write, claim(kind, offset, total(write, offset, writes))))
        .collect();
    siblings::siblings(&offsets)
}

/// What it shows while no offset was ever set: its default, and whatever was added.
pub fn unwritten(kind: ColumnType, writes: &CellWrites<'_, '_>, default: &Value) -> Claim {
    let counted: Vec<Wide> = deltas(writes, |_| true);
    let total = match number(default) {
        None if counted.is_empty() => None,
        start => Some(sum(&counted) + start.unwrap_or_default()),
    };
    claim(kind, default, total)
}

/// What a write says that it counted, where that is not its offset and the deltas its writer had
/// seen: a stock-take that forgot some, or counted some twice.
pub fn miscounted(kind: ColumnType, writes: &CellWrites<'_, '_>) -> Option<String> {
    let of = |write: &Write<'_>, wanted: Mode| {
        let same = |(other, mode, _): &&(&Write<'_>, Mode, _)| std::ptr::eq(*other, write) && *mode == wanted;
        writes.iter().find(same).map(|(_, _, value)| *value)
    };
    writes.iter().filter(|(_, mode, _)| *mode == Mode::Set).find_map(|(write, _, offset)| {
        let seen: Vec<_> =
            writes.iter().filter(|(other, ..)| write.entry.knows(other.entry)).copied().collect();
        let says = of(write, Mode::Counted).unwrap_or(offset);
        let should = shows(kind, total(write, offset, &seen));
        (*says != should).then(|| format!("{} counted {says}, which is {should}", write.entry.header.dot))
    })
}

/// Who made it what it is: of its writes, deltas or not, those that no other writer of it knew;
/// but of offsets only the one that is shown.
pub fn makers(writes: &CellWrites<'_, '_>, shown: Option<WriteId>) -> Vec<WriteId> {
    let said = writes.iter().filter(|(_, mode, _)| *mode != Mode::Counted);
    let said: Vec<_> = said.map(|(write, mode, _)| (*write, *mode == Mode::Delta)).collect();
    let last = siblings::siblings(&said).into_iter();
    last.filter(|one| one.what || Some(one.by) == shown).map(|one| one.by).collect()
}

fn claim(kind: ColumnType, offset: &Value, total: Option<Wide>) -> Claim {
    let excess = total.is_some_and(|total| is_beyond(kind, total));
    Claim { meant: offset.clone(), shows: shows(kind, total), is_beyond: excess }
}

/// What a counter set by that write comes to. NULL stays NULL until somebody adds who did not know of
/// it; then it is what those added.
fn total(write: &Write<'_>, offset: &Value, writes: &CellWrites<'_, '_>) -> Option<Wide> {
    match number(offset) {
        Some(offset) => Some(sum(&deltas(writes, |_| true)) + offset),
        None => {
            let unknown = deltas(writes, |other| !write.entry.knows(other.entry));
            (!unknown.is_empty()).then(|| sum(&unknown))
        }
    }
}

fn deltas(writes: &CellWrites<'_, '_>, counts: impl Fn(&Write<'_>) -> bool) -> Vec<Wide> {
    let deltas = writes.iter().filter(|(write, mode, _)| *mode == Mode::Delta && counts(write));
    deltas.filter_map(|(_, _, delta)| units(delta)).collect()
}

fn sum(deltas: &[Wide]) -> Wide {
    deltas.iter().fold(Wide::ZERO, |sum, delta| sum + *delta)
}

/// A number as ops say it; `None`: NULL, whatever its writer remembers.
fn number(offset: &Value) -> Option<Wide> {
    units(offset)
}

const I64: (i128, i128) = (i64::MIN as i128, i64::MAX as i128);

/// What the view can hold, or what comes nearest to it.
fn shows(kind: ColumnType, total: Option<Wide>) -> Value {
    let Some(total) = total else { return Value::Null };
    let ColumnType::Counter { precision, scale } = kind else { panic!("{kind} is no counter") };
    let (least, most) = match (precision, scale) {
        (0, _) | (16..=18, 0) => I64,
        // What floating point still holds exactly.
        (..=15, _) => (-999_999_999_999_999, 999_999_999_999_999),
        _ => (1 - 10i128.pow(38), 10i128.pow(38) - 1),
    };
    let near = if total < Wide::from(least) { least } else { total.narrow().map_or(most, |it| it.min(most)) };
    match precision {
        0 => Value::Integer(i64::try_from(near).unwrap()),
        _ => Value::Decimal(Decimal { mantissa: near, scale }),
    }
}

/// Whether it has more digits than its column says.
fn is_beyond(kind: ColumnType, total: Wide) -> bool {
    let ColumnType::Counter { precision, .. } = kind else { return false };
    let (least, most) = match precision {
        0 => I64,
        digits => (1 - 10i128.pow(digits.into()), 10i128.pow(digits.into()) - 1),
    };
    total < Wide::from(least) || total > Wide::from(most)
}
