//! Causes out of the sentences of other programs, which say them in English alone.

use super::Cause;

/// A sentence of another program with `{name}` for what varies in it (`{_}` where it does not matter
/// how), and the code of the same in the catalogue.
pub type Pattern = (&'static str, &'static str);

/// The cause that a sentence tells, if one of the patterns is its. The first counts.
pub fn told_by(sentence: &str, patterns: &[Pattern]) -> Option<Cause> {
    patterns.iter().find_map(|(pattern, code)| matched(sentence, pattern, Cause::new(*code)))
}

/// What varies ends where the text after it first stands; the last reaches as far as it can.
fn matched(sentence: &str, pattern: &'static str, cause: Cause) -> Option<Cause> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return (sentence == pattern).then_some(cause);
    };
    let sentence = sentence.strip_prefix(before)?;
    let (name, after) = rest.split_once('}')?;
    let next = after.split('{').next().unwrap_or_default();
    let is_last = next.len() == after.len();
    let end = match (next, is_last) {
        ("", _) => sentence.len(),
        (next, true) => sentence.len().checked_sub(next.len()).filter(|_| sentence.ends_with(next))?,
        (next, false) => sentence.find(next)?,
    };
    let cause = if name == "_" { cause } else { cause.with(name, &sentence[..end]) };
    matched(&sentence[end..], after, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_taken_out() {
        const PATTERNS: &[Pattern] = &[
            ("near \"{token}\": syntax error", "near"),
            ("no such table: {name}", "table"),
            ("{given} values for {wanted} columns", "values"),
            ("incomplete input", "incomplete"),
            ("{_}unknown field `{name}`{_}", "field"),
        ];
        let told = |sentence| told_by(sentence, PATTERNS).map(|cause| cause.to_string());
        assert_eq!(
            told("near \"\": syntax error\": syntax error").unwrap(),
            "near (token: \": syntax error)"
        );
        assert_eq!(told("no such table: é t").unwrap(), "table (name: é t)");
        assert_eq!(told("3 values for 2 columns").unwrap(), "values (given: 3, wanted: 2)");
        assert_eq!(told("incomplete input").unwrap(), "incomplete");
        assert_eq!(told("path: unknown field `x`, expected `y`").unwrap(), "field (name: x)");
        for other in ["", "near", "near \"", "3 values for", "incomplete input!", "syntax error"] {
            assert_eq!(told(other), None, "{other}");
        }
    }
}
