//! Texts and numbers that somebody would send who looks for what breaks.

use tandem_protocol::bounds;
use tandem_protocol::decimal::Decimal;
use tandem_protocol::value::Value;

use crate::random::Random;

/// What no site must ever come to hold: the name of a table that SQL in a text would make, and the
/// beginning of a file's.
pub const PROOF: &str = "pwned";

/// SQL that would leave [`PROOF`] if it ever ran, names that are somebody else's, and what cannot be
/// seen or printed.
const TEXTS: &[&str] = &[
    "1), PRIMARY KEY (id)) STRICT; ATTACH DATABASE 'pwned.db' AS p; CREATE TABLE p.pwned (a); --",
    "'); CREATE TABLE pwned (a); --",
    "x\"); CREATE TABLE pwned (a); --",
    "x\" INTEGER); CREATE TABLE \"pwned\" (\"a",
    "`; DELETE FROM _tandem_transactions; --",
    "]; DELETE FROM kept; --",
    "VACUUM INTO 'pwned.db'",
    "(SELECT 1)",
    "_tandem_rows",
    "sqlite_sequence",
    "rowid",
    "oid",
    "kept",
    "things",
    "THINGS",
    "lessons",
    "id",
    "name",
    "NAME",
    "stock",
    "note",
    "main",
    "temp",
    "order",
    "true",
    "null",
    "things (2)",
    "?1",
    "$a",
    "",
    " ",
    "a b",
    "é",
    "e\u{301}",
    "\0",
    "a\0b",
    "\u{202e}abc",
    "\u{200b}",
    "\u{1b}[31m",
    "\r\n",
    "\u{10ffff}",
    "2025-01-31",
    "2025-13-41T25:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "00000000-0000-7000-8000-000000000001",
    "{\"a\":[1,2]}",
    "{",
    "[[[[[[[[[[[[",
    "0.1",
    "1e309",
];

/// Lengths at and around bounds.
const LENGTHS: &[usize] = &[
    bounds::NAME_BYTES - 1,
    bounds::NAME_BYTES,
    bounds::NAME_BYTES + 1,
    bounds::KEY_BYTES - 4,
    bounds::KEY_BYTES,
    bounds::KEY_BYTES + 1,
    bounds::LABEL_BYTES,
    bounds::LABEL_BYTES + 1,
];

/// Lengths of which one costs much.
const LARGE: &[usize] = &[bounds::DOCUMENT_BYTES, bounds::DOCUMENT_BYTES + 1, 1 << 20, 10 << 20];

/// Numbers at limits.
pub const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    2,
    7,
    1023,
    i64::MAX,
    i64::MAX - 1,
    i64::MIN,
    i64::MIN + 1,
    1 << 52,
    1 << 53,
    -(1 << 53),
    // Fifteen digits: what floating point holds.
    1_000_000_000_000_000,
    1 - 1_000_000_000_000_000,
    253_402_300_799_999,
    253_402_300_800_000,
    -62_167_219_200_001,
];

/// A text.
pub fn text(random: &mut Random) -> String {
    let text = *random.pick(TEXTS);
    let length = match random.below(40) {
        0..4 => *random.pick(LENGTHS),
        4 if random.one_in(8) => *random.pick(LARGE),
        _ => return text.to_owned(),
    };
    let unit = if text.is_empty() { "x" } else { text };
    let mut long = unit.repeat(length / unit.len() + 1);
    let end = (0..=length).rev().find(|at| long.is_char_boundary(*at)).unwrap_or(0);
    long.truncate(end);
    long
}

/// A number, mostly at a limit.
pub fn number(random: &mut Random) -> i64 {
    if random.one_in(4) { random.any() as i64 } else { *random.pick(NUMBERS) }
}

/// A value of any type.
pub fn value(random: &mut Random) -> Value {
    match random.below(9) {
        0 => Value::Null,
        1 | 2 => Value::Integer(number(random)),
        3 => Value::Real(*random.pick(&[
            0.0,
            -0.0,
            1.5,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
        ])),
        4 | 5 => Value::Text(text(random)),
        6 => {
            let length = *random.pick(&[0, 1, 15, 16, 17, 200, bounds::KEY_BYTES]);
            Value::Blob((0..length).map(|_| random.any() as u8).collect())
        }
        _ => Value::Decimal(Decimal { mantissa: number(random).into(), scale: random.below(19) as u8 }),
    }
}
