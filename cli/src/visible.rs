//! What is stored, typed by others or said by other programs, as it can be shown: it moves no cursor,
//! changes no colour, turns no direction, and makes no line that this program did not make.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use tandem_protocol::name;

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
pub fn visible_json(json: &str) -> Cow<'_, str> {
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
