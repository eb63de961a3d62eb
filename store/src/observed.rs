//! Changes that were seen to happen elsewhere: in a database beside, whose own rules have judged them. They
//! are recorded as they were, and what they break here is listed, as if they had come from another site.

use tandem_protocol::schema::expression::quoted;
use tandem_protocol::value::Value;

use crate::clause::list;

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
}

impl ObservedChange {
    /// What it is, without its values.
    pub(crate) fn told(&self) -> String {
        let (was, is) = (self.before.is_some(), self.after.is_some());
        format!("OBSERVED {was} {is} {} ({})", quoted(&self.table), list(&self.columns))
    }

    /// Its values.
    pub(crate) fn rows(&self) -> Vec<Vec<Value>> {
        [&self.before, &self.after].into_iter().flatten().cloned().collect()
    }
}
