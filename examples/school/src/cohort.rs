//! Groups that learn together.

use std::ops::Range;

use crate::batch::Record;
use crate::calendar::{
    AUTUMN_ENDS, Day, FRIDAY, MONDAY, Moment, SPRING_STARTS, THURSDAY, TUESDAY, WEDNESDAY, YEAR_ENDS,
    YEAR_STARTS,
};
use crate::catalogue::{CHINESE, JAPANESE, KOREAN, LEVELS, SUBJECTS};
use crate::cell::Cell;
use crate::random::Random;
use crate::row_id;

pub(crate) struct Cohort {
    pub(crate) index: usize,
    name: String,
    subject: usize,
    pub(crate) teacher_id: i64,
    pub(crate) starts: Day,
    pub(crate) ends: Day,
    pub(crate) slot: &'static Slot,
    pub(crate) kind: Kind,
    /// Its enrolments and its sessions, as places among all of them.
    pub(crate) class: Range<usize>,
    pub(crate) sessions: Range<usize>,
    pub(crate) is_active: bool,
    pub(crate) created_at: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Group,
    Intensive,
    Private,
}

/// When in the week a cohort meets, by the school's wall clock.
pub(crate) struct Slot {
    pub(crate) weekdays: &'static [i64],
    /// Minutes since midnight.
    pub(crate) starts: i64,
    /// Whole hours, for hours are what a contract counts.
    pub(crate) minutes: i64,
    label: &'static str,
}

const MONDAY_AND_WEDNESDAY: &[i64] = &[MONDAY, WEDNESDAY];
const TUESDAY_AND_THURSDAY: &[i64] = &[TUESDAY, THURSDAY];

/// A teacher's week; no two overlap.
static SLOTS: [Slot; 10] = [
    slot(MONDAY_AND_WEDNESDAY, 18, 2, "Lundi et mercredi 18:00-20:00"),
    slot(TUESDAY_AND_THURSDAY, 18, 2, "Mardi et jeudi 18:00-20:00"),
    slot(&[FRIDAY], 9, 3, "Vendredi 09:00-12:00"),
    slot(MONDAY_AND_WEDNESDAY, 16, 2, "Lundi et mercredi 16:00-18:00"),
    slot(TUESDAY_AND_THURSDAY, 16, 2, "Mardi et jeudi 16:00-18:00"),
    slot(&[FRIDAY], 14, 3, "Vendredi 14:00-17:00"),
    slot(MONDAY_AND_WEDNESDAY, 10, 2, "Lundi et mercredi 10:00-12:00"),
    slot(TUESDAY_AND_THURSDAY, 10, 2, "Mardi et jeudi 10:00-12:00"),
    slot(MONDAY_AND_WEDNESDAY, 14, 2, "Lundi et mercredi 14:00-16:00"),
    slot(TUESDAY_AND_THURSDAY, 14, 2, "Mardi et jeudi 14:00-16:00"),
];

const fn slot(weekdays: &'static [i64], hour: i64, hours: i64, label: &'static str) -> Slot {
    Slot { weekdays, starts: hour * 60, minutes: hours * 60, label }
}

/// What each of four teachers hired together teaches. Neighbours differ (the
/// last and the first are neighbours too), which [`NEIGHBOUR`] relies on.
const TEAM: [usize; 4] = [JAPANESE, KOREAN, JAPANESE, CHINESE];

/// The cohort this many places before another has another subject and another
/// slot, so a student can attend both.
pub(crate) const NEIGHBOUR: usize = TEAM.len() + 1;

impl Cohort {
    /// The cohort in place `index`, still without class and sessions. Teams of
    /// teachers are hired as the school grows: each fills its week first.
    pub(crate) fn new(index: usize, random: &mut Random) -> Cohort {
        let team = index / (TEAM.len() * SLOTS.len());
        let member = index % TEAM.len();
        let slot = &SLOTS[index / TEAM.len() % SLOTS.len()];
        let subject = TEAM[member];
        let kind = match slot.weekdays.len() {
            1 => Kind::Intensive,
            _ if random.chance(8) => Kind::Private,
            _ => Kind::Group,
        };
        let (starts, ends) = match random.below(10) {
            0..6 => (YEAR_STARTS, YEAR_ENDS),
            6..8 => (YEAR_STARTS, AUTUMN_ENDS),
            _ => (SPRING_STARTS, YEAR_ENDS),
        };
        // The lower of two draws: beginners are many.
        let levels = &LEVELS[SUBJECTS[subject].levels.clone()];
        let count = levels.len() as u64;
        let level = random.below(count).min(random.below(count)) as usize;
        Cohort {
            index,
            name: format!("{} {} – groupe {}", SUBJECTS[subject].name, levels[level], index + 1),
            subject,
            teacher_id: row_id(team * TEAM.len() + member),
            starts,
            ends,
            slot,
            kind,
            class: 0..0,
            sessions: 0..0,
            is_active: true,
            created_at: Day::of(2024, 8, 12)
                .at(9 * 60)
                .plus_millis(index as i64 * 1_000 + random.between(0, 999)),
        }
    }

    /// The days on which it meets.
    pub(crate) fn days(&self) -> impl Iterator<Item = Day> + use<> {
        let (last, slot) = (self.ends, self.slot);
        std::iter::successors(Some(self.starts), |day| Some(day.plus(1)))
            .take_while(move |day| *day <= last)
            .filter(move |day| slot.weekdays.contains(&day.weekday()) && day.is_taught())
    }

    pub(crate) fn lasts_all_year(&self) -> bool {
        (self.starts, self.ends) == (YEAR_STARTS, YEAR_ENDS)
    }

    /// How many students it has at least and at most.
    pub(crate) fn size(&self) -> (i64, i64) {
        match self.kind {
            Kind::Group => (8, 15),
            Kind::Intensive => (8, 12),
            Kind::Private => (1, 3),
        }
    }
}

impl Record for Cohort {
    const TABLE: &'static str = "cohorts";
    const INSERT: &'static str = "INSERT INTO cohorts (id, name, subject_id, teacher_id, \
        academic_year_id, start_date, end_date, schedule, max_students, cohort_type, is_active, \
        created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        let only_year = row_id(0);
        let kind = match self.kind {
            Kind::Group => "group",
            Kind::Intensive => "intensive",
            Kind::Private => "private",
        };
        vec![
            row_id(self.index).into(),
            self.name.as_str().into(),
            row_id(self.subject).into(),
            self.teacher_id.into(),
            only_year.into(),
            self.starts.into(),
            self.ends.into(),
            self.slot.label.into(),
            self.size().1.into(),
            kind.into(),
            self.is_active.into(),
            self.created_at.into(),
            self.created_at.into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_can_share_a_student_and_no_teacher_is_in_two_places() {
        let mut random = Random::new(5, "cohorts");
        let cohorts: Vec<Cohort> = (0..200).map(|index| Cohort::new(index, &mut random)).collect();
        for (index, cohort) in cohorts.iter().enumerate() {
            if let Some(earlier) = index.checked_sub(NEIGHBOUR) {
                let earlier = &cohorts[earlier];
                assert_ne!(earlier.subject, cohort.subject);
                assert!(!std::ptr::eq(earlier.slot, cohort.slot));
            }
            let double = cohorts[..index]
                .iter()
                .any(|other| other.teacher_id == cohort.teacher_id && std::ptr::eq(other.slot, cohort.slot));
            assert!(!double, "{} has its teacher twice", cohort.name);
        }
    }
}
