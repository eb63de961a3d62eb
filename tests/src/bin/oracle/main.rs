//! Asks plain SQLite about many random statements.
//!
//! ```text
//! cargo run --release -p tandem-tests --bin oracle -- --statements 100000
//! cargo run --release -p tandem-tests --bin oracle -- --seed 17
//! cargo run --release -p tandem-tests --bin oracle -- --statements 100000 --keep-going --without wide
//! ```

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use tandem_tests::oracle::difference::Met;
use tandem_tests::oracle::features::{Features, NAMES};
use tandem_tests::oracle::play::{Mismatch, play};
use tandem_tests::oracle::shrink::shrink;
use tandem_tests::oracle::story::Story;

const USAGE: &str =
    "oracle [--statements N] [--from SEED] [--seed SEED] [--keep-going] [--only PARTS | --without PARTS]";

struct Options {
    statements: u64,
    from: u64,
    keep_going: bool,
    features: Features,
}

fn options() -> Option<Options> {
    let from = std::env::var("TANDEM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let mut options = Options { statements: 100_000, from, keep_going: false, features: Features::default() };
    let (mut only, mut without) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--statements" => options.statements = arguments.next()?.parse().ok()?,
            "--from" => options.from = arguments.next()?.parse().ok()?,
            "--seed" => (options.from, options.statements) = (arguments.next()?.parse().ok()?, 1),
            "--keep-going" => options.keep_going = true,
            "--only" => only = Some(arguments.next()?),
            "--without" => without = Some(arguments.next()?),
            _ => return None,
        }
    }
    options.features = Features::read(only.as_deref(), without.as_deref())?;
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}\nparts: {}", NAMES.join(","));
        return ExitCode::from(2);
    };
    let began = Instant::now();
    let (mut statements, mut accepted, mut refused, mut met) = (0, 0, 0, Met::new());
    let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut seed = options.from;
    while statements < options.statements {
        let story = Story::of_seed(seed, &options.features);
        let played = play(&story);
        statements += played.statements.max(1);
        accepted += played.accepted;
        refused += played.refused;
        played.met.into_iter().for_each(|(difference, times)| *met.entry(difference).or_default() += times);
        if let Some(mismatch) = played.mismatch {
            let kind = mismatch.kind.split(" [").next().unwrap_or_default().to_owned();
            let (times, _) =
                *found.entry(kind.clone()).and_modify(|(times, _)| *times += 1).or_insert((1, seed));
            if times <= 2 {
                report(&story, mismatch);
            }
            if !options.keep_going {
                return ExitCode::FAILURE;
            }
        }
        seed += 1;
    }
    println!(
        "{statements} statements and queries of {} stories, {:.1} s",
        seed - options.from,
        began.elapsed().as_secs_f64()
    );
    println!("{accepted:>12}  transactions accepted by both\n{refused:>12}  refused by both");
    for (difference, times) in met {
        println!("{times:>12}  {difference:?}: {}", difference.sentence());
    }
    if found.is_empty() {
        println!("plain SQLite gives the same, but for these");
        return ExitCode::SUCCESS;
    }
    for (kind, (times, seed)) in &found {
        println!("{times:>12}  {kind}, first in seed {seed}");
    }
    ExitCode::FAILURE
}

fn report(story: &Story, mismatch: Mismatch) {
    let seed = story.seed;
    let (story, mismatch) = shrink(story, mismatch);
    println!("{story}\n{}\n{}\n", mismatch.kind, mismatch.told);
    println!("TANDEM_SEED={seed}; cargo run --release -p tandem-tests --bin oracle -- --seed {seed}\n");
}
