//! `tandem`: parse, resolve, run. Each command is one file under `command/`.

// First: it holds `t!`, with which all others speak.
#[macro_use]
mod speech;

mod arguments;
mod attachment;
mod check;
mod clock;
mod conflict;
mod ending;
mod failure;
mod figures;
mod fork;
mod global;
mod help;
mod language;
mod moment;
mod network;
mod pairs;
mod parameter;
mod running_statement;
mod settings;
mod terminal;
mod this_pc;
mod visible;

mod client;
mod context;
mod batch;
mod csv_text;
mod dump;
mod dump_sorting;
mod dump_rows;
mod file;
mod progress;
mod table;
mod intake;
mod outgo;
mod command;

#[cfg(test)]
mod catalogue;

use std::process::ExitCode;

use clap::FromArgMatches;

use arguments::Cli;
use context::Context;

fn main() -> ExitCode {
    // Whatever this program writes, a data folder or a bundle, is for the account that runs it.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let words: Vec<_> = std::env::args_os().collect();
    language::choose(&words);
    let parsed = arguments::command().try_get_matches_from(&words);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return ending::of_parsing(&error, &words),
    };
    let json = cli.global.json;
    let network = cli.command.network();
    match Context::resolve(&cli.global, &network).and_then(|context| cli.command.run(&context)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ending::report(&failure, json),
    }
}
