//! Differences between clocks, in words.

/// Clocks this close together count as equal: nobody types two edits of one field within it.
pub const TOLERATED_MS: i64 = 5_000;

/// Whose clock differs from most.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All agree.
    Agree,
    /// These differ from the others, by so many milliseconds (negative: behind).
    Odd(Vec<(usize, i64)>),
    /// They differ, and no more than half of them agree on anything.
    Unclear,
}

/// Compares clocks, given how far each is ahead of one of them, in milliseconds.
pub fn compare(offsets_ms: &[i64]) -> Verdict {
    let differs = |a: i64, b: i64| a.saturating_sub(b).saturating_abs() > TOLERATED_MS;
    let agreeing = |clock: i64| offsets_ms.iter().filter(|other| !differs(**other, clock)).count();
    // Of several that as many agree with, the first.
    let Some(most) = offsets_ms.iter().rev().copied().max_by_key(|clock| agreeing(*clock)) else {
        return Verdict::Agree;
    };
    if 2 * agreeing(most) <= offsets_ms.len() {
        return Verdict::Unclear;
    }
    let offsets = offsets_ms.iter().map(|clock| clock.saturating_sub(most)).enumerate();
    let odd: Vec<_> = offsets.filter(|(_, offset)| offset.saturating_abs() > TOLERATED_MS).collect();
    assert!(2 * odd.len() < offsets_ms.len(), "those that differ from most are the fewer");
    if odd.is_empty() { Verdict::Agree } else { Verdict::Odd(odd) }
}

/// How far another site's clock is off this PC's, if it is worth a word.
pub fn of_peer(site: &str, offset_ms: i64) -> Option<String> {
    if offset_ms.saturating_abs() <= TOLERATED_MS {
        return None;
    }
    let by = duration(offset_ms);
    Some(match offset_ms {
        ..0 => t!("clock.behind", site = site, by = by).into_owned(),
        _ => t!("clock.ahead", site = site, by = by).into_owned(),
    })
}

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const YEAR_MS: u64 = 365 * DAY_MS + 6 * HOUR_MS;

/// A span of time in the largest unit of which it has two: "17 years", "90 minutes". To the nearest,
/// so that two PCs that measured it some moments apart say the same.
pub fn duration(ms: i64) -> String {
    let ms = ms.unsigned_abs();
    let count = |unit: u64| ms.saturating_add(unit / 2) / unit;
    if count(SECOND_MS) < 120 {
        t!("clock.seconds", count = count(SECOND_MS))
    } else if count(MINUTE_MS) < 120 {
        t!("clock.minutes", count = count(MINUTE_MS))
    } else if count(HOUR_MS) < 48 {
        t!("clock.hours", count = count(HOUR_MS))
    } else if count(DAY_MS) < 730 {
        t!("clock.days", count = count(DAY_MS))
    } else {
        t!("clock.years", count = count(YEAR_MS))
    }
    .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_differs_from_most_is_named() {
        assert_eq!(compare(&[0]), Verdict::Agree);
        assert_eq!(compare(&[0, 4_000, -3_000]), Verdict::Agree);
        assert_eq!(compare(&[0, 3_600_000]), Verdict::Unclear);
        assert_eq!(compare(&[0, 3_600_000, 20]), Verdict::Odd(vec![(1, 3_600_000)]));
        // This PC's own: the others agree.
        assert_eq!(compare(&[0, 3_600_000, 3_600_000]), Verdict::Odd(vec![(0, -3_600_000)]));
        assert_eq!(compare(&[0, i64::MAX, i64::MIN]), Verdict::Unclear);
        assert_eq!(compare(&[]), Verdict::Agree);
    }

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        for (ms, told) in [
            (-6_400, "6 seconds"),
            (119_000, "119 seconds"),
            (-3_600_000, "60 minutes"),
            (7_199_000, "2 hours"),
            (10_799_000, "3 hours"),
            (i64::MIN, "292271023 years"),
            (3 * 3_600_000, "3 hours"),
            (400 * 86_400_000, "400 days"),
            (-536_500_000_000, "17 years"),
        ] {
            assert_eq!(duration(ms), told);
        }
        // One PC measured a moment before the other, or its clock is read a moment later.
        for whole_ms in [60_000, 3_600_000, 7_200_000, 10_800_000, 86_400_000, 172_800_000, 94_672_800_000] {
            for off_ms in [-1_500, -1, 1, 1_500] {
                if whole_ms > 120_000 {
                    assert_eq!(duration(whole_ms + off_ms), duration(-whole_ms), "{whole_ms} {off_ms}");
                }
            }
        }
        assert_eq!(of_peer("class", 5_000), None);
        assert!(of_peer("class", -5_001).unwrap().contains("5 seconds behind"));
    }
}
