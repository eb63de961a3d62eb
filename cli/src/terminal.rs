//! What people read, on stdout and stderr: the one gate through which it goes. What is stored, typed
//! by others or said by other programs is shown there and does nothing: it moves no cursor, changes
//! no colour, turns no direction, and makes no line that this program did not make.
//!
//! Two steps: a value put into a text is one line ([`value`]; `t!` does it with every parameter),
//! and whatever is printed loses what is still hidden in it ([`visible`]).

use std::io::{self, IsTerminal, Write};

use tandem_node::api::error_kind;
use tandem_protocol::cause::Cause;
use tracing_subscriber::fmt::MakeWriter;

use crate::failure::Failure;
use crate::visible::{value, visible, visible_json};

/// Prints text for people, and a line feed, on stdout. A reader that left ends the command quietly.
pub fn print(text: &str) -> Result<(), Failure> {
    out(visible(text).trim_end_matches('\n'))
}

/// Prints one line of JSON.
pub fn print_json(json: &str) -> Result<(), Failure> {
    out(&visible_json(json))
}

/// Prints what is meant to be read back by a program, CSV or SQL: as it is, unless it goes to a
/// terminal.
pub fn print_data(text: &str) -> Result<(), Failure> {
    if io::stdout().is_terminal() { print(text) } else { out(text.trim_end_matches('\n')) }
}

fn out(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
    match written.and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Said),
        Err(error) => Err(failed(error)),
    }
}

/// The output could not be written.
pub fn failed(error: io::Error) -> Failure {
    let failed = error_kind::file_failed.with("path", &*t!("failure.stdout"));
    failed.with("detail", Cause::from(error)).into()
}

/// Says something to people on stderr.
pub fn say(text: &str) {
    // Where nobody listens, nothing is lost that could be told.
    let _gone = writeln!(io::stderr(), "{}", visible(text));
}

/// Asks for something that is typed on the same line.
pub fn ask(text: &str) {
    let mut err = io::stderr().lock();
    let _gone = write!(err, "{} ", value(text)).and_then(|()| err.flush());
}

/// The same as one line of JSON.
pub fn say_json(json: &str) {
    let _gone = writeln!(io::stderr(), "{}", visible_json(json));
}

/// Rewrites the last line of a terminal.
pub fn rewrite(line: &str) {
    let mut err = io::stderr().lock();
    // A terminal that went away shows nothing, which is all that is lost.
    let _gone = write!(err, "\r\x1b[K{}", value(line)).and_then(|()| err.flush());
}

/// Where log lines go: to stderr, each on one line.
pub struct Log;

/// One line of the log.
pub struct LogLine;

impl<'a> MakeWriter<'a> for Log {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        LogLine
    }
}

impl Write for LogLine {
    /// A whole line at a time, as the log is written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        writeln!(io::stderr(), "{}", log_line(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn log_line(bytes: &[u8]) -> String {
    value(String::from_utf8_lossy(bytes).trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_is_one_line() {
        assert_eq!(log_line(b"INFO x\nINFO y\x1b\n"), r"INFO x\nINFO y\u{1b}");
    }
}
