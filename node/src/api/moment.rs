//! Times: milliseconds since the Unix epoch inside, ISO 8601 in UTC outside.

use std::time::SystemTime;

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// This PC's clock, in milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        // A clock before 1970 is wrong, but no reason to stop.
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// `2026-03-01T08:30:00.250Z`; times outside the years 0 to 9999 as their number.
pub fn to_iso(ms: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .filter(|moment| (0..=9999).contains(&moment.year()))
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_else(|| ms.to_string())
}

/// Reads ISO 8601: a moment with its offset from UTC, one without (then UTC), or a day (its
/// start in UTC).
pub fn from_iso(text: &str) -> Option<i64> {
    let text = text.trim();
    let with_offset = OffsetDateTime::parse(text, &Rfc3339).ok();
    let without = || {
        let seconds = format_description!("[year]-[month]-[day][first [T] [ ]][hour]:[minute]:[second]");
        let minutes = format_description!("[year]-[month]-[day][first [T] [ ]][hour]:[minute]");
        let parsed = PrimitiveDateTime::parse(text, seconds);
        parsed.or_else(|_| PrimitiveDateTime::parse(text, minutes)).ok()
    };
    let day = || Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    let moment = with_offset
        .or_else(|| without().map(PrimitiveDateTime::assume_utc))
        .or_else(|| day().map(|day| day.midnight().assume_utc()))?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_their_text() {
        for ms in [0, 1_772_353_800_250, -62_135_596_800_000, -1] {
            assert_eq!(from_iso(&to_iso(ms)), Some(ms), "{}", to_iso(ms));
        }
        assert_eq!(to_iso(1_772_353_800_250), "2026-03-01T08:30:00.250Z");
        assert_eq!(to_iso(i64::MAX), i64::MAX.to_string());
        assert!(now_ms() > 1_700_000_000_000);
    }

    #[test]
    fn days_and_offsets_are_understood() {
        let day = from_iso("2026-03-01").unwrap();
        assert_eq!(from_iso("2026-03-01T02:00:00+02:00"), Some(day));
        assert_eq!(from_iso("2026-03-01 00:00"), Some(day));
        assert_eq!(from_iso("2026-03-01T00:00:07"), Some(day + 7000));
        for wrong in ["", "yesterday", "2026-13-01", "2026-03-01T25:00"] {
            assert_eq!(from_iso(wrong), None, "{wrong}");
        }
    }
}
