//! What this node does for one session: the stream's bytes, the store, the news of commits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::session::{
    Answer, CatchUpStep, Host, Input, NotStored, Notice, Now, ReadDone, ReadRequest, SessionEnd, StoreDone,
    StoreRequest,
};
use tandem_protocol::verify::SignedTransaction;

use super::hub::Hub;
use super::inbox::Inbox;
use super::link::PeerAddresses;
use super::outgoing::Outgoing;
use super::sync_report::SyncReport;

/// A read of no more transactions than this is done at once; a longer one elsewhere, so that it
/// does not hold up other sessions.
const SHORT_READ: u64 = 64;

/// See the module.
pub(super) struct LinkHost {
    hub: Arc<Hub>,
    /// This site as the peer knows it: its key may have changed since.
    local: Author,
    peer: Author,
    inbox: Arc<Inbox>,
    peer_addresses: PeerAddresses,
    /// Filled from the writer's thread.
    sync_report: Arc<Mutex<SyncReport>>,
    /// What is to be written to the stream.
    pub outgoing: Outgoing,
    /// Why the session has ended.
    pub over: Option<SessionEnd>,
}

impl LinkHost {
    pub fn new(
        hub: Arc<Hub>,
        (local, peer): (Author, Author),
        inbox: Arc<Inbox>,
        peer_addresses: PeerAddresses,
    ) -> Self {
        let (sync_report, outgoing) = (Arc::default(), Outgoing::default());
        Self { hub, local, peer, inbox, peer_addresses, sync_report, outgoing, over: None }
    }

    /// Whether the peer brought something that was not reported yet.
    pub fn has_news(&self) -> bool {
        !self.sync_report().is_empty()
    }

    /// Says in the log what the peer brought.
    pub fn report(&self) {
        let mut sync_report = self.sync_report();
        if !sync_report.is_empty() {
            sync_report.report(&self.peer);
        }
    }

    fn sync_report(&self) -> MutexGuard<'_, SyncReport> {
        self.sync_report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for LinkHost {
    fn now(&self) -> Now {
        self.hub.now()
    }

    fn send(&mut self, bytes: Vec<u8>) {
        self.outgoing.push(&bytes);
    }

    fn check_member(&mut self, space: SpaceId, proof: Option<SignedTransaction>) -> Answer<bool> {
        Answer::Now(self.hub.is_member(&space, &self.peer, proof.as_ref()))
    }

    fn find_admission(&mut self, space: SpaceId) -> Answer<Option<SignedTransaction>> {
        let Some(held) = self.hub.space(&space) else { return Answer::Now(None) };
        let (inbox, author) = (self.inbox.clone(), self.local);
        tokio::task::spawn_blocking(move || {
            let proof = held.log().admission_of(&author).unwrap_or_else(|error| {
                tracing::warn!(%error, "this site's admission cannot be read from the log");
                None
            });
            inbox.push(Input::Admission { space, proof });
        });
        Answer::Later
    }

    fn read(&mut self, request: ReadRequest) -> Answer<Result<ReadDone, String>> {
        let ReadRequest { space, from, have, withheld, max_bytes } = request;
        let Some(held) = self.hub.space(&space) else { return Answer::Now(Err(gone())) };
        debug_assert!(from <= held.end(), "a cursor goes as far as the log");
        let short = held.end().saturating_sub(from) <= SHORT_READ;
        let read = move || {
            let read = held.chunks().read_without(from, &have, withheld, max_bytes);
            read.map(ReadDone::from).map_err(|error| error.to_string())
        };
        if short {
            return Answer::Now(read());
        }
        let inbox = self.inbox.clone();
        tokio::task::spawn_blocking(move || inbox.push(Input::Read { space, result: read() }));
        Answer::Later
    }

    fn store(&mut self, request: StoreRequest) -> Answer<Result<StoreDone, NotStored>> {
        let StoreRequest { space, block, withheld } = request;
        let Some(held) = self.hub.space(&space) else { return Answer::Now(Err(NotStored::Local(gone()))) };
        let (inbox, sync_report) = (self.inbox.clone(), self.sync_report.clone());
        held.receive_without(block, withheld, move |result| {
            if let Ok(received) = &result {
                sync_report.lock().unwrap_or_else(PoisonError::into_inner).add(space, received);
            }
            let result = result.map(StoreDone::from).map_err(NotStored::from);
            inbox.push(Input::Stored { space, result });
        });
        Answer::Later
    }

    fn catch_up(&mut self, space: SpaceId, step: CatchUpStep) -> Option<bool> {
        self.hub.catch_up(space, self.peer, step)
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Peer(state) => self.hub.note_state(self.peer, state),
            Notice::ClockOffset(offset_ms) => {
                self.hub.note(self.peer, |status| status.clock_offset_ms = Some(offset_ms));
            }
            Notice::Addresses(listings) => {
                // A hint: where the node is too busy to take it, the next session brings it again.
                let _dropped_when_busy = self.peer_addresses.try_send((self.peer, listings));
            }
            Notice::Forked { space, chain, head } => {
                if let Some(held) = self.hub.space(&space) {
                    // Noting it waits for the disk.
                    tokio::task::spawn_blocking(move || held.forks().compare(chain, head));
                }
            }
        }
    }

    fn end(&mut self, end: SessionEnd) {
        assert!(self.over.is_none(), "a session ends once");
        self.over = Some(end);
    }
}

fn gone() -> String {
    "the space is gone".to_owned()
}
