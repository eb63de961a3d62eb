//! The value of a column that something written in a dump stands for.

use tandem_protocol::schema::ColumnType;
use tandem_protocol::value::Value;

use crate::dump::rows::{Written, hex};

/// What MySQL shows for a date that is none.
pub const NO_DATE: &str = "0000-00-00";

/// The value of a column of that type; none, where it holds no such.
pub fn cell(kind: ColumnType, written: Written) -> Option<Value> {
    let value = match (kind, written) {
        (_, Written::Null) => return Some(Value::Null),
        (ColumnType::Date | ColumnType::Timestamp | ColumnType::Stamp, Written::Text(text))
            if text.starts_with(NO_DATE) =>
        {
            return Some(Value::Null);
        }
        (ColumnType::Boolean, Written::Text(text) | Written::Number(text)) => Value::Integer(flag(&text)?),
        (ColumnType::Blob, Written::Text(text)) => match text.strip_prefix("\\x") {
            Some(digits) => Value::Blob(hex(digits)?),
            None => Value::Blob(text.into_bytes()),
        },
        (kind, Written::Number(digits)) if kind.holds_any_text() => Value::Text(digits),
        (kind, Written::Bytes(bytes)) if kind.holds_any_text() => Value::Text(String::from_utf8(bytes).ok()?),
        (ColumnType::Real, Written::Number(digits) | Written::Text(digits)) => {
            Value::Real(digits.trim().parse().ok()?)
        }
        (ColumnType::Integer, Written::Number(digits)) => match digits.parse() {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Text(digits),
        },
        (ColumnType::COUNTER, Written::Number(digits) | Written::Text(digits)) => {
            Value::Integer(digits.trim().parse().ok()?)
        }
        (
            ColumnType::Decimal { .. } | ColumnType::Counter { .. },
            Written::Number(text) | Written::Text(text),
        ) => Value::Text(amount(&text).unwrap_or(text)),
        (ColumnType::Date | ColumnType::Timestamp | ColumnType::Stamp, Written::Text(text)) => {
            Value::Text(dated(&text).unwrap_or(text))
        }
        (_, Written::Number(text) | Written::Text(text)) => Value::Text(text),
        (_, Written::Bytes(bytes)) => Value::Blob(bytes),
    };
    kind.canonical(value).ok()
}

/// The number of an amount as PostgreSQL writes MONEY: with a currency's sign, and a comma before each
/// three digits. Without the sign, a comma may be another's decimal point: then it is no number here.
fn amount(text: &str) -> Option<String> {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, cents) = rest.strip_prefix(['$', '€'])?.split_once('.')?;
    let mut groups = whole.split(',');
    let is_first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()) || !whole.contains(','));
    let all_whole = groups.all(|group| group.len() == 3);
    (is_first && all_whole).then(|| format!("{sign}{}.{cents}", whole.replace(',', "")))
}

/// `1962/2/18` as a date is written elsewhere, and what stands behind it.
fn dated(text: &str) -> Option<String> {
    let (date, rest) = text.find([' ', 'T']).map_or((text, ""), |at| text.split_at(at));
    let [year, month, day] = date.split(['/', '-', '.']).collect::<Vec<_>>()[..] else { return None };
    let is_number = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_date = year.len() == 4 && is_number(year, 4) && is_number(month, 2) && is_number(day, 2);
    is_date.then(|| format!("{year}-{month:0>2}-{day:0>2}{rest}"))
}

/// What the words for yes and no say, and the bytes for them.
fn flag(text: &str) -> Option<i64> {
    match text.to_ascii_lowercase().as_str() {
        "0" | "f" | "false" | "n" | "no" | "off" | "\0" => Some(0),
        "1" | "t" | "true" | "y" | "yes" | "on" | "\u{1}" => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_holds_what_was_written() {
        let decimal = ColumnType::Decimal { precision: 9, scale: 2 };
        for (kind, written, value) in [
            (ColumnType::Boolean, Written::Text("t".into()), Some("1")),
            (ColumnType::Boolean, Written::Text("\u{1}".into()), Some("1")),
            (ColumnType::Boolean, Written::Text("perhaps".into()), None),
            (ColumnType::Integer, Written::Text("7".into()), Some("7")),
            (ColumnType::Integer, Written::Number("7.5".into()), None),
            (ColumnType::COUNTER, Written::Text("-7".into()), Some("-7")),
            (ColumnType::COUNTER, Written::Number("7".into()), Some("7")),
            (ColumnType::COUNTER, Written::Text("7.5".into()), None),
            (ColumnType::Counter { precision: 9, scale: 2 }, Written::Text("7.5".into()), Some("7.50")),
            (decimal, Written::Text("$1,234.50".into()), Some("1234.50")),
            (decimal, Written::Text("-$1,234,567.50".into()), Some("-1234567.50")),
            (decimal, Written::Text("$12.50".into()), Some("12.50")),
            (decimal, Written::Text("1,5".into()), None),
            (decimal, Written::Text("1,234".into()), None),
            (decimal, Written::Text("€1,5".into()), None),
            (decimal, Written::Text("$1,5.00".into()), None),
            (decimal, Written::Text("1234.5".into()), Some("1234.50")),
            (ColumnType::Text, Written::Number("007".into()), Some("007")),
            (
                ColumnType::Timestamp,
                Written::Text("2026-01-31 05:00:00+01".into()),
                Some("2026-01-31 04:00:00"),
            ),
            (ColumnType::Date, Written::Text("0000-00-00".into()), Some("NULL")),
            (ColumnType::Timestamp, Written::Text("1962/2/8 5:00".into()), None),
            (ColumnType::Timestamp, Written::Text("1962/2/8".into()), Some("1962-02-08 00:00:00")),
            (ColumnType::Date, Written::Text("2026-13-01".into()), None),
            (ColumnType::Real, Written::Number("1e3".into()), Some("1000")),
        ] {
            let found = cell(kind, written.clone()).map(|value| value.to_string());
            assert_eq!(found.as_deref(), value, "{kind} {written:?}");
        }
        assert_eq!(
            cell(ColumnType::Blob, Written::Text("\\x4142".into())),
            Some(Value::Blob(b"AB".to_vec()))
        );
    }
}
