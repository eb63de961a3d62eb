//! What people read, on stdout and stderr: the one gate through which it goes. What is stored, typed
//! by others or said by other programs is shown there and does nothing: it moves no cursor, changes
//! no colour, turns no direction, and makes no line that this program did not make.
//!
//! Two steps: a value put into a text is one line ([`value`]; `t!` does it with every parameter),
//! and whatever is printed loses what is still hidden in it ([`visible`]).

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal, Write};

use tandem_node::api::{ApiError, error_kind};
use tandem_protocol::name;
use tracing_subscriber::fmt::MakeWriter;

use crate::failure::Failure;

/// A text of the catalogue in the user's language, each of its parameters on one line and visible.
macro_rules! t {
    ($key:expr $(,)?) => { rust_i18n::t!($key) };
    ($key:expr, $($name:ident = $value:expr),+ $(,)?) => {
        rust_i18n::t!($key, $($name = $crate::terminal::value(&$value)),+)
    };
}

/// A text of several lines with nothing hidden in it: what cannot be seen is written `\u{…}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, |char| name::is_hidden(char) && char != '\n')
}

/// A value as part of a text: visible, and on one line.
pub fn value(value: impl Display) -> String {
    let text = value.to_string();
    match shown(&text, name::is_hidden) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}

fn shown(text: &str, hides: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&hides) {
        return Cow::Borrowed(text);
    }
    let mut all = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            char if !hides(char) => all.push(char),
            '\n' | '\r' | '\t' => all.extend(char.escape_default()),
            char => all.extend(char.escape_unicode()),
        }
    }
    Cow::Owned(all)
}

/// The same JSON, with nothing hidden in it.
fn visible_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(name::is_hidden) {
        return Cow::Borrowed(json);
    }
    let mut all = String::with_capacity(json.len() + 8);
    for char in json.chars() {
        if name::is_hidden(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _infallible = write!(all, "\\u{unit:04x}");
            }
        } else {
            all.push(char);
        }
    }
    Cow::Owned(all)
}

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
        Err(error) => {
            let params = [("path", t!("failure.stdout").into_owned()), ("detail", error.to_string())];
            Err(ApiError::new(&error_kind::file_failed, &params).into())
        }
    }
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
    fn what_a_terminal_would_obey_is_shown_to_the_reader() {
        for (given, told) in [
            ("Zoë « été »\u{a0}: 12\u{202f}€, 学生 🙂", "Zoë « été »\u{a0}: 12\u{202f}€, 学生 🙂"),
            ("\x1b[31mred", r"\u{1b}[31mred"),
            ("\x1b]52;c;cm0gLXJm\x07", r"\u{1b}]52;c;cm0gLXJm\u{7}"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("paid\rowed", r"paid\rowed"),
            (
                "a\u{202e}b\u{2066}c\u{200f}d\u{200b}e\u{feff}",
                r"a\u{202e}b\u{2066}c\u{200f}d\u{200b}e\u{feff}",
            ),
            ("a\u{2028}b\u{85}c\0\u{7f}\u{8}", r"a\u{2028}b\u{85}c\u{0}\u{7f}\u{8}"),
            ("a\u{e0041}\u{3164}", r"a\u{e0041}\u{3164}"),
        ] {
            assert_eq!(visible(given), told);
            assert_eq!(value(given), told);
        }
    }

    #[test]
    fn a_value_makes_no_line_of_its_own() {
        let forged = "x\n2026-03-01 10:00:00  bureau  forged:7\n  supprimé\tclients";
        assert_eq!(visible(forged).lines().count(), 3, "the texts of this program have lines");
        assert_eq!(value(forged), r"x\n2026-03-01 10:00:00  bureau  forged:7\n  supprimé\tclients");
        assert_eq!(log_line(b"INFO x\nINFO y\x1b\n"), r"INFO x\nINFO y\u{1b}");
        let told = t!("log.bad_time", time = forged);
        assert!(!told.contains('\n') && told.contains(r"x\n2026"), "{told}");
    }

    #[test]
    fn json_says_the_same_and_hides_nothing() {
        let text = "a\u{1b}[31m\u{202e}\u{9b}\u{e0041}é\n";
        let json = serde_json::to_string(text).unwrap();
        let shown = visible_json(&json);
        assert!(!shown.chars().any(name::is_hidden), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
