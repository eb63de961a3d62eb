//! `tandem`: parse, resolve, run. Each verb is one file under `verb/`.

// First: it holds `t!`, with which all others speak.
#[macro_use]
mod speech;

mod arguments;
mod check;
mod clock;
mod conflict;
mod failure;
mod help;
mod language;
mod moment;
mod parameter;
mod settings;
mod terminal;
mod visible;

mod client;
mod context;
mod file;
mod progress;
mod table;
mod verb;

#[cfg(test)]
mod catalogue;

use std::process::ExitCode;

use clap::FromArgMatches;

use arguments::Cli;
use context::Context;
use failure::Failure;

fn main() -> ExitCode {
    // Whatever this program writes, a data folder or a bundle, is for the account that runs it.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let words: Vec<_> = std::env::args_os().collect();
    language::choose(&words);
    let parsed = help::command().try_get_matches_from(&words);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return failure::of_parsing(&error, &words),
    };
    let json = cli.global.json;
    match Context::resolve(&cli).and_then(|context| cli.verb.run(&context)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

/// What a verb ends with.
type Outcome = Result<(), Failure>;
