//! The rows that a transaction changed, for whoever follows a table row by row.

use tandem_protocol::op::Op;
use tandem_protocol::value::Key;

/// The rows, as they are shown, that a transaction changed: each by its table and its key, or only that
/// they are many, and what is wanted of the tables is to be read again.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangedRows {
    /// These, each once.
    Named(Vec<(String, Key)>),
    /// More than are named.
    Many,
}

impl Default for ChangedRows {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl ChangedRows {
    /// So many are named: what a form or a till changes at once. They are kept for each transaction
    /// until all watchers have heard of it, so a block of many large ones must not keep all its keys.
    pub const MOST: usize = 20;

    /// The rows that ops write.
    pub fn written_by(ops: &[Op]) -> Self {
        let mut rows = Self::default();
        for op in ops {
            let Op::Rows(group) = op else { continue };
            (0..group.rows()).for_each(|at| rows.note(&group.table, || group.key(at)));
        }
        rows
    }

    /// Takes note of one more.
    pub(crate) fn note(&mut self, table: &str, key: impl FnOnce() -> Key) {
        let Self::Named(rows) = self else { return };
        debug_assert!(rows.len() <= Self::MOST, "no more are kept than are named");
        let key = key();
        if rows.iter().any(|row| row.0 == table && row.1 == key) {
            return;
        }
        match rows.len() == Self::MOST {
            true => *self = Self::Many,
            false => rows.push((table.to_owned(), key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_protocol::value::Value;

    use super::*;

    #[test]
    fn many_rows_are_told_as_many() {
        let mut rows = ChangedRows::default();
        let key = |at: usize| Key(vec![Value::Integer(at as i64)]);
        (0..ChangedRows::MOST).for_each(|at| rows.note("t", || key(at)));
        rows.note("t", || key(0));
        let named = (0..ChangedRows::MOST).map(|at| ("t".to_owned(), key(at)));
        assert_eq!(rows, ChangedRows::Named(named.collect()), "one that changed twice is named once");
        rows.note("t", || key(ChangedRows::MOST));
        assert_eq!(rows, ChangedRows::Many);
        rows.note("t", || key(0));
        assert_eq!(rows, ChangedRows::Many);
    }
}
