//! The multi-value register: the writes nobody has superseded.

use bincode::{Decode, Encode};

use super::WriteId;
use crate::transaction::Basis;

/// One write that no other write knew.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Sibling<T> {
    /// Which write.
    pub by: WriteId,
    /// What it wrote.
    pub value: T,
}

/// The siblings of one cell (or of one row's life), greatest first.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Register<T>(Vec<Sibling<T>>);

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Register<T> {
    /// A register that was written once.
    pub fn once(by: WriteId, value: T) -> Self {
        Self(vec![Sibling { by, value }])
    }

    /// Takes in a write: whatever its writer had seen is superseded. A write already there
    /// changes nothing.
    pub fn write(&mut self, by: WriteId, value: T, basis: &Basis<'_>) {
        if self.0.iter().any(|sibling| sibling.by == by) {
            return;
        }
        self.0.retain(|sibling| !basis.covers(&sibling.by.dot()));
        let at = self.0.partition_point(|sibling| sibling.by > by);
        self.0.insert(at, Sibling { by, value });
        debug_assert!(self.0.is_sorted_by(|one, next| one.by > next.by), "siblings descend, each once");
    }

    /// The same writes, of something else.
    pub fn map<U>(&self, what: impl Fn(&T) -> U) -> Register<U> {
        Register(self.0.iter().map(|one| Sibling { by: one.by, value: what(&one.value) }).collect())
    }

    /// The sibling shown; `None` if nothing was ever written.
    pub fn shown(&self) -> Option<&Sibling<T>> {
        self.0.first()
    }

    /// All siblings, greatest first.
    pub fn siblings(&self) -> &[Sibling<T>] {
        &self.0
    }

    /// Whether exactly this write is left.
    pub fn is_just(&self, by: &WriteId) -> bool {
        self.0.len() == 1 && self.0[0].by == *by
    }
}
