//! A change as it comes from elsewhere: what can be said by looking at its bytes alone.

use std::collections::HashMap;

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ObjType, ScalarValue};

use super::content::{JSON, TEXT};
use super::{DocumentError, DocumentKind, envelope};
use crate::bounds;

/// One change, and what it refers to outside of itself.
#[derive(Debug, Clone)]
pub(super) struct Incoming {
    pub change: Change,
    /// Objects that it changes, and whether it takes them for maps (else for sequences).
    pub objects: Vec<(OpId, bool)>,
    /// Other ops: what it inserts after, overwrites and deletes.
    pub ops: Vec<OpId>,
}

impl Incoming {
    /// Reads a change that this program could have written about such a document.
    pub(super) fn read(kind: DocumentKind, bytes: &[u8]) -> Result<Self, DocumentError> {
        let too_large = DocumentError::TooLarge { bytes: bytes.len(), most: bounds::DOCUMENT_CHANGE_BYTES };
        if bytes.len() > bounds::DOCUMENT_CHANGE_BYTES {
            return Err(too_large);
        }
        if !envelope::is_sensible(bytes) {
            return Err(DocumentError::NotAChange);
        }
        let read = guarded(|| {
            let change = Change::try_from(bytes).ok()?;
            let expanded = change.decode();
            let first = change.start_op().get();
            let mut refers = Refers { first, ..Refers::default() };
            for (op, counter) in expanded.operations.iter().zip(first..) {
                refers.add(kind, op, &OpId(counter, change.actor_id().clone()))?;
            }
            let exact = !change.is_empty() && envelope::is_exact(bytes, &change.hash().0);
            exact.then_some(Self { change, objects: refers.objects, ops: refers.ops })
        });
        let read = read.ok_or(DocumentError::NotAChange)?;
        if read.change.max_op() > bounds::DOCUMENT_OPS {
            return Err(too_large);
        }
        Ok(read)
    }

    pub(super) fn actor(&self) -> &ActorId {
        self.change.actor_id()
    }
}

/// Runs automerge on what others made. It checks much, and where it does not it panics; nothing
/// that it was changing is used afterwards.
pub(super) fn guarded<T>(run: impl FnOnce() -> Option<T>) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok().flatten()
}

/// Collects what the ops of a change refer to.
#[derive(Default)]
struct Refers {
    /// The number of its first op.
    first: u64,
    /// The objects it makes, and whether they are maps.
    made: HashMap<u64, bool>,
    objects: Vec<(OpId, bool)>,
    ops: Vec<OpId>,
}

impl Refers {
    /// `None`: this program writes no such op.
    fn add(&mut self, kind: DocumentKind, op: &Op, id: &OpId) -> Option<()> {
        let shape = match kind {
            DocumentKind::RichText => is_text_op(op),
            DocumentKind::Json => is_json_op(op),
        };
        if !shape {
            return None;
        }
        if let ObjectId::Id(object) = &op.obj {
            let map = matches!(op.key, Key::Map(_));
            let known = self.objects.last().is_some_and(|(last, as_map)| last == object && *as_map == map);
            if self.is_outside(object, id)? {
                if !known {
                    self.objects.push((object.clone(), map));
                }
            } else if self.made.get(&object.counter()) != Some(&map) {
                return None;
            }
        }
        if let Key::Seq(ElementId::Id(element)) = &op.key
            && self.is_outside(element, id)?
        {
            self.ops.push(element.clone());
        }
        for overwritten in op.pred.iter() {
            if self.is_outside(overwritten, id)? && self.ops.last() != Some(overwritten) {
                self.ops.push(overwritten.clone());
            }
        }
        if let OpType::Make(object) = &op.action {
            self.made.insert(id.counter(), *object == ObjType::Map);
        }
        Some(())
    }

    /// Whether the op `id` may refer to `referred` as one of another change. `None`: not at all,
    /// it is to come.
    fn is_outside(&self, referred: &OpId, id: &OpId) -> Option<bool> {
        let own = referred.actor() == id.actor();
        (!own || referred.counter() < id.counter()).then_some(!own || referred.counter() < self.first)
    }
}

fn is_text_op(op: &Op) -> bool {
    let in_text = op.obj != ObjectId::Root;
    match (&op.action, &op.key) {
        (OpType::Make(ObjType::Text), Key::Map(key)) => !in_text && !op.insert && key == TEXT,
        (OpType::Put(ScalarValue::Str(text)), Key::Seq(_)) => {
            in_text && op.insert && op.pred.is_empty() && text.chars().count() == 1
        }
        (OpType::Delete, Key::Seq(ElementId::Id(_))) => in_text && !op.insert && !op.pred.is_empty(),
        _ => false,
    }
}

fn is_json_op(op: &Op) -> bool {
    let place = match (&op.obj, &op.key) {
        (ObjectId::Root, Key::Map(key)) => !op.insert && key == JSON,
        (ObjectId::Root, Key::Seq(_)) => false,
        (ObjectId::Id(_), Key::Map(_)) => !op.insert,
        (ObjectId::Id(_), Key::Seq(ElementId::Head)) => op.insert,
        (ObjectId::Id(_), Key::Seq(ElementId::Id(_))) => true,
    };
    let action = match &op.action {
        OpType::Make(ObjType::Map | ObjType::List) => true,
        OpType::Put(ScalarValue::F64(number)) => number.is_finite(),
        OpType::Put(ScalarValue::Null | ScalarValue::Boolean(_) | ScalarValue::Int(_)) => true,
        OpType::Put(ScalarValue::Str(_)) => true,
        OpType::Delete => op.obj != ObjectId::Root && !op.insert && !op.pred.is_empty(),
        _ => false,
    };
    place && action && (!op.insert || op.pred.is_empty())
}
