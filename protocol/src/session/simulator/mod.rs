//! A network of sites inside a test: real sessions, real blocks, logs in memory, and a time that
//! passes only when nothing else can happen.
//!
//! What happens next is drawn from a seed: bytes arrive in pieces, blocks become durable late,
//! reads answer late, lines are cut. The same seed always tells the same story.

mod log;
mod site;
mod host;

use std::collections::{BTreeMap, VecDeque};

pub use log::Log;
pub use site::{Site, valid_ticket};

use super::{Input, Now, SessionDriver, SessionEnd};
use crate::identity::{Author, SpaceId};
use host::End;

pub const SPACE: SpaceId = SpaceId([77; 32]);
/// The wall clock of every site at the beginning.
pub const WALL_MS: i64 = 1_700_000_000_000;

/// One direction of a line between two sites.
#[derive(Default)]
pub struct Wire {
    /// Not yet arrived.
    pub bytes: Vec<u8>,
    /// All that ever travelled.
    pub total: usize,
    /// Kinds of all messages that ever travelled.
    pub kinds: Vec<u8>,
}

/// The network. Sites are named by number.
pub struct Network {
    pub sites: Vec<Site>,
    pub wires: BTreeMap<(usize, usize), Wire>,
    pub now_ms: u64,
    random: u64,
    /// Every session that ended: the site, its peer, why.
    pub ended: Vec<(usize, usize, SessionEnd)>,
    /// What sessions are to be told, by site and peer, as soon as none runs.
    news: VecDeque<(usize, usize, Input)>,
}

impl Network {
    /// Sites that are all members of one space, not connected.
    pub fn new(sites: usize, seed: u64) -> Self {
        let mut sites: Vec<Site> = (0..sites).map(|at| Site::new(Author([at as u8 + 1; 32]))).collect();
        let members: Vec<Author> = sites.iter().map(|site| site.author).collect();
        for site in &mut sites {
            site.members.extend(&members);
        }
        let random = seed.wrapping_mul(2).wrapping_add(1);
        Self {
            sites,
            wires: BTreeMap::new(),
            now_ms: 1_000_000,
            random,
            ended: Vec::new(),
            news: VecDeque::new(),
        }
    }

    pub fn now(&self) -> Now {
        Now { ms: self.now_ms, wall_ms: WALL_MS + self.now_ms as i64 }
    }

    /// A number below `below`, the next of the seed.
    pub fn random(&mut self, below: usize) -> usize {
        // xorshift64: enough for shuffling.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % below.max(1) as u64) as usize
    }

    /// Opens a line between two sites; `opener` greets first.
    pub fn connect(&mut self, opener: usize, acceptor: usize) {
        for (from, to, opens) in [(opener, acceptor, true), (acceptor, opener, false)] {
            self.wires.entry((from, to)).or_default().bytes.clear();
            let peer = self.sites[to].author;
            let link = self.sites[from].link(peer, opens);
            self.sites[from].links.insert(to, link);
        }
        for (from, to) in [(acceptor, opener), (opener, acceptor)] {
            self.run(from, to, |_| ());
        }
    }

    /// Cuts the line: what was under way is lost.
    pub fn cut(&mut self, one: usize, other: usize) {
        for (from, to) in [(one, other), (other, one)] {
            self.hang_up(from, to);
        }
        self.tell_news();
    }

    /// One end of a line is gone.
    fn hang_up(&mut self, from: usize, to: usize) {
        self.sites[from].links.remove(&to);
        if let Some(wire) = self.wires.get_mut(&(to, from)) {
            wire.bytes.clear();
        }
        let gone = self.sites[to].author;
        if let Some(next) = self.sites[from].catch_up.release(gone) {
            self.grant(from, next);
        }
    }

    /// Site `at` writes a transaction; all its sessions hear of it.
    pub fn write(&mut self, at: usize, bytes: usize) {
        let author = self.sites[at].author;
        self.sites[at].log.write(author, bytes);
        self.announce(at, true);
    }

    /// Site `at` writes, but its sessions do not hear of it.
    pub fn write_unheard(&mut self, at: usize, bytes: usize) {
        let author = self.sites[at].author;
        self.sites[at].log.write(author, bytes);
    }

    pub fn announce(&mut self, at: usize, local: bool) {
        let peers: Vec<usize> = self.sites[at].links.keys().copied().collect();
        for peer in peers {
            let (end, vector) = (self.sites[at].log.end(), self.sites[at].log.vector.clone());
            self.give(at, peer, Input::LogGrew { space: SPACE, end, vector, local });
        }
    }

    /// Tells the session of site `at` with `peer` something.
    pub fn give(&mut self, at: usize, peer: usize, input: Input) {
        self.run(at, peer, |driver| driver.tell(input));
    }

    /// Runs a session that something is told first, then all that hear of it.
    fn run(&mut self, at: usize, peer: usize, tell: impl FnOnce(&mut SessionDriver)) {
        self.run_one(at, peer, tell);
        self.tell_news();
    }

    fn tell_news(&mut self) {
        while let Some((at, peer, input)) = self.news.pop_front() {
            self.run_one(at, peer, |driver| driver.tell(input));
        }
    }

    fn run_one(&mut self, at: usize, peer: usize, tell: impl FnOnce(&mut SessionDriver)) {
        let Some(link) = self.sites[at].links.get_mut(&peer) else { return };
        let mut driver = link.driver.take().expect("a session that does not run");
        tell(&mut driver);
        driver.run(&mut End { network: self, at, peer });
        if let Some(link) = self.sites[at].links.get_mut(&peer) {
            link.driver = Some(driver);
        }
    }

    /// The slot for catching up has come to that peer.
    fn grant(&mut self, at: usize, author: Author) {
        let peer = self.sites.iter().position(|site| site.author == author).expect("a known site");
        let (end, vector) = (self.sites[at].log.end(), self.sites[at].log.vector.clone());
        self.news.push_back((at, peer, Input::LogGrew { space: SPACE, end, vector, local: false }));
        self.news.push_back((at, peer, Input::CatchUp { space: SPACE, granted: true }));
    }

    /// One thing that can happen without time passing, drawn by the seed. `false`: nothing can.
    pub fn step(&mut self) -> bool {
        let mut can: Vec<(u8, usize, usize)> = Vec::new();
        for (at, site) in self.sites.iter().enumerate() {
            for (peer, link) in &site.links {
                if self.wires.get(&(*peer, at)).is_some_and(|wire| !wire.bytes.is_empty()) {
                    can.push((0, at, *peer));
                }
                if !link.reads.is_empty() {
                    can.push((1, at, *peer));
                }
                if !link.stores.is_empty() {
                    can.push((2, at, *peer));
                }
            }
        }
        if can.is_empty() {
            return false;
        }
        let (what, at, peer) = can[self.random(can.len())];
        match what {
            0 => self.deliver(at, peer),
            1 => self.read(at, peer),
            _ => self.store(at, peer),
        }
        true
    }

    fn deliver(&mut self, at: usize, peer: usize) {
        let whole = self.random(2) == 0;
        let wire = self.wires.get_mut(&(peer, at)).expect("a wire with bytes");
        let piece = wire.bytes.len();
        let piece = if whole { piece } else { 1 + self.random(piece) };
        let wire = self.wires.get_mut(&(peer, at)).expect("a wire with bytes");
        let bytes: Vec<u8> = wire.bytes.drain(..piece).collect();
        self.receive(at, peer, &bytes);
    }

    /// Site `at` receives bytes from `peer`, whoever wrote them.
    pub fn receive(&mut self, at: usize, peer: usize, bytes: &[u8]) {
        self.run(at, peer, |driver| driver.receive(bytes));
    }

    fn read(&mut self, at: usize, peer: usize) {
        let site = &mut self.sites[at];
        let link = site.links.get_mut(&peer).expect("a link");
        let request = link.reads.pop_front().expect("a read");
        site.reads += 1;
        let done = site.log.read(request.from, &request.have, request.withheld, request.max_bytes);
        self.give(at, peer, Input::Read { space: request.space, result: Ok(done) });
    }

    fn store(&mut self, at: usize, peer: usize) {
        let site = &mut self.sites[at];
        let link = site.links.get_mut(&peer).expect("a link");
        let request = link.stores.pop_front().expect("a store");
        let before = site.log.end();
        let result = site.log.receive(&request.block, &request.withheld, &mut site.received_twice);
        let grew = site.log.end() > before;
        if grew && self.random(2) == 0 {
            self.announce(at, false);
            self.give(at, peer, Input::Stored { space: request.space, result });
        } else {
            self.give(at, peer, Input::Stored { space: request.space, result });
            if grew {
                self.announce(at, false);
            }
        }
    }

    /// Lets everything happen that can without time passing.
    pub fn settle(&mut self) {
        for _ in 0..1_000_000 {
            if !self.step() {
                return;
            }
        }
        panic!("the sites never come to rest");
    }

    /// Lets things happen until `done`.
    pub fn settle_until(&mut self, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            assert!(self.step(), "the sites came to rest before that");
        }
    }

    /// Lets everything happen, and `ms` milliseconds pass.
    pub fn pass(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        loop {
            self.settle();
            let alarms = self.alarms();
            match alarms.iter().map(|(wake_ms, ..)| *wake_ms).min().filter(|next| *next <= until) {
                Some(next) => self.now_ms = next.max(self.now_ms),
                None => break,
            }
            for (wake_ms, at, peer) in alarms {
                if wake_ms <= self.now_ms {
                    self.run(at, peer, |_| ());
                }
            }
        }
        self.now_ms = until;
    }

    /// When which session asks to be woken: the time, the site, its peer.
    fn alarms(&self) -> Vec<(u64, usize, usize)> {
        let links = self.sites.iter().enumerate();
        let links = links.flat_map(|(at, site)| site.links.iter().map(move |(peer, link)| (at, *peer, link)));
        let wake_ms = |link: &site::Link| link.driver.as_ref().and_then(SessionDriver::wake_ms);
        links.filter_map(|(at, peer, link)| Some((wake_ms(link)?, at, peer))).collect()
    }

    /// Whether all sites hold the same.
    pub fn converged(&self) -> bool {
        self.sites.windows(2).all(|pair| pair[0].log.vector == pair[1].log.vector)
    }

    /// Bytes that travelled between two sites, both ways.
    pub fn bytes_between(&self, one: usize, other: usize) -> usize {
        self.wires[&(one, other)].total + self.wires[&(other, one)].total
    }

    /// Frames that travelled from one site to another.
    pub fn frames(&self, from: usize, to: usize) -> usize {
        let kinds = self.wires.get(&(from, to)).map_or(&[][..], |wire| &wire.kinds);
        kinds.iter().filter(|kind| **kind == super::message_kind::FRAME).count()
    }
}
