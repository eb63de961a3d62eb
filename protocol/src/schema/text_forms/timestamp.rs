//! The canonical text of moments: a date and a time of day in UTC.

use super::date::{date_text, days};
use super::digits::digits;
use super::scanner::Scanner;
use super::time_of_day::{TimeOfDay, time_us};

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
    let mut text = date + " " + &digits([(hour, 2), (minute, 2), (second, 2)], ':');
    if fraction > 0 {
        text += &format!(".{fraction:06}");
    }
    debug_assert!(timestamp_us(&text).is_some(), "what is written is read back");
    Some(text)
}

/// A usual timestamp text in canonical form. Without an offset it is taken as UTC.
pub fn canonical_timestamp(text: &str) -> Option<String> {
    comparable_timestamp(text).filter(|text| timestamp_us(text).is_some())
}

/// As [`canonical_timestamp`], with all digits of the fraction.
pub fn comparable_timestamp(text: &str) -> Option<String> {
    let mut scanner = Scanner::new(text);
    let mut day = scanner.date()?;
    let mut time = TimeOfDay::default();
    if !scanner.is_empty() {
        scanner.between()?;
        time = scanner.time()?;
        let second = time.second - scanner.offset()?;
        (day, time.second) = (day + second.div_euclid(86_400), second.rem_euclid(86_400));
    }
    scanner.is_empty().then(|| Some(date_text(day)? + " " + &time.text()))?
}

impl Scanner<'_> {
    /// `Z`, `+01`, `+0100`, `+01:00`, after a space or not, or nothing: seconds before UTC.
    fn offset(&mut self) -> Option<i64> {
        let _space = self.any_of(b" ");
        if self.last_word(b"UTC") || self.is_empty() || self.any_of(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.any_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.two(23)?;
        let colon = self.any_of(b":").is_some();
        let minutes = if colon || !self.is_empty() { self.two(59)? } else { 0 };
        Some(sign * (hours * 3600 + minutes * 60))
    }
}
