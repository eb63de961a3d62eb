//! The hostile member, as every test run meets it.

use super::{Cost, run};
use crate::random::Random;

#[test]
fn nothing_a_hostile_member_signs_parts_or_stops_honest_sites() {
    let ops = if std::env::var_os("TANDEM_FULL").is_some() { 10_000 } else { 500 };
    let fresh = Random::new("a hostile member").below(1 << 40);
    for seed in [1, fresh] {
        if let Err(broken) = run(seed, ops, Cost::default()) {
            panic!("BROKEN: {broken}");
        }
    }
}
