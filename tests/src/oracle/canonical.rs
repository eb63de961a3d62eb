//! The canonical form of a value, worked out by the oracle on its own: what the docs say that is
//! stored when a value is written to a column of a type.

use serde_json::Value as Json;
use tandem_protocol::value::Value;

use super::decimal;
use super::kind::Kind;

/// What is stored when `value` is written; none if the type does not hold it.
pub fn canonical(kind: Kind, value: &Value) -> Option<Value> {
    let text = |form: fn(&str) -> Option<String>| match value {
        Value::Text(text) => form(text).map(Value::Text),
        _ => None,
    };
    match (kind, value) {
        (_, Value::Null) => Some(Value::Null),
        (Kind::Real, Value::Real(number)) => number.is_finite().then_some(Value::Real(*number + 0.0)),
        // What is written as a number in a text becomes one, as in any SQLite table.
        (Kind::Real, Value::Integer(_)) => Some(value.clone()),
        (Kind::Real, Value::Text(text)) => text.trim().parse::<f64>().is_ok().then(|| value.clone()),
        (Kind::Real, _) => None,
        (Kind::Boolean, Value::Integer(number)) => matches!(number, 0 | 1).then(|| value.clone()),
        (Kind::Boolean, _) => is_whole(value).then(|| value.clone()),
        (Kind::Decimal(p, s) | Kind::Money(p, s), _) => shown_decimal(value, p, s),
        (Kind::Uuid, _) => text(uuid),
        (Kind::Date, _) => text(date),
        (Kind::Time, _) => text(time),
        (Kind::Timestamp | Kind::Stamp, _) => text(timestamp),
        // A number becomes text, as in any SQLite table.
        (Kind::Json, Value::Integer(number)) => Some(Value::Text(number.to_string())),
        (Kind::Json, Value::Real(number)) => json(&format!("{number:e}")).map(Value::Text),
        (Kind::Json, _) => text(json),
        (Kind::Blob, Value::Blob(_)) => Some(value.clone()),
        (Kind::Blob, _) => None,
        (kind, Value::Blob(_)) if kind.is_text() => None,
        // Numbers become text, and texts of whole numbers these, as in any SQLite table.
        (Kind::Text | Kind::Quiet | Kind::RichText | Kind::External, _) => Some(value.clone()),
        (Kind::Integer | Kind::Counter, _) => is_whole(value).then(|| value.clone()),
    }
}

fn is_whole(value: &Value) -> bool {
    let whole = |number: f64| number.trunc() == number && number.abs() < 9.2e18;
    match value {
        Value::Integer(_) => true,
        Value::Real(number) => whole(*number),
        Value::Text(text) => text.trim().parse().is_ok_and(whole),
        _ => false,
    }
}

fn shown_decimal(value: &Value, precision: usize, scale: usize) -> Option<Value> {
    let text = match value {
        Value::Integer(number) => number.to_string(),
        // The shortest text that reads back as the same number: what people meant.
        Value::Real(number) if number.is_finite() => format!("{number}"),
        Value::Text(text) => text.clone(),
        _ => return None,
    };
    let exact = decimal::rounded(&text, precision, scale)?;
    let digits = exact.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    // Floating point has lost some of them.
    let is_doubtful = matches!(value, Value::Real(_)) && digits > 15;
    let exact = Some(exact).filter(|_| !is_doubtful)?;
    Some(if precision > 15 { Value::Text(exact) } else { Value::Real(exact.parse().ok()?) })
}

fn uuid(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let hex = text.replace('-', "").to_ascii_lowercase();
    let is_hex = hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

fn date(text: &str) -> Option<String> {
    let (year, month, day) = read_date(text.trim())?;
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

fn time(text: &str) -> Option<String> {
    Some(shown_time(read_time(text.trim())?))
}

const DAY: i64 = 86_400_000_000;

/// In UTC, seconds always, six digits of a fraction where there is one.
fn timestamp(text: &str) -> Option<String> {
    let text = text.trim();
    let (day, rest) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let (year, month, day) = read_date(day)?;
    let (clock, offset) = match rest.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => match rest.rfind(['+', '-']) {
            Some(at) => (&rest[..at], read_offset(&rest[at..])?),
            None => (rest, 0),
        },
    };
    let micros = days(year, month, day) * DAY + read_time(clock)? - offset;
    let (year, month, day) = civil(micros.div_euclid(DAY));
    let in_range = (0..=9999).contains(&year);
    in_range.then(|| format!("{year:04}-{month:02}-{day:02} {}", shown_time(micros.rem_euclid(DAY))))
}

fn shown_time(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match micros % 1_000_000 {
        0 => whole,
        part => format!("{whole}.{part:06}"),
    }
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn read_date(text: &str) -> Option<(i64, i64, i64)> {
    let [year, month, day] = text.split('-').collect::<Vec<_>>().try_into().ok()?;
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=longest).contains(&day).then_some((year, month, day))
}

/// Microseconds since midnight.
fn read_time(text: &str) -> Option<i64> {
    let (clock, part) = text.split_once('.').unwrap_or((text, "0"));
    let fields: Vec<&str> = clock.split(':').collect();
    let (hour, minute, second) = match fields.as_slice() {
        [hour, minute] if !text.contains('.') => (number(hour, 2)?, number(minute, 2)?, 0),
        [hour, minute, second] => (number(hour, 2)?, number(minute, 2)?, number(second, 2)?),
        _ => return None,
    };
    let is_part = (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let micros: i64 = is_part.then(|| format!("{part:0<6}").parse().ok()).flatten()?;
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then(|| ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

fn read_offset(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text[1..].split_once(':')?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    (hours < 24 && minutes < 60).then(|| sign * (hours * 60 + minutes) * 60_000_000)
}

/// Days since 1 March of the year 0, by counting.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 153 + 2) / 5
        + day
        - 1
}

fn civil(day: i64) -> (i64, i64, i64) {
    // The year by trial: never more than two off.
    let mut year = day.div_euclid(366);
    while days(year + 1, 3, 1) <= day {
        year += 1;
    }
    let in_year = day - days(year, 3, 1);
    let month = (in_year * 5 + 2) / 153;
    let day = in_year - (month * 153 + 2) / 5 + 1;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

fn json(text: &str) -> Option<String> {
    let parsed: Json = serde_json::from_str(text).ok()?;
    serde_json::to_string(&ordered(parsed)).ok()
}

fn ordered(json: Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.into_iter().map(ordered).collect()),
        Json::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(key, value)| (key, ordered(value))).collect();
            fields.sort_by(|left, right| left.0.cmp(&right.0));
            Json::Object(fields.into_iter().collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_spellings_become_one_and_others_are_refused() {
        for (kind, text, wanted) in [
            (Kind::Timestamp, "2026-01-31T05:00:00.000Z", Some("2026-01-31 05:00:00")),
            (Kind::Timestamp, "2026-01-31 05:00", Some("2026-01-31 05:00:00")),
            (Kind::Timestamp, "2026-03-01T00:30:00.5+01:00", Some("2026-02-28 23:30:00.500000")),
            (Kind::Timestamp, "2024-12-31T23:00:00-02:00", Some("2025-01-01 01:00:00")),
            (Kind::Timestamp, "0000-01-01T00:00:00+01:00", None),
            (Kind::Timestamp, "9999-12-31T23:59:59-01:00", None),
            (Kind::Timestamp, "2026-02-30 05:00:00", None),
            (Kind::Date, "2024-02-29", Some("2024-02-29")),
            (Kind::Date, "2025-02-29", None),
            (Kind::Time, "23:59:59.5", Some("23:59:59.500000")),
            (Kind::Time, "24:00", None),
            (Kind::Uuid, "{0190F5E27C3A7ABC8DEF0123456789AB}", Some("0190f5e2-7c3a-7abc-8def-0123456789ab")),
            (Kind::Uuid, "0190", None),
            (Kind::Json, " {\"b\": 1.0,\"a\" :null}\n", Some(r#"{"a":null,"b":1.0}"#)),
        ] {
            let found = canonical(kind, &Value::Text(text.into()));
            assert_eq!(found, wanted.map(|text| Value::Text(text.into())), "{kind} {text}");
        }
        for year in [0, 1, 1899, 1900, 2000, 2026, 9999] {
            for (month, day) in [(1, 1), (2, 28), (3, 1), (12, 31)] {
                assert_eq!(civil(days(year, month, day)), (year, month, day));
            }
        }
    }
}
