//! Who was there.

use crate::batch::Record;
use crate::calendar::Moment;
use crate::cell::Cell;
use crate::cohort::Cohort;
use crate::enrollment::Enrollment;
use crate::random::Random;
use crate::row_id;
use crate::session::Session;
use crate::uuid::Uuid;

/// One student's attendance of one session.
pub(crate) struct Mark {
    id: Uuid,
    pub(crate) session: usize,
    pub(crate) enrollment: usize,
    student: usize,
    pub(crate) status: Status,
    notes: Option<&'static str>,
    pub(crate) created_at: Moment,
    updated_at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Present,
    Absent,
    Late,
    Excused,
}

impl Status {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Status::Present => "present",
            Status::Absent => "absent",
            Status::Late => "late",
            Status::Excused => "excused",
        }
    }
}

static PRAISE: [&str; 3] = ["Très bonne participation", "À encourager", "Exposé réussi"];
static LATENESS: [&str; 3] = ["Retard de 10 min", "Retard de 25 min", "Bus en panne"];
static EXCUSES: [&str; 4] =
    ["Certificat médical", "Examen à l'université", "Voyage familial", "Prévenu par téléphone"];

/// Calls the roll of all sessions in the order they take place.
///
/// Marks are entered one after another on one PC, so their times and with them
/// their ids ascend. Going through it twice gives the same marks.
pub(crate) struct Roll<'a> {
    sessions: &'a [Session],
    cohorts: &'a [Cohort],
    enrollments: &'a [Enrollment],
    /// Sessions still to come, and the place in the class of the first of them.
    order: &'a [usize],
    called: usize,
    clock: Moment,
    random: Random,
}

impl<'a> Roll<'a> {
    /// `order` lists the sessions that take place, earliest first.
    pub(crate) fn new(
        seed: u64,
        sessions: &'a [Session],
        cohorts: &'a [Cohort],
        enrollments: &'a [Enrollment],
        order: &'a [usize],
    ) -> Self {
        Roll {
            sessions,
            cohorts,
            enrollments,
            order,
            called: 0,
            clock: crate::calendar::YEAR_STARTS.at(0),
            random: Random::new(seed, "attendance"),
        }
    }
}

impl Iterator for Roll<'_> {
    type Item = Mark;

    fn next(&mut self) -> Option<Mark> {
        let (session, enrollment) = loop {
            let (&session, later) = self.order.split_first()?;
            let mut class = self.cohorts[self.sessions[session].cohort].class.clone();
            match class.nth(self.called) {
                Some(enrollment) => break (session, enrollment),
                None => (self.order, self.called) = (later, 0),
            }
        };
        self.called += 1;

        let random = &mut self.random;
        let ten_minutes_in = self.sessions[session].begins().plus_millis(600_000);
        self.clock = self.clock.plus_millis(random.between(150, 400)).max(ten_minutes_in);
        let (status, notes) = match random.below(100) {
            0..3 => (Status::Present, Some(random.pick(&PRAISE))),
            3..86 => (Status::Present, None),
            86..93 => (Status::Absent, None),
            93..97 => (Status::Late, Some(random.pick(&LATENESS))),
            _ => (Status::Excused, Some(random.pick(&EXCUSES))),
        };
        let corrected_after = if random.chance(2) { random.between(30_000, 1_800_000) } else { 0 };
        Some(Mark {
            id: Uuid::v7(self.clock.millis(), random),
            session,
            enrollment,
            student: self.enrollments[enrollment].student,
            status,
            notes,
            created_at: self.clock,
            updated_at: self.clock.plus_millis(corrected_after),
        })
    }
}

impl Record for Mark {
    const TABLE: &'static str = "attendance";
    const INSERT: &'static str = "INSERT INTO attendance (id, session_id, student_id, status, \
        notes, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.id.into(),
            row_id(self.session).into(),
            row_id(self.student).into(),
            self.status.text().into(),
            self.notes.into(),
            self.created_at.into(),
            self.updated_at.into(),
        ]
    }
}
