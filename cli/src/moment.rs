//! Times for people: shown in the PC's own time, typed as a date, a time, or "2h" ago.

use tandem_node::api::{from_iso, now_ms, to_iso};
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// An ISO time as a local one, to the second; what is no time, as it is.
pub fn local(iso: &str) -> String {
    let Some(ms) = from_iso(iso) else { return iso.to_owned() };
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .map(|moment| moment.to_offset(offset_at(moment)))
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_else(|| iso.to_owned())
}

/// A time of this PC as tables hold it, for which the order of texts is that of times.
pub fn comparable(ms: i64) -> String {
    local(&to_iso(ms))
}

/// A time of this PC, as it stands in the name of a file: `20260131_180000`; and the day it falls on.
pub fn in_name(ms: i64) -> (String, OffsetDateTime) {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let moment = moment.to_offset(offset_at(moment));
    let format = format_description!("[year][month][day]_[hour][minute][second]");
    (moment.format(format).unwrap_or_default(), moment)
}

/// What a person types: `2026-03-01`, `2026-03-01 08:30`, `2026-03-01T08:30:00Z`, or how long ago:
/// `90s`, `15m`, `2h`, `3d`, `1w`. As ISO in UTC.
pub fn typed(text: &str) -> Option<String> {
    ago(text).map(|ms| to_iso(now_ms().saturating_sub(ms))).or_else(|| {
        let as_utc = from_iso(text)?;
        let has_offset = text.ends_with(['Z', 'z'])
            || text.split_once(['T', ' ']).is_some_and(|(_, time)| time.contains(['+', '-']));
        if has_offset {
            return Some(to_iso(as_utc));
        }
        // Without an offset, the PC's own time is meant.
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(as_utc) * 1_000_000).ok()?;
        let offset_ms = i64::from(offset_at(moment).whole_seconds()) * 1000;
        Some(to_iso(as_utc - offset_ms))
    })
}

fn ago(text: &str) -> Option<i64> {
    let unit_at = text.char_indices().next_back()?.0;
    let (number, unit) = text.split_at(unit_at);
    let unit_ms = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    let number: u32 = number.trim().parse().ok()?;
    Some(i64::from(number) * unit_ms)
}

fn offset_at(moment: OffsetDateTime) -> UtcOffset {
    // A PC that does not know its zone is taken to live in UTC.
    UtcOffset::local_offset_at(moment).unwrap_or(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_a_wrong_clock_gave_is_still_a_time() {
        for ms in [i64::MIN, -62_167_219_200_001, 253_402_300_800_000, i64::MAX] {
            let told = local(&to_iso(ms));
            let marks = |mark| told.matches(mark).count();
            assert!(told.starts_with(['+', '-']) && marks('-') >= 2 && marks(':') == 2, "{told}");
        }
    }

    #[test]
    fn what_people_type_is_understood() {
        assert_eq!(typed("2026-03-01T08:30:00Z").as_deref(), Some("2026-03-01T08:30:00.000Z"));
        assert_eq!(typed("2026-03-01T08:30:00+02:00").as_deref(), Some("2026-03-01T06:30:00.000Z"));
        assert_eq!(local(&typed("2026-03-01 08:30").unwrap()), "2026-03-01 08:30:00");
        assert_eq!(local(&typed("2026-07-01").unwrap()), "2026-07-01 00:00:00");
        assert_eq!(ago("2h"), Some(7_200_000));
        assert_eq!(ago("3d"), Some(259_200_000));
        for wrong in ["", "h", "-2h", "2y", "hier", "é"] {
            assert_eq!(typed(wrong), None, "{wrong}");
        }
    }
}
