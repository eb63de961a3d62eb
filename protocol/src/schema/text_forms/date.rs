//! The canonical text of dates.

use super::digits::digits;
use super::scanner::Scanner;
use super::time_of_day::TimeOfDay;

/// Whether a text is a canonical date.
pub fn is_date(text: &str) -> bool {
    days(text).is_some()
}

/// A date, or a timestamp of midnight, in canonical form.
pub fn canonical_date(text: &str) -> Option<String> {
    let mut scanner = Scanner::new(text);
    let day = scanner.date()?;
    if !scanner.is_empty() {
        scanner.between()?;
        let midnight = scanner.time()? == TimeOfDay::default();
        let _utc = scanner.any_of(b"Zz");
        if !midnight || !scanner.is_empty() {
            return None;
        }
    }
    date_text(day)
}

/// Days since the Unix epoch of a canonical date.
pub(super) fn days(text: &str) -> Option<i64> {
    let mut scanner = Scanner::exact(text);
    scanner.date().filter(|_| scanner.is_empty())
}

/// The canonical text of a day since the Unix epoch; `None` outside the years 0 to 9999.
pub(super) fn date_text(day: i64) -> Option<String> {
    let (year, month, day) = civil_day(day)?;
    (0..=9999).contains(&year).then(|| digits([(year, 4), (month, 2), (day, 2)], '-'))
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
    debug_assert!((1..=12).contains(&month) && (1..=31).contains(&day), "a day is in a month of a year");
    Some((era * 400 + year, month, day))
}

impl Scanner<'_> {
    /// `2026-01-31`: days since the Unix epoch (Hinnant's `days_from_civil`).
    pub(super) fn date(&mut self) -> Option<i64> {
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
}
