//! Sessions: when one begins, runs, is told something, and ends.

use tandem_protocol::identity::Author;
use tandem_protocol::session::{
    Config, Farewell, Input, ReadRequest, SessionDriver, SessionEnd, Side, SpaceConfig,
};

use super::end::End;
use super::line::Parcel;
use super::link::{Endpoint, Link};
use super::world::{Event, World};

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
            let link = Link { stream, driver: Some(SessionDriver::new(config)), alarm_ms: None };
            self.sites[at].links.insert(peer, link);
        }
        for (at, peer) in [(acceptor, opener), (opener, acceptor)] {
            self.run_session(Endpoint { at, peer, stream }, |_| ());
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
        self.forget_link(at, peer);
        self.tell_news();
    }

    /// One end is gone; who hears of it is told later.
    pub fn forget_link(&mut self, at: usize, peer: usize) {
        if self.sites[at].links.remove(&peer).is_none() {
            return;
        }
        let author = self.sites[peer].author;
        if let Some(next) = self.sites[at].catch_up.release(author) {
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

    /// Tells the session of a site with a peer something, where there is one.
    pub fn give(&mut self, at: usize, peer: usize, input: Input) {
        if let Some(stream) = self.sites[at].links.get(&peer).map(|link| link.stream) {
            self.tell_session(Endpoint { at, peer, stream }, input);
        }
    }

    /// Tells a session something, if it still stands.
    pub fn tell_session(&mut self, end: Endpoint, input: Input) {
        self.run_session(end, |driver| driver.tell(input));
    }

    /// Runs a session that something is told first, then all that hear of it.
    fn run_session(&mut self, end: Endpoint, tell: impl FnOnce(&mut SessionDriver)) {
        self.run_one(end, tell);
        self.tell_news();
    }

    fn tell_news(&mut self) {
        while let Some((end, input)) = self.news.pop_front() {
            self.run_one(end, |driver| driver.tell(input));
        }
    }

    fn run_one(&mut self, end: Endpoint, tell: impl FnOnce(&mut SessionDriver)) {
        let Some(link) = self.link_mut(end) else { return };
        let mut driver = link.driver.take().expect("a session that does not run");
        tell(&mut driver);
        driver.run(&mut End { world: self, end });
        let wake_ms = driver.wake_ms();
        let Some(link) = self.link_mut(end) else { return };
        link.driver = Some(driver);
        if link.alarm_ms != wake_ms {
            link.alarm_ms = wake_ms;
            if let Some(wake_ms) = wake_ms {
                self.at(wake_ms, Event::Alarm(end, wake_ms));
            }
        }
    }

    /// The slot for catching up has come to that author.
    pub fn grant(&mut self, at: usize, author: Author) {
        // A copied site has the author of another: whichever is linked is meant.
        let links = self.sites[at].links.iter();
        let link = links.rev().find(|(peer, _)| self.sites[**peer].author == author);
        let (Some((peer, link)), Some(space)) = (link, self.sites[at].space()) else { return };
        let end = Endpoint { at, peer: *peer, stream: link.stream };
        let (id, vector) = (space.id(), (*space.vector()).clone());
        let grown = Input::LogGrew { space: id, end: space.end(), vector, local: false };
        self.news.extend([(end, grown), (end, Input::CatchUp { space: id, granted: true })]);
    }

    /// Reads what a session asked for a while ago, and tells it.
    pub fn read_late(&mut self, end: Endpoint, request: ReadRequest) {
        if self.is_current(end)
            && let Some(space) = self.sites[end.at].space()
        {
            let (id, result) = (space.id(), super::end::read(space, request));
            self.tell_session(end, Input::Read { space: id, result });
        }
    }

    /// The alarm of a session.
    pub fn alarm(&mut self, end: Endpoint, alarm_ms: u64) {
        if self.link_mut(end).is_some_and(|link| link.alarm_ms == Some(alarm_ms)) {
            self.run_session(end, |_| ());
        }
    }

    /// Something arrives at a site.
    pub fn arrive(&mut self, at: usize, from: usize, parcel: Parcel) {
        let end = Endpoint { at, peer: from, stream: parcel.stream };
        if !self.is_current(end) {
            return;
        }
        let Some(bytes) = parcel.bytes else { return self.drop_link(at, from) };
        self.counts.many("bytes over lines", bytes.len() as u64);
        self.run_session(end, |driver| driver.receive(&bytes));
    }

    /// Whether that session still stands.
    pub fn is_current(&self, end: Endpoint) -> bool {
        self.sites[end.at].links.get(&end.peer).is_some_and(|link| link.stream == end.stream)
    }

    fn link_mut(&mut self, end: Endpoint) -> Option<&mut Link> {
        self.sites[end.at].links.get_mut(&end.peer).filter(|link| link.stream == end.stream)
    }

    /// Counts why sessions end, and looks whether anybody was accused.
    pub fn ended(&mut self, at: usize, peer: usize, end: &SessionEnd) {
        let text = end.to_string();
        let short = text.split(['(', ':']).next().unwrap_or_default().trim();
        self.counts.one(&format!("session ended: {short}"));
        let honest = match end {
            SessionEnd::Local(_) => !self.sites[at].store.disk().is_off(),
            SessionEnd::Farewell(farewell) => !matches!(farewell, Farewell::Misconduct),
            end => !end.is_misconduct(),
        };
        if !honest {
            let (site, peer) = (self.sites[at].name, self.sites[peer].name);
            self.fail(format!("{site} accuses {peer} of a fault: {end}"));
        }
    }
}
