//! Lets a hostile member attack two honest sites.
//!
//! `cargo run --release -p tandem-tests --bin hostile -- --ops 10000 [--seed N]` measures time and
//! memory of each op beside all else that must hold.

#![cfg(target_os = "linux")]

use std::process::ExitCode;

use tandem_tests::hostile::{Cost, run};
use tandem_tests::random::Random;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let ops = number("--ops").unwrap_or(10_000);
    let seed = number("--seed").unwrap_or_else(|| Random::new("hostile").below(1 << 40));
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
