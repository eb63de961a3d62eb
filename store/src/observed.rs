//! Changes that were seen to happen elsewhere: in a database beside, whose own rules have judged them. They
//! are recorded as they were, and what they break here is listed, as if they had come from another site. The
//! idempotency key of such a write names what happened there: one that comes again is the same, whatever it
//! says by then of what had been seen.

use tandem_protocol::value::Value;

/// A change of one row that somebody else made.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedChange {
    /// The table.
    pub table: String,
    /// The columns whose values are told, those of the key among them.
    pub columns: Vec<String>,
    /// What they were; none where there was no row.
    pub before: Option<Vec<Value>>,
    /// What they are; none where there is no row any more.
    pub after: Option<Vec<Value>>,
    /// Those columns that somebody set to what a form had shown, and what the basis does not cover replaced
    /// meanwhile: what was saved is shown whatever the clocks say, and the other is listed.
    pub restored: Vec<String>,
}
