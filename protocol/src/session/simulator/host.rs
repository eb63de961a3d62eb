//! What a site of the network does for its sessions: at once, or when the seed says.

use super::Network;
use crate::identity::SpaceId;
use crate::session::{
    Answer, CatchUpStep, Host, NotStored, Notice, Now, ReadDone, ReadRequest, SessionEnd, StoreDone,
    StoreRequest,
};
use crate::verify::SignedTransaction;
use crate::version::Dot;

/// One end of a line, while its session runs.
pub struct End<'a> {
    pub network: &'a mut Network,
    pub at: usize,
    pub peer: usize,
}

impl Host for End<'_> {
    fn now(&self) -> Now {
        self.network.now()
    }

    fn send(&mut self, bytes: Vec<u8>) {
        let wire = self.network.wires.entry((self.at, self.peer)).or_default();
        wire.total += bytes.len();
        wire.kinds.extend(bytes.first());
        wire.bytes.extend(bytes);
    }

    fn check_member(&mut self, _space: SpaceId, proof: Option<SignedTransaction>) -> Answer<bool> {
        let author = self.network.sites[self.peer].author;
        Answer::Now(self.network.sites[self.at].is_member(&author, proof.as_ref()))
    }

    fn find_admission(&mut self, _space: SpaceId) -> Answer<Option<SignedTransaction>> {
        Answer::Now(self.network.sites[self.at].ticket.clone())
    }

    fn read(&mut self, request: ReadRequest) -> Answer<Result<ReadDone, String>> {
        if let Some(link) = self.network.sites[self.at].links.get_mut(&self.peer) {
            link.reads.push_back(request);
        }
        Answer::Later
    }

    fn store(&mut self, request: StoreRequest) -> Answer<Result<StoreDone, NotStored>> {
        if let Some(link) = self.network.sites[self.at].links.get_mut(&self.peer) {
            link.stores.push_back(request);
        }
        Answer::Later
    }

    fn catch_up(&mut self, _space: SpaceId, step: CatchUpStep) -> Option<bool> {
        let author = self.network.sites[self.peer].author;
        let (granted, next) = self.network.sites[self.at].catch_up.step(author, step);
        if let Some(next) = next {
            self.network.grant(self.at, next);
        }
        granted
    }

    fn notice(&mut self, notice: Notice) {
        let site = &mut self.network.sites[self.at];
        let Some(link) = site.links.get_mut(&self.peer) else { return };
        match notice {
            Notice::Peer(state) => link.state = Some(state),
            Notice::ClockOffset(offset_ms) => link.clock_offset_ms = Some(offset_ms),
            Notice::Addresses(listings) => link.addresses = listings,
            Notice::Forked { chain, head, .. } => {
                let dot = Dot::new(chain, head.seq);
                if site.log.head(&dot).is_some_and(|held| held != head) {
                    link.forked.push(dot);
                }
            }
        }
    }

    fn end(&mut self, end: SessionEnd) {
        self.network.ended.push((self.at, self.peer, end));
        self.network.hang_up(self.at, self.peer);
    }
}
