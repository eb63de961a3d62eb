//! The people who learn.

use crate::batch::Record;
use crate::calendar::{Day, ENROLMENT_OPENS, Moment};
use crate::cell::Cell;
use crate::names::{FIRST_NAMES, LAST_NAMES, STREETS, TOWNS, in_ascii};
use crate::random::Random;
use crate::row_id;

pub(crate) struct Student {
    index: usize,
    first_name: &'static str,
    last_name: &'static str,
    email: Option<String>,
    phone: String,
    born: Day,
    address: String,
    emergency_contact: Option<String>,
    /// Still enrolled somewhere on the day the generated year stops.
    pub(crate) is_active: bool,
    pub(crate) created_at: Moment,
}

const ADULT_BORN_BEFORE: Day = Day::of(2006, 9, 1);

impl Student {
    pub(crate) fn new(index: usize, random: &mut Random) -> Student {
        let first_name = random.pick(&FIRST_NAMES);
        let last_name = random.pick(&LAST_NAMES);
        // Numbered, for the school has several Lina Benali; example.org, so that
        // no generated address can belong to anyone.
        let email = (!random.chance(8))
            .then(|| format!("{}.{}{}@example.org", in_ascii(first_name), in_ascii(last_name), index + 1));
        let born = Day::of(random.between(1975, 2011), 1, 1).plus(random.between(0, 364));
        let emergency_contact = (born >= ADULT_BORN_BEFORE || random.chance(30))
            .then(|| format!("{} {last_name}, {}", random.pick(&FIRST_NAMES), phone_number(random)));
        let arrived = ENROLMENT_OPENS.plus(random.between(0, 11)).or_next_monday();
        Student {
            index,
            first_name,
            last_name,
            email,
            phone: phone_number(random),
            born,
            address: format!("{} {}, {}", random.between(1, 120), random.pick(&STREETS), random.pick(&TOWNS)),
            emergency_contact,
            is_active: false,
            created_at: arrived.at(random.between(9 * 60, 16 * 60)).plus_millis(random.between(0, 59_999)),
        }
    }
}

/// From the range that France's regulator keeps for films and books: nobody is
/// ever reached by dialling one.
fn phone_number(random: &mut Random) -> String {
    let (left, right) = (random.below(100), random.below(100));
    format!("+33 6 39 98 {left:02} {right:02}")
}

impl Record for Student {
    const TABLE: &'static str = "students";
    const INSERT: &'static str = "INSERT INTO students (id, first_name, last_name, email, phone, \
        date_of_birth, address, emergency_contact, is_active, created_at, updated_at) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

    fn cells(&self) -> Vec<Cell> {
        vec![
            row_id(self.index).into(),
            self.first_name.into(),
            self.last_name.into(),
            self.email.clone().into(),
            self.phone.as_str().into(),
            self.born.into(),
            self.address.as_str().into(),
            self.emergency_contact.clone().into(),
            self.is_active.into(),
            self.created_at.into(),
            self.created_at.into(),
        ]
    }
}
