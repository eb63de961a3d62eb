//! The benchmark: the school day on two real nodes over loopback, beside plain SQLite in the same
//! run. `cargo run --release -p tandem-tests --bin bench` prints one table and one line of JSON;
//! `--write FILE` puts the table into a document, `--ids v7` leaves random ids out.
//!
//! Speed lives here and in no test. Every figure is the median of the runs, with the least and the
//! greatest beside it.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on ends right there")]

mod connection;
mod figures;
mod node;
mod plain_sqlite;
mod report;
mod school_day;

use std::path::PathBuf;

use tandem_school::IdKind;

use figures::Figures;

/// What to run.
struct Arguments {
    rows: usize,
    runs: usize,
    random_ids: bool,
    write: Option<PathBuf>,
}

impl Arguments {
    fn parse() -> Result<Self, String> {
        let mut arguments = Self { rows: 100_000, runs: 3, random_ids: true, write: None };
        let mut given = std::env::args().skip(1);
        while let Some(flag) = given.next() {
            let value = given.next().ok_or(format!("{flag} needs a value"))?;
            match flag.as_str() {
                "--rows" => arguments.rows = value.parse().map_err(|_| format!("{value} is not a number"))?,
                "--runs" => arguments.runs = value.parse().map_err(|_| format!("{value} is not a number"))?,
                "--ids" => arguments.random_ids = value != "v7",
                "--write" => arguments.write = Some(value.into()),
                other => {
                    return Err(format!(
                        "unknown flag {other}: known are --rows N, --runs N, --ids v7, --write FILE"
                    ));
                }
            }
        }
        Ok(arguments)
    }
}

fn main() {
    let arguments = Arguments::parse().unwrap_or_else(|message| {
        eprintln!("{message}");
        std::process::exit(2);
    });
    node::build_program();
    let mut figures = Figures::default();
    for run in 1..=arguments.runs {
        let kinds = [("UUIDv7", IdKind::V7), ("UUIDv4", IdKind::V4)];
        for (name, ids) in kinds.into_iter().take(1 + usize::from(arguments.random_ids)) {
            eprintln!("run {run} of {}, {name}", arguments.runs);
            plain_sqlite::measure(&mut figures, name, ids, arguments.rows);
            school_day::measure(&mut figures, name, ids, arguments.rows);
        }
    }
    let table = report::table(&figures, arguments.rows, arguments.runs);
    println!("{table}");
    println!("{}", report::json(&figures, arguments.rows, arguments.runs));
    if let Some(path) = arguments.write {
        std::fs::write(path, table).unwrap();
    }
}
