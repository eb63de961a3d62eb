//! A column's declared type, as the oracle knows it: how it is spelled on either side.

use std::fmt;

/// A declared type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Integer,
    Real,
    Text,
    Blob,
    Boolean,
    Uuid,
    Date,
    Time,
    Timestamp,
    /// Digits in all, and after the point.
    Decimal(usize, usize),
    /// A counter of whole numbers.
    Counter,
    /// A counter with digits after the point.
    Money(usize, usize),
    RichText,
    Json,
    Stamp,
    Quiet,
    External,
}

impl Kind {
    /// All kinds that a column may be drawn from.
    pub const ALL: [Kind; 23] = [
        Kind::Integer,
        Kind::Integer,
        Kind::Real,
        Kind::Text,
        Kind::Text,
        Kind::Blob,
        Kind::Boolean,
        Kind::Uuid,
        Kind::Date,
        Kind::Time,
        Kind::Timestamp,
        Kind::Decimal(10, 2),
        Kind::Decimal(5, 2),
        Kind::Decimal(9, 0),
        Kind::Decimal(15, 4),
        Kind::Decimal(38, 10),
        Kind::Counter,
        Kind::Money(10, 2),
        Kind::RichText,
        Kind::Json,
        Kind::Stamp,
        Kind::Quiet,
        Kind::External,
    ];

    /// The type of the plain column: what the docs say the view shows.
    pub fn plain(self) -> &'static str {
        match self {
            Kind::Integer | Kind::Boolean | Kind::Counter => "INTEGER",
            kind if kind.is_long() => "ANY",
            Kind::Real | Kind::Decimal(..) | Kind::Money(..) => "REAL",
            Kind::Blob => "BLOB",
            _ => "TEXT",
        }
    }

    /// Whether it is a number of more digits than floating point has.
    pub fn is_long(self) -> bool {
        matches!(self, Kind::Decimal(16.., _) | Kind::Money(16.., _))
    }

    /// Whether what is written may be changed into a canonical form, or refused for its content.
    pub fn has_form(self) -> bool {
        !matches!(
            self,
            Kind::Integer
                | Kind::Text
                | Kind::Quiet
                | Kind::RichText
                | Kind::External
                | Kind::Blob
                | Kind::Counter
        )
    }

    /// Whether a text compared with the column is made canonical first.
    pub fn compared_in_form(self) -> bool {
        matches!(self, Kind::Uuid | Kind::Date | Kind::Time | Kind::Timestamp)
    }

    /// Whether it counts: SQL may calculate with it.
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Kind::Integer | Kind::Real | Kind::Decimal(..) | Kind::Counter | Kind::Money(..) | Kind::Boolean
        )
    }

    /// Whether its sums are exact in any order.
    pub fn is_whole(self) -> bool {
        matches!(self, Kind::Integer | Kind::Counter | Kind::Boolean)
    }

    /// Whether it is any text.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Text | Kind::Quiet | Kind::RichText | Kind::External)
    }

    /// Whether it may be UNIQUE, or refer to another table.
    pub fn may_be_unique(self) -> bool {
        !matches!(
            self,
            Kind::Real
                | Kind::Counter
                | Kind::Money(..)
                | Kind::RichText
                | Kind::Json
                | Kind::Stamp
                | Kind::Quiet
        )
    }

    /// What of the meaning it needs, to be left out while that is not built.
    pub fn feature(self) -> Option<&'static str> {
        match self {
            kind if kind.is_long() => Some("wide"),
            Kind::Decimal(..) | Kind::Money(..) => Some("decimals"),
            Kind::Stamp => Some("stamps"),
            Kind::Json => Some("json"),
            Kind::Counter => Some("counters"),
            kind if kind.compared_in_form() => Some("forms"),
            _ => None,
        }
    }

    /// Its name, as a text of SQL.
    pub fn quoted(self) -> String {
        format!("'{}'", self.to_string().replace('\'', "''"))
    }

    /// Reads back what [`fmt::Display`] wrote.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.to_string() == name)
    }
}

/// As tandem's DDL spells it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Decimal(p, s) => write!(f, "DECIMAL({p},{s})"),
            Kind::Money(p, s) => write!(f, "COUNTER({p},{s})"),
            Kind::External => f.write_str("EXTERNAL('int4range')"),
            other => f.write_str(&format!("{other:?}").to_ascii_uppercase()),
        }
    }
}
