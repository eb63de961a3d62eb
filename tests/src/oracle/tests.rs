//! The oracle, as every test run asks it: seeds that are always the same, and fresh ones.

use super::difference::{Difference, Met};
use super::features::Features;
use super::play::play;
use super::shrink::shrink;
use super::story::Story;
use crate::random::Random;
use crate::school::full;

/// Plays stories until so many statements were compared.
fn all_are_the_same(first: u64, statements: u64) -> Met {
    let features = Features::default();
    let (mut played, mut seed, mut met) = (0, first, Met::new());
    while played < statements {
        let story = Story::of_seed(seed, &features);
        let outcome = play(&story);
        if let Some(mismatch) = outcome.mismatch {
            let (story, mismatch) = shrink(&story, mismatch);
            panic!(
                "{story}\n{}\n{}\nTANDEM_SEED={seed}; cargo run --release -p tandem-tests --bin oracle -- --seed {seed}",
                mismatch.kind, mismatch.told
            );
        }
        for (difference, times) in outcome.met {
            *met.entry(difference).or_default() += times;
        }
        played += outcome.statements;
        seed += 1;
    }
    met
}

fn wanted() -> u64 {
    if full() { 100_000 } else { 5_000 }
}

/// The same seeds in every run; in the long form, fresh ones too.
#[test]
fn random_statements_give_what_plain_sqlite_gives() {
    let met = all_are_the_same(0, wanted());
    let unmet: Vec<_> = Difference::ALL.iter().filter(|difference| !met.contains_key(*difference)).collect();
    println!("differences that never came into play: {unmet:?}");
    if full() {
        let first = Random::new("oracle's fresh seeds").below(1 << 40);
        all_are_the_same(first, wanted() / 10);
    }
}
