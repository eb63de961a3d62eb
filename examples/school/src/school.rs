//! A school year as a whole.

use crate::attendance::{Mark, Roll, Status as Attended};
use crate::batch::{BATCH_ROWS, Batches, Rows};
use crate::calendar::{Day, YEAR_STARTS};
use crate::catalogue::{DISCOUNTS, Entry, LEVELS, SUBJECTS, TARIFFS};
use crate::cohort::{Cohort, NEIGHBOUR};
use crate::enrollment::Enrollment;
use crate::payment::Payment;
use crate::random::Random;
use crate::session::{Session, Status};
use crate::student::Student;
use crate::teacher_payment::TeacherPayment;

/// A language school in the course of its year 2024-2025.
///
/// The school is as large as the attendance asked for needs: about one cohort of
/// eleven and fifty-six sessions for 600 rows. It stands as on the day of
/// its last attendance: later sessions are planned, later payments not there.
/// Attendance is made while it is read, the rest is held in memory (about 30 MB
/// for a million rows).
pub struct School {
    seed: u64,
    attendance_rows: usize,
    today: Day,
    students: Vec<Student>,
    cohorts: Vec<Cohort>,
    sessions: Vec<Session>,
    enrollments: Vec<Enrollment>,
    payments: Vec<Payment>,
    teacher_payments: Vec<TeacherPayment>,
    /// The sessions that take place, earliest first.
    roll_order: Vec<usize>,
}

/// Even a tiny school offers every subject, at several times.
const FEWEST_COHORTS: usize = 8;

impl School {
    /// A school with exactly `attendance_rows` rows of attendance. The same
    /// arguments always give the same school.
    pub fn generate(seed: u64, attendance_rows: usize) -> School {
        let mut school = School {
            seed,
            attendance_rows,
            today: YEAR_STARTS,
            students: Vec::new(),
            cohorts: Vec::new(),
            sessions: Vec::new(),
            enrollments: Vec::new(),
            payments: Vec::new(),
            teacher_payments: Vec::new(),
            roll_order: Vec::new(),
        };
        school.plan();
        school.live();
        school
    }

    /// Every row as batches of up to [`BATCH_ROWS`], parents before children.
    pub fn batches(&self) -> Batches<'_> {
        self.batches_of(BATCH_ROWS)
    }

    /// As [`School::batches`], with up to `rows` rows (at least one) a batch.
    pub fn batches_of(&self, rows: usize) -> Batches<'_> {
        let tables = vec![
            Rows::of(entries(&SUBJECTS)),
            Rows::of(entries(&LEVELS)),
            Rows::of(entries(&TARIFFS)),
            Rows::of(entries(&DISCOUNTS)),
            Rows::of(self.students.iter()),
            Rows::of(self.cohorts.iter()),
            Rows::of(self.sessions.iter()),
            Rows::of(self.enrollments.iter()),
            Rows::of(self.roll()),
            Rows::of(self.payments.iter()),
            Rows::of(self.teacher_payments.iter()),
        ];
        Batches::new(tables, rows)
    }

    /// Each table with its number of rows, parents before children.
    pub fn counts(&self) -> [(&'static str, usize); 11] {
        [
            ("subjects", SUBJECTS.len()),
            ("levels", LEVELS.len()),
            ("tariffs", TARIFFS.len()),
            ("discounts", DISCOUNTS.len()),
            ("students", self.students.len()),
            ("cohorts", self.cohorts.len()),
            ("sessions", self.sessions.len()),
            ("enrollments", self.enrollments.len()),
            ("attendance", self.attendance_rows),
            ("payments", self.payments.len()),
            ("teacher_payments", self.teacher_payments.len()),
        ]
    }

    /// The day on which the school stands, `YYYY-MM-DD`.
    pub fn today(&self) -> String {
        self.today.to_string()
    }

    /// Opens cohorts with their sessions and classes until the year has room
    /// for all the attendance asked for.
    fn plan(&mut self) {
        let mut of_cohorts = Random::new(self.seed, "cohorts");
        let mut of_sessions = Random::new(self.seed, "sessions");
        let mut of_classes = Random::new(self.seed, "classes");
        let mut of_students = Random::new(self.seed, "students");
        // Per cohort, where the students who came for it begin among all.
        let mut newcomers = Vec::new();
        let mut room = 0;
        while self.cohorts.len() < FEWEST_COHORTS || room < self.attendance_rows {
            let mut cohort = Cohort::new(self.cohorts.len(), &mut of_cohorts);

            let first_session = self.sessions.len();
            for (number, day) in cohort.days().enumerate() {
                let index = self.sessions.len();
                self.sessions.push(Session::new(index, number, &cohort, day, &mut of_sessions));
            }
            cohort.sessions = first_session..self.sessions.len();

            let (fewest, most) = cohort.size();
            let size = of_classes.between(fewest, most) as usize;
            let first_newcomer = self.students.len();
            let mut class = Vec::with_capacity(size);
            if let Some(neighbour) = cohort.index.checked_sub(NEIGHBOUR) {
                let returning = newcomers[neighbour]..newcomers[neighbour + 1];
                class.extend(returning.filter(|_| of_classes.chance(25)).take(size / 2));
            }
            while class.len() < size {
                class.push(self.students.len());
                self.students.push(Student::new(self.students.len(), &mut of_students));
            }
            newcomers.push(first_newcomer);

            let sessions = &self.sessions[cohort.sessions.clone()];
            let hours = sessions.iter().map(Session::hours).sum();
            let first_enrollment = self.enrollments.len();
            for student in class {
                // Who comes back signs the second contract a little later.
                let minutes = if student < first_newcomer { 20 } else { 5 };
                let signed_at = self.students[student].created_at.plus_millis(minutes * 60_000);
                self.enrollments.push(Enrollment::new(
                    self.enrollments.len(),
                    student,
                    &cohort,
                    hours,
                    signed_at,
                    &mut of_classes,
                ));
            }
            cohort.class = first_enrollment..self.enrollments.len();

            room += size * sessions.iter().filter(|session| session.cancelled.is_none()).count();
            self.cohorts.push(cohort);
        }
        let held = self.sessions.iter().enumerate().filter(|(_, one)| one.cancelled.is_none());
        self.roll_order = held.map(|(index, _)| index).collect();
        self.roll_order.sort_by_key(|&index| (self.sessions[index].begins(), index));
    }

    /// Lets the year pass until the last attendance, and records what follows
    /// from it: sessions held, hours used up, contracts ended, money paid.
    fn live(&mut self) {
        let mut held = vec![false; self.sessions.len()];
        let mut hours_consumed = vec![0; self.enrollments.len()];
        let mut today = YEAR_STARTS;
        for mark in self.roll() {
            held[mark.session] = true;
            today = mark.created_at.day();
            if mark.status != Attended::Excused {
                hours_consumed[mark.enrollment] += self.sessions[mark.session].hours();
            }
        }
        self.today = today;
        for (session, held) in self.sessions.iter_mut().zip(held) {
            session.status = match session.cancelled {
                Some(_) if session.day <= today => Status::Cancelled,
                _ if held => Status::Done,
                _ => Status::Planned,
            };
        }
        for cohort in &mut self.cohorts {
            cohort.is_active = cohort.ends >= today;
        }
        for (enrollment, hours) in self.enrollments.iter_mut().zip(hours_consumed) {
            enrollment.hours_consumed = hours;
            enrollment.is_active = self.cohorts[enrollment.cohort].is_active;
            self.students[enrollment.student].is_active |= enrollment.is_active;
        }
        let mut of_payments = Random::new(self.seed, "payments");
        self.payments = Payment::all(&self.enrollments, &self.cohorts, today, &mut of_payments);
        let mut of_wages = Random::new(self.seed, "teacher payments");
        self.teacher_payments = TeacherPayment::all(&self.cohorts, &self.sessions, today, &mut of_wages);
    }

    fn roll(&self) -> impl Iterator<Item = Mark> + '_ {
        let (cohorts, enrollments) = (&self.cohorts, &self.enrollments);
        Roll::new(self.seed, &self.sessions, cohorts, enrollments, &self.roll_order)
            .take(self.attendance_rows)
    }
}

fn entries<T>(catalogue: &'static [T]) -> impl Iterator<Item = Entry<&'static T>> {
    catalogue.iter().enumerate().map(|(index, entry)| Entry(index, entry))
}
