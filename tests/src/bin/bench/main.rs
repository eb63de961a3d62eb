//! The benchmark: the school day on two real nodes over loopback; and equal work for tandem,
//! PostgreSQL and plain SQLite, in turns, in the same run. `cargo run --release -p tandem-tests --bin bench` prints one table and one line of JSON;
//! `--write FILE` puts the table into a document, `--ids v7` leaves random ids out, `--only equal` all
//! but the equal work, `--only day` that; `--idle SECONDS` says how long equal sites are listened to.
//!
//! Speed lives here and in no test. Every figure is the median of the runs, with the least and the
//! greatest beside it.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on ends right there")]

mod connection;
mod equal_work;
mod figures;
mod node;
mod plain_sqlite;
mod report;
mod school_day;

use std::path::PathBuf;
use std::time::Duration;

use tandem_school::IdKind;
use tandem_tests::postgres::Server;

use figures::Figures;

/// What to run.
struct Arguments {
    rows: usize,
    runs: usize,
    random_ids: bool,
    equal_work: bool,
    school_day: bool,
    idle: Duration,
    write: Option<PathBuf>,
}

impl Arguments {
    fn parse() -> Result<Self, String> {
        let mut arguments = Self {
            rows: 100_000,
            runs: 3,
            random_ids: true,
            equal_work: true,
            school_day: true,
            idle: Duration::from_secs(60),
            write: None,
        };
        let mut given = std::env::args().skip(1);
        while let Some(flag) = given.next() {
            let value = given.next().ok_or(format!("{flag} needs a value"))?;
            match flag.as_str() {
                "--rows" => arguments.rows = value.parse().map_err(|_| format!("{value} is not a number"))?,
                "--runs" => arguments.runs = value.parse().map_err(|_| format!("{value} is not a number"))?,
                "--ids" => arguments.random_ids = value != "v7",
                "--only" => {
                    (arguments.equal_work, arguments.school_day) = match value.as_str() {
                        "day" => (false, true),
                        "equal" => (true, false),
                        other => return Err(format!("--only takes day or equal, not {other}")),
                    };
                }
                "--idle" => {
                    let seconds = value.parse().map_err(|_| format!("{value} is not a number"))?;
                    arguments.idle = Duration::from_secs(seconds);
                }
                "--write" => arguments.write = Some(value.into()),
                other => {
                    return Err(format!(
                        "unknown flag {other}: known are --rows N, --runs N, --ids v7, --only equal|day, --idle SECONDS, --write FILE"
                    ));
                }
            }
        }
        if !arguments.rows.is_multiple_of(100) || arguments.rows == 0 {
            return Err("--rows takes a multiple of 100: everybody writes transactions of 100".to_owned());
        }
        if arguments.idle.is_zero() {
            return Err("--idle takes at least a second".to_owned());
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
    let server = arguments.equal_work.then(Server::start).flatten();
    for run in 1..=arguments.runs {
        let kinds = [("UUIDv7", IdKind::V7), ("UUIDv4", IdKind::V4)];
        for (name, ids) in kinds.into_iter().take(1 + usize::from(arguments.random_ids)) {
            eprintln!("run {run} of {}, {name}", arguments.runs);
            if arguments.equal_work {
                equal_work::measure(&mut figures, server.as_ref(), (name, ids), arguments.rows);
            }
            if arguments.school_day {
                plain_sqlite::measure(&mut figures, name, ids, arguments.rows);
                school_day::measure(&mut figures, (name, ids), arguments.rows, arguments.idle);
            }
        }
    }
    let table = match arguments.school_day {
        false => report::equal_table(&figures),
        true => report::table(&figures, arguments.rows, arguments.runs),
    };
    println!("{table}");
    println!("{}", report::json(&figures, arguments.rows, arguments.runs));
    if let Some(path) = arguments.write {
        std::fs::write(path, table).unwrap();
    }
}
