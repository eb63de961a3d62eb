//! The figures of the open conflicts.

use tandem_protocol::conflict::{Conflict, ConflictKind};
use tandem_protocol::fingerprint::Fingerprint;

/// Figures of the open conflicts.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct ConflictStats {
    pub open: u64,
    pub fingerprint: Fingerprint,
    /// Deleted rows that are shown because others refer to them.
    pub retained_rows: u64,
}

impl ConflictStats {
    pub(crate) fn add(&mut self, conflict: &Conflict) {
        self.open += 1;
        self.fingerprint.add(conflict.hash());
        self.retained_rows += u64::from(conflict.kind == ConflictKind::Reference);
    }

    pub(crate) fn remove(&mut self, conflict: &Conflict) {
        self.open -= 1;
        self.fingerprint.remove(conflict.hash());
        self.retained_rows -= u64::from(conflict.kind == ConflictKind::Reference);
    }
}
