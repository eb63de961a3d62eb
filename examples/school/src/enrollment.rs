//! Contracts between a student and a cohort.

use crate::amount::Amount;
use crate::batch::Record;
use crate::calendar::Moment;
use crate::catalogue::{DISCOUNTS, TARIFFS};
use crate::cell::Cell;
use crate::cohort::Cohort;
use crate::random::Random;
use crate::row_id;

pub(crate) struct Enrollment {
    pub(crate) index: usize,
    pub(crate) student: usize,
    pub(crate) cohort: usize,
    tariff: usize,
    discount: Option<usize>,
    pub(crate) plan: Plan,
    pub(crate) hours_purchased: i64,
    pub(crate) hours_consumed: i64,
    pub(crate) is_active: bool,
    pub(crate) created_at: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Full,
    Quarterly,
    Monthly,
}

impl Enrollment {
    /// `signed_at` must not precede the student's own row.
    pub(crate) fn new(
        index: usize,
        student: usize,
        cohort: &Cohort,
        hours_purchased: i64,
        signed_at: Moment,
        random: &mut Random,
    ) -> Enrollment {
        Enrollment {
            index,
            student,
            cohort: cohort.index,
            tariff: 2 * cohort.kind as usize + usize::from(!cohort.lasts_all_year()),
            discount: random.chance(22).then(|| random.below(DISCOUNTS.len() as u64) as usize),
            plan: match random.below(10) {
                0..3 => Plan::Full,
                3..6 => Plan::Quarterly,
                _ => Plan::Monthly,
            },
            hours_purchased,
            hours_consumed: 0,
            is_active: true,
            created_at: signed_at,
        }
    }

    /// The whole price, discount taken off.
    pub(crate) fn price(&self) -> Amount {
        let listed = TARIFFS[self.tariff].amount;
        self.discount.map_or(listed, |discount| DISCOUNTS[discount].applied_to(listed))
    }
}

impl Record for Enrollment {
    const TABLE: &'static str = "enrollments";
    const INSERT: &'static str = "INSERT INTO enrollments (id, student_id, cohort_id, tariff_id, \
        payment_plan, discount_id, hours_purchased, hours_consumed, is_active, date, \
        contract_code, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        let plan = match self.plan {
            Plan::Full => "full",
            Plan::Quarterly => "quarterly",
            Plan::Monthly => "monthly",
        };
        vec![
            row_id(self.index).into(),
            row_id(self.student).into(),
            row_id(self.cohort).into(),
            row_id(self.tariff).into(),
            plan.into(),
            self.discount.map(row_id).into(),
            self.hours_purchased.into(),
            self.hours_consumed.into(),
            self.is_active.into(),
            self.created_at.day().into(),
            format!("T24-{:05}", self.index + 1).into(),
            self.created_at.into(),
            self.created_at.into(),
        ]
    }
}
