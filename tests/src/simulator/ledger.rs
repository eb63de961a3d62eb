//! What users did and were told: kept apart from all that the sites say of themselves.

use std::collections::BTreeMap;

use tandem_protocol::version::Dot;

use super::form::{Form, Reading};

/// What a write added to a till, in units of the column's last digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The till.
    pub till: &'static str,
    /// Its column.
    pub column: &'static str,
    /// How much.
    pub amount: Amount,
}

/// See [`Delta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So much was added.
    Added(i64),
    /// It was set to this; what was there before is told with the answer.
    Set(i64),
    /// Nobody knows.
    Unknown,
}

impl Delta {
    /// It is made by somebody who has read that, and nothing since.
    pub fn set_after(&mut self, reading: &Reading) {
        if let Amount::Set(value) = self.amount {
            let read = reading.till(self.till, self.column);
            self.amount = read.map_or(Amount::Unknown, |read| Amount::Added(value - read));
        }
    }
}

/// What a user knows of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was not answered: it may be there or not.
    Unknown,
    /// It is recorded.
    Recorded(Dot),
    /// It is not.
    Refused,
}

/// One write.
#[derive(Clone)]
pub struct Entry {
    /// What it adds.
    pub deltas: Vec<Delta>,
    /// What became of it.
    pub fate: Fate,
    /// The form it is, if it is one.
    pub form: Option<Form>,
    /// Whether it was asked once without an answer: it may be there whatever a retry is told.
    unanswered: bool,
}

/// All writes of a run, by number. The number is also the write's label in the log.
#[derive(Clone, Default)]
pub struct Ledger {
    entries: BTreeMap<u64, Entry>,
    recorded: u64,
}

impl Ledger {
    /// A write is asked for; gives its number.
    pub fn open(&mut self, deltas: Vec<Delta>) -> u64 {
        let number = self.entries.len() as u64 + 1;
        self.entries.insert(number, Entry { deltas, fate: Fate::Unknown, form: None, unanswered: false });
        number
    }

    /// Its author is told that it is recorded, and what it found where it set a till.
    pub fn recorded_as(&mut self, number: u64, dot: Dot) {
        self.recorded += 1;
        self.end(number, Fate::Recorded(dot));
    }

    /// Its author is told that it is not recorded.
    pub fn refused(&mut self, number: u64) {
        self.end(number, Fate::Refused);
    }

    /// Its author never hears of it.
    pub fn unknown(&mut self, number: u64) {
        self.end(number, Fate::Unknown);
    }

    /// A write can be asked for more than once: what is recorded stays so.
    fn end(&mut self, number: u64, fate: Fate) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        entry.unanswered |= fate == Fate::Unknown;
        entry.fate = match (entry.fate, fate) {
            (Fate::Recorded(dot), _) | (_, Fate::Recorded(dot)) => Fate::Recorded(dot),
            _ if entry.unanswered => Fate::Unknown,
            _ => fate,
        };
    }

    /// What a write adds.
    pub fn entry(&mut self, number: u64) -> Option<&mut Entry> {
        self.entries.get_mut(&number)
    }

    /// How many were acknowledged.
    pub fn recorded(&self) -> u64 {
        self.recorded
    }

    /// All, by number.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.iter().map(|(number, entry)| (*number, entry))
    }
}

/// The label of a write.
pub fn label(number: u64) -> String {
    format!("write {number}")
}
