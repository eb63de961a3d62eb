//! How an op means the value that it writes to a cell.

use bincode::{Decode, Encode};

/// How a cell's value is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum Mode {
    /// The new value. For a counter: its new offset (the value wanted minus all deltas known).
    Set,
    /// A number to add to a counter.
    Delta,
    /// For a RICHTEXT or JSON cell: a new document with this content, different from every earlier
    /// one of the cell. ([`Mode::Set`] names the document by its content alone.)
    Fresh,
    /// For a RICHTEXT or JSON cell: a blob of the document's id (16 bytes) and an automerge change
    /// of it (none: the document is only named anew).
    Change,
    /// For people: what a counter showed once its author had set it, where that is not the offset
    /// that [`Mode::Set`] writes beside it. Merges to nothing.
    Counted,
}
