//! What a text of a sheet means in a column of a table: that depends on the column's type alone.

use tandem_protocol::schema::{ColumnDef, ColumnType};
use tandem_protocol::value::Value;

use super::empty_text::EMPTY;

/// The value of a column that a text stands for; none if there is no such. In a file that is written in
/// the French manner a comma may stand in numbers, and the day before the month.
pub fn meant(column: &ColumnDef, text: &str, is_french: bool) -> Option<Value> {
    let kind = column.kind;
    match kind {
        ColumnType::Blob if text == EMPTY => return Some(Value::Blob(Vec::new())),
        _ if text == EMPTY && is_text(kind) => return Some(Value::Text(String::new())),
        _ => {}
    }
    if text.is_empty() || text == EMPTY {
        // A spreadsheet knows no other nothing.
        let is_empty = is_text(kind) && column.not_null;
        return Some(if is_empty { Value::Text(String::new()) } else { Value::Null });
    }
    if is_text(kind) {
        return kind.canonical(Value::Text(text.to_owned())).ok();
    }
    let text = text.trim();
    let french = || french(text).filter(|_| is_french).and_then(|text| plain(kind, &text));
    plain(kind, text).or_else(french)
}

/// Whether a text means itself, with all its spaces.
fn is_text(kind: ColumnType) -> bool {
    kind.holds_any_text() || kind == ColumnType::Json
}

/// A value as programs write it.
fn plain(kind: ColumnType, text: &str) -> Option<Value> {
    match kind {
        ColumnType::Boolean => truth(text).map(|truth| Value::Integer(i64::from(truth))),
        ColumnType::Blob => hexadecimal(text).map(Value::Blob),
        ColumnType::Integer | ColumnType::COUNTER => whole(text).map(Value::Integer),
        _ => kind.canonical(Value::Text(text.to_owned())).ok(),
    }
}

/// A whole number, also as programs write it that know only numbers with a point.
fn whole(text: &str) -> Option<i64> {
    let digits = text.split_once('.').filter(|(_, part)| part.bytes().all(|digit| digit == b'0'));
    digits.map_or(text, |(digits, _)| digits).parse().ok()
}

fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "1" | "t" | "true" | "vrai" | "oui" | "yes" => Some(true),
        "0" | "f" | "false" | "faux" | "non" | "no" => Some(false),
        _ => None,
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").unwrap_or(text).as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let bytes = digits.chunks(2).map(|pair| match *pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    });
    bytes.collect()
}

/// A number or a date in the French manner (`1 234,50`, `31/01/2026`), as it is written here.
fn french(text: &str) -> Option<String> {
    let (day, time) = text.split_once(' ').map_or((text, None), |(day, time)| (day, Some(time)));
    if let [day, month, year] = day.split('/').collect::<Vec<_>>()[..] {
        let is_number = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_date = is_number(day, 2) && is_number(month, 2) && is_number(year, 4) && year.len() == 4;
        let date = format!("{year}-{month:0>2}-{day:0>2}");
        return is_date.then(|| time.map_or(date.clone(), |time| format!("{date} {time}")));
    }
    let number: String = text.chars().filter(|char| !matches!(char, ' ' | '\u{a0}' | '\u{202f}')).collect();
    let number = number.replacen(',', ".", 1);
    (number != text && !number.contains(',')).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_protocol::schema::DefaultValue;

    #[test]
    fn what_a_text_stands_for_depends_on_the_column() {
        let of = |kind: &str, text: &str, french: bool| {
            let (name, not_null) = kind.split_once('!').map_or((kind, false), |(name, _)| (name, true));
            let kind = ColumnType::ALL.into_iter().find(|one| one.to_string().starts_with(name)).unwrap();
            let column = ColumnDef { name: "c".into(), kind, default: DefaultValue::None, not_null };
            meant(&column, text, french).map(|value| value.to_string())
        };
        for (column, text, plain, french) in [
            ("INTEGER", "7", Some("7"), Some("7")),
            ("INTEGER", " 7 ", Some("7"), Some("7")),
            ("INTEGER", "7.0", Some("7"), Some("7")),
            ("INTEGER", "1 234", None, Some("1234")),
            ("INTEGER", "7,5", None, None),
            ("INTEGER", "seven", None, None),
            ("TEXT", " 1 234,50 ", Some(" 1 234,50 "), Some(" 1 234,50 ")),
            ("TEXT", "", Some("NULL"), Some("NULL")),
            ("TEXT!", "", Some(""), Some("")),
            ("DECIMAL", "1234.5", Some("1234.50"), Some("1234.50")),
            ("DECIMAL", "1 234,50", None, Some("1234.50")),
            ("DECIMAL", "1\u{202f}234,50", None, Some("1234.50")),
            ("DECIMAL", "1,234,50", None, None),
            ("REAL", "0.5", Some("0.5"), Some("0.5")),
            ("REAL", "0,5", None, Some("0.5")),
            ("REAL", "nan", None, None),
            ("COUNTER", "40", Some("40"), Some("40")),
            ("DATE", "2026-01-31", Some("2026-01-31"), Some("2026-01-31")),
            ("DATE", "31/01/2026", None, Some("2026-01-31")),
            ("DATE", "3/1/2026", None, Some("2026-01-03")),
            ("DATE", "31/13/2026", None, None),
            ("DATE", "", Some("NULL"), Some("NULL")),
            ("TIMESTAMP", "31/01/2026 08:30:00", None, Some("2026-01-31 08:30:00")),
            ("BOOLEAN", "1", Some("1"), Some("1")),
            ("BOOLEAN", "True", Some("1"), Some("1")),
            ("BOOLEAN", "Faux", Some("0"), Some("0")),
            ("BOOLEAN", "2", None, None),
        ] {
            assert_eq!(of(column, text, false).as_deref(), plain, "{column} {text:?}");
            assert_eq!(of(column, text, true).as_deref(), french, "{column} {text:?}");
        }
        assert_eq!(hexadecimal("\\xff00"), Some(vec![255, 0]));
        assert_eq!(hexadecimal("ff0"), None);
    }
}
