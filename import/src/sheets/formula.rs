//! Texts that a spreadsheet would run. One that is meant for a spreadsheet has an apostrophe before it, and
//! so has one that looks as if it had one already, so that each comes back as it was.

use std::borrow::Cow;

/// What makes a spreadsheet take a text for a formula, which it then runs.
/// Some take full-width forms for the plain ones.
const MARKS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet would run a text.
pub fn is_formula(text: &str) -> bool {
    text.starts_with(MARKS)
}

/// A text that no spreadsheet runs.
pub fn disarmed(text: &str) -> Cow<'_, str> {
    match is_formula(text.trim_start_matches('\'')) {
        true => format!("'{text}").into(),
        false => text.into(),
    }
}

/// The text of which [`disarmed`] made this.
pub fn rearmed(text: &str) -> &str {
    let plain = text.strip_prefix('\'').filter(|plain| is_formula(plain.trim_start_matches('\'')));
    plain.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_disarmed_and_comes_back() {
        for text in ["=1+1", "-2", "@x", "\tx", "'=x", "''=x", "'x", "x=1", "", "'"] {
            let safe = disarmed(text);
            assert!(!is_formula(&safe), "{text:?}");
            assert_eq!(rearmed(&safe), text);
        }
        assert_eq!((disarmed("=1").as_ref(), disarmed("'x").as_ref()), ("'=1", "'x"));
    }
}
