//! What a transaction of this site says besides its ops, and by which rules it is judged.

use tandem_protocol::request::RequestKey;
use tandem_protocol::version::VersionVector;

use crate::write::SourceOffset;

/// What a transaction of this site says of itself.
#[derive(Default)]
pub(super) struct Labels {
    pub key: Option<RequestKey>,
    pub by: Option<String>,
    pub message: Option<String>,
    pub basis: Option<VersionVector>,
    /// Not in the log of others: how far the sources of its edits have come.
    pub offsets: Vec<SourceOffset>,
}

/// What becomes of a write that breaks a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// It is refused, unless the rule was broken before.
    Judged,
    /// It stands, and what it breaks is listed, as if it had come from elsewhere.
    OfAMerge,
}
