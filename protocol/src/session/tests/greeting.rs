//! Who is let in, and what the others learn.

use crate::identity::SpaceId;
use crate::session::simulator::{Network, SPACE, valid_ticket};
use crate::session::{Input, SessionEnd};
use crate::verify::SignedTransaction;

#[test]
fn a_stranger_that_opens_gets_not_one_byte() {
    let mut network = Network::new(2, 1);
    network.write(1, 20);
    network.sites[0].spaces = vec![SpaceId([5; 32])];
    network.connect(0, 1);
    network.settle();
    assert_eq!(network.wires[&(1, 0)].total, 0);
    assert_eq!(network.ended[0], (1, 0, SessionEnd::Stranger));
}

#[test]
fn a_stranger_that_is_greeted_cannot_tell_one_space_from_seven() {
    let mut lengths = Vec::new();
    for spaces in [0, 1, 7, 8] {
        let mut network = Network::new(2, 2);
        network.sites[0].spaces = (0..spaces).map(|number| SpaceId([number; 32])).collect();
        network.connect(0, 1);
        lengths.push(network.wires[&(0, 1)].total);
        network.settle();
        assert_eq!(network.ended[0], (1, 0, SessionEnd::Stranger));
    }
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
}

#[test]
fn a_site_that_knows_the_space_but_is_no_member_learns_nothing_of_it() {
    for opener in [0, 1] {
        let mut network = Network::new(2, 3);
        for _ in 0..10 {
            network.write(1, 100);
        }
        let outsider = network.sites[0].author;
        network.sites[1].members.remove(&outsider);
        network.connect(opener, 1 - opener);
        network.settle();
        assert_eq!(network.sites[0].log.end(), 0);
        assert_eq!(network.frames(1, 0), 0);
        let learnt = network.sites[0].links.get(&1).and_then(|link| link.state.clone());
        assert!(learnt.is_none_or(|state| state.vector.is_empty()));
        // OPEN and VECTOR are kinds 5 and 7: not even a digest was said.
        assert!(!network.wires[&(1, 0)].kinds.iter().any(|kind| [5, 7].contains(kind)));
        assert!(network.ended.contains(&(1, 0, SessionEnd::NotAMember)), "{:?}", network.ended);
    }
}

#[test]
fn a_new_member_shows_its_admission_to_who_has_not_heard_of_it() {
    for opener in [0, 1] {
        let mut network = Network::new(2, 4);
        network.write(1, 100);
        let new = network.sites[0].author;
        network.sites[1].members.remove(&new);
        network.sites[0].ticket = Some(valid_ticket());
        network.connect(opener, 1 - opener);
        network.settle();
        assert!(network.converged());
        assert!(network.ended.is_empty());
    }
}

#[test]
fn a_false_admission_is_refused() {
    let mut network = Network::new(2, 5);
    network.write(1, 100);
    let outsider = network.sites[0].author;
    network.sites[1].members.remove(&outsider);
    network.sites[0].ticket = Some(SignedTransaction { previous: [2; 32], ..valid_ticket() });
    network.connect(0, 1);
    network.settle();
    assert_eq!(network.sites[0].log.end(), 0);
    assert!(network.ended.contains(&(1, 0, SessionEnd::NotAMember)));
}

#[test]
fn a_member_removed_during_the_session_gets_nothing_more() {
    let mut network = Network::new(2, 6);
    network.connect(0, 1);
    network.write(1, 10);
    network.settle();
    assert!(network.converged());
    let removed = network.sites[0].author;
    network.sites[1].members.remove(&removed);
    network.give(1, 0, Input::MembersChanged(SPACE));
    network.write(1, 10);
    network.settle();
    assert_eq!(network.sites[0].log.end(), 1);
    assert!(network.ended.contains(&(1, 0, SessionEnd::NotAMember)));
}

#[test]
fn a_membership_that_arrives_late_opens_the_space() {
    let mut network = Network::new(2, 7);
    network.write(1, 10);
    let two = [SPACE, SpaceId([8; 32])];
    let (zero, one) = (network.sites[0].author, network.sites[1].author);
    network.sites[0].spaces = two.to_vec();
    network.sites[1].spaces = two.to_vec();
    network.sites[1].members.remove(&zero);
    network.connect(0, 1);
    // Bytes come whole or in pieces; stop when site 1 has asked for the admission.
    network.sites[1].members.insert(zero);
    network.give(1, 0, Input::MembersChanged(SPACE));
    network.settle();
    assert!(network.sites[1].members.contains(&one));
    assert_eq!(network.sites[0].log.end(), 1);
}

#[test]
fn a_leaving_site_says_so() {
    let mut network = Network::new(2, 8);
    network.connect(0, 1);
    network.settle();
    network.give(0, 1, Input::Leave);
    assert_eq!(network.ended, [(0, 1, SessionEnd::Left)]);
}
