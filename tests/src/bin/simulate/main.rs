//! Runs the simulator over many seeds.
//!
//! ```text
//! cargo run --release -p tandem-tests --bin simulate -- --seeds 2000
//! cargo run --release -p tandem-tests --bin simulate -- --seed 17
//! cargo run --release -p tandem-tests --bin simulate -- --scenario tests/scenarios/deux-caisses.scn
//! ```

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tandem_tests::scenario::play_file;
use tandem_tests::scenario::simulated::Simulated;
use tandem_tests::simulator::{Counts, Outcome, Plan, STEPS, run, shrink};

/// A run is millions of small allocations: a tenth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "simulate [--seeds N] [--from N] [--seed N] [--jobs N] [--steps N] [--no-shrink] [--keep-going] | --scenario FILE";

struct Options {
    from: u64,
    seeds: u64,
    jobs: usize,
    shrink: bool,
    steps: usize,
    keep_going: bool,
}

fn options() -> Option<Options> {
    let mut options = Options { from: 0, seeds: 100, jobs: 2, shrink: true, steps: STEPS, keep_going: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next()?.parse::<u64>().ok();
        match argument.as_str() {
            "--seeds" => options.seeds = number()?,
            "--from" => options.from = number()?,
            "--seed" => (options.from, options.seeds, options.jobs) = (number()?, 1, 1),
            "--jobs" => options.jobs = usize::try_from(number()?).ok()?.max(1),
            "--steps" => options.steps = usize::try_from(number()?).ok()?,
            "--no-shrink" => options.shrink = false,
            "--keep-going" => options.keep_going = true,
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    if let [_, flag, file] = std::env::args().collect::<Vec<_>>().as_slice()
        && flag == "--scenario"
    {
        return scenario(file);
    }
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let began = Instant::now();
    let (next, failed) = (AtomicU64::new(options.from), AtomicBool::new(false));
    let all = Mutex::new((0u64, Counts::default(), None::<(Plan, Outcome)>));
    let until = options.from + options.seeds;
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= until {
                        return;
                    }
                    let plan = Plan::of_seed(seed);
                    let outcome = run(&plan, 0);
                    let Ok(mut all) = all.lock() else { return };
                    all.0 += 1;
                    all.1.add(&outcome.counts);
                    let seconds = began.elapsed().as_secs_f64();
                    if all.0.is_multiple_of(50) {
                        println!("{} seeds, {:.1} each second", all.0, all.0 as f64 / seconds);
                    }
                    if let Some(broken) = &outcome.broken {
                        if options.keep_going {
                            println!("seed {seed}: {}", broken.0.lines().next().unwrap_or_default());
                        }
                        failed.store(!options.keep_going, Ordering::Relaxed);
                        all.2.get_or_insert((plan, outcome));
                    }
                }
            });
        }
    });
    let Ok((seeds, counts, failure)) = all.into_inner() else { return ExitCode::FAILURE };
    for (what, count) in &counts.0 {
        println!("{count:>12}  {what}");
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{seeds} seeds in {seconds:.1} s");
    let Some((plan, outcome)) = failure else {
        println!("all is well");
        return ExitCode::SUCCESS;
    };
    report(&plan, outcome, &options);
    ExitCode::FAILURE
}

fn scenario(file: &str) -> ExitCode {
    match play_file(Path::new(file), &mut Simulated::new()) {
        Ok(()) => println!("all is as told"),
        Err(told) => {
            println!("{told}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn report(plan: &Plan, outcome: Outcome, options: &Options) {
    let Some(broken) = outcome.broken else { return };
    println!("\n{plan}\n{}\n", broken.0);
    let (plan, _) = if options.shrink { shrink::shrink(plan, broken) } else { (plan.clone(), broken) };
    let again = run(&plan, options.steps);
    println!("the last steps of {plan}:\n");
    again.steps.iter().for_each(|step| println!("{step}"));
    match again.broken {
        Some(broken) => println!("\n{}", broken.0),
        None => println!("\nit does not fail again: something in it is not drawn from the seed"),
    }
    println!("\ncargo run --release -p tandem-tests --bin simulate -- --seed {}", plan.seed);
}
