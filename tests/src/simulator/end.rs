//! What a simulated site does for its session: stream, store and clock, as the node does it.

use tandem_protocol::identity::SpaceId;
use tandem_protocol::session::{
    Answer, CatchUpStep, Host, NotStored, Notice, Now, ReadDone, ReadRequest, SessionEnd, StoreDone,
    StoreRequest, name_of,
};
use tandem_protocol::verify::SignedTransaction;
use tandem_store::Space;
use tandem_store::simulated::Request;

use super::line::Parcel;
use super::link::Endpoint;
use super::site::Asker;
use super::world::{Event, World};

/// One end of a stream, while its session runs.
pub struct End<'a> {
    /// Everything else.
    pub world: &'a mut World,
    /// Which.
    pub end: Endpoint,
}

impl Host for End<'_> {
    fn now(&self) -> Now {
        let now_ms = self.world.now_ms;
        Now { ms: now_ms, wall_ms: self.world.sites[self.end.at].clock.at(now_ms) }
    }

    fn send(&mut self, bytes: Vec<u8>) {
        let Endpoint { at, peer, stream } = self.end;
        self.world.send(at, peer, Parcel { stream, bytes: Some(bytes) });
    }

    fn check_member(&mut self, _space: SpaceId, proof: Option<SignedTransaction>) -> Answer<bool> {
        let author = self.world.sites[self.end.peer].author;
        Answer::Now(self.world.sites[self.end.at].trusts(&author, proof.as_ref()))
    }

    fn find_admission(&mut self, _space: SpaceId) -> Answer<Option<SignedTransaction>> {
        let site = &self.world.sites[self.end.at];
        let found = site.space().map(|held| held.log().admission_of(&site.author));
        Answer::Now(found.and_then(|found| found.unwrap_or(None)))
    }

    fn read(&mut self, request: ReadRequest) -> Answer<Result<ReadDone, String>> {
        let at = self.end.at;
        if self.world.random.one_in(2)
            && let Some(space) = self.world.sites[at].space()
        {
            return Answer::Now(read(space, request));
        }
        let after = self.world.random.below(self.world.sites[at].disk_ms);
        let boot = self.world.sites[at].boot;
        self.world.later(after, Event::Read { end: self.end, boot, request });
        Answer::Later
    }

    fn store(&mut self, request: StoreRequest) -> Answer<Result<StoreDone, NotStored>> {
        let StoreRequest { block, withheld, .. } = request;
        self.world.ask(self.end.at, Asker::Link(self.end), Request::ReceiveWithout(block, withheld));
        Answer::Later
    }

    fn catch_up(&mut self, _space: SpaceId, step: CatchUpStep) -> Option<bool> {
        let author = self.world.sites[self.end.peer].author;
        let (granted, next) = self.world.sites[self.end.at].catch_up.step(author, step);
        if let Some(next) = next {
            self.world.grant(self.end.at, next);
        }
        granted
    }

    fn notice(&mut self, notice: Notice) {
        let Endpoint { at, peer, .. } = self.end;
        if let Notice::Forked { chain, head, .. } = notice
            && self.world.sites[at].space().is_some_and(|space| space.forks().compare(chain, head))
        {
            self.world.noticed_fork(at, peer, chain.author);
        }
    }

    fn end(&mut self, end: SessionEnd) {
        let Endpoint { at, peer, stream } = self.end;
        self.world.say(|world| {
            format!("{} ends the session with {}: {end}", world.sites[at].name, world.sites[peer].name)
        });
        self.world.ended(at, peer, &end);
        self.world.forget_link(at, peer);
        self.world.send(at, peer, Parcel { stream, bytes: None });
    }

    fn arrived(&mut self, message: &[u8]) {
        let Endpoint { at, peer, .. } = self.end;
        self.world.say(|world| {
            let name = name_of(message);
            format!("{} ──{name}──▶ {}", world.sites[peer].name, world.sites[at].name)
        });
    }
}

/// Reads what a session asks for.
pub fn read(space: &Space, request: ReadRequest) -> Result<ReadDone, String> {
    let ReadRequest { from, have, withheld, max_bytes, .. } = request;
    let read = space.chunks().read_without(from, &have, withheld, max_bytes);
    read.map(ReadDone::from).map_err(|error| error.to_string())
}
