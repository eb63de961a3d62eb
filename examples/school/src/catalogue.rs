//! What the school teaches and what it costs: the four reference tables.

use std::ops::Range;

use crate::amount::Amount;
use crate::batch::Record;
use crate::cell::Cell;
use crate::row_id;

pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// Its levels, easiest first, as places in [`LEVELS`].
    pub(crate) levels: Range<usize>,
}

pub(crate) const JAPANESE: usize = 0;
pub(crate) const CHINESE: usize = 1;
pub(crate) const KOREAN: usize = 2;

pub(crate) static SUBJECTS: [Subject; 3] = [
    Subject { name: "Japonais", levels: 0..5 },
    Subject { name: "Chinois", levels: 5..9 },
    Subject { name: "Coréen", levels: 9..12 },
];

pub(crate) static LEVELS: [&str; 12] =
    ["N5", "N4", "N3", "N2", "N1", "HSK 1", "HSK 2", "HSK 3", "HSK 4", "TOPIK 1", "TOPIK 2", "TOPIK 3"];

pub(crate) struct Tariff {
    pub(crate) name: &'static str,
    pub(crate) amount: Amount,
}

/// For each kind of cohort in its order, the price of a year, then of a semester.
pub(crate) static TARIFFS: [Tariff; 7] = [
    Tariff { name: "Groupe – année", amount: Amount::dinars(54_000) },
    Tariff { name: "Groupe – semestre", amount: Amount::dinars(29_000) },
    Tariff { name: "Intensif du vendredi – année", amount: Amount::dinars(62_000) },
    Tariff { name: "Intensif du vendredi – semestre", amount: Amount::dinars(33_500) },
    Tariff { name: "Cours particulier – année", amount: Amount::dinars(180_000) },
    Tariff { name: "Cours particulier – semestre", amount: Amount::dinars(95_000) },
    Tariff { name: "Mode Ramadan", amount: Amount::dinars(15_000) },
];

pub(crate) struct Discount {
    name: &'static str,
    value: Reduction,
}

#[derive(Clone, Copy)]
enum Reduction {
    Percent(i64),
    Dinars(i64),
}

pub(crate) static DISCOUNTS: [Discount; 4] = [
    Discount { name: "Fratrie", value: Reduction::Percent(10) },
    Discount { name: "Bourse", value: Reduction::Percent(25) },
    Discount { name: "Ancien élève", value: Reduction::Percent(5) },
    Discount { name: "Parrainage", value: Reduction::Dinars(2_000) },
];

impl Discount {
    /// What is left of `price`.
    pub(crate) fn applied_to(&self, price: Amount) -> Amount {
        price.less(match self.value {
            Reduction::Percent(percent) => price.percent(percent),
            Reduction::Dinars(dinars) => Amount::dinars(dinars),
        })
    }
}

/// A row of a catalogue and its place there, from which its id follows.
pub(crate) struct Entry<T>(pub(crate) usize, pub(crate) T);

impl Record for Entry<&Subject> {
    const TABLE: &'static str = "subjects";
    const INSERT: &'static str = "INSERT INTO subjects (id, name) VALUES (?, ?)";

    fn cells(&self) -> Vec<Cell> {
        vec![row_id(self.0).into(), self.1.name.into()]
    }
}

impl Record for Entry<&&'static str> {
    const TABLE: &'static str = "levels";
    const INSERT: &'static str = "INSERT INTO levels (id, name) VALUES (?, ?)";

    fn cells(&self) -> Vec<Cell> {
        vec![row_id(self.0).into(), (*self.1).into()]
    }
}

impl Record for Entry<&Tariff> {
    const TABLE: &'static str = "tariffs";
    const INSERT: &'static str = "INSERT INTO tariffs (id, name, amount) VALUES (?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        vec![row_id(self.0).into(), self.1.name.into(), self.1.amount.into()]
    }
}

impl Record for Entry<&Discount> {
    const TABLE: &'static str = "discounts";
    const INSERT: &'static str = "INSERT INTO discounts (id, name, value, type) VALUES (?, ?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        let (value, kind) = match self.1.value {
            Reduction::Percent(percent) => (Amount::dinars(percent), "percent"),
            Reduction::Dinars(dinars) => (Amount::dinars(dinars), "amount"),
        };
        vec![row_id(self.0).into(), self.1.name.into(), value.into(), kind.into()]
    }
}
