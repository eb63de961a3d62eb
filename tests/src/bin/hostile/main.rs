//! Lets a hostile member attack two honest sites.
//!
//! `cargo run --release -p tandem-tests --bin hostile -- --ops 10000 [--seed N]` measures time and
//! memory of each op beside all else that must hold.

#![cfg(target_os = "linux")]

use std::process::ExitCode;

use tandem_tests::arguments::numbers;
use tandem_tests::hostile::{Cost, run};
use tandem_tests::random::Random;

fn main() -> ExitCode {
    let [ops, seed] = match numbers(["--ops", "--seed"]) {
        Ok(given) => given,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    let ops = ops.unwrap_or(10_000);
    let seed = seed.unwrap_or_else(|| Random::new("hostile").below(1 << 40));
    match run(seed, ops, Cost::measured()) {
        Ok(campaign) => {
            let (time, memory) = (campaign.cost().time.as_millis(), campaign.cost().memory >> 10);
            println!(
                "seed {seed}: {} transactions forged, {} taken in; the costliest took {time} ms, {memory} MiB",
                campaign.forged, campaign.taken
            );
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("BROKEN: {broken}");
            ExitCode::FAILURE
        }
    }
}
