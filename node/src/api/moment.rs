//! Times: milliseconds since the Unix epoch inside, ISO 8601 in UTC outside.

use std::time::SystemTime;

use tandem_protocol::schema::text_forms;
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

/// `2026-03-01T08:30:00.250Z`; outside the years 0 to 9999 with ISO 8601's expanded year,
/// `+012026-03-01T…`. Clocks can be that wrong.
pub fn to_iso(ms: i64) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .filter(|moment| (0..=9999).contains(&moment.year()))
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_else(|| expanded(ms))
}

fn expanded(ms: i64) -> String {
    let (day, in_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = text_forms::civil_day(day).unwrap_or_default();
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, ms) = (in_day / 1000 % 60, in_day % 1000);
    format!("{year:+07}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// Reads what [`expanded`] writes: years of 400 have a length of their own.
fn from_expanded(text: &str) -> Option<i64> {
    let year_ends = 1 + text.get(1..)?.find('-')?;
    let (year, rest) = text.split_at(year_ends);
    let year: i64 = year.parse().ok().filter(|_| text.starts_with(['+', '-']) && year_ends >= 7)?;
    let (eras, year) = (year.div_euclid(400), year.rem_euclid(400));
    let inner = from_iso(&format!("{:04}{rest}", 2000 + year))?;
    // At the ends of what a number can say, the sum fits where its parts do not.
    let since = (i128::from(eras) - 5) * i128::from(ERA_MS);
    i64::try_from(since + i128::from(inner)).ok()
}

const DAY_MS: i64 = 86_400_000;
const ERA_MS: i64 = 146_097 * DAY_MS;

/// Reads ISO 8601: a moment with its offset from UTC, one without (then UTC), or a day (its
/// start in UTC).
pub fn from_iso(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.starts_with(['+', '-']) {
        return from_expanded(text);
    }
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
        let limits = [i64::MIN, i64::MIN + 1, -62_167_219_200_001, 253_402_300_800_000, i64::MAX];
        for ms in [0, 1_772_353_800_250, -62_135_596_800_000, -1].into_iter().chain(limits) {
            assert_eq!(from_iso(&to_iso(ms)), Some(ms), "{}", to_iso(ms));
        }
        assert_eq!(to_iso(1_772_353_800_250), "2026-03-01T08:30:00.250Z");
        assert_eq!(to_iso(i64::MAX), "+292278994-08-17T07:12:55.807Z");
        assert_eq!(to_iso(-62_167_219_200_001), "-000001-12-31T23:59:59.999Z");
        for wrong in ["+", "-", "+2026-03-01", "+012026-13-01T00:00:00Z", "+99999999999999999999-01-01", "-é"]
        {
            assert_eq!(from_iso(wrong), None, "{wrong}");
        }
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
