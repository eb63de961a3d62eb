use proptest::prelude::*;

use super::*;

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
    assert!(is_time("08:00:00") && is_time("08:00:00.500000") && !is_time("08:00") && !is_time("08:00:00.5"));
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
