//! What was declared and cannot count yet.

use super::place::OpPlace;

/// Something declared that needs what is not there yet.
#[derive(Clone, PartialEq, Debug)]
pub struct Waiting {
    /// The op that declares it.
    pub at: OpPlace,
    /// What it is, in SQL words.
    pub what: String,
    /// What it waits for.
    pub reason: WaitReason,
}

/// What something declared waits for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum WaitReason {
    /// A table that nobody declared yet.
    #[error("a table that is not there yet")]
    NoTable,
    /// A column that is not there, or not shown in the definition that is meant.
    #[error("the column {0}, which is not shown")]
    NoColumn(String),
    /// A function that a newer program knows.
    #[error("the function {0}, which a newer program knows")]
    NoFunction(String),
    /// A column that not every declaration of the table has.
    #[error("a table whose every declaration has the column: rows are entered elsewhere without it")]
    NotInAll,
    /// A rule that no two rows there share what is referred to.
    #[error("a PRIMARY KEY or UNIQUE ({0}) of that table")]
    NotUnique(String),
    /// One that says the same but for what a deletion does.
    #[error("room: the same is declared with another ON DELETE")]
    OtherAction,
    /// Its name, by which a table is called.
    #[error("its name: a table is called so")]
    NameTaken,
    /// More are declared than a bound allows.
    #[error("room: there are {0} already")]
    TooMany(usize),
}

impl WaitReason {
    /// Whether anybody can still bring what is waited for. What a declaration does not have, it never gets.
    pub fn can_end(&self) -> bool {
        !matches!(self, Self::NotInAll | Self::OtherAction)
    }
}
