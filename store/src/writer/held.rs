//! What this site holds, transaction by transaction: what a received block is compared with.

use tandem_protocol::identity::{Prefix, TxHash};
use tandem_protocol::verify::HeldTransactions;
use tandem_protocol::version::Dot;

use crate::log::SpaceLog;
use crate::recent::Recent;
use crate::view::View;

/// The view tells prefixes, the log whole hashes; those of the group at hand are not in it yet.
pub(super) struct HeldHere<'a> {
    pub view: &'a View,
    pub log: &'a SpaceLog,
    pub recent: &'a [Recent],
}

impl HeldTransactions for HeldHere<'_> {
    fn prefix(&self, dot: &Dot) -> Option<Prefix> {
        self.view.prefix_of(dot).ok().flatten()
    }

    fn hash(&self, dot: &Dot) -> Option<TxHash> {
        if let Some(recent) = self.recent.iter().find(|recent| recent.header.dot == *dot) {
            return Some(recent.hash);
        }
        let arrival = self.view.arrival_of(dot).ok().flatten()?;
        self.log.hash_at(arrival).ok().flatten()
    }
}
