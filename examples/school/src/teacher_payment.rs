//! What teachers are paid.

use crate::amount::Amount;
use crate::batch::Record;
use crate::calendar::{Day, Moment};
use crate::cell::Cell;
use crate::cohort::{Cohort, Kind};
use crate::payment::STAFF;
use crate::random::Random;
use crate::row_id;
use crate::session::{Session, Status};

/// A month's work with one cohort.
pub(crate) struct TeacherPayment {
    index: usize,
    cohort: usize,
    teacher_id: i64,
    amount: Amount,
    notes: String,
    paid_at: Moment,
    by: &'static str,
}

impl TeacherPayment {
    /// Everything paid up to and including `today`: on the 5th, or the Monday
    /// after it, for the hours given in the month before.
    pub(crate) fn all(
        cohorts: &[Cohort],
        sessions: &[Session],
        today: Day,
        random: &mut Random,
    ) -> Vec<TeacherPayment> {
        let mut paid: Vec<TeacherPayment> = Vec::new();
        for cohort in cohorts {
            let months = sessions[cohort.sessions.clone()]
                .chunk_by(|one, next| first_of_month(one.day) == first_of_month(next.day));
            for month in months {
                let given = month.iter().filter(|session| session.status == Status::Done);
                let hours: i64 = given.map(Session::hours).sum();
                let pay_day = first_of_month(month[0].day).plus_months(1).plus(4).or_next_monday();
                if hours > 0 && pay_day <= today {
                    paid.push(TeacherPayment {
                        index: 0,
                        cohort: cohort.index,
                        teacher_id: cohort.teacher_id,
                        amount: hourly_rate(cohort).times(hours),
                        notes: format!("{hours} h"),
                        paid_at: pay_day
                            .at(random.between(9 * 60, 12 * 60))
                            .plus_millis(random.between(0, 59_999)),
                        by: random.pick(&STAFF),
                    });
                }
            }
        }
        paid.sort_by_key(|payment| (payment.paid_at, payment.cohort));
        for (index, payment) in paid.iter_mut().enumerate() {
            payment.index = index;
        }
        paid
    }
}

fn first_of_month(day: Day) -> Day {
    let (year, month, _) = day.parts();
    Day::of(year, month, 1)
}

fn hourly_rate(cohort: &Cohort) -> Amount {
    Amount::dinars(match cohort.kind {
        Kind::Group => 1_500,
        Kind::Intensive => 1_800,
        Kind::Private => 2_200,
    })
}

impl Record for TeacherPayment {
    const TABLE: &'static str = "teacher_payments";
    const INSERT: &'static str = "INSERT INTO teacher_payments (id, cohort_id, teacher_id, \
        amount, date, notes, created_at, updated_at, updated_by) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        vec![
            row_id(self.index).into(),
            row_id(self.cohort).into(),
            self.teacher_id.into(),
            self.amount.into(),
            self.paid_at.day().into(),
            self.notes.as_str().into(),
            self.paid_at.into(),
            self.paid_at.into(),
            self.by.into(),
        ]
    }
}
