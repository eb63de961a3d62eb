//! One cell: a register, and for a counter the sum of its deltas.

use bincode::{Decode, Encode};

use super::counter::units;
use super::{Added, Offset, Register, Sibling, WriteId};
use crate::op::Mode;
use crate::schema::{ColumnType, Constant, MergeKind};
use crate::transaction::Basis;
use crate::value::Value;
use crate::wide::Wide;

/// The merged state of one cell.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
pub struct Cell {
    /// What was set and not superseded. For a counter: its offset. For a document: its id.
    pub set: Register<Constant>,
    /// For a counter: all that was ever added.
    pub added: Added,
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
                // Ops that say otherwise are parked before they come here (`ColumnType::holds`).
                debug_assert!(units(value).is_some(), "what is added to a counter is a number");
                self.added.add(units(value).unwrap_or_default());
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
            MergeKind::Counter => kind.shown(Offset::read(kind, &offset).and_then(|it| it.total(self.added))),
            _ => offset,
        }
    }

    /// The offset by which somebody who knows all that was added says what a counter with this one
    /// comes to.
    pub fn meant(&self, kind: ColumnType, offset: &Value) -> Offset {
        let total = Offset::read(kind, offset).and_then(|offset| offset.total(self.added));
        total.map_or(Offset::Null(self.added), |total| Offset::Number(total - self.added.sum))
    }

    /// What a counter is, whatever its column can show of it; `None`: NULL.
    pub fn total(&self, kind: ColumnType, unwritten: &Value) -> Option<Wide> {
        Offset::read(kind, &self.written(kind, unwritten))?.total(self.added)
    }
}
