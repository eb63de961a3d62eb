//! The canonical text of times of day.

use super::digits::digits;
use super::scanner::Scanner;

/// Digits after the point of a canonical fraction.
const FRACTION: usize = 6;

/// Whether a text is a canonical time of day.
pub fn is_time(text: &str) -> bool {
    time_us(text).is_some()
}

/// A time of day in canonical form.
pub fn canonical_time(text: &str) -> Option<String> {
    comparable_time(text).filter(|text| is_time(text))
}

/// As [`canonical_time`], with all digits of the fraction.
pub fn comparable_time(text: &str) -> Option<String> {
    let mut scanner = Scanner::new(text);
    let time = scanner.time()?;
    scanner.is_empty().then(|| time.text())
}

/// Microseconds since midnight of a canonical time of day.
pub(super) fn time_us(text: &str) -> Option<i64> {
    if !matches!(text.len(), 8 | 15) {
        return None;
    }
    let mut scanner = Scanner::exact(text);
    let time = scanner.time().filter(|_| scanner.is_empty())?;
    let zeros = FRACTION - time.fraction.len().min(FRACTION);
    let fraction = time.fraction.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let canonical = text.len() == if time.fraction.is_empty() { 8 } else { 15 };
    canonical.then(|| time.second * 1_000_000 + fraction * 10i64.pow(zeros as u32))
}

/// A time of day as read.
#[derive(PartialEq, Default)]
pub(super) struct TimeOfDay<'a> {
    /// Seconds since midnight.
    pub(super) second: i64,
    /// Digits after the point, without zeros at the end.
    fraction: &'a [u8],
}

impl TimeOfDay<'_> {
    /// Its text, with all digits of the fraction.
    pub(super) fn text(&self) -> String {
        debug_assert!((0..86_400).contains(&self.second), "a time of day is within a day");
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        let mut text = digits([(hour, 2), (minute, 2), (second, 2)], ':');
        if !self.fraction.is_empty() {
            text.push('.');
            text.extend(self.fraction.iter().copied().map(char::from));
            text.extend(std::iter::repeat_n('0', FRACTION.saturating_sub(self.fraction.len())));
        }
        text
    }
}

impl<'a> Scanner<'a> {
    /// `08:00`, `08:00:00`, `08:00:00.5`.
    pub(super) fn time(&mut self) -> Option<TimeOfDay<'a>> {
        let hour = self.two(23)?;
        self.any_of(b":")?;
        let mut second = hour * 3600 + self.two(59)? * 60;
        let mut fraction: &[u8] = &[];
        if self.any_of(b":").is_some() {
            second += self.two(59)?;
            if self.any_of(b".").is_some() {
                let digits = self.digits();
                let zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
                fraction = &digits[..digits.len() - zeros];
                (!digits.is_empty()).then_some(())?;
            }
        }
        Some(TimeOfDay { second, fraction })
    }
}
