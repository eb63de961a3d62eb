//! Silence, stalls and clocks.

use crate::session::simulator::Network;
use crate::session::{Input, SessionEnd};

#[test]
fn a_peer_that_vanishes_is_noticed_within_seconds() {
    let mut network = Network::new(2, 1);
    network.connect(0, 1);
    network.settle();
    network.sites[1].links.clear();
    network.pass(13_000);
    assert_eq!(network.ended, [(0, 1, SessionEnd::Silent)]);
}

#[test]
fn when_the_network_changed_it_is_noticed_at_once() {
    let mut network = Network::new(2, 2);
    network.connect(0, 1);
    network.settle();
    network.give(0, 1, Input::Probe);
    network.pass(4_000);
    assert!(network.ended.is_empty());
    network.sites[1].links.clear();
    network.give(0, 1, Input::Probe);
    network.pass(3_000);
    assert_eq!(network.ended, [(0, 1, SessionEnd::Silent)]);
}

#[test]
fn a_peer_that_never_greets_is_let_go() {
    let mut network = Network::new(2, 3);
    network.connect(0, 1);
    network.sites[0].links.clear();
    network.wires.get_mut(&(0, 1)).unwrap().bytes.clear();
    network.pass(10_000);
    assert_eq!(network.ended, [(1, 0, SessionEnd::Silent)]);
}

#[test]
fn a_peer_that_promises_and_does_not_deliver_gives_way_to_another() {
    let mut network = Network::new(3, 4);
    for _ in 0..10 {
        network.write(0, 20);
    }
    network.sites[1].log = network.sites[0].log.clone();
    network.connect(2, 0);
    network.settle_until(|network| network.sites[2].links[&0].state.as_ref().is_some_and(|state| state.open));
    // Site 0 stops reading its log: the reads asked for are never answered.
    network.connect(2, 1);
    for _ in 0..2_000 {
        if let Some(link) = network.sites[0].links.get_mut(&2) {
            link.reads.clear();
        }
        if !network.step() {
            break;
        }
    }
    if network.frames(0, 2) == 0 {
        assert!(!network.converged());
        assert_eq!(network.frames(1, 2), 0, "site 1 has to wait for its turn");
        network.pass(5_100);
    }
    assert!(network.converged());
}

#[test]
fn the_offset_of_a_wrong_clock_is_known_within_half_a_minute() {
    let mut network = Network::new(2, 5);
    network.connect(0, 1);
    network.settle();
    let said = crate::session::message::Message::Clock(network.now().wall_ms - 3_600_000).encode();
    network.receive(0, 1, &said);
    assert_eq!(network.sites[0].links[&1].clock_offset_ms, Some(-3_600_000));
    network.pass(30_000);
    assert_eq!(network.sites[0].links[&1].clock_offset_ms, Some(0));
}
