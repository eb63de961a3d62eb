//! Measures the structure of this repository.
//!
//! `cargo run -p tandem-tests --bin structure [-- --check]`
//!
//! With `--check` it fails where something is beyond its limit.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::ExitCode;

use tandem_tests::structure::{limits_of, measure};

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let check = match given.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("what can be given is --check");
            return ExitCode::from(2);
        }
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let measured = match measure(&root) {
        Ok(measured) => measured,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut exceeded = 0;
    for structure in &measured {
        println!("{structure}");
        for one in limits_of(structure).exceeded(structure).iter().filter(|_| check) {
            println!("  BEYOND THE LIMIT: {one}");
            exceeded += 1;
        }
    }
    if exceeded == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
