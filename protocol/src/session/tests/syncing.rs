//! Catching up, live work, relays.

use crate::session::simulator::Network;
use crate::session::{Input, Listing};
use crate::version::VersionVector;

#[test]
fn equal_sites_say_hello_and_fall_silent() {
    let mut network = Network::new(2, 1);
    network.write(0, 10);
    network.sites[1].log = network.sites[0].log.clone();
    network.connect(0, 1);
    for (at, peer) in [(0, 1), (1, 0)] {
        let listing = Listing { author: network.sites[at].author, addresses: vec![vec![4; 8]; 4] };
        network.give(at, peer, Input::Addresses(vec![listing]));
    }
    network.settle();
    let greeting = network.bytes_between(0, 1);
    assert!(greeting < 500, "{greeting} bytes");
    assert_eq!((network.sites[0].reads, network.sites[1].reads), (0, 0));
    assert_eq!(network.sites[0].links[&1].addresses.len(), 1);
    network.pass(600_000);
    let idle = network.bytes_between(0, 1) - greeting;
    assert!(idle < 10 * 400, "{idle} bytes in ten minutes");
    assert!(network.ended.is_empty(), "{:?}", network.ended);
}

#[test]
fn an_empty_site_receives_everything_and_sends_nothing_back() {
    let mut network = Network::new(2, 2);
    for _ in 0..3000 {
        network.write(0, 2000);
    }
    network.connect(1, 0);
    network.settle();
    assert!(network.converged());
    assert!(network.frames(0, 1) > 4, "{} frames", network.frames(0, 1));
    assert_eq!(network.frames(1, 0), 0);
    assert_eq!(network.sites[1].received_twice, 0);
}

#[test]
fn both_catch_up_on_what_was_written_apart_in_one_frame_each() {
    let mut network = Network::new(2, 3);
    network.connect(0, 1);
    network.write(0, 10);
    network.settle();
    network.cut(0, 1);
    for _ in 0..50 {
        network.write(0, 30);
        network.write(1, 30);
    }
    let (bytes, frames) = (network.bytes_between(0, 1), network.frames(0, 1));
    network.connect(0, 1);
    network.settle();
    assert!(network.converged());
    assert_eq!((network.frames(0, 1) - frames, network.frames(1, 0)), (1, 1));
    let spent = network.bytes_between(0, 1) - bytes;
    assert!(spent < 4500, "{spent} bytes for twice fifty small transactions");
    assert_eq!(network.sites[0].received_twice + network.sites[1].received_twice, 0);
}

#[test]
fn a_local_write_reaches_the_peer_without_any_time_passing() {
    let mut network = Network::new(2, 4);
    network.connect(0, 1);
    network.settle();
    let began = network.now_ms;
    for at in [0, 1, 0, 0, 1] {
        network.write(at, 20);
        network.settle();
        assert!(network.converged());
    }
    assert_eq!(network.now_ms, began);
    assert_eq!((network.frames(0, 1), network.frames(1, 0)), (3, 2));
}

#[test]
fn nothing_received_is_ever_sent_back() {
    let mut network = Network::new(2, 5);
    network.connect(0, 1);
    for _ in 0..40 {
        network.write(0, 20);
        network.settle();
    }
    network.pass(120_000);
    assert!(network.converged());
    assert_eq!(network.frames(1, 0), 0, "an echo");
}

#[test]
fn writes_during_a_flood_travel_together() {
    let mut network = Network::new(2, 6);
    network.connect(0, 1);
    network.settle();
    for _ in 0..1000 {
        network.write(0, 20);
    }
    network.settle();
    assert!(network.converged());
    assert!(network.frames(0, 1) < 50, "{} frames", network.frames(0, 1));
}

#[test]
fn in_a_full_mesh_nobody_relays_what_its_author_delivers() {
    let mut network = Network::new(3, 7);
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        network.connect(a, b);
    }
    network.settle();
    for _ in 0..10 {
        network.write(0, 20);
        network.pass(200);
    }
    assert!(network.converged());
    assert_eq!((network.frames(0, 1), network.frames(0, 2)), (10, 10));
    assert_eq!(network.frames(1, 2) + network.frames(2, 1), 0);
}

#[test]
fn along_a_line_what_others_wrote_is_relayed_after_a_moment() {
    let mut network = Network::new(3, 8);
    network.connect(0, 1);
    network.connect(1, 2);
    network.settle();
    network.write(0, 20);
    network.settle();
    assert_eq!(network.sites[2].log.end(), 0);
    network.pass(60);
    assert!(network.converged());
    assert_eq!(network.frames(1, 2), 1);
}

#[test]
fn an_own_write_takes_along_what_it_builds_on() {
    let mut network = Network::new(3, 9);
    network.connect(0, 1);
    network.connect(1, 2);
    network.settle();
    network.write(0, 20);
    network.settle();
    let began = network.now_ms;
    network.write(1, 20);
    network.settle();
    assert!(network.converged());
    assert_eq!(network.now_ms, began);
}

#[test]
fn a_site_that_lacks_much_is_filled_by_one_peer_only() {
    let mut network = Network::new(3, 10);
    for _ in 0..2000 {
        network.write(0, 3000);
    }
    network.sites[1].log = network.sites[0].log.clone();
    network.connect(2, 0);
    network.connect(2, 1);
    network.settle();
    network.pass(1000);
    assert!(network.converged());
    assert!(network.frames(0, 2) == 0 || network.frames(1, 2) == 0, "both sent everything");
    assert_eq!(network.sites[2].received_twice, 0);
    // The one that had to wait works live afterwards.
    for at in [0, 1] {
        network.write(at, 20);
        network.settle();
        assert_eq!(network.sites[2].log.vector, network.sites[at].log.vector);
        network.pass(100);
    }
    assert!(network.converged());
}

#[test]
fn when_the_filling_peer_is_lost_another_takes_over_where_it_stopped() {
    let mut network = Network::new(3, 11);
    for _ in 0..2000 {
        network.write(0, 3000);
    }
    network.sites[1].log = network.sites[0].log.clone();
    network.connect(2, 0);
    network.connect(2, 1);
    while network.sites[2].log.end() < 600 {
        assert!(network.step());
    }
    let filling = if network.frames(0, 2) > 0 { 0 } else { 1 };
    network.cut(2, filling);
    network.settle();
    assert!(network.converged());
    assert_eq!(network.sites[2].received_twice, 0, "it resumed, it did not start over");
}

#[test]
fn a_lost_announcement_is_made_good_within_one_digest() {
    let mut network = Network::new(2, 12);
    network.connect(0, 1);
    network.settle();
    network.write_unheard(0, 20);
    network.settle();
    assert!(!network.converged());
    // The next commit is heard, and only then does the session learn what the log holds.
    network.write(0, 20);
    network.settle();
    assert!(network.converged());
    // A peer believed to hold what it lacks: said by mistake, mended by the digest.
    let mut lie = VersionVector::default();
    network.write_unheard(0, 20);
    lie.join(&network.sites[0].log.vector);
    let said = crate::session::message::Message::Have(0, lie).encode();
    network.receive(0, 1, &said);
    let (end, vector) = (network.sites[0].log.end(), network.sites[0].log.vector.clone());
    network.give(0, 1, Input::LogGrew { space: crate::session::simulator::SPACE, end, vector, local: true });
    network.settle();
    assert!(!network.converged());
    network.pass(31_000);
    assert!(network.converged());
}

#[test]
fn a_site_restored_from_a_backup_is_filled_again() {
    let mut network = Network::new(2, 13);
    network.connect(0, 1);
    network.write(0, 20);
    network.settle();
    let backup = network.sites[1].log.clone();
    for _ in 0..5 {
        network.write(0, 20);
        network.settle();
    }
    network.cut(0, 1);
    network.sites[1].log = backup;
    network.connect(0, 1);
    network.settle();
    assert!(network.converged());
}

#[test]
fn a_peer_states_what_it_holds_and_what_is_missing_there_is_known() {
    let mut network = Network::new(2, 14);
    network.connect(0, 1);
    network.write(0, 20);
    network.settle();
    let state = network.sites[0].links[&1].state.clone().unwrap();
    assert!(state.open);
    assert_eq!((state.vector, state.in_flight), (network.sites[1].log.vector.clone(), 0));
    assert_eq!(network.sites[0].links[&1].clock_offset_ms, Some(0));
}
