//! Values as they stand in CSV: RFC 4180; NULL is nothing, empty text is `""`.

use std::borrow::Cow;

use tandem_import::sheets::formula;

/// A text as a field; for a spreadsheet, so that it does not run it.
pub fn field(text: &str, spreadsheet: bool) -> String {
    let safe = if spreadsheet { formula::disarmed(text) } else { Cow::Borrowed(text) };
    match safe.contains([',', '"', '\n', '\r']) || safe.is_empty() {
        true => format!("\"{}\"", safe.replace('"', "\"\"")),
        false => safe.into_owned(),
    }
}

/// Bytes as a field; none, as an empty text.
pub fn hexadecimal(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return field("", false);
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
