//! What a transaction says of itself, as people read it.

use serde::{Deserialize, Serialize};
use tandem_protocol::membership::Membership;
use tandem_protocol::transaction::Header;

use super::to_iso;

/// What a transaction says of itself, whatever it changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionHead {
    /// Its name.
    pub dot: String,
    /// Id of the site that wrote it.
    pub site: String,
    /// That site's name.
    pub site_name: String,
    /// When it was written, by that site's clock, ISO 8601.
    pub time: String,
    /// Who wrote it, if said: the device first.
    pub by: Option<String>,
    /// Why, if said: the document.
    pub message: Option<String>,
}

impl TransactionHead {
    pub(super) fn of(header: &Header, membership: &Membership) -> Self {
        Self {
            dot: header.dot.to_string(),
            site: header.dot.author.to_string(),
            site_name: membership.shown_name(&header.dot.author),
            time: to_iso(header.time_ms),
            by: header.by.clone(),
            message: header.message.clone(),
        }
    }
}
