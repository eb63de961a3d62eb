//! Single lessons.

use crate::batch::Record;
use crate::calendar::{Day, Moment, time_of_day};
use crate::cell::Cell;
use crate::cohort::Cohort;
use crate::random::Random;
use crate::row_id;

pub(crate) struct Session {
    index: usize,
    pub(crate) cohort: usize,
    pub(crate) day: Day,
    /// Minutes since midnight by the school's wall clock, and minutes.
    starts: i64,
    minutes: i64,
    /// Why it does not take place, if so.
    pub(crate) cancelled: Option<&'static str>,
    pub(crate) status: Status,
    created_at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Planned,
    Done,
    Cancelled,
}

static REASONS: [&str; 4] = ["Enseignant malade", "Salle indisponible", "Coupure d'électricité", "Neige"];

impl Session {
    /// The `number`-th session of `cohort`, in place `index` among all sessions.
    pub(crate) fn new(
        index: usize,
        number: usize,
        cohort: &Cohort,
        day: Day,
        random: &mut Random,
    ) -> Session {
        Session {
            index,
            cohort: cohort.index,
            day,
            starts: cohort.slot.starts,
            minutes: cohort.slot.minutes,
            // Never the first: every cohort must be able to begin.
            cancelled: (number > 0 && random.chance(2)).then(|| random.pick(&REASONS)),
            status: Status::Planned,
            created_at: cohort.created_at.plus_millis(5 * number as i64),
        }
    }

    pub(crate) fn begins(&self) -> Moment {
        self.day.at(self.starts)
    }

    pub(crate) fn hours(&self) -> i64 {
        self.minutes / 60
    }

    fn updated_at(&self) -> Moment {
        match self.status {
            Status::Planned => self.created_at,
            Status::Done => self.day.at(self.starts + self.minutes),
            Status::Cancelled => self.day.at(8 * 60),
        }
    }
}

impl Record for Session {
    const TABLE: &'static str = "sessions";
    const INSERT: &'static str = "INSERT INTO sessions (id, cohort_id, date, start_time, \
        end_time, duration, status, notes, created_at, updated_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        let (status, notes) = match self.status {
            Status::Planned => ("planned", None),
            Status::Done => ("done", None),
            Status::Cancelled => ("cancelled", self.cancelled),
        };
        vec![
            row_id(self.index).into(),
            row_id(self.cohort).into(),
            self.day.into(),
            time_of_day(self.starts).into(),
            time_of_day(self.starts + self.minutes).into(),
            self.minutes.into(),
            status.into(),
            notes.into(),
            self.created_at.into(),
            self.updated_at().into(),
        ]
    }
}
