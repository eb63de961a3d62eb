//! One number for all shown rows: equal on two sites that show the same.

use std::fmt;

use crate::schema::{ColumnId, TableId};
use crate::value::{Key, Value};

/// The sum, modulo 2^128, of a hash of every shown row: rows can come and go in any order, and
/// the sum follows at the price of one hash each. (A multiset hash, Clarke et al. 2003.)
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// A row is shown from now on.
    pub fn add(&mut self, row: RowHash) {
        self.0 = self.0.wrapping_add(row.0);
    }

    /// A row is no longer shown.
    pub fn remove(&mut self, row: RowHash) {
        self.0 = self.0.wrapping_sub(row.0);
    }

    /// The fingerprint of several tables together.
    pub fn combine(&mut self, table: Self) {
        self.0 = self.0.wrapping_add(table.0);
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The hash of one shown row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RowHash(u128);

impl RowHash {
    /// The hash of something else that is counted the same way.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut low = [0; 16];
        low.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        Self(u128::from_le_bytes(low))
    }
}

/// Hashes rows, reusing its buffer.
#[derive(Default, Debug)]
pub struct RowHasher(Vec<u8>);

impl RowHasher {
    /// Hash of a row of `table` with `key` and the shown `cells`, ascending by column id.
    pub fn hash<'a>(
        &mut self,
        table: TableId,
        key: &Key,
        cells: impl IntoIterator<Item = (ColumnId, &'a Value)>,
    ) -> RowHash {
        let bytes = &mut self.0;
        bytes.clear();
        bytes.extend_from_slice(&table.0);
        key.0.iter().for_each(|value| value.write_canonical(bytes));
        let mut before = None;
        for (id, value) in cells {
            debug_assert!(before.replace(id) < Some(id), "cells are hashed in one order, each once");
            bytes.extend_from_slice(&id.0);
            value.write_canonical(bytes);
        }
        RowHash::of_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_a_removed_row_leaves_nothing() {
        let mut hasher = RowHasher::default();
        let mut row = |id: i64, name: &str| {
            let name = Value::Text(name.into());
            hasher.hash(TableId([7; 16]), &Key(vec![Value::Integer(id)]), [(ColumnId([1; 16]), &name)])
        };
        let (a, b) = (row(1, "Amel"), row(2, "Bilal"));
        assert_ne!(a, row(1, "Bilal"));
        assert_ne!(a, row(2, "Amel"));
        let mut one = Fingerprint::default();
        let mut other = Fingerprint::default();
        one.add(a);
        one.add(b);
        other.add(b);
        assert_ne!(one, other);
        other.add(a);
        assert_eq!(one, other);
        one.remove(a);
        one.remove(b);
        assert_eq!(one, Fingerprint::default());
    }
}
