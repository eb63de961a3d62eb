//! Days and moments, computed without a clock, and the school year 2024-2025.

use std::fmt;

/// A day of the (proleptic Gregorian) calendar, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(i64);

pub(crate) const MONDAY: i64 = 0;
pub(crate) const TUESDAY: i64 = 1;
pub(crate) const WEDNESDAY: i64 = 2;
pub(crate) const THURSDAY: i64 = 3;
pub(crate) const FRIDAY: i64 = 4;

const DAYS_PER_ERA: i64 = 146_097; // 400 years, after which the calendar repeats
const DAYS_BEFORE_EPOCH: i64 = 719_468; // from 0000-03-01 to 1970-01-01

impl Day {
    /// `month` and `day` count from 1.
    pub(crate) const fn of(year: i64, month: i64, day: i64) -> Day {
        // Years that start in March put the leap day last, out of the way.
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * month + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Day(era * DAYS_PER_ERA + day_of_era - DAYS_BEFORE_EPOCH)
    }

    /// (year, month, day)
    pub(crate) const fn parts(self) -> (i64, i64, i64) {
        let days = self.0 + DAYS_BEFORE_EPOCH;
        let era = days.div_euclid(DAYS_PER_ERA);
        let day_of_era = days.rem_euclid(DAYS_PER_ERA);
        let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
        let year_of_era = (day_of_era - leap_days) / 365;
        let day_of_year = day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let year = era * 400 + year_of_era;
        if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
    }

    pub(crate) const fn plus(self, days: i64) -> Day {
        Day(self.0 + days)
    }

    /// The same day of a later month, or the 28th where that might not exist.
    pub(crate) fn plus_months(self, months: i64) -> Day {
        let (year, month, day) = self.parts();
        let month = month - 1 + months;
        Day::of(year + month.div_euclid(12), month.rem_euclid(12) + 1, day.min(28))
    }

    /// 0 is Monday, 6 Sunday.
    pub(crate) const fn weekday(self) -> i64 {
        (self.0 + THURSDAY).rem_euclid(7)
    }

    /// This day, or the Monday after it when it falls on a week-end.
    pub(crate) fn or_next_monday(self) -> Day {
        if self.weekday() > FRIDAY { self.plus(7 - self.weekday()) } else { self }
    }

    /// The moment at which the school's wall clock shows `minute` of this day.
    pub(crate) const fn at(self, minute: i64) -> Moment {
        Moment((self.0 * 1_440 + minute - CLOCK_AHEAD_OF_UTC_MINUTES) * 60_000)
    }

    /// Whether courses are held: a weekday that is no holiday.
    pub(crate) fn is_taught(self) -> bool {
        let on_holiday = HOLIDAYS.iter().any(|&(first, last)| first <= self && self <= last);
        self.weekday() <= FRIDAY && !on_holiday
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(out, "{year:04}-{month:02}-{day:02}")
    }
}

/// Milliseconds since the Unix epoch; shown as TIMESTAMP columns hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) const fn plus_millis(self, millis: i64) -> Moment {
        Moment(self.0 + millis)
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) const fn millis(self) -> i64 {
        self.0
    }

    /// The day the school's calendar shows at this moment.
    pub(crate) const fn day(self) -> Day {
        Day((self.0 / 60_000 + CLOCK_AHEAD_OF_UTC_MINUTES).div_euclid(1_440))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = Day(self.0.div_euclid(86_400_000));
        let millis = self.0.rem_euclid(86_400_000);
        let (seconds, millis) = (millis / 1_000, millis % 1_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(out, "{day} {hour:02}:{minute:02}:{second:02}")?;
        if millis > 0 { write!(out, ".{millis:03}000") } else { Ok(()) }
    }
}

/// A wall-clock time given in minutes since midnight, as SQL's TIME.
pub(crate) fn time_of_day(minute: i64) -> String {
    format!("{:02}:{:02}:00", minute / 60, minute % 60)
}

/// Algiers keeps UTC+1 all year.
const CLOCK_AHEAD_OF_UTC_MINUTES: i64 = 60;

/// First day on which people can enrol.
pub(crate) const ENROLMENT_OPENS: Day = Day::of(2024, 8, 19);
pub(crate) const YEAR_STARTS: Day = Day::of(2024, 9, 2);
pub(crate) const AUTUMN_ENDS: Day = Day::of(2025, 1, 31);
pub(crate) const SPRING_STARTS: Day = Day::of(2025, 2, 3);
pub(crate) const YEAR_ENDS: Day = Day::of(2025, 6, 27);

/// First and last day of each time without courses.
const HOLIDAYS: [(Day, Day); 4] = [
    (Day::of(2024, 11, 1), Day::of(2024, 11, 1)),
    (Day::of(2024, 12, 20), Day::of(2025, 1, 3)),
    (Day::of(2025, 3, 24), Day::of(2025, 4, 4)),
    (Day::of(2025, 5, 1), Day::of(2025, 5, 1)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_read_back() {
        assert_eq!(Day::of(1970, 1, 1), Day(0));
        assert_eq!(Day::of(2024, 9, 2).to_string(), "2024-09-02");
        assert_eq!(Day::of(2024, 9, 2).weekday(), MONDAY);
        assert_eq!(Day::of(2024, 12, 31).plus(1).to_string(), "2025-01-01");
        assert_eq!(Day::of(2024, 10, 31).plus_months(4).to_string(), "2025-02-28");
    }

    #[test]
    fn every_day_of_two_centuries_follows_the_one_before() {
        let mut day = Day::of(1899, 12, 31);
        let (mut year, mut month, mut date) = day.parts();
        while year < 2101 {
            day = day.plus(1);
            let next = day.parts();
            let follows = next == (year, month, date + 1)
                || next == (year, month + 1, 1) && date >= 28
                || next == (year + 1, 1, 1) && (month, date) == (12, 31);
            assert!(follows, "{year}-{month}-{date} is followed by {day}");
            assert_eq!(Day::of(next.0, next.1, next.2), day);
            (year, month, date) = next;
        }
    }

    #[test]
    fn moments_show_utc_and_remember_the_school_day() {
        let evening = Day::of(2024, 9, 2).at(9 * 60);
        assert_eq!(evening.to_string(), "2024-09-02 08:00:00");
        assert_eq!(evening.plus_millis(1_234).to_string(), "2024-09-02 08:00:01.234000");
        let past_midnight = Day::of(2024, 9, 2).at(30);
        assert_eq!(past_midnight.to_string(), "2024-09-01 23:30:00");
        assert_eq!(past_midnight.day(), Day::of(2024, 9, 2));
    }

    #[test]
    fn week_ends_and_holidays_are_free() {
        assert!(YEAR_STARTS.is_taught());
        assert!(!Day::of(2024, 9, 7).is_taught());
        assert!(!Day::of(2024, 12, 25).is_taught());
        assert_eq!(Day::of(2024, 9, 7).or_next_monday(), Day::of(2024, 9, 9));
    }
}
