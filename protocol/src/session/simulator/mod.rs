//! A network of sites inside a test: real sessions, real blocks, logs in memory, and a time that
//! passes only when nothing else can happen.
//!
//! What happens next is drawn from a seed: bytes arrive in pieces, blocks become durable late,
//! reads answer late, lines are cut. The same seed always tells the same story.

mod log;
mod site;

use std::collections::BTreeMap;

pub use log::Log;
pub use site::{Site, valid_ticket};

use super::{BulkStep, Fault, Input, Now, Output};
use crate::identity::{Author, SpaceId};
use crate::version::Dot;

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
    pub ended: Vec<(usize, usize, Fault)>,
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
        Self { sites, wires: BTreeMap::new(), now_ms: 1_000_000, random, ended: Vec::new() }
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
            self.give(from, to, Input::Connected);
        }
    }

    /// Cuts the line: what was under way is lost.
    pub fn cut(&mut self, one: usize, other: usize) {
        for (from, to) in [(one, other), (other, one)] {
            self.hang_up(from, to);
        }
    }

    fn hang_up(&mut self, from: usize, to: usize) {
        self.sites[from].links.remove(&to);
        if let Some(wire) = self.wires.get_mut(&(to, from)) {
            wire.bytes.clear();
        }
        let gone = self.sites[to].author;
        if let Some(next) = self.sites[from].bulk.release(gone) {
            self.grant(from, next, true);
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

    /// Gives an input to the session of site `at` with `peer` and carries out what it wants.
    pub fn give(&mut self, at: usize, peer: usize, input: Input) {
        let now = self.now();
        let Some(link) = self.sites[at].links.get_mut(&peer) else { return };
        let outputs: Vec<Output> = link.session.handle(input, now).collect();
        for output in outputs {
            self.carry_out(at, peer, output);
        }
    }

    fn carry_out(&mut self, at: usize, peer: usize, output: Output) {
        let Some(link) = self.sites[at].links.get_mut(&peer) else { return };
        match output {
            Output::Send(bytes) => {
                let wire = self.wires.entry((at, peer)).or_default();
                wire.total += bytes.len();
                wire.kinds.extend(bytes.first());
                wire.bytes.extend(bytes);
            }
            Output::Greeted => link.reader.greeted(),
            Output::Judge { space, proof } => {
                let author = self.sites[peer].author;
                let member = self.sites[at].is_member(&author, proof.as_ref());
                self.give(at, peer, Input::Judged { space, member });
            }
            Output::FindAdmission(space) => {
                let proof = self.sites[at].ticket.clone();
                self.give(at, peer, Input::Admission { space, proof });
            }
            Output::Read { from, have, withheld, max_bytes, .. } => {
                link.reads.push_back((from, have, withheld, max_bytes));
            }
            Output::Store { block, withheld, .. } => link.stores.push_back((block, withheld)),
            Output::Bulk { space, step } => {
                let (author, bulk) = (self.sites[peer].author, &mut self.sites[at].bulk);
                match step {
                    BulkStep::Claim => {
                        let granted = bulk.claim(author);
                        self.give(at, peer, Input::Bulk { space, granted });
                    }
                    BulkStep::Release => {
                        if let Some(next) = bulk.release(author) {
                            self.grant(at, next, true);
                        }
                    }
                    BulkStep::Stalled => {
                        if let Some(next) = bulk.stalled(author) {
                            self.give(at, peer, Input::Bulk { space, granted: false });
                            self.grant(at, next, true);
                        }
                    }
                }
            }
            Output::PeerState(state) => link.state = Some(state),
            Output::ClockOffset(offset) => link.clock_offset_ms = Some(offset),
            Output::Addresses(listings) => link.addresses = listings,
            Output::Forked { chain, head, .. } => {
                let dot = Dot::new(chain, head.seq);
                if self.sites[at].log.head(&dot).is_some_and(|held| held != head)
                    && let Some(link) = self.sites[at].links.get_mut(&peer)
                {
                    link.forked.push(dot);
                }
            }
            Output::WakeAt(at_ms) => link.wake_ms = at_ms,
            Output::Close(fault) => {
                self.ended.push((at, peer, fault));
                self.sites[at].links.remove(&peer);
                self.hang_up(at, peer);
            }
        }
    }

    fn grant(&mut self, at: usize, author: Author, granted: bool) {
        let peer = self.sites.iter().position(|site| site.author == author).expect("a known site");
        let (end, vector) = (self.sites[at].log.end(), self.sites[at].log.vector.clone());
        self.give(at, peer, Input::LogGrew { space: SPACE, end, vector, local: false });
        self.give(at, peer, Input::Bulk { space: SPACE, granted });
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
        let Some(link) = self.sites[at].links.get_mut(&peer) else { return };
        link.reader.push(bytes);
        loop {
            let Some(link) = self.sites[at].links.get_mut(&peer) else { return };
            match link.reader.next_message() {
                Ok(Some(message)) => self.give(at, peer, Input::Message(message)),
                Ok(None) => return,
                Err(fault) => {
                    self.ended.push((at, peer, fault));
                    return self.hang_up(at, peer);
                }
            }
        }
    }

    fn read(&mut self, at: usize, peer: usize) {
        let site = &mut self.sites[at];
        let link = site.links.get_mut(&peer).expect("a link");
        let (from, have, withheld, max_bytes) = link.reads.pop_front().expect("a read");
        site.reads += 1;
        let log::ReadDone { block, next, last, withheld, forks } =
            site.log.read(from, &have, withheld, max_bytes);
        self.give(at, peer, Input::ReadDone { space: SPACE, block, next, last, withheld, forks });
    }

    fn store(&mut self, at: usize, peer: usize) {
        let site = &mut self.sites[at];
        let link = site.links.get_mut(&peer).expect("a link");
        let (block, withheld) = link.stores.pop_front().expect("a store");
        let before = site.log.end();
        let result = site.log.receive(&block, &withheld, &mut site.received_twice);
        let grew = site.log.end() > before;
        if grew && self.random(2) == 0 {
            self.announce(at, false);
            self.give(at, peer, Input::Stored { space: SPACE, result });
        } else {
            self.give(at, peer, Input::Stored { space: SPACE, result });
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
            let next = self.sites.iter().flat_map(|site| site.links.values()).map(|link| link.wake_ms).min();
            match next.filter(|next| *next <= until) {
                Some(next) => self.now_ms = next.max(self.now_ms),
                None => break,
            }
            let all: Vec<(usize, usize)> = self
                .sites
                .iter()
                .enumerate()
                .flat_map(|(at, site)| site.links.iter().map(move |(peer, link)| (at, *peer, link.wake_ms)))
                .filter(|(_, _, wake_ms)| *wake_ms <= self.now_ms)
                .map(|(at, peer, _)| (at, peer))
                .collect();
            for (at, peer) in all {
                self.give(at, peer, Input::Tick);
            }
        }
        self.now_ms = until;
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
        kinds.iter().filter(|kind| **kind == super::message::FRAME).count()
    }
}
