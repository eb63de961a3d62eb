//! Any order of writes, cuts and reconnections ends in equal sites.

use proptest::prelude::*;

use crate::session::SessionEnd;
use crate::session::simulator::Network;

const SITES: usize = 3;

#[derive(Debug, Clone)]
enum Event {
    Write(usize, usize),
    Cut(usize, usize),
    Connect(usize, usize),
    Steps(usize),
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let pair = (0..SITES, 1..SITES).prop_map(|(a, skip)| (a, (a + skip) % SITES));
    let event = prop_oneof![
        4 => (0..SITES, prop_oneof![Just(5usize), Just(400_000)]).prop_map(|(at, bytes)| Event::Write(at, bytes)),
        1 => pair.clone().prop_map(|(a, b)| Event::Cut(a, b)),
        2 => pair.prop_map(|(a, b)| Event::Connect(a, b)),
        4 => (1usize..30).prop_map(Event::Steps),
        1 => (1u64..40_000).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn sites_converge_whatever_happened_before(seed in any::<u64>(), events in events()) {
        let mut network = Network::new(SITES, seed);
        for event in events {
            match event {
                Event::Write(at, bytes) => network.write(at, bytes),
                Event::Cut(a, b) => network.cut(a, b),
                Event::Connect(a, b) => {
                    network.cut(a, b);
                    network.connect(a, b);
                }
                Event::Steps(steps) => for _ in 0..steps { network.step(); },
                Event::Pass(ms) => network.pass(ms),
            }
        }
        let honest = |(_, _, end): &(usize, usize, SessionEnd)| !end.is_misconduct();
        prop_assert!(network.ended.iter().all(honest), "{:?}", network.ended);
        for a in 0..SITES {
            network.cut(a, (a + 1) % SITES);
        }
        network.connect(0, 1);
        network.connect(2, 1);
        network.settle();
        network.pass(200);
        prop_assert!(network.converged());
        let frames: usize = (0..SITES).flat_map(|a| (0..SITES).map(move |b| (a, b)))
            .map(|(a, b)| network.frames(a, b)).sum();
        network.pass(100_000);
        let later: usize = (0..SITES).flat_map(|a| (0..SITES).map(move |b| (a, b)))
            .map(|(a, b)| network.frames(a, b)).sum();
        prop_assert_eq!(frames, later, "equal sites still send");
        prop_assert!(network.ended.iter().all(honest), "{:?}", network.ended);
    }
}
