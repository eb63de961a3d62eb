//! What this site was last told of the peer.

use super::cursor::Cursor;
use super::host::PeerState;
use crate::identity::SpaceId;

/// What was last told of the peer; nothing yet at first.
#[derive(Default)]
pub(super) struct PeerReport(Option<PeerState>);

impl PeerReport {
    /// What is known of the peer now, if that is not what was told last. It counts as told.
    pub fn news(&mut self, space: SpaceId, open: bool, cursor: &Cursor) -> Option<PeerState> {
        let in_flight = cursor.bytes_in_flight();
        let same = |state: &PeerState| {
            state.open == open && state.in_flight == in_flight && state.vector == *cursor.claimed()
        };
        if self.0.as_ref().is_some_and(same) {
            return None;
        }
        let state = PeerState { space, open, vector: cursor.claimed().clone(), in_flight };
        self.0 = Some(state.clone());
        Some(state)
    }
}
