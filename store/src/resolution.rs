//! How somebody ends a conflict.

use tandem_protocol::conflict::ConflictId;
use tandem_protocol::value::Value;
use tandem_protocol::version::Dot;

/// What is to become of a conflict.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The conflict.
    pub id: ConflictId,
    /// [`Conflict::seen`] of what was looked at; refused if it has changed since.
    pub seen: u64,
    /// What is wanted.
    pub choice: Choice,
    /// Label: who.
    pub by: Option<String>,
    /// Label: why.
    pub message: Option<String>,
}

/// What is wanted of a conflict.
#[derive(Clone, Debug)]
pub enum Choice {
    /// The version that this transaction wrote.
    Use(Dot),
    /// Another value.
    Value(Value),
    /// All of them (`duplicate`: they are different requests after all).
    KeepAll,
}
