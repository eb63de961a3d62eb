//! The canonical text of UUIDs, dates and times: one form each, so that equal means equal bytes,
//! and earlier means smaller.
//!
//! | type | canonical | also read |
//! |---|---|---|
//! | UUID | `0190f5e2-7c3a-7abc-8def-0123456789ab` | upper case, braces, `urn:uuid:`, without hyphens |
//! | DATE | `2026-01-31` | a timestamp of midnight without an offset |
//! | TIME | `08:00:00`, `08:00:00.500000` | `08:00`, one to six digits after the point |
//! | TIMESTAMP | `2026-01-31 05:00:00`, `2026-01-31 05:00:00.500000`, in UTC | RFC 3339, `T`, offsets, without seconds, a date alone |
//!
//! A fraction has six digits or is not there. One of more than microseconds has no canonical form:
//! it is refused where it is written, and kept whole where it is only compared (the `comparable_`
//! functions), for it lies between two canonical ones and text compares it there.

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

/// Any usual UUID text (upper case, braces, `urn:uuid:`, without hyphens) in canonical form.
pub fn canonical_uuid(text: &str) -> Option<String> {
    let text = text.trim();
    let named = text.get(..9).filter(|prefix| prefix.eq_ignore_ascii_case("urn:uuid:"));
    let hex: Vec<u8> = text[named.map_or(0, str::len)..]
        .trim_start_matches('{')
        .trim_end_matches('}')
        .bytes()
        .filter(|byte| *byte != b'-')
        .collect();
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(&hex).ok()?;
    Some(uuid_text(&bytes.try_into().ok()?))
}

/// Digits after the point of a canonical fraction.
const FRACTION: usize = 6;
const DAY_US: i64 = 86_400_000_000;

/// Microseconds since the Unix epoch of a canonical timestamp; `None` for any other text.
pub fn timestamp_us(text: &str) -> Option<i64> {
    let (date, time) = text.split_at_checked(10)?;
    Some(days(date)? * DAY_US + time_us(time.strip_prefix(' ')?)?)
}

/// The canonical text of a moment in microseconds since the Unix epoch; `None` outside the years
/// 0 to 9999.
pub fn timestamp_text(us: i64) -> Option<String> {
    let (date, us) = (date_text(us.div_euclid(DAY_US))?, us.rem_euclid(DAY_US));
    let (second, fraction) = (us / 1_000_000, us % 1_000_000);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(match fraction {
        0 => format!("{date} {hour:02}:{minute:02}:{second:02}"),
        _ => format!("{date} {hour:02}:{minute:02}:{second:02}.{fraction:06}"),
    })
}

/// Whether a text is a canonical date.
pub fn is_date(text: &str) -> bool {
    days(text).is_some()
}

/// Whether a text is a canonical time of day.
pub fn is_time(text: &str) -> bool {
    time_us(text).is_some()
}

/// A usual timestamp text in canonical form. Without an offset it is taken as UTC.
pub fn canonical_timestamp(text: &str) -> Option<String> {
    comparable_timestamp(text).filter(|text| timestamp_us(text).is_some())
}

/// A date, or a timestamp of midnight, in canonical form.
pub fn canonical_date(text: &str) -> Option<String> {
    let mut cursor = Cursor::new(text);
    let day = cursor.date()?;
    if !cursor.is_empty() {
        cursor.between()?;
        let midnight = cursor.time()? == Clock::default();
        let _utc = cursor.any_of(b"Zz");
        if !midnight || !cursor.is_empty() {
            return None;
        }
    }
    date_text(day)
}

/// A time of day in canonical form.
pub fn canonical_time(text: &str) -> Option<String> {
    comparable_time(text).filter(|text| is_time(text))
}

/// As [`canonical_timestamp`], with all digits of the fraction.
pub fn comparable_timestamp(text: &str) -> Option<String> {
    let mut cursor = Cursor::new(text);
    let mut day = cursor.date()?;
    let mut clock = Clock::default();
    if !cursor.is_empty() {
        cursor.between()?;
        clock = cursor.time()?;
        let second = clock.second - cursor.offset()?;
        (day, clock.second) = (day + second.div_euclid(86_400), second.rem_euclid(86_400));
    }
    cursor.is_empty().then(|| Some(format!("{} {}", date_text(day)?, clock.text())))?
}

/// As [`canonical_time`], with all digits of the fraction.
pub fn comparable_time(text: &str) -> Option<String> {
    let mut cursor = Cursor::new(text);
    let clock = cursor.time()?;
    cursor.is_empty().then(|| clock.text())
}

/// Days since the Unix epoch of a canonical date.
fn days(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    cursor.date().filter(|_| cursor.is_empty())
}

/// Microseconds since midnight of a canonical time of day.
fn time_us(text: &str) -> Option<i64> {
    if !matches!(text.len(), 8 | 15) {
        return None;
    }
    let mut cursor = Cursor(text.as_bytes());
    let clock = cursor.time().filter(|_| cursor.is_empty())?;
    let zeros = FRACTION - clock.fraction.len().min(FRACTION);
    let fraction = clock.fraction.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let canonical = text.len() == if clock.fraction.is_empty() { 8 } else { 15 };
    canonical.then(|| clock.second * 1_000_000 + fraction * 10i64.pow(zeros as u32))
}

/// The canonical text of a day since the Unix epoch; `None` outside the years 0 to 9999.
fn date_text(day: i64) -> Option<String> {
    let (year, month, day) = civil_day(day)?;
    (0..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// Year, month and day of a day since the Unix epoch, in the proleptic Gregorian calendar
/// (Hinnant's `civil_from_days`).
pub fn civil_day(day: i64) -> Option<(i64, i64, i64)> {
    let day = day.checked_add(719_468)?;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    Some((era * 400 + year, month, day))
}

/// A time of day as read.
#[derive(PartialEq, Default)]
struct Clock<'a> {
    /// Seconds since midnight.
    second: i64,
    /// Digits after the point, without zeros at the end.
    fraction: &'a [u8],
}

impl Clock<'_> {
    fn text(&self) -> String {
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        let mut text = format!("{hour:02}:{minute:02}:{second:02}");
        if !self.fraction.is_empty() {
            text.push('.');
            text.extend(self.fraction.iter().copied().map(char::from));
            text.extend(std::iter::repeat_n('0', FRACTION.saturating_sub(self.fraction.len())));
        }
        text
    }
}

/// What is left of a text to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self(text.trim().as_bytes())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte, if it is one of these.
    fn any_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| bytes.contains(first))?;
        self.0 = rest;
        Some(*first)
    }

    /// A number of two digits, at most `most`.
    fn two(&mut self, most: i64) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(2)?;
        let number = digits
            .iter()
            .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))?;
        self.0 = rest;
        (number <= most).then_some(number)
    }

    /// `2026-01-31`: days since the Unix epoch (Hinnant's `days_from_civil`).
    fn date(&mut self) -> Option<i64> {
        let year = self.two(99)? * 100 + self.two(99)?;
        self.any_of(b"-")?;
        let month = self.two(12).filter(|month| *month > 0)?;
        self.any_of(b"-")?;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let day = self.two(length).filter(|day| *day > 0)?;
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
        let in_year = (153 * month + 2) / 5 + day - 1;
        Some(era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468)
    }

    /// What stands between a date and a time.
    fn between(&mut self) -> Option<u8> {
        self.any_of(b"Tt ")
    }

    /// `08:00`, `08:00:00`, `08:00:00.5`.
    fn time(&mut self) -> Option<Clock<'a>> {
        let hour = self.two(23)?;
        self.any_of(b":")?;
        let mut second = hour * 3600 + self.two(59)? * 60;
        let mut fraction: &[u8] = &[];
        if self.any_of(b":").is_some() {
            second += self.two(59)?;
            if self.any_of(b".").is_some() {
                let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (read, rest) = self.0.split_at(digits);
                let zeros = read.iter().rev().take_while(|digit| **digit == b'0').count();
                self.0 = rest;
                fraction = &read[..digits - zeros];
                (digits > 0).then_some(())?;
            }
        }
        Some(Clock { second, fraction })
    }

    /// `Z`, `+01`, `+0100`, `+01:00`, after a space or not, or nothing: seconds before UTC.
    fn offset(&mut self) -> Option<i64> {
        let _space = self.any_of(b" ");
        if self.0.eq_ignore_ascii_case(b"UTC") {
            self.0 = &[];
        }
        if self.is_empty() || self.any_of(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.any_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.two(23)?;
        let colon = self.any_of(b":").is_some();
        let minutes = if colon || !self.is_empty() { self.two(59)? } else { 0 };
        Some(sign * (hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usual_forms_become_one() {
        for (text, form) in [
            ("2025-01-31T08:00:00Z", "2025-01-31 08:00:00"),
            ("2025-01-31 08:00", "2025-01-31 08:00:00"),
            ("2025-01-31", "2025-01-31 00:00:00"),
            (" 2025-01-31t08:00:00.000z\n", "2025-01-31 08:00:00"),
            ("2025-01-31T09:00:00.0001+01:00", "2025-01-31 08:00:00.000100"),
            ("2025-01-31 09:00:00.5 +0100", "2025-01-31 08:00:00.500000"),
            ("2025-01-31 08:00:00.123456+00", "2025-01-31 08:00:00.123456"),
            ("2025-01-31 08:00:00.120000000 UTC", "2025-01-31 08:00:00.120000"),
            ("2024-12-31T23:30:00-01:00", "2025-01-01 00:30:00"),
            ("2024-03-01T00:30:00+01:00", "2024-02-29 23:30:00"),
        ] {
            assert_eq!(canonical_timestamp(text).as_deref(), Some(form), "{text}");
        }
        for (text, form) in [
            ("2024-02-29", "2024-02-29"),
            ("2024-02-29 00:00:00", "2024-02-29"),
            ("2024-02-29T00:00:00.000Z", "2024-02-29"),
        ] {
            assert_eq!(canonical_date(text).as_deref(), Some(form), "{text}");
        }
        for (text, form) in [
            ("08:00", "08:00:00"),
            ("23:59:59.5", "23:59:59.500000"),
            ("23:59:59.999999", "23:59:59.999999"),
            ("08:00:00.0", "08:00:00"),
        ] {
            assert_eq!(canonical_time(text).as_deref(), Some(form), "{text}");
        }
        let uuid = "0190f5e2-7c3a-7abc-8def-0123456789ab";
        for text in ["{0190F5E27C3A7ABC8DEF0123456789AB}", "URN:UUID:0190f5e2-7c3a-7abc-8def-0123456789AB"] {
            assert_eq!(canonical_uuid(text).as_deref(), Some(uuid), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "31/01/2025",
            "2025-02-30T08:00:00.000Z",
            "2025-01-31T24:00:00",
            "2025-01-31T08:00:60Z",
            "2025-01-31T08:00:00.",
            "2025-01-31T08:00:00+",
            "2025-01-31T08:00:00+01:",
            "2025-01-31T08",
            "+2025-01-31",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:00-00:01",
            "2025-01-31T08:00:00Zé",
            "",
        ] {
            assert_eq!(comparable_timestamp(text), None, "{text}");
        }
        for text in
            ["2025-02-29", "1900-02-29", "2025-1-1", "2025-01-00", "2025-01-31 08:00", "2025-01-31 00:00+01"]
        {
            assert_eq!(canonical_date(text), None, "{text}");
        }
        for text in ["8:00", "08", "08:60", "08:00:00Z"] {
            assert_eq!(canonical_time(text), None, "{text}");
        }
        assert_eq!(canonical_uuid("0190"), None);
    }

    #[test]
    fn more_than_microseconds_are_refused_and_compare_in_order() {
        let (text, form) = ("2025-01-31T08:00:00.123456789Z", "2025-01-31 08:00:00.123456789");
        assert_eq!(canonical_timestamp(text), None);
        assert_eq!(comparable_timestamp(text).as_deref(), Some(form));
        assert!(form > "2025-01-31 08:00:00.123456" && form < "2025-01-31 08:00:00.123457");
        assert_eq!(canonical_time("08:00:00.0000001"), None);
        assert_eq!(comparable_time("08:00:00.0000001").as_deref(), Some("08:00:00.0000001"));
    }

    #[test]
    fn only_the_canonical_form_is_canonical() {
        for text in [
            "2025-01-31T08:00:00",
            "2025-01-31 08:00:00.000000",
            "2025-01-31 08:00:00.5",
            "2025-01-31 08:00:00,500000",
            "2025-01-31  8:00:00",
            "2025-01-31 08:00:00Z",
            "2025-01-31 08:00:00 ",
        ] {
            assert_eq!(timestamp_us(text), None, "{text}");
        }
        assert!(
            is_time("08:00:00") && is_time("08:00:00.500000") && !is_time("08:00") && !is_time("08:00:00.5")
        );
        assert!(is_date("2025-01-31") && !is_date(" 2025-01-31") && !is_date("2025-01-31 00:00:00"));
    }

    /// The first and the last microsecond of the years 0 to 9999.
    const YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_300_799_999_999;

    #[test]
    fn the_years_0_to_9999_have_a_text() {
        let text = |us| timestamp_text(us);
        assert_eq!(text(*YEARS.start()).as_deref(), Some("0000-01-01 00:00:00"));
        assert_eq!(text(*YEARS.end()).as_deref(), Some("9999-12-31 23:59:59.999999"));
        for us in [YEARS.start() - 1, YEARS.end() + 1, i64::MIN, i64::MAX] {
            assert_eq!(text(us), None, "{us}");
        }
        assert_eq!(text(-1).as_deref(), Some("1969-12-31 23:59:59.999999"));
    }

    proptest! {
        #[test]
        fn timestamps_round_trip(us in YEARS, whole in any::<bool>()) {
            let us = if whole { us.div_euclid(1_000_000) * 1_000_000 } else { us };
            let text = timestamp_text(us).unwrap();
            prop_assert_eq!(timestamp_us(&text), Some(us));
            prop_assert_eq!(canonical_timestamp(&text).unwrap(), text);
        }

        #[test]
        fn text_compares_in_order_of_time(a in YEARS, near in -2_000_000i64..2_000_000) {
            let b = (a + near).clamp(*YEARS.start(), *YEARS.end());
            prop_assert_eq!(timestamp_text(a).cmp(&timestamp_text(b)), a.cmp(&b));
        }

        #[test]
        fn uuids_round_trip(bytes in any::<[u8; 16]>()) {
            prop_assert_eq!(uuid_bytes(&uuid_text(&bytes)), Some(bytes));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = (uuid_bytes(&text), timestamp_us(&text), canonical_timestamp(&text));
            let _ = (canonical_date(&text), canonical_time(&text), canonical_uuid(&text));
        }

        #[test]
        fn no_text_of_these_signs_panics(text in "[0-9: TZ.,+é-]{0,40}") {
            let _ = (timestamp_us(&text), canonical_timestamp(&text), canonical_date(&text), is_time(&text));
        }
    }
}
