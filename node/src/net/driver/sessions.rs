//! Sessions that others open, sessions that are over, and sites that ask to join.

use libp2p::{PeerId, Stream};
use tandem_protocol::identity::Author;
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::links::{After, Ended};
use super::{Driver, random};
use crate::net::dialer::Attempt;
use crate::net::identity::author_of;
use crate::sync::join;

/// How soon a session that simply ended is followed by another.
const SOON_MS: u64 = 50;

impl Driver {
    pub(super) fn session_offered(&mut self, peer: &PeerId, stream: Stream) {
        let Some(author) = author_of(peer).filter(|_| !self.paused) else { return };
        // Both may open at the same time: then the one opened by the lower id counts.
        if self.links.is_young(&author) && self.local < author {
            return;
        }
        self.dialer.after(author, 0, self.now_ms());
        self.dialer.busy(&author);
        self.links.accept(author, stream);
    }

    pub(super) fn session_ended(&mut self, ended: Ended) {
        let Some(after) = self.links.ended(&ended) else { return };
        let now_ms = self.now_ms();
        let peer = ended.peer.short();
        if self.hub.knows(&ended.peer) {
            tracing::info!(peer, reason = %ended.end, "session over");
            self.book.seen(&ended.peer, self.hub.now().wall_ms);
        } else {
            tracing::debug!(peer, reason = %ended.end, "a stranger's session is over");
        }
        let attempt = Attempt::Site(ended.peer, Vec::new());
        match after {
            After::Again => self.dialer.begin_anew(&ended.peer, now_ms + SOON_MS),
            After::Later => {
                self.dialer.after(ended.peer, 0, now_ms);
                self.dialer.failed(&attempt, random(), now_ms);
            }
            After::MuchLater => {
                self.dialer.after(ended.peer, 0, now_ms);
                self.dialer.refused(&ended.peer, random(), now_ms);
            }
            After::Reconnect { began } => {
                for id in self.connections.older(&ended.peer, began) {
                    self.swarm.close_connection(id);
                    self.connections.closed(ended.peer, id);
                }
                self.dialer.begin_anew(&ended.peer, now_ms);
                self.show();
            }
        }
        self.tell_addresses();
    }

    pub(super) fn join_asked(&mut self, peer: &PeerId, stream: Stream) {
        let Some(author) = author_of(peer).filter(|_| !self.paused) else { return };
        let Ok(permit) = self.joins.clone().try_acquire_owned() else { return };
        let (hub, invitations, joined) = (self.hub.clone(), self.invitations.clone(), self.joined.0.clone());
        tokio::spawn(async move {
            let mut stream = stream.compat();
            match join::answer(&mut stream, hub, invitations, author).await {
                Ok(true) => {
                    let _stopping = joined.send(author).await;
                }
                Ok(false) => {}
                Err(error) => tracing::debug!(peer = author.short(), %error, "a join request broke off"),
            }
            drop(permit);
        });
    }

    /// It was a stranger until now.
    pub(super) fn someone_joined(&mut self, author: Author) {
        if !self.links.runs(&author) {
            self.dialer.after(author, 0, self.now_ms());
        }
    }
}
