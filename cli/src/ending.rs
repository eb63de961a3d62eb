//! How the program ends when a command does not succeed: what is printed, and with which exit code.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ErrorKind as Parsing};
use serde_json::json;

use crate::failure::Failure;
use crate::terminal;

/// Refused or failed.
const REFUSED: u8 = 1;
/// The command line cannot be understood.
const USAGE: u8 = 2;

/// Prints it on stderr.
pub fn report(failure: &Failure, json: bool) -> ExitCode {
    let (code, exit) = match failure {
        Failure::Said => return ExitCode::from(REFUSED),
        Failure::Refused(error) => (&*error.code, REFUSED),
        Failure::Usage(_) => ("usage", USAGE),
    };
    let (message, hints) = failure.told();
    if json {
        let error = json!({ "error": { "code": code, "message": message, "hints": hints } });
        terminal::say_json(&error.to_string());
    } else {
        terminal::say(&told(&message, &hints));
    }
    ExitCode::from(exit)
}

fn told(message: &str, hints: &[String]) -> String {
    let mut text = format!("{} {message}", t!("failure.error"));
    for hint in hints {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "\n  → {hint}");
    }
    text
}

/// Help and version on stdout; a refusal of the command line in the user's language.
pub fn of_parsing(error: &clap::Error, line: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        // A closed pipe is the reader's wish.
        let _reader_left = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == Parsing::DisplayHelpOnMissingArgumentOrSubcommand {
        terminal::say(error.to_string().trim_end());
        return ExitCode::from(USAGE);
    }
    let context = |kind| error.get(kind).map(|value| value.to_string()).unwrap_or_default();
    let message = match error.kind() {
        Parsing::UnknownArgument => t!("failure.unknown_argument", what = context(ContextKind::InvalidArg)),
        Parsing::InvalidSubcommand => {
            t!("failure.unknown_command", what = context(ContextKind::InvalidSubcommand))
        }
        Parsing::MissingRequiredArgument => t!("failure.missing", what = context(ContextKind::InvalidArg)),
        Parsing::MissingSubcommand => t!("failure.missing", what = context(ContextKind::ValidSubcommand)),
        Parsing::InvalidValue | Parsing::ValueValidation => t!(
            "failure.invalid_value",
            value = context(ContextKind::InvalidValue),
            what = context(ContextKind::InvalidArg)
        ),
        Parsing::ArgumentConflict => t!(
            "failure.conflict",
            what = context(ContextKind::InvalidArg),
            other = context(ContextKind::PriorArg)
        ),
        _ => error.to_string().trim().to_owned().into(),
    };
    let json = line.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    report(&Failure::Usage(message.into_owned()), json)
}
