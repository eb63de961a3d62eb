//! When to try to reach whom, and where. Knows neither sockets nor clocks.

use std::collections::BTreeMap;

use libp2p::Multiaddr;
use tandem_protocol::identity::Author;

use super::address::{self, Transport};

/// After the first failure, in milliseconds; doubled with each further one.
const FIRST_WAIT_MS: u64 = 500;
/// Not longer than this, in milliseconds: a PC that is switched on is found within seconds.
const LONGEST_WAIT_MS: u64 = 8_000;
/// A stranger is asked again after this, in milliseconds, then after twice that, and so on.
const STRANGER_WAIT_MS: u64 = 60_000;
/// But not longer than this.
const STRANGER_LONGEST_MS: u64 = 900_000;
/// How soon to see whether a place that was occupied is still, in milliseconds.
const LOOK_AGAIN_MS: u64 = 1_000;
/// Addresses tried of one site.
const ADDRESSES: usize = 16;
/// Sites known by name, strangers on the network among them.
const TARGETS: usize = 2048;

/// Something to try now.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Attempt {
    /// A site.
    Site(Author, Vec<Multiaddr>),
    /// Whoever is at an address given by a person.
    Address(Multiaddr),
}

#[derive(Default)]
struct Pace {
    failures: u32,
    refusals: u32,
    next_ms: u64,
    busy: bool,
}

struct Target {
    addresses: Vec<Multiaddr>,
    pace: Pace,
}

/// An address that was named, whoever is found there.
struct NamedAddress {
    address: Multiaddr,
    /// Who was found there last.
    found: Option<Author>,
    pace: Pace,
}

/// See the module. `random` is any number; it spreads the attempts of many sites.
#[derive(Default)]
pub(super) struct Dialer {
    targets: BTreeMap<Author, Target>,
    named: Vec<NamedAddress>,
}

impl Dialer {
    /// Someone may be at this address.
    pub fn add_place(&mut self, address: Multiaddr) {
        if self.named.iter().all(|place| place.address != address) {
            self.named.push(NamedAddress { address, found: None, pace: Pace::default() });
        }
    }

    /// A site may be at this address. `fresh`: it was just seen there, so try at once.
    pub fn add(&mut self, author: Author, address: &Multiaddr, fresh: bool, now_ms: u64) {
        if address::transport(address).is_none()
            || (!self.targets.contains_key(&author) && self.targets.len() >= TARGETS)
        {
            return;
        }
        let target = self
            .targets
            .entry(author)
            .or_insert_with(|| Target { addresses: Vec::new(), pace: Pace::default() });
        let known = target.addresses.iter().position(|known| known == address);
        match known {
            Some(at) if fresh => target.addresses[..=at].rotate_right(1),
            Some(_) => {}
            None if fresh => target.addresses.insert(0, address.clone()),
            None => target.addresses.push(address.clone()),
        }
        target.addresses.truncate(ADDRESSES);
        debug_assert!(is_each_once(&target.addresses), "an address of a site is tried once");
        if known.is_none() || fresh {
            target.pace.hurry(now_ms);
        }
        assert!(self.targets.len() <= TARGETS, "strangers on the network do not fill the memory");
    }

    /// Some site is no longer seen at this address, and is of no interest elsewhere.
    pub fn forget(&mut self, author: &Author, address: &Multiaddr) {
        if let Some(target) = self.targets.get_mut(author) {
            target.addresses.retain(|known| known != address);
            if target.addresses.is_empty() && !target.pace.busy {
                self.targets.remove(author);
            }
        }
    }

    /// A site is no longer seen at this address: it is tried last from now on.
    pub fn doubt(&mut self, author: &Author, address: &Multiaddr) {
        if let Some(target) = self.targets.get_mut(author)
            && let Some(at) = target.addresses.iter().position(|known| known == address)
        {
            target.addresses[at..].rotate_left(1);
        }
    }

    /// Where a site may be, the most promising first.
    pub fn addresses(&self, author: &Author) -> &[Multiaddr] {
        self.targets.get(author).map_or(&[], |target| &target.addresses)
    }

    /// A connection with a site came about; `at`, where it was dialled by place.
    pub fn connected(&mut self, author: Author, at: Option<&Multiaddr>) {
        for place in &mut self.named {
            if Some(&place.address) == at {
                place.found = Some(author);
                place.pace = Pace::default();
            }
        }
    }

    /// An attempt has begun or a session runs: nothing else is tried meanwhile.
    pub fn busy(&mut self, author: &Author) {
        if let Some(target) = self.targets.get_mut(author) {
            target.pace.busy = true;
        }
    }

    /// It came to nothing.
    pub fn failed(&mut self, attempt: &Attempt, random: u32, now_ms: u64) {
        if let Some(pace) = self.pace(attempt) {
            pace.failed(random, now_ms);
        }
    }

    /// The site shares no space with this one: ask again much later.
    pub fn refused(&mut self, author: &Author, random: u32, now_ms: u64) {
        if let Some(target) = self.targets.get_mut(author) {
            target.pace.refused(random, now_ms);
        }
    }

    /// It was well until now: whatever failed before is forgotten. It is to be tried at `at_ms`.
    pub fn begin_anew(&mut self, author: &Author, at_ms: u64) {
        if let Some(target) = self.targets.get_mut(author) {
            target.pace = Pace { next_ms: at_ms, ..Pace::default() };
        }
    }

    /// The site is to be tried after so many milliseconds.
    pub fn after(&mut self, author: Author, wait_ms: u64, now_ms: u64) {
        let full = self.targets.len() >= TARGETS;
        let target = match self.targets.entry(author) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(_) if full => return,
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(Target { addresses: Vec::new(), pace: Pace::default() })
            }
        };
        target.pace.busy = false;
        target.pace.next_ms = now_ms + wait_ms;
        assert!(self.targets.len() <= TARGETS, "strangers on the network do not fill the memory");
    }

    /// Things changed (network, members): try everyone at once.
    pub fn hurry(&mut self, now_ms: u64) {
        let targets = self.targets.values_mut().map(|target| &mut target.pace);
        targets.chain(self.named.iter_mut().map(|place| &mut place.pace)).for_each(|pace| {
            pace.refusals = 0;
            pace.hurry(now_ms);
        });
    }

    /// What is to be tried now; each is marked busy. `connected` says with whom there is a
    /// connection.
    pub fn due(&mut self, now_ms: u64, connected: impl Fn(&Author) -> bool) -> Vec<Attempt> {
        let mut due = Vec::new();
        for (author, target) in &mut self.targets {
            let reachable = !target.addresses.is_empty() || connected(author);
            if !reachable {
                target.pace.look_again(now_ms);
            } else if target.pace.take_turn(now_ms) {
                due.push(Attempt::Site(*author, chosen(&target.addresses, target.pace.failures)));
            }
        }
        for place in &mut self.named {
            let there = place.found.is_some_and(|author| connected(&author));
            if there {
                place.pace.look_again(now_ms);
            } else if place.pace.take_turn(now_ms) {
                due.push(Attempt::Address(place.address.clone()));
            }
        }
        debug_assert!(
            self.next_ms().is_none_or(|next_ms| next_ms > now_ms),
            "what is due is given, all of it"
        );
        due
    }

    /// When something will be due.
    pub fn next_ms(&self) -> Option<u64> {
        let targets = self.targets.values().map(|target| &target.pace);
        let paces = targets.chain(self.named.iter().map(|place| &place.pace));
        paces.filter(|pace| !pace.busy).map(|pace| pace.next_ms).min()
    }

    fn pace(&mut self, attempt: &Attempt) -> Option<&mut Pace> {
        match attempt {
            Attempt::Site(author, _) => self.targets.get_mut(author).map(|target| &mut target.pace),
            Attempt::Address(address) => {
                self.named.iter_mut().find(|place| place.address == *address).map(|place| &mut place.pace)
            }
        }
    }
}

impl Pace {
    fn hurry(&mut self, now_ms: u64) {
        // Who shares nothing does not begin to by being seen again.
        if !self.busy && self.refusals == 0 {
            self.failures = 0;
            self.next_ms = now_ms;
        }
    }

    fn take_turn(&mut self, now_ms: u64) -> bool {
        let due = !self.busy && self.next_ms <= now_ms;
        self.busy |= due;
        due
    }

    /// There is nothing to try now, but that may change.
    fn look_again(&mut self, now_ms: u64) {
        if self.next_ms <= now_ms {
            self.next_ms = now_ms + LOOK_AGAIN_MS;
        }
    }

    fn failed(&mut self, random: u32, now_ms: u64) {
        self.busy = false;
        self.refusals = 0;
        let wait = FIRST_WAIT_MS << self.failures.min(10);
        self.failures += 1;
        self.next_ms = now_ms + spread(wait.min(LONGEST_WAIT_MS), random);
    }

    fn refused(&mut self, random: u32, now_ms: u64) {
        self.busy = false;
        let wait = STRANGER_WAIT_MS << self.refusals.min(10);
        self.refusals += 1;
        self.next_ms = now_ms + spread(wait.min(STRANGER_LONGEST_MS), random);
    }
}

/// TCP first: it costs a small node less. Where that fails, everything at once.
fn chosen(addresses: &[Multiaddr], failures: u32) -> Vec<Multiaddr> {
    let tcp: Vec<Multiaddr> = addresses
        .iter()
        .filter(|address| address::transport(address) == Some(Transport::Tcp))
        .cloned()
        .collect();
    if failures.is_multiple_of(2) && !tcp.is_empty() { tcp } else { addresses.to_vec() }
}

/// Between three and five quarters of it.
fn spread(wait_ms: u64, random: u32) -> u64 {
    let spread_ms = wait_ms * (750 + u64::from(random % 501)) / 1000;
    debug_assert!((wait_ms * 3 / 4..=wait_ms * 5 / 4).contains(&spread_ms), "attempts keep to their pace");
    spread_ms
}

fn is_each_once(addresses: &[Multiaddr]) -> bool {
    addresses.iter().enumerate().all(|(at, address)| !addresses[..at].contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Author = Author([1; 32]);

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn nobody(_: &Author) -> bool {
        false
    }

    #[test]
    fn waits_grow_to_a_few_seconds_and_a_change_ends_them() {
        let mut dialer = Dialer::default();
        let place = address("/ip4/10.0.0.1/tcp/7118");
        dialer.add(A, &place, false, 0);
        let attempt = Attempt::Site(A, vec![place]);
        let (mut now_ms, mut waits) = (0, Vec::new());
        for _ in 0..8 {
            assert_eq!(dialer.due(now_ms, nobody), std::slice::from_ref(&attempt));
            assert_eq!(dialer.due(now_ms, nobody), [], "busy");
            dialer.failed(&attempt, 250, now_ms);
            waits.push(dialer.next_ms().unwrap() - now_ms);
            now_ms = dialer.next_ms().unwrap();
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]);
        dialer.due(now_ms, nobody);
        dialer.failed(&attempt, 0, now_ms);
        dialer.hurry(now_ms);
        assert_eq!(dialer.next_ms(), Some(now_ms));
    }

    #[test]
    fn tcp_goes_first_and_every_other_time_all() {
        let mut dialer = Dialer::default();
        let (tcp, quic) = (address("/ip4/10.0.0.1/tcp/1"), address("/ip4/10.0.0.1/udp/1/quic-v1"));
        dialer.add(A, &quic, true, 0);
        dialer.add(A, &tcp, false, 0);
        let first = dialer.due(0, nobody).remove(0);
        assert_eq!(first, Attempt::Site(A, vec![tcp.clone()]));
        dialer.failed(&first, 0, 0);
        assert_eq!(dialer.due(10_000, nobody), [Attempt::Site(A, vec![quic, tcp])]);
    }

    #[test]
    fn a_stranger_is_left_alone_for_a_minute_even_when_seen_again() {
        let mut dialer = Dialer::default();
        let place = address("/ip4/10.0.0.1/tcp/1");
        dialer.add(A, &place, true, 0);
        dialer.due(0, nobody);
        dialer.refused(&A, 250, 0);
        dialer.add(A, &place, true, 1000);
        assert_eq!(dialer.next_ms(), Some(60_000));
        dialer.hurry(2000);
        assert_eq!(dialer.next_ms(), Some(2000), "but new members may be among the strangers");
    }

    #[test]
    fn a_fresh_address_goes_first_and_a_doubtful_one_last() {
        let mut dialer = Dialer::default();
        let [one, two, three] =
            ["/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/1", "/ip4/10.0.0.3/tcp/1"].map(address);
        dialer.add(A, &one, false, 0);
        dialer.add(A, &two, false, 0);
        dialer.add(A, &three, true, 0);
        dialer.doubt(&A, &one);
        assert_eq!(dialer.due(0, nobody), [Attempt::Site(A, vec![three.clone(), two, one])]);
        dialer.forget(&A, &three);
        assert_eq!(dialer.addresses(&A).len(), 2);
    }

    #[test]
    fn a_place_is_tried_until_somebody_is_there_and_again_when_he_is_gone() {
        let mut dialer = Dialer::default();
        let place = address("/ip4/10.0.0.1/tcp/1");
        dialer.add_place(place.clone());
        assert_eq!(dialer.due(0, nobody), [Attempt::Address(place.clone())]);
        dialer.connected(A, Some(&place));
        assert_eq!(dialer.due(10, |author| *author == A), []);
        assert_eq!(dialer.next_ms(), Some(10 + LOOK_AGAIN_MS));
        assert_eq!(dialer.due(10 + LOOK_AGAIN_MS, nobody), [Attempt::Address(place)]);
    }

    #[test]
    fn many_sites_do_not_all_try_at_once() {
        assert_eq!((spread(1000, 0), spread(1000, 500), spread(1000, 501)), (750, 1250, 750));
    }
}
