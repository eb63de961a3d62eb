//! One value of a row.

use serde::Serialize;

use crate::amount::Amount;
use crate::calendar::{Day, Moment};
use crate::uuid::Uuid;

/// One value of a row, as a parameter of an SQL statement.
///
/// Serialises to a plain JSON scalar. Booleans are the integers 0 and 1;
/// decimals, dates, times and UUIDs are text, so nothing is rounded on the way.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// SQL's NULL.
    Null,
    /// A whole number, an id, or a boolean.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, or anything written as text.
    Text(String),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Cell::Integer(value)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Cell::Integer(value.into())
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Cell::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Cell::Text(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

macro_rules! shown_as_text {
    ($($kind:ty),+) => {
        $(impl From<$kind> for Cell {
            fn from(value: $kind) -> Self {
                Cell::Text(value.to_string())
            }
        })+
    };
}

shown_as_text!(Amount, Day, Moment, Uuid);
