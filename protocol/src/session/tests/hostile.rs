//! Peers that lie, babble, flood.

use proptest::prelude::*;

use crate::identity::Author;
use crate::session::frame::envelope;
use crate::session::message::{Hello, Message, Welcome};
use crate::session::simulator::Network;
use crate::session::{Listing, SessionEnd, limits};
use crate::version::{Dot, Head, VersionVector};

fn connected(seed: u64) -> Network {
    let mut network = Network::new(2, seed);
    network.write(0, 20);
    network.write(1, 20);
    network.connect(0, 1);
    network.settle();
    assert!(network.converged());
    network
}

fn invented(seq: u64) -> VersionVector {
    let head = Head { seq, prefix: [3; 16] };
    (0..5).map(|number| (Author([number; 32]), head)).collect()
}

/// What site 1 says by hand; site 0 must survive it. Gives how site 0's session ended, if it did.
fn says(network: &mut Network, message: &Message) -> Option<SessionEnd> {
    network.receive(0, 1, &message.encode());
    network.settle();
    network.ended.iter().find(|(at, _, _)| *at == 0).map(|(_, _, end)| end.clone())
}

#[test]
fn a_lying_vector_costs_the_liar_alone() {
    let mut network = connected(1);
    assert_eq!(says(&mut network, &Message::Vector(0, invented(u64::MAX), true)), None);
    network.write(0, 20);
    network.settle();
    assert!(!network.converged(), "the liar said it had all");
    network.pass(31_000);
    assert!(network.converged(), "the next honest digest mends it");
}

#[test]
fn an_announced_fork_is_reported_and_is_not_the_relays_fault() {
    let mut network = connected(2);
    let author = network.sites[1].author;
    let mut vector = network.sites[0].log.vector.without(&author);
    vector.join(&VersionVector::from([(author, Head { seq: 1, prefix: [9; 16] })]));
    assert_eq!(says(&mut network, &Message::Vector(0, vector, false)), None);
    assert_eq!(network.sites[0].links[&1].forked, [Dot::new(author, 1)]);
}

#[test]
fn a_block_that_is_none_ends_the_session() {
    let mut network = connected(3);
    let end = says(&mut network, &Message::Frame(0, invented(9), vec![1, 2, 3]));
    assert!(matches!(end, Some(SessionEnd::BadBlock(_))), "{end:?}");
    assert!(end.is_some_and(|end| end.is_misconduct()));
}

#[test]
fn acknowledgements_of_nothing_and_words_out_of_turn_end_the_session() {
    let empty = VersionVector::default();
    let hello = Hello { min_version: 1, max_version: 1, clock_ms: 0, tags: vec![] };
    let welcome = Welcome { version: 1, clock_ms: 0, shared: vec![] };
    let wrong = [
        Message::Stored(0, empty.clone()),
        Message::Declined(0),
        Message::Hello(hello),
        Message::Welcome(welcome),
        Message::Open(0, [0; 16]),
        Message::Have(7, empty),
    ];
    for message in wrong {
        let mut network = connected(4);
        let end = says(&mut network, &message);
        assert_eq!(end, Some(SessionEnd::OutOfTurn(message.name())));
    }
}

#[test]
fn a_flood_beyond_the_window_ends_the_session_with_bounded_memory() {
    let mut network = connected(5);
    let block = vec![0; 1 << 20];
    let mut taken = 0;
    while network.sites[0].links.contains_key(&1) {
        let heads = invented(taken + 9);
        network.receive(0, 1, &Message::Frame(0, heads, block.clone()).encode());
        taken += 1;
        assert!(taken <= 6, "{taken} MiB taken");
    }
    assert_eq!(network.ended[0], (0, 1, SessionEnd::Overrun));
}

#[test]
fn lists_longer_than_allowed_are_refused() {
    let listing = Listing { author: Author([1; 32]), addresses: vec![vec![0; 200]] };
    assert!(Message::decode(&message_of(&Message::Addresses(vec![listing]))).is_err());
    let long = Hello { min_version: 1, max_version: 1, clock_ms: 0, tags: vec![[0; 16]; limits::SPACES + 1] };
    assert!(Message::decode(&message_of(&Message::Hello(long))).is_err());
}

#[test]
fn unknown_kinds_and_later_additions_are_skipped() {
    let mut network = connected(6);
    network.receive(0, 1, &envelope(200, b"from the future"));
    network.receive(0, 1, &envelope(14, &[0, 9, 9, 9]));
    network.write(0, 20);
    network.settle();
    assert!(network.converged());
    assert!(network.ended.is_empty());
}

#[test]
fn a_peer_that_speaks_only_later_versions_is_told_so() {
    let mut network = Network::new(2, 7);
    network.connect(0, 1);
    network.wires.get_mut(&(0, 1)).unwrap().bytes.clear();
    let (local, peer) = (network.sites[0].author, network.sites[1].author);
    let spaces = [crate::session::simulator::SPACE];
    let tags = crate::session::greeting::tags(spaces.into_iter(), &local, &peer, &[0; 32]);
    let hello = Hello { min_version: 7, max_version: 9, clock_ms: 0, tags };
    network.receive(1, 0, &Message::Hello(hello).encode());
    assert_eq!(network.ended, [(1, 0, SessionEnd::Version { min: 7, max: 9 })]);
    assert_eq!(network.wires[&(1, 0)].kinds, [17]);
}

/// The message without its length, as a session takes it.
fn message_of(message: &Message) -> Vec<u8> {
    let mut reader = crate::session::frame::FrameReader::default();
    reader.greeted();
    reader.push(&message.encode());
    reader.next_message().unwrap().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn garbage_never_panics_and_never_hangs(
        pieces in prop::collection::vec((0u8..20, prop::collection::vec(any::<u8>(), 0..60)), 0..12),
        greeted in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut network = Network::new(2, seed);
        network.write(0, 20);
        network.connect(0, 1);
        if greeted {
            network.settle();
        }
        for (kind, body) in pieces {
            network.receive(0, 1, &envelope(kind, &body));
            network.receive(1, 0, &envelope(kind, &body));
            network.settle();
        }
        network.pass(60_000);
    }

    #[test]
    fn raw_garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Message::decode(&bytes);
        let mut network = Network::new(2, 1);
        network.connect(0, 1);
        network.settle();
        network.receive(0, 1, &bytes);
        network.settle();
    }

    #[test]
    fn a_flipped_bit_anywhere_never_panics(at in any::<prop::sample::Index>(), bit in 0u8..8, seed in any::<u64>()) {
        let mut network = Network::new(2, seed);
        for _ in 0..5 {
            network.write(0, 50);
        }
        network.connect(0, 1);
        for _ in 0..40 {
            for pair in [(0, 1), (1, 0)] {
                let wire = network.wires.get_mut(&pair).unwrap();
                if !wire.bytes.is_empty() && wire.total % 7 == usize::from(bit) {
                    let at = at.index(wire.bytes.len());
                    wire.bytes[at] ^= 1 << bit;
                }
            }
            if !network.step() {
                break;
            }
        }
        network.settle();
        network.pass(40_000);
    }
}
