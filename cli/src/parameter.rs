//! The parameters of `sql` on the command line.

use tandem_node::api::cell::Cell;
use tandem_protocol::value::Value;

/// An integer if it reads as one, else a number, else NULL if it is the word `NULL`, else text.
/// Text that looks like a number is given as `'42'` with its quotes, or bound in SQL by a cast.
pub fn parse(text: &str) -> Cell {
    let quoted = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    Cell(if let Some(inner) = quoted {
        Value::Text(inner.replace("''", "'"))
    } else if text == "NULL" {
        Value::Null
    } else if let Ok(number) = text.parse() {
        // "007" and "+5" are codes and phone numbers, not the numbers 7 and 5.
        if is_plain(text) { Value::Integer(number) } else { Value::Text(text.to_owned()) }
    } else {
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && is_plain(text) => Value::Real(number),
            _ => Value::Text(text.to_owned()),
        }
    })
}

/// Written as people write numbers: a digit first (after a minus), no leading zeros.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'0', next, ..] => !next.is_ascii_digit(),
        [first, ..] => first.is_ascii_digit(),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_what_they_look_like() {
        let text = |text: &str| Value::Text(text.into());
        for (typed, meant) in [
            ("42", Value::Integer(42)),
            ("-7", Value::Integer(-7)),
            ("0", Value::Integer(0)),
            ("9223372036854775807", Value::Integer(i64::MAX)),
            ("12.50", Value::Real(12.5)),
            ("0.5", Value::Real(0.5)),
            ("1e3", Value::Real(1000.0)),
            ("NULL", Value::Null),
            ("null", text("null")),
            ("", text("")),
            ("0612345678", text("0612345678")),
            ("+33612345678", text("+33612345678")),
            ("2026-03-01", text("2026-03-01")),
            ("inf", text("inf")),
            ("NaN", text("NaN")),
            ("'42'", text("42")),
            ("'d''été'", text("d'été")),
            ("Amélie", text("Amélie")),
        ] {
            assert_eq!(parse(typed).0, meant, "{typed}");
        }
    }
}
