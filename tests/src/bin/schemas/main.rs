//! Lets schemas grow apart on two and on three sites.
//!
//! `cargo run --release -p tandem-tests --bin schemas -- [--pairs 20000] [--triples 2000] [--seed N --sites N]`

#![cfg(target_os = "linux")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tandem_tests::arguments::numbers;
use tandem_tests::schemas::run;

fn main() -> ExitCode {
    let [pairs, triples, seed, sites] = match numbers(["--pairs", "--triples", "--seed", "--sites"]) {
        Ok(given) => given,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::from(2);
        }
    };
    if let Some(seed) = seed {
        return told(run(seed, sites.unwrap_or(2) as usize));
    }
    let started = Instant::now();
    for (sites, count) in [(2, pairs.unwrap_or(20_000)), (3, triples.unwrap_or(2_000))] {
        let (next, broken) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while !broken.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= count {
                            break;
                        }
                        if seed > 0 && seed.is_multiple_of(1_000) {
                            eprintln!(
                                "{seed} of {count} times {sites} sites after {:.0} s",
                                started.elapsed().as_secs_f64()
                            );
                        }
                        if let Err(error) = run(seed, sites) {
                            println!("BROKEN: {error}");
                            broken.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        if broken.into_inner() {
            return ExitCode::FAILURE;
        }
        println!("{count} times {sites} sites: all well after {:.1} s", started.elapsed().as_secs_f64());
    }
    ExitCode::SUCCESS
}

fn told(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("BROKEN: {error}");
            ExitCode::FAILURE
        }
    }
}
