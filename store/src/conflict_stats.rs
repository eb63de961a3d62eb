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

    /// Counts one less. `false`: none was counted, for another program has written into the view.
    #[must_use]
    pub(crate) fn remove(&mut self, conflict: &Conflict) -> bool {
        let retained = u64::from(conflict.kind == ConflictKind::Reference);
        let less = self.open.checked_sub(1).zip(self.retained_rows.checked_sub(retained));
        let Some((open, retained_rows)) = less else { return false };
        (self.open, self.retained_rows) = (open, retained_rows);
        self.fingerprint.remove(conflict.hash());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_counted_is_not_taken_out() {
        let [kind, other] = [ConflictKind::Reference, ConflictKind::Check];
        let conflict = |kind| Conflict {
            kind,
            table: "levels".into(),
            key: Vec::new(),
            columns: Vec::new(),
            versions: Vec::new(),
        };
        let mut stats = ConflictStats::default();
        stats.add(&conflict(other));
        let before = stats;
        assert!(!stats.remove(&conflict(kind)), "no retained row was counted");
        assert_eq!(stats, before);
        stats.add(&conflict(kind));
        assert!(stats.remove(&conflict(kind)));
        assert_eq!(stats, before);
        assert!(stats.remove(&conflict(other)));
        assert_eq!(stats, ConflictStats::default());
        assert!(!stats.remove(&conflict(other)));
    }
}
