//! The canonical text of UUIDs, dates and times: one form each, so that equal means equal bytes.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description as pattern;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The 16 bytes of a canonical UUID text (lower case, four hyphens); `None` for any other text.
pub fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let digit = |at: usize| match text[at] {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    let mut at = 0;
    for byte in &mut bytes {
        if matches!(at, 8 | 13 | 18 | 23) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = digit(at)? << 4 | digit(at + 1)?;
        at += 2;
    }
    Some(bytes)
}

/// The canonical text of a UUID.
pub fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}

/// Any usual UUID text (upper case, braces, without hyphens) in canonical form.
pub fn canonical_uuid(text: &str) -> Option<String> {
    let hex: Vec<u8> = text
        .trim()
        .trim_start_matches('{')
        .trim_end_matches('}')
        .bytes()
        .filter(|byte| *byte != b'-')
        .collect();
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(&hex).ok()?;
    Some(uuid_text(&bytes.try_into().ok()?))
}

/// Milliseconds since the Unix epoch of a canonical timestamp; `None` for any other text.
pub fn timestamp_ms(text: &str) -> Option<i64> {
    let bytes: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let shape = |at: usize, byte: u8| bytes[at] == byte;
    if !(shape(4, b'-') && shape(7, b'-') && shape(10, b'T') && shape(13, b':'))
        || !(shape(16, b':') && shape(19, b'.') && shape(23, b'Z'))
    {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let ms = number(20, 23)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, day as u8).ok()?;
    let days = i64::from(date.to_julian_day()) - UNIX_EPOCH_JULIAN_DAY;
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + ms)
}

const UNIX_EPOCH_JULIAN_DAY: i64 = 2_440_588;
const DAY_MS: i64 = 86_400_000;

/// The canonical text of a moment: `2025-01-31T08:00:00.000Z`. `None` outside the years 0-9999.
pub fn timestamp_text(ms: i64) -> Option<String> {
    let day = i32::try_from(ms.div_euclid(DAY_MS) + UNIX_EPOCH_JULIAN_DAY).ok()?;
    let date = Date::from_julian_day(day).ok()?;
    if !(0..=9999).contains(&date.year()) {
        return None;
    }
    let in_day = ms.rem_euclid(DAY_MS);
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, ms) = (in_day / 1000 % 60, in_day % 1000);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"))
}

/// A usual timestamp text (RFC 3339, or SQL's `2025-01-31 08:00[:00[.000]]`, taken as UTC) in
/// canonical form, to the millisecond.
pub fn canonical_timestamp(text: &str) -> Option<String> {
    if timestamp_ms(text).is_some() {
        return Some(text.to_owned());
    }
    let text = text.trim();
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| local(text).map(PrimitiveDateTime::assume_utc))?;
    timestamp_text((moment.unix_timestamp_nanos() / 1_000_000) as i64)
}

fn local(text: &str) -> Option<PrimitiveDateTime> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    Some(PrimitiveDateTime::new(parse_date(date)?, parse_time(time)?))
}

fn parse_date(text: &str) -> Option<Date> {
    Date::parse(text.trim(), pattern!("[year]-[month]-[day]")).ok()
}

fn parse_time(text: &str) -> Option<Time> {
    let text = text.trim();
    Time::parse(text, pattern!("[hour]:[minute]:[second].[subsecond]"))
        .or_else(|_| Time::parse(text, pattern!("[hour]:[minute]:[second]")))
        .or_else(|_| Time::parse(text, pattern!("[hour]:[minute]")))
        .ok()
}

/// A date `2025-01-31` in canonical form.
pub fn canonical_date(text: &str) -> Option<String> {
    let date = parse_date(text)?;
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    (0..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// A time of day `08:00[:00[.000]]` in canonical form: seconds always, milliseconds when there are any.
pub fn canonical_time(text: &str) -> Option<String> {
    let time = parse_time(text)?;
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    Some(match time.millisecond() {
        0 => format!("{hour:02}:{minute:02}:{second:02}"),
        ms => format!("{hour:02}:{minute:02}:{second:02}.{ms:03}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_forms_become_one() {
        let timestamp = |text| canonical_timestamp(text).unwrap_or_default();
        for text in ["2025-01-31T08:00:00Z", "2025-01-31 08:00", "2025-01-31T09:00:00.0001+01:00"] {
            assert_eq!(timestamp(text), "2025-01-31T08:00:00.000Z", "{text}");
        }
        assert_eq!(canonical_timestamp("31/01/2025"), None);
        assert_eq!(canonical_timestamp("2025-02-30T08:00:00.000Z"), None);
        assert_eq!(canonical_date("2025-02-29"), None);
        assert_eq!(canonical_date("2024-02-29").unwrap(), "2024-02-29");
        assert_eq!(canonical_time("8:00"), None);
        assert_eq!(canonical_time("08:00").unwrap(), "08:00:00");
        assert_eq!(canonical_time("23:59:59.5").unwrap(), "23:59:59.500");
        let uuid = "0190f5e2-7c3a-7abc-8def-0123456789ab";
        assert_eq!(canonical_uuid("{0190F5E27C3A7ABC8DEF0123456789AB}").unwrap(), uuid);
        assert_eq!(canonical_uuid("0190"), None);
    }

    proptest! {
        #[test]
        fn timestamps_round_trip(ms in -62_167_219_200_000i64..253_402_300_800_000) {
            let text = timestamp_text(ms).unwrap();
            prop_assert_eq!(timestamp_ms(&text), Some(ms));
            prop_assert_eq!(canonical_timestamp(&text).unwrap(), text);
        }

        #[test]
        fn uuids_round_trip(bytes in any::<[u8; 16]>()) {
            prop_assert_eq!(uuid_bytes(&uuid_text(&bytes)), Some(bytes));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (uuid_bytes(&text), timestamp_ms(&text), canonical_timestamp(&text));
            let _ = (canonical_date(&text), canonical_time(&text), canonical_uuid(&text));
        }
    }
}
