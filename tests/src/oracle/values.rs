//! Values that programs really send, and those that nobody hopes for. Few of each, so that rows
//! meet: keys collide, references find something, comparisons are true now and then.

use tandem_protocol::value::Value;

use super::kind::Kind;
use crate::random::Random;

const TEXTS: &[&str] = &[
    "", "a", "abc", "ABC", "x'y", "\"", "é", "e\u{301}", "𝔘𝔫", "a\nb", "7", "NULL", "a%_b", "  ", "\u{feff}",
];
const DAYS: &[&str] = &["2026-01-31", "2026-02-01", "2024-02-29", "0000-01-01", "9999-12-31", " 2026-01-31 "];
const TIMES: &[&str] =
    &["05:00", "05:00:00", "05:00:00.000", "23:59:59.5", "23:59:59.500000", "00:00", "05:00:00.000001"];
/// Some are one moment, spelled otherwise.
const MOMENTS: &[&str] = &[
    "2026-01-31 05:00:00",
    "2026-01-31T05:00:00Z",
    "2026-01-31T05:00:00.000Z",
    "2026-01-31T06:00:00+01:00",
    "2026-01-31 05:00",
    "2026-01-31 05:00:00.5",
    "2026-01-31T05:00:00.500000Z",
    "2026-01-31 05:00:00.000001",
    "2026-01-31",
    "2026-01-31 00:00:00",
    "2026-01-30T23:30:00-05:30",
    "0000-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
];
const DOCUMENTS: &[&str] =
    &["{}", "[]", "null", " {\"b\": 1, \"a\" : [1, 2.5] } ", "\"x\"", "{\"a\":{\"z\":1,\"y\":\"é\"}}", "12"];

/// A value to be written to a column of that kind, or compared with it.
pub fn of(kind: Kind, random: &mut Random) -> Value {
    if random.one_in(16) {
        return Value::Null;
    }
    if random.one_in(40) {
        return strange(random);
    }
    usual(kind, random)
}

/// A value that the column's type holds, in whatever spelling.
pub fn usual(kind: Kind, random: &mut Random) -> Value {
    let text = |texts: &[&str], random: &mut Random| Value::Text(pick(texts, random).to_string());
    match kind {
        Kind::Integer | Kind::Counter => match random.below(8) {
            0 => Value::Integer(*pick(&[i64::MAX, i64::MIN, 1 << 52, (1 << 52) - 1, -1, 1 << 31], random)),
            1 => Value::Text(pick(&["7", " 8 ", "9.0"], random).to_string()),
            2 => Value::Real(3.0),
            _ => Value::Integer(random.below(12) as i64),
        },
        Kind::Real => Value::Real(*pick(
            &[0.0, -0.0, 1.5, -2.25, 0.1, 1e300, -1e-300, 1e15, 3.0, f64::INFINITY, 5e-324],
            random,
        )),
        Kind::Boolean => Value::Integer(random.below(2) as i64),
        Kind::Blob => Value::Blob(pick(&[&b""[..], b"\0", b"\xff\xfe", b"abc", b"'"], random).to_vec()),
        Kind::Text | Kind::Quiet | Kind::RichText | Kind::External => text(TEXTS, random),
        Kind::Uuid => uuid(random),
        Kind::Date => text(DAYS, random),
        Kind::Time => text(TIMES, random),
        Kind::Timestamp | Kind::Stamp => text(MOMENTS, random),
        Kind::Decimal(_, scale) | Kind::Money(_, scale) => decimal(scale, random),
        Kind::Json => text(DOCUMENTS, random),
    }
}

fn uuid(random: &mut Random) -> Value {
    let digits = random.below(6);
    let plain = format!("0190f5e2-7c3a-7abc-8def-00000000ab0{digits}");
    Value::Text(match random.below(5) {
        0 => plain.to_uppercase(),
        1 => plain.replace('-', ""),
        2 => format!("{{{plain}}}"),
        _ => plain,
    })
}

/// Rounded as a decimal it is another number than rounded as a floating-point one.
pub const DIGITS: &str = "0.02500000000000000001";

fn decimal(scale: usize, random: &mut Random) -> Value {
    match random.below(8) {
        0 => Value::Integer(random.below(9) as i64),
        1 => Value::Real(*pick(&[2.675, 2.665, -0.0, 0.005, 1e3, -1.1, 0.1 + 0.2], random)),
        2 => Value::Text(pick(&["12.5", "2.675", "-0.005", "1e2", " 3 ", ".5", "1.10"], random).to_string()),
        // More digits than a floating-point number tells apart.
        3 if random.one_in(2) => Value::Text(DIGITS.to_owned()),
        3 => Value::Text(format!("99.9{}5", "9".repeat(scale.saturating_sub(1)))),
        4 => Value::Real(random.below(100_000) as f64 / 1000.0),
        _ => Value::Real(random.below(20) as f64 / 4.0),
    }
}

/// A value that hardly any column holds.
fn strange(random: &mut Random) -> Value {
    match random.below(9) {
        0 => Value::Text("demain".into()),
        1 => Value::Text(String::new()),
        2 => Value::Integer(2),
        3 => Value::Real(1e300),
        4 => Value::Blob(vec![0xff]),
        5 => Value::Text("2026-02-30".into()),
        6 => Value::Text("{\"a\":1".into()),
        7 => Value::Text("a\0b".into()),
        _ => Value::Real(f64::INFINITY),
    }
}

/// One of several.
pub fn pick<'a, T>(all: &'a [T], random: &mut Random) -> &'a T {
    &all[random.below(all.len() as u64) as usize]
}

/// A value as SQL spells it; none if it cannot be spelled.
pub fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) if text.contains('\0') => return None,
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Real(number) if *number == f64::INFINITY => "9e999".into(),
        Value::Real(number) => format!("{number:?}"),
        other => other.to_string(),
    })
}
