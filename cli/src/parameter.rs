//! The parameters of `sql` on the command line.

use tandem_node::api::cell::Cell;
use tandem_protocol::value::Value;

/// A number if it prints back as the same text, NULL if it is the word `NULL`, else text: a column
/// of numbers takes `12.50` and `+5` as text too, and a code of twenty digits, `007` or `1e5` in a
/// column of texts stays what was typed. Text that looks like a number is given as `'42'`.
pub fn parse(text: &str) -> Cell {
    let quoted = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    Cell(if let Some(inner) = quoted {
        Value::Text(inner.replace("''", "'"))
    } else if text == "NULL" {
        Value::Null
    } else if let Some(number) = exactly(text) {
        Value::Integer(number)
    } else if let Some(number) = exactly(text).filter(|number| is_printed_plainly(text, *number)) {
        Value::Real(number)
    } else {
        Value::Text(text.to_owned())
    })
}

/// Whether SQLite, too, prints a real as this text: 15 digits, without an exponent.
fn is_printed_plainly(text: &str, number: f64) -> bool {
    text.contains('.') && text.bytes().filter(u8::is_ascii_digit).count() <= 15 && number.abs() >= 1e-4
}

/// The number that is written so, and in no other way.
fn exactly<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
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
            ("12.5", Value::Real(12.5)),
            ("-0.5", Value::Real(-0.5)),
            // A column of numbers reads these, and of exact decimals every digit.
            ("12.50", text("12.50")),
            ("1234567890.123456789", text("1234567890.123456789")),
            ("89243010000000000017", text("89243010000000000017")),
            ("9223372036854775808", text("9223372036854775808")),
            ("10000000000000000000", text("10000000000000000000")),
            ("0.00001", text("0.00001")),
            ("0.1234567890123456", text("0.1234567890123456")),
            ("007", text("007")),
            ("00", text("00")),
            ("-0", text("-0")),
            ("+5", text("+5")),
            ("1e3", text("1e3")),
            ("1e5", text("1e5")),
            ("1E400", text("1E400")),
            ("0x10", text("0x10")),
            ("1_000", text("1_000")),
            (".5", text(".5")),
            ("5.", text("5.")),
            (" 7", text(" 7")),
            ("7 ", text("7 ")),
            ("-inf", text("-inf")),
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
