//! What two writes of one row come to: the table the pairs are held against.

use super::writers::{Kind, Writer};
use crate::merge::in_units;
use crate::schema::{ColumnDef, MergeKind};
use crate::value::Value;
use crate::wide::Wide;

use Counts::{Both, Greater, Neither, OnlyFirst, OnlySecond};
use Effect::{Adds, Edits, Empties, Leaves, Sets};

/// What a write does to a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    Sets,
    Empties,
    Adds,
    Edits,
    Leaves,
}

/// Whose write counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counts {
    /// What was there stays.
    Neither,
    OnlyFirst,
    OnlySecond,
    Both,
    /// The greater of (time, author, number) is shown, and a conflict if they differ.
    Greater,
}

pub(super) fn effect(kind: Kind) -> Effect {
    match kind {
        Kind::Insert | Kind::Set | Kind::SetWithOwnTime | Kind::Fresh => Sets,
        Kind::Empty => Empties,
        Kind::Add => Adds,
        Kind::Edit => Edits,
        Kind::Touch | Kind::Delete => Leaves,
    }
}

/// Of one cell. `informed`: the second knew the first; else neither knew the other.
pub(super) fn of_cell(first: Effect, second: Effect, informed: bool) -> Counts {
    match (first, second, informed) {
        // Who leaves a cell alone says nothing about it.
        (Leaves, Leaves, _) => Neither,
        (_, Leaves, _) => OnlyFirst,
        (Leaves, _, _) => OnlySecond,
        // All additions count; so do all edits of one document.
        (Adds, Adds, _) | (Edits, Edits, _) => Both,
        // Who edits a document that somebody has just made keeps what it says.
        (Sets, Edits, true) => Both,
        // What is added counts on top of what was set.
        (Sets | Empties, Adds, _) => Both,
        // Who set a value, or NULL, not knowing what was added did not count it.
        (Adds, Sets | Empties, false) => Both,
        // An informed write always wins.
        (_, _, true) => OnlySecond,
        // Of concurrent ones the greater is shown; the other is kept.
        (_, _, false) => Greater,
    }
}

/// Of the row's life.
pub(super) fn of_life(first: Kind, second: Kind, informed: bool) -> Counts {
    match (first == Kind::Delete, second == Kind::Delete, informed) {
        (false, false, _) | (true, true, _) => Both,
        (_, _, true) => OnlySecond,
        (_, _, false) => Greater,
    }
}

/// What was there before.
pub(super) struct Before {
    /// The value shown.
    pub shown: Value,
}

/// One of the two writes.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub kind: Kind,
    pub writer: Writer,
    /// What it sets, if it sets something.
    pub value: &'a Value,
}

/// What a cell shows.
pub(super) fn shown(
    column: &ColumnDef,
    before: &Before,
    counts: Counts,
    sides: [Side<'_>; 2],
    greater: usize,
) -> Value {
    let counted = match counts {
        Neither => vec![],
        OnlyFirst => vec![sides[0]],
        OnlySecond => vec![sides[1]],
        Both => vec![sides[0], sides[1]],
        // Of times of last change, the greatest, whoever said it.
        Greater if column.kind.merge_kind() == MergeKind::Stamp => {
            let said =
                |side: &Side<'_>| if effect(side.kind) == Empties { Value::Null } else { side.value.clone() };
            return sides.iter().map(said).max_by_key(|value| value.to_string().replace("NULL", "")).unwrap();
        }
        Greater => vec![sides[greater]],
    };
    match column.kind.merge_kind() {
        MergeKind::Counter => number(column, before, &counted),
        _ => counted.iter().fold(before.shown.clone(), |value, side| match effect(side.kind) {
            Sets => side.value.clone(),
            Empties => Value::Null,
            Edits => {
                let Value::Text(text) = value else { panic!("no document to edit") };
                Value::Text(side.writer.edited(column.kind.document_kind().unwrap(), &text))
            }
            Adds | Leaves => value,
        }),
    }
}

/// A value set, or what was there, and all additions that it did not count.
fn number(column: &ColumnDef, before: &Before, counted: &[Side<'_>]) -> Value {
    let has = |wanted| counted.iter().find(|side| effect(side.kind) == wanted);
    let adders = || counted.iter().filter(|side| effect(side.kind) == Adds);
    let added = Wide::from(adders().map(|side| side.writer.addition()).sum::<i128>());
    let base = match (has(Sets), has(Empties)) {
        (Some(side), _) => crate::merge::units(side.value),
        (None, Some(_)) => None,
        (None, None) => crate::merge::units(&before.shown),
    };
    match base {
        None if adders().next().is_none() => Value::Null,
        base => in_units(column.kind, base.unwrap_or_default() + added),
    }
}
