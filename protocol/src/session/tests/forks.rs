//! Chains that forked: noticed at the first contact, and everything else still passes.

use proptest::prelude::*;

use crate::identity::Author;
use crate::session::simulator::Network;
use crate::version::{Dot, VersionVector};

/// Wrote in two places under one name.
const TWICE: Author = Author([99; 32]);

/// Writes as the author who is in two places; `salt` tells the branches apart.
fn branch(network: &mut Network, at: usize, salt: i64, count: usize) {
    for _ in 0..count {
        network.sites[at].log.salt = salt;
        network.sites[at].log.write(TWICE, 20);
        network.sites[at].log.salt = 0;
    }
    network.announce(at, false);
}

/// Two sites that hold `common` transactions of the author, then so many of different branches.
fn forked(seed: u64, common: usize, (left, right): (usize, usize)) -> Network {
    let mut network = Network::new(2, seed);
    branch(&mut network, 0, 0, common);
    network.sites[1].log = network.sites[0].log.clone();
    branch(&mut network, 0, 1, left);
    branch(&mut network, 1, 2, right);
    network
}

fn noticed(network: &Network) -> Vec<(usize, Dot)> {
    let links = |at: usize| network.sites[at].links.values();
    (0..2)
        .flat_map(|at| links(at).flat_map(move |link| link.forked.iter().map(move |dot| (at, *dot))))
        .collect()
}

fn without_twice(network: &Network, at: usize) -> VersionVector {
    network.sites[at].log.vector.without(&TWICE)
}

#[test]
fn a_fork_is_noticed_by_both_at_the_first_contact_whoever_holds_more() {
    for (common, sizes) in [(0, (1, 1)), (3, (1, 1)), (3, (1, 4)), (3, (4, 1)), (0, (2, 300))] {
        let mut network = forked(1, common, sizes);
        network.connect(0, 1);
        network.settle();
        let seq = (common + sizes.0.min(sizes.1)) as u64;
        let dot = Dot::new(TWICE, seq);
        assert_eq!(noticed(&network), [(0, dot), (1, dot)], "{common} {sizes:?}");
        assert!(network.ended.is_empty(), "{:?}", network.ended);
        assert_eq!((network.frames(0, 1), network.frames(1, 0)), (0, 0));
        network.pass(300_000);
        assert_eq!(noticed(&network).len(), 2, "told once");
        assert!(network.ended.is_empty(), "{:?}", network.ended);
        assert!(network.bytes_between(0, 1) < 20_000, "{} bytes", network.bytes_between(0, 1));
        assert_eq!((network.frames(0, 1), network.frames(1, 0)), (0, 0));
    }
}

#[test]
fn what_does_not_build_on_the_fork_passes_both_ways() {
    let mut network = Network::new(2, 2);
    branch(&mut network, 0, 0, 2);
    network.sites[1].log = network.sites[0].log.clone();
    // Written before either branch was known to its site.
    network.write(0, 20);
    network.write(1, 20);
    branch(&mut network, 0, 1, 3);
    branch(&mut network, 1, 2, 2);
    network.connect(0, 1);
    network.settle();
    assert_eq!(without_twice(&network, 0), without_twice(&network, 1));
    assert_eq!(noticed(&network).len(), 2);
    // From now on site 0 writes knowing its branch: that stays, and so does all that knows it.
    network.write(0, 20);
    network.write(1, 20);
    network.settle();
    network.pass(120_000);
    assert_eq!(network.sites[1].log.vector.seq(network.sites[0].author), 1);
    assert!(network.ended.is_empty(), "{:?}", network.ended);
    assert!(network.bytes_between(0, 1) < 20_000, "{} bytes", network.bytes_between(0, 1));
}

#[test]
fn a_branch_that_arrives_while_the_other_is_on_its_way_ends_nothing() {
    for seed in 0..40 {
        let mut network = Network::new(3, seed);
        branch(&mut network, 0, 1, 40);
        branch(&mut network, 1, 2, 3 + seed as usize % 60);
        network.write(2, 20);
        network.connect(0, 2);
        network.connect(1, 2);
        network.settle();
        network.pass(200_000);
        let honest = network.ended.iter().all(|(_, _, end)| !end.is_misconduct());
        assert!(network.ended.is_empty() || honest, "{seed}: {:?}", network.ended);
        assert!(network.sites[2].log.vector.seq(TWICE) > 0);
    }
}

#[derive(Debug, Clone)]
enum Event {
    Write(usize),
    Branch(usize),
    Meet(usize, usize),
    Pass,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0usize..4).prop_map(Event::Write),
        2 => (0usize..2).prop_map(Event::Branch),
        3 => (0usize..4, 1usize..4).prop_map(|(a, skip)| Event::Meet(a, (a + skip) % 4)),
        1 => Just(Event::Pass),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Sites 0 and 1 each hold a copy of one folder. Whatever is written and wherever it went: two
    /// sites that meet hold the same of everybody, but for what builds on the branch of only one.
    #[test]
    fn two_sites_that_meet_lack_only_what_builds_on_the_other_branch(seed in any::<u64>(), events in events()) {
        let mut network = Network::new(4, seed);
        for event in events {
            match event {
                Event::Write(at) => network.write(at, 20),
                Event::Branch(at) => branch(&mut network, at, 1 + at as i64, 1),
                Event::Meet(a, b) => {
                    network.cut(a, b);
                    network.connect(a, b);
                    network.settle();
                }
                Event::Pass => network.pass(31_000),
            }
        }
        for a in 0..4 {
            for b in 0..a {
                network.cut(a, b);
            }
        }
        network.connect(2, 3);
        network.settle();
        network.pass(100_000);
        prop_assert!(network.ended.iter().all(|(_, _, end)| !end.is_misconduct()), "{:?}", network.ended);
        for (here, there) in [(2, 3), (3, 2)] {
            for (header, _) in network.sites[here].log.entries() {
                let there = &network.sites[there].log;
                if there.vector.covers(&header.dot) {
                    continue;
                }
                prop_assert!(network.sites[here].log.knows_another(header, there), "{:?} did not pass", header.dot);
            }
        }
    }
}
