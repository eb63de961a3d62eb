//! What concurrent edits mean: `(row state, op, basis) -> row state`, a pure function of the *set*
//! of writes.
//!
//! A write is superseded by every write whose author had seen it. What nobody superseded are the
//! *siblings*; the greatest (time, author, seq) among them is shown. Delivery follows the
//! context, so an arriving write is never superseded by one already merged, and the siblings are
//! all that must be kept. (A multi-value register, Shapiro et al. 2011, with a deterministic
//! winner.)

mod cell;
mod counter;
mod open;
mod register;
mod row;

#[cfg(test)]
mod tests;

pub use cell::Cell;
pub use counter::{Added, Offset, delta, in_units, units};
pub use open::Content;
pub use register::{Register, Sibling};
pub use row::RowState;

use bincode::{Decode, Encode};

use crate::chain::Branch;
use crate::identity::Author;
use crate::version::Dot;

/// The identity of a transaction's writes, in the order that decides between concurrent ones:
/// later time first, then author, then number, then branch. Within one row a transaction writes once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct WriteId {
    /// When it was written (or, for an import, when it says it was).
    pub time_ms: i64,
    /// By whom.
    pub author: Author,
    /// In which of the author's transactions.
    pub seq: u64,
    /// On which of the author's branches that is.
    pub branch: Branch,
}

impl WriteId {
    /// The writes of a transaction, made (or said to be made) at that time.
    pub fn new(time_ms: i64, dot: Dot) -> Self {
        Self { time_ms, author: dot.author, seq: dot.seq, branch: dot.branch }
    }

    /// The transaction.
    pub fn dot(&self) -> Dot {
        Dot { author: self.author, branch: self.branch, seq: self.seq }
    }
}
