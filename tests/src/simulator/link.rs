//! One end of a session: drives [`Session`] with bytes, the store and the time, as the node's
//! `sync/link.rs` does.

use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::Author;
use tandem_protocol::session::{
    BulkStep, Config, Fault, FrameReader, Input, Now, Output, Refusal, Session, Side, SpaceConfig, Taken,
    name_of,
};
use tandem_protocol::version::VersionVector;
use tandem_store::simulated::Request;
use tandem_store::{Chunk, ReceiveError, Received};

use super::line::Parcel;
use super::site::Asker;
use super::world::{Event, World};

/// See the module.
pub struct Link {
    /// The stream it is an end of.
    pub stream: u64,
    session: Session,
    reader: FrameReader,
    wake_ms: u64,
}

impl World {
    /// Opens a stream between two sites that can reach each other; `opener` greets first.
    pub fn connect(&mut self, opener: usize, acceptor: usize) {
        self.streams += 1;
        let stream = self.streams;
        self.counts.one("session opened");
        self.say(|world| {
            format!("{} ──connects──▶ {}", world.sites[opener].name, world.sites[acceptor].name)
        });
        for (at, peer, side) in [(acceptor, opener, Side::Acceptor), (opener, acceptor, Side::Opener)] {
            // The newer stream replaces one that only this side still takes for alive.
            self.give(at, peer, Input::Leave);
            self.drop_link(at, peer);
            let padding = self.padding();
            let Some(space) = self.sites[at].space() else { return };
            let config = Config {
                side,
                local: self.sites[at].author,
                peer: self.sites[peer].author,
                spaces: vec![SpaceConfig {
                    id: space.id(),
                    vector: (*space.vector()).clone(),
                    end: space.end(),
                }],
                padding,
            };
            let (session, reader) = (Session::new(config), FrameReader::default());
            let link = Link { stream, session, reader, wake_ms: u64::MAX };
            self.sites[at].links.insert(peer, link);
        }
        for (at, peer) in [(acceptor, opener), (opener, acceptor)] {
            self.give(at, peer, Input::Connected);
        }
    }

    /// Whether both ends of a stream between two sites still stand.
    pub fn are_connected(&self, one: usize, other: usize) -> bool {
        let stream = |at: usize, peer: usize| self.sites[at].links.get(&peer).map(|link| link.stream);
        stream(one, other).is_some() && stream(one, other) == stream(other, one)
    }

    /// The stream breaks: both ends are gone, and what was under way is lost.
    pub fn hang_up(&mut self, one: usize, other: usize) {
        self.drop_link(one, other);
        self.drop_link(other, one);
    }

    /// One end is gone.
    pub fn drop_link(&mut self, at: usize, peer: usize) {
        if self.sites[at].links.remove(&peer).is_none() {
            return;
        }
        let author = self.sites[peer].author;
        if let Some(next) = self.sites[at].bulk.release(author) {
            self.grant(at, next);
        }
    }

    /// Tells all sessions of a site what became durable there.
    pub fn announce(&mut self, at: usize, local: bool) {
        let Some(space) = self.sites[at].space() else { return };
        let (id, end, vector, members) = (space.id(), space.end(), space.vector(), space.membership());
        let changed = *members != *self.sites[at].members;
        self.sites[at].members = members;
        let peers: Vec<usize> = self.sites[at].links.keys().copied().collect();
        for peer in peers {
            let vector = (*vector).clone();
            self.give(at, peer, Input::LogGrew { space: id, end, vector, local });
            if changed {
                self.give(at, peer, Input::MembersChanged(id));
            }
        }
    }

    /// Gives an input to the session of a site with a peer, and carries out what it wants.
    pub fn give(&mut self, at: usize, peer: usize, input: Input) {
        let now = Now { ms: self.now_ms, wall_ms: self.sites[at].clock.at(self.now_ms) };
        let Some(link) = self.sites[at].links.get_mut(&peer) else { return };
        let stream = link.stream;
        let outputs: Vec<Output> = link.session.handle(input, now).collect();
        for output in outputs {
            // Only as long as it is the same session: carrying out may end it.
            if self.sites[at].links.get(&peer).is_some_and(|link| link.stream == stream) {
                self.carry_out(at, peer, stream, output);
            }
        }
    }

    fn carry_out(&mut self, at: usize, peer: usize, stream: u64, output: Output) {
        match output {
            Output::Send(bytes) => self.send(at, peer, Parcel { stream, bytes: Some(bytes) }),
            Output::Greeted => {
                if let Some(link) = self.sites[at].links.get_mut(&peer) {
                    link.reader.greeted();
                }
            }
            Output::Judge { space, proof } => {
                let author = self.sites[peer].author;
                let member = self.sites[at].trusts(&author, proof.as_ref());
                self.give(at, peer, Input::Judged { space, member });
            }
            Output::FindAdmission(space) => {
                let me = self.sites[at].author;
                let found = self.sites[at].space().map(|held| held.admission_of(&me));
                let proof = found.and_then(|found| found.unwrap_or(None));
                self.give(at, peer, Input::Admission { space, proof });
            }
            Output::Read { from, have, withheld, max_bytes, .. } => {
                if self.random.one_in(2) {
                    return self.read(at, peer, stream, from, (&have, withheld), max_bytes);
                }
                let after = self.random.below(self.sites[at].disk_ms);
                let boot = self.sites[at].boot;
                self.later(after, Event::Read { at, boot, peer, stream, from, have, withheld, max_bytes });
            }
            Output::Store { block, withheld, .. } => {
                self.ask(at, Asker::Link { peer, stream }, Request::ReceiveWithout(block, withheld));
            }
            Output::Bulk { space, step } => self.bulk(at, peer, space, step),
            Output::PeerState(_) | Output::ClockOffset(_) | Output::Addresses(_) => {}
            Output::Forked { chain, head, .. } => {
                if self.sites[at].space().is_some_and(|space| space.compare(chain, head)) {
                    self.noticed_fork(at, peer, chain.author);
                }
            }
            Output::WakeAt(wake_ms) => {
                if let Some(link) = self.sites[at].links.get_mut(&peer) {
                    link.wake_ms = wake_ms;
                }
                self.at(wake_ms.max(self.now_ms), Event::Tick { at, peer, stream, wake_ms });
            }
            Output::Close(fault) => {
                self.say(|world| {
                    format!(
                        "{} ends the session with {}: {fault}",
                        world.sites[at].name, world.sites[peer].name
                    )
                });
                self.ended(at, peer, &fault);
                self.drop_link(at, peer);
                self.send(at, peer, Parcel { stream, bytes: None });
            }
        }
    }

    fn bulk(&mut self, at: usize, peer: usize, space: tandem_protocol::identity::SpaceId, step: BulkStep) {
        let author = self.sites[peer].author;
        let bulk = &mut self.sites[at].bulk;
        let (own, next) = match step {
            BulkStep::Claim => (Some(bulk.claim(author)), None),
            BulkStep::Release => (None, bulk.release(author)),
            BulkStep::Stalled => {
                let next = bulk.stalled(author);
                (next.map(|_| false), next)
            }
        };
        if let Some(granted) = own {
            self.give(at, peer, Input::Bulk { space, granted });
        }
        if let Some(next) = next {
            self.grant(at, next);
        }
    }

    fn grant(&mut self, at: usize, author: Author) {
        // A copied site has the author of another: whichever is linked is meant.
        let links = self.sites[at].links.keys().copied();
        let peer = links.rev().find(|peer| self.sites[*peer].author == author);
        let (Some(peer), Some(space)) = (peer, self.sites[at].space()) else { return };
        let (id, end, vector) = (space.id(), space.end(), (*space.vector()).clone());
        self.give(at, peer, Input::LogGrew { space: id, end, vector, local: false });
        self.give(at, peer, Input::Bulk { space: id, granted: true });
    }

    /// Reads what a session asked for, and tells it.
    pub fn read(
        &mut self,
        at: usize,
        peer: usize,
        stream: u64,
        from: u64,
        (have, withheld): (&VersionVector, Withheld),
        max_bytes: usize,
    ) {
        if !self.is_current(at, peer, stream) {
            return;
        }
        let Some(space) = self.sites[at].space() else { return };
        let id = space.id();
        let input = match space.read_without(from, have, withheld, max_bytes) {
            Ok(Chunk { block, next, heads: last, withheld, forks }) => {
                Input::ReadDone { space: id, block, next, last, withheld, forks }
            }
            Err(error) => Input::ReadFailed { space: id, error: error.to_string() },
        };
        self.give(at, peer, input);
    }

    /// A block that a session asked to store was stored, or not.
    pub fn stored(&mut self, at: usize, peer: usize, stream: u64, result: Result<Received, ReceiveError>) {
        if !self.is_current(at, peer, stream) {
            return;
        }
        let space = self.sites[at].store.id();
        let result = result.map(Taken::from).map_err(|error| match error {
            ReceiveError::Fault(fault) => Refusal::Fault(fault),
            error => Refusal::Local(error.to_string()),
        });
        self.give(at, peer, Input::Stored { space, result });
    }

    /// The alarm of a session.
    pub fn tick(&mut self, at: usize, peer: usize, stream: u64, wake_ms: u64) {
        let current = self.sites[at].links.get(&peer);
        if current.is_some_and(|link| link.stream == stream && link.wake_ms == wake_ms) {
            self.give(at, peer, Input::Tick);
            let unchanged = self.sites[at].links.get(&peer).is_some_and(|link| link.wake_ms == wake_ms);
            if unchanged && self.is_current(at, peer, stream) {
                self.later(ALARM_AGAIN_MS, Event::Tick { at, peer, stream, wake_ms });
            }
        }
    }

    /// Something arrives at a site.
    pub fn arrive(&mut self, at: usize, from: usize, parcel: Parcel) {
        if !self.is_current(at, from, parcel.stream) {
            return;
        }
        let Some(bytes) = parcel.bytes else { return self.drop_link(at, from) };
        self.counts.many("bytes over lines", bytes.len() as u64);
        if let Some(link) = self.sites[at].links.get_mut(&from) {
            link.reader.push(&bytes);
        }
        loop {
            if !self.is_current(at, from, parcel.stream) {
                return;
            }
            let Some(link) = self.sites[at].links.get_mut(&from) else { return };
            match link.reader.next_message() {
                Ok(Some(message)) => {
                    self.say(|world| {
                        let name = name_of(&message);
                        format!("{} ──{name}──▶ {}", world.sites[from].name, world.sites[at].name)
                    });
                    self.give(at, from, Input::Message(message));
                }
                Ok(None) if link.reader.is_amid() => return self.give(at, from, Input::Heard),
                Ok(None) => return,
                Err(fault) => {
                    self.ended(at, from, &fault);
                    return self.hang_up(at, from);
                }
            }
        }
    }

    fn is_current(&self, at: usize, peer: usize, stream: u64) -> bool {
        self.sites[at].links.get(&peer).is_some_and(|link| link.stream == stream)
    }

    fn ended(&mut self, at: usize, peer: usize, fault: &Fault) {
        let text = fault.to_string();
        let short = text.split(['(', ':']).next().unwrap_or_default().trim();
        self.counts.one(&format!("session ended: {short}"));
        let honest = match fault {
            Fault::Local(_) => !self.sites[at].store.disk().is_off(),
            Fault::Farewell(farewell) => !matches!(farewell, tandem_protocol::session::Farewell::Misconduct),
            fault => !fault.is_misconduct(),
        };
        if !honest {
            let (site, peer) = (self.sites[at].name, self.sites[peer].name);
            self.fail(format!("{site} accuses {peer} of a fault: {fault}"));
        }
    }
}

/// The session's answer to an alarm it keeps asking for is not waited for without end.
const ALARM_AGAIN_MS: u64 = 1_000;
