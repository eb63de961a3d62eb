//! What students pay.

use crate::amount::Amount;
use crate::batch::Record;
use crate::calendar::{Day, Moment};
use crate::cell::Cell;
use crate::cohort::Cohort;
use crate::enrollment::{Enrollment, Plan};
use crate::random::Random;
use crate::row_id;

/// Who sits at which PC.
pub(crate) static STAFF: [&str; 3] = ["Amel (bureau)", "Yacine (bureau)", "Nadia (salle)"];

pub(crate) struct Payment {
    index: usize,
    enrollment: usize,
    amount: Amount,
    method: &'static str,
    notes: Option<String>,
    received_at: Moment,
    by: &'static str,
}

static METHODS: [&str; 6] = ["cash", "cash", "cash", "card", "cheque", "transfer"];

impl Payment {
    /// All payments received up to and including `today`, in the order they came.
    pub(crate) fn all(
        enrollments: &[Enrollment],
        cohorts: &[Cohort],
        today: Day,
        random: &mut Random,
    ) -> Vec<Payment> {
        let mut payments = Vec::new();
        for enrollment in enrollments {
            let cohort = &cohorts[enrollment.cohort];
            let (count, months_apart) = instalments(enrollment.plan, cohort);
            for number in 0..count {
                let payment = Payment::new(enrollment, cohort, number, count, months_apart, random);
                if payment.received_at.day() <= today {
                    payments.push(payment);
                }
            }
        }
        payments.sort_by_key(|payment| (payment.received_at, payment.enrollment));
        for (index, payment) in payments.iter_mut().enumerate() {
            payment.index = index;
        }
        payments
    }

    fn new(
        enrollment: &Enrollment,
        cohort: &Cohort,
        number: i64,
        count: i64,
        months_apart: i64,
        random: &mut Random,
    ) -> Payment {
        // The first is due on signing, each other some months into the course.
        let received_at = if number == 0 {
            enrollment.created_at.plus_millis(random.between(30_000, 300_000))
        } else {
            let due = cohort.starts.plus_months(number * months_apart);
            due.plus(random.between(-2, 6))
                .or_next_monday()
                .at(random.between(9 * 60, 18 * 60))
                .plus_millis(random.between(0, 59_999))
        };
        Payment {
            index: 0,
            enrollment: enrollment.index,
            amount: enrollment.price().part(number, count),
            method: random.pick(&METHODS),
            notes: (count > 1).then(|| format!("Versement {}/{count}", number + 1)),
            received_at,
            by: random.pick(&STAFF),
        }
    }
}

/// How many payments, and how many months apart.
fn instalments(plan: Plan, cohort: &Cohort) -> (i64, i64) {
    match (plan, cohort.lasts_all_year()) {
        (Plan::Full, _) => (1, 0),
        (Plan::Quarterly, true) => (3, 3),
        (Plan::Quarterly, false) => (2, 3),
        (Plan::Monthly, true) => (9, 1),
        (Plan::Monthly, false) => (4, 1),
    }
}

impl Record for Payment {
    const TABLE: &'static str = "payments";
    const INSERT: &'static str = "INSERT INTO payments (id, enrollment_id, amount, date, method, \
        notes, created_at, updated_at, updated_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        vec![
            row_id(self.index).into(),
            row_id(self.enrollment).into(),
            self.amount.into(),
            self.received_at.day().into(),
            self.method.into(),
            self.notes.clone().into(),
            self.received_at.into(),
            self.received_at.into(),
            self.by.into(),
        ]
    }
}
