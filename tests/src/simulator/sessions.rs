//! Sessions: when one begins, runs, is told something, and ends.

use std::collections::VecDeque;

use tandem_protocol::identity::Author;
use tandem_protocol::session::{Config, Input, ReadRequest, SessionDriver, Side, SpaceConfig};

use super::end::End;
use super::line::Parcel;
use super::lines::Lines;
use super::link::{Endpoint, Link};
use super::site::Site;
use super::story::{Event, Story};

/// The sessions of all sites, over the lines between them. Their ends stand at the sites.
pub struct Sessions {
    /// What they run over.
    pub lines: Lines,
    /// Forks noticed.
    pub forks: u64,
    /// Streams opened so far.
    streams: u64,
    /// What sessions are to be told as soon as none runs.
    news: VecDeque<(Endpoint, Input)>,
}

impl Sessions {
    /// None yet, over those lines.
    pub fn new(lines: Lines) -> Self {
        Self { lines, forks: 0, streams: 0, news: VecDeque::new() }
    }

    /// Opens a stream between two sites that can reach each other; `opener` greets first.
    pub fn connect(&mut self, story: &mut Story, sites: &mut [Site], opener: usize, acceptor: usize) {
        self.streams += 1;
        let stream = self.streams;
        story.counts.one("session opened");
        story.say(|| format!("{} ──connects──▶ {}", sites[opener].name, sites[acceptor].name));
        for (at, peer, side) in [(acceptor, opener, Side::Acceptor), (opener, acceptor, Side::Opener)] {
            // The newer stream replaces one that only this side still takes for alive.
            self.give(story, sites, at, peer, Input::Leave);
            self.drop(story, sites, at, peer);
            let padding = padding(story);
            let Some(space) = sites[at].space() else { return };
            let config = Config {
                side,
                local: sites[at].author,
                peer: sites[peer].author,
                spaces: vec![SpaceConfig {
                    id: space.id(),
                    vector: (*space.vector()).clone(),
                    end: space.end(),
                }],
                padding,
            };
            let link = Link { stream, driver: Some(SessionDriver::new(config)), alarm_ms: None };
            sites[at].links.insert(peer, link);
        }
        for (at, peer) in [(acceptor, opener), (opener, acceptor)] {
            self.run(story, sites, Endpoint { at, peer, stream }, |_| ());
        }
    }

    /// The stream breaks: both ends are gone, and what was under way is lost.
    pub fn hang_up(&mut self, story: &mut Story, sites: &mut [Site], one: usize, other: usize) {
        self.drop(story, sites, one, other);
        self.drop(story, sites, other, one);
    }

    /// One end is gone.
    pub fn drop(&mut self, story: &mut Story, sites: &mut [Site], at: usize, peer: usize) {
        self.forget(sites, at, peer);
        self.tell_news(story, sites);
    }

    /// One end is gone; who hears of it is told later.
    pub fn forget(&mut self, sites: &mut [Site], at: usize, peer: usize) {
        if sites[at].links.remove(&peer).is_none() {
            return;
        }
        let author = sites[peer].author;
        if let Some(next) = sites[at].catch_up.release(author) {
            self.grant(sites, at, next);
        }
    }

    /// Tells all sessions of a site what became durable there.
    pub fn announce(&mut self, story: &mut Story, sites: &mut [Site], at: usize, local: bool) {
        let Some(space) = sites[at].space() else { return };
        let (id, end, vector, members) = (space.id(), space.end(), space.vector(), space.membership());
        let changed = *members != *sites[at].members;
        sites[at].members = members;
        let peers: Vec<usize> = sites[at].links.keys().copied().collect();
        for peer in peers {
            let vector = (*vector).clone();
            self.give(story, sites, at, peer, Input::LogGrew { space: id, end, vector, local });
            if changed {
                self.give(story, sites, at, peer, Input::MembersChanged(id));
            }
        }
    }

    /// Tells the session of a site with a peer something, where there is one.
    fn give(&mut self, story: &mut Story, sites: &mut [Site], at: usize, peer: usize, input: Input) {
        if let Some(stream) = sites[at].links.get(&peer).map(|link| link.stream) {
            self.tell(story, sites, Endpoint { at, peer, stream }, input);
        }
    }

    /// Tells a session something, if it still stands.
    pub fn tell(&mut self, story: &mut Story, sites: &mut [Site], end: Endpoint, input: Input) {
        self.run(story, sites, end, |driver| driver.tell(input));
    }

    /// Runs a session that something is told first, then all that hear of it.
    fn run(
        &mut self,
        story: &mut Story,
        sites: &mut [Site],
        end: Endpoint,
        tell: impl FnOnce(&mut SessionDriver),
    ) {
        self.run_one(story, sites, end, tell);
        self.tell_news(story, sites);
    }

    fn tell_news(&mut self, story: &mut Story, sites: &mut [Site]) {
        while let Some((end, input)) = self.news.pop_front() {
            self.run_one(story, sites, end, |driver| driver.tell(input));
        }
    }

    fn run_one(
        &mut self,
        story: &mut Story,
        sites: &mut [Site],
        end: Endpoint,
        tell: impl FnOnce(&mut SessionDriver),
    ) {
        let Some(link) = sites[end.at].link_mut(end) else { return };
        let mut driver = link.driver.take().expect("a session that does not run");
        tell(&mut driver);
        driver.run(&mut End { story: &mut *story, sites: &mut *sites, sessions: self, end });
        let wake_ms = driver.wake_ms();
        let Some(link) = sites[end.at].link_mut(end) else { return };
        link.driver = Some(driver);
        if link.alarm_ms != wake_ms {
            link.alarm_ms = wake_ms;
            if let Some(wake_ms) = wake_ms {
                story.at(wake_ms, Event::Alarm(end, wake_ms));
            }
        }
    }

    /// The slot for catching up has come to that author.
    pub fn grant(&mut self, sites: &[Site], at: usize, author: Author) {
        // A copied site has the author of another: whichever is linked is meant.
        let links = sites[at].links.iter();
        let link = links.rev().find(|(peer, _)| sites[**peer].author == author);
        let (Some((peer, link)), Some(space)) = (link, sites[at].space()) else { return };
        let end = Endpoint { at, peer: *peer, stream: link.stream };
        let (id, vector) = (space.id(), (*space.vector()).clone());
        let grown = Input::LogGrew { space: id, end: space.end(), vector, local: false };
        self.news.extend([(end, grown), (end, Input::CatchUp { space: id, granted: true })]);
    }

    /// Reads what a session asked for a while ago, and tells it.
    pub fn read_late(&mut self, story: &mut Story, sites: &mut [Site], end: Endpoint, request: ReadRequest) {
        if sites[end.at].link_mut(end).is_some()
            && let Some(space) = sites[end.at].space()
        {
            let (id, result) = (space.id(), super::end::read(space, request));
            self.tell(story, sites, end, Input::Read { space: id, result });
        }
    }

    /// The alarm of a session.
    pub fn alarm(&mut self, story: &mut Story, sites: &mut [Site], end: Endpoint, alarm_ms: u64) {
        if sites[end.at].link_mut(end).is_some_and(|link| link.alarm_ms == Some(alarm_ms)) {
            self.run(story, sites, end, |_| ());
        }
    }

    /// Something has come to the end of a line.
    pub fn arrive(&mut self, story: &mut Story, sites: &mut [Site], at: usize, from: usize, parcel: Parcel) {
        let end = Endpoint { at, peer: from, stream: parcel.stream };
        if sites[at].link_mut(end).is_none() {
            return;
        }
        let Some(bytes) = parcel.bytes else { return self.drop(story, sites, at, from) };
        story.counts.many("bytes over lines", bytes.len() as u64);
        self.run(story, sites, end, |driver| driver.receive(&bytes));
    }

    /// What a line held while it was cut arrives.
    pub fn release(&mut self, story: &mut Story, sites: &mut [Site], from: usize, to: usize) {
        while let Some(parcel) = self.lines.release(from, to) {
            self.arrive(story, sites, to, from, parcel);
        }
    }
}

/// Random bytes for a session.
fn padding(story: &mut Story) -> [u8; 32] {
    let mut padding = [0; 32];
    padding.chunks_mut(8).for_each(|part| part.copy_from_slice(&story.random.any().to_le_bytes()));
    padding
}

/// Whether both ends of a stream between two sites still stand.
pub fn are_connected(sites: &[Site], one: usize, other: usize) -> bool {
    let stream = |at: usize, peer: usize| sites[at].links.get(&peer).map(|link| link.stream);
    stream(one, other).is_some() && stream(one, other) == stream(other, one)
}
