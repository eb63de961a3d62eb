//! What a simulated site does for its session: stream, store and clock, as the node does it.

use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::session::{
    Answer, CatchUpStep, Farewell, Host, NotStored, Notice, Now, ReadDone, ReadRequest, SessionEnd,
    StoreDone, StoreRequest, name_of,
};
use tandem_protocol::verify::SignedTransaction;
use tandem_store::Space;
use tandem_store::simulated::Request;

use super::line::Parcel;
use super::link::Endpoint;
use super::sessions::Sessions;
use super::site::{Asker, Site};
use super::story::{Event, Story};

/// One end of a stream, while its session runs.
pub struct End<'a> {
    /// The story so far.
    pub story: &'a mut Story,
    /// The sites, by number.
    pub sites: &'a mut [Site],
    /// All other sessions.
    pub sessions: &'a mut Sessions,
    /// Which.
    pub end: Endpoint,
}

impl End<'_> {
    fn here(&mut self) -> &mut Site {
        &mut self.sites[self.end.at]
    }
}

impl Host for End<'_> {
    fn now(&self) -> Now {
        let now_ms = self.story.now_ms;
        Now { ms: now_ms, wall_ms: self.sites[self.end.at].clock.at(now_ms) }
    }

    fn send(&mut self, bytes: Vec<u8>) {
        let Endpoint { at, peer, stream } = self.end;
        self.sessions.lines.send(self.story, at, peer, Parcel { stream, bytes: Some(bytes) });
    }

    fn check_member(&mut self, _space: SpaceId, proof: Option<SignedTransaction>) -> Answer<bool> {
        let author = self.sites[self.end.peer].author;
        Answer::Now(self.here().trusts(&author, proof.as_ref()))
    }

    fn find_admission(&mut self, _space: SpaceId) -> Answer<Option<SignedTransaction>> {
        let site = self.here();
        let found = site.space().map(|held| held.log().admission_of(&site.author));
        Answer::Now(found.and_then(|found| found.unwrap_or(None)))
    }

    fn read(&mut self, request: ReadRequest) -> Answer<Result<ReadDone, String>> {
        let Self { story, sites, end, .. } = self;
        let site = &sites[end.at];
        if story.random.one_in(2)
            && let Some(space) = site.space()
        {
            return Answer::Now(read(space, request));
        }
        let after = story.random.below(site.disk_ms);
        story.later(after, Event::Read { end: *end, boot: site.boot, request });
        Answer::Later
    }

    fn store(&mut self, request: StoreRequest) -> Answer<Result<StoreDone, NotStored>> {
        let StoreRequest { block, withheld, .. } = request;
        let Self { story, sites, end, .. } = self;
        // A site that is off has no sessions that could wait for the answer.
        let _asked = sites[end.at].ask(story, Asker::Link(*end), Request::ReceiveWithout(block, withheld));
        Answer::Later
    }

    fn catch_up(&mut self, _space: SpaceId, step: CatchUpStep) -> Option<bool> {
        let author = self.sites[self.end.peer].author;
        let (granted, next) = self.here().catch_up.step(author, step);
        if let Some(next) = next {
            self.sessions.grant(self.sites, self.end.at, next);
        }
        granted
    }

    fn notice(&mut self, notice: Notice) {
        let Endpoint { at, peer, .. } = self.end;
        if let Notice::Forked { chain, head, .. } = notice
            && self.here().space().is_some_and(|space| space.forks().compare(chain, head))
        {
            self.sessions.forks += 1;
            noticed_fork(self.story, &self.sites[at], &self.sites[peer], chain.author);
        }
    }

    fn end(&mut self, end: SessionEnd) {
        let Endpoint { at, peer, stream } = self.end;
        let sites = &*self.sites;
        self.story.say(|| format!("{} ends the session with {}: {end}", sites[at].name, sites[peer].name));
        judge(self.story, &sites[at], &sites[peer], &end);
        self.sessions.forget(self.sites, at, peer);
        self.sessions.lines.send(self.story, at, peer, Parcel { stream, bytes: None });
    }

    fn arrived(&mut self, message: &[u8]) {
        let Endpoint { at, peer, .. } = self.end;
        let sites = &*self.sites;
        self.story.say(|| format!("{} ──{}──▶ {}", sites[peer].name, name_of(message), sites[at].name));
    }
}

/// Counts why a session ends, and looks whether anybody was accused.
fn judge(story: &mut Story, site: &Site, peer: &Site, end: &SessionEnd) {
    let text = end.to_string();
    let short = text.split(['(', ':']).next().unwrap_or_default().trim();
    story.counts.one(&format!("session ended: {short}"));
    let honest = match end {
        SessionEnd::Local(_) => !site.store.disk().is_off(),
        SessionEnd::Farewell(farewell) => !matches!(farewell, Farewell::Misconduct),
        end => !end.is_misconduct(),
    };
    if !honest {
        story.fail(format!("{} accuses {} of a fault: {end}", site.name, peer.name));
    }
}

/// Two transactions go by one name.
fn noticed_fork(story: &mut Story, site: &Site, peer: &Site, author: Author) {
    story.counts.one("fork noticed");
    if site.copy_of.is_none() && peer.copy_of.is_none() {
        let (site, peer, author) = (site.name, peer.name, author.short());
        story.fail(format!("{site} and {peer} hold different transactions of {author} by one name"));
    }
}

/// Reads what a session asks for.
pub fn read(space: &Space, request: ReadRequest) -> Result<ReadDone, String> {
    let ReadRequest { from, have, withheld, max_bytes, .. } = request;
    let read = space.chunks().read_without(from, &have, withheld, max_bytes);
    read.map(ReadDone::from).map_err(|error| error.to_string())
}
