//! Declared column types: what a cell may hold, and what concurrent edits of it mean.

use std::fmt;

use bincode::{Decode, Encode};

use super::external::ExternalType;
use crate::decimal::DIGITS;
use crate::document::DocumentKind;

/// The declared type of a column: what its cells may hold, and how edits of them merge.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub enum ColumnType {
    /// 64-bit integer.
    Integer,
    /// 64-bit floating point; NaN and infinities are refused, -0.0 becomes 0.0.
    Real,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Blob,
    /// 0 or 1.
    Boolean,
    /// Canonical UUID text.
    Uuid,
    /// `2025-01-31`.
    Date,
    /// `08:00:00`, `08:00:00.500000`.
    Time,
    /// `2025-01-31 08:00:00`, `2025-01-31 08:00:00.500000`, in UTC.
    Timestamp,
    /// Exact decimal, at most 38 digits, `scale` of them after the point.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// A sum of deltas; exact, `scale` digits after the point.
    Counter {
        /// Digits in all; 0 for a counter of 64-bit integers.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Text merged character by character.
    RichText,
    /// A JSON document merged key by key.
    Json,
    /// A time of last change: the greatest is shown.
    Stamp,
    /// Text whose concurrent edits are not worth telling.
    Quiet,
    /// A value of a type that another database has and tandem has not, as the text that it is there.
    External(ExternalType),
}

/// How concurrent edits of a cell merge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MergeKind {
    /// The latest concurrent write is shown, the others are an open conflict.
    Register,
    /// Offset and sum of deltas.
    Counter,
    /// The greatest value is shown.
    Stamp,
    /// As a register, without conflicts.
    Quiet,
    /// A register of document identities; edits of one document merge.
    Document,
}

/// How the view stores a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Storage {
    /// SQLite INTEGER.
    Integer,
    /// SQLite REAL.
    Real,
    /// SQLite TEXT.
    Text,
    /// SQLite BLOB.
    Blob,
    /// SQLite TEXT: the digits of a number that neither REAL nor INTEGER holds exactly.
    Digits,
}

impl ColumnType {
    /// All types; those with digits, and the one with a name, stand for all of their kind.
    pub const ALL: [Self; 16] = [
        Self::Integer,
        Self::Real,
        Self::Text,
        Self::Blob,
        Self::Boolean,
        Self::Uuid,
        Self::Date,
        Self::Time,
        Self::Timestamp,
        Self::Decimal { precision: 9, scale: 2 },
        Self::COUNTER,
        Self::RichText,
        Self::Json,
        Self::Stamp,
        Self::Quiet,
        Self::External(ExternalType::of("int4range")),
    ];

    /// The type that is declared so, also as other databases spell what means the same here. Of
    /// [`Self::External`] the name is no word of SQL: [`super::ddl`] reads it.
    pub(super) fn declared(text: &str) -> Option<Self> {
        let (words, numbers) = words_and_numbers(text)?;
        let exact = || match numbers.as_slice() {
            [precision] if (1..=DIGITS).contains(precision) => Some((*precision, 0)),
            [precision, scale] if (1..=DIGITS).contains(precision) && scale <= precision => {
                Some((*precision, *scale))
            }
            _ => None,
        };
        Some(match (words.as_str(), numbers.as_slice()) {
            ("TINYINT" | "BIT", [1]) => Self::Boolean,
            // What stands in parentheses is how wide it is printed.
            ("INTEGER" | "INT" | "BIGINT" | "SMALLINT" | "MEDIUMINT" | "TINYINT", [] | [_]) => Self::Integer,
            ("INT2" | "INT4" | "INT8" | "SERIAL" | "BIGSERIAL" | "SMALLSERIAL", []) => Self::Integer,
            ("REAL" | "DOUBLE" | "DOUBLE PRECISION" | "FLOAT" | "FLOAT8", []) => Self::Real,
            ("TEXT" | "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" | "CLOB", []) => Self::Text,
            ("VARCHAR" | "CHARACTER VARYING" | "NVARCHAR", []) => Self::Text,
            ("BLOB" | "TINYBLOB" | "MEDIUMBLOB" | "LONGBLOB" | "BYTEA", []) => Self::Blob,
            ("BOOLEAN" | "BOOL", []) => Self::Boolean,
            ("UUID", []) => Self::Uuid,
            ("DATE", []) => Self::Date,
            ("TIME" | "TIME WITHOUT TIME ZONE", [] | [0..=6]) => Self::Time,
            ("TIMESTAMP" | "DATETIME" | "TIMESTAMPTZ", [] | [0..=6]) => Self::Timestamp,
            ("TIMESTAMP WITH TIME ZONE" | "TIMESTAMP WITHOUT TIME ZONE", [] | [0..=6]) => Self::Timestamp,
            ("DECIMAL" | "NUMERIC" | "DEC", [_, ..]) => {
                exact().map(|(precision, scale)| Self::Decimal { precision, scale })?
            }
            ("COUNTER", []) => Self::COUNTER,
            ("COUNTER", [_, ..]) => exact().map(|(precision, scale)| Self::Counter { precision, scale })?,
            ("RICHTEXT", []) => Self::RichText,
            ("JSON" | "JSONB", []) => Self::Json,
            ("STAMP", []) => Self::Stamp,
            ("QUIET", []) => Self::Quiet,
            _ => return None,
        })
    }

    /// How concurrent edits merge.
    pub fn merge_kind(self) -> MergeKind {
        match self {
            Self::Counter { .. } => MergeKind::Counter,
            Self::Stamp => MergeKind::Stamp,
            Self::Quiet => MergeKind::Quiet,
            Self::RichText | Self::Json => MergeKind::Document,
            Self::Integer | Self::Real | Self::Text | Self::Blob | Self::Boolean => MergeKind::Register,
            Self::Uuid | Self::Date | Self::Time | Self::Timestamp => MergeKind::Register,
            Self::Decimal { .. } | Self::External(_) => MergeKind::Register,
        }
    }

    /// What kind of document its cells refer to, if any.
    pub fn document_kind(self) -> Option<DocumentKind> {
        match self {
            Self::RichText => Some(DocumentKind::RichText),
            Self::Json => Some(DocumentKind::Json),
            _ => None,
        }
    }

    /// Whether its values stay as they are, so that a row can be named by one.
    pub fn may_be_key(self) -> bool {
        !matches!(
            self,
            Self::Counter { .. } | Self::RichText | Self::Json | Self::Stamp | Self::Quiet | Self::Real
        )
    }

    /// Whether its digits are ones that can be declared.
    pub fn has_sound_digits(self) -> bool {
        match self {
            Self::COUNTER => true,
            Self::Decimal { precision, scale } | Self::Counter { precision, scale } => {
                (1..=DIGITS).contains(&precision) && scale <= precision
            }
            _ => true,
        }
    }

    /// How the view stores it.
    pub fn storage(self) -> Storage {
        match self {
            Self::Integer | Self::Boolean => Storage::Integer,
            Self::Real => Storage::Real,
            Self::Decimal { .. } | Self::Counter { .. } => self.number_storage(),
            Self::Blob => Storage::Blob,
            Self::Text | Self::Uuid | Self::Date | Self::Time | Self::Timestamp => Storage::Text,
            Self::RichText | Self::Json | Self::Stamp | Self::Quiet | Self::External(_) => Storage::Text,
        }
    }

    /// Whether any text is a value of it, as it is.
    pub fn holds_any_text(self) -> bool {
        match self {
            Self::Text | Self::RichText | Self::Quiet | Self::External(_) => true,
            Self::Integer | Self::Real | Self::Blob | Self::Boolean | Self::Json => false,
            Self::Uuid | Self::Date | Self::Time | Self::Timestamp | Self::Stamp => false,
            Self::Decimal { .. } | Self::Counter { .. } => false,
        }
    }

    /// Whether its values are texts of one canonical form.
    pub fn has_text_form(self) -> bool {
        matches!(self, Self::Uuid | Self::Date | Self::Time | Self::Timestamp | Self::Stamp)
    }
}

/// The words of a type's declaration, and the numbers in its parentheses.
fn words_and_numbers(text: &str) -> Option<(String, Vec<u8>)> {
    let upper = text.to_ascii_uppercase();
    let Some((before, rest)) = upper.split_once('(') else {
        return Some((upper.trim().to_owned(), Vec::new()));
    };
    let (list, behind) = rest.split_once(')')?;
    let numbers: Option<Vec<u8>> = list.split(',').map(|part| part.trim().parse().ok()).collect();
    Some((format!("{} {}", before.trim(), behind.trim()).trim().to_owned(), numbers?))
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { precision, scale } => write!(f, "DECIMAL({precision},{scale})"),
            Self::Counter { precision: 0, .. } => f.write_str("COUNTER"),
            Self::Counter { precision, scale } => write!(f, "COUNTER({precision},{scale})"),
            Self::Integer => f.write_str("INTEGER"),
            Self::Real => f.write_str("REAL"),
            Self::Text => f.write_str("TEXT"),
            Self::Blob => f.write_str("BLOB"),
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::Uuid => f.write_str("UUID"),
            Self::Date => f.write_str("DATE"),
            Self::Time => f.write_str("TIME"),
            Self::Timestamp => f.write_str("TIMESTAMP"),
            Self::RichText => f.write_str("RICHTEXT"),
            Self::Json => f.write_str("JSON"),
            Self::Stamp => f.write_str("STAMP"),
            Self::Quiet => f.write_str("QUIET"),
            Self::External(external) => external.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ddl::{DdlError, plan};
    use super::super::{Schema, SchemaOp};
    use super::*;
    use crate::codec;

    #[test]
    fn every_type_is_listed_and_is_called_as_it_is_declared() {
        let names: std::collections::BTreeSet<String> =
            ColumnType::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), ColumnType::ALL.len());
        for kind in ColumnType::ALL {
            let sql = format!("CREATE TABLE t (id INTEGER PRIMARY KEY, c {kind});");
            let ops = plan(&sql, &Schema::default()).unwrap();
            let [SchemaOp::CreateTable(table)] = &ops[..] else { panic!("{ops:?}") };
            assert_eq!(table.columns[1].kind, kind);
            // A type that is added is to be listed, too: nothing else here would tell.
            match kind {
                ColumnType::Integer | ColumnType::Real | ColumnType::Text | ColumnType::Blob => {}
                ColumnType::Boolean | ColumnType::Uuid | ColumnType::Date | ColumnType::Time => {}
                ColumnType::Timestamp | ColumnType::Decimal { .. } | ColumnType::Counter { .. } => {}
                ColumnType::RichText | ColumnType::Json | ColumnType::Stamp | ColumnType::Quiet => {}
                ColumnType::External(_) => {}
            }
        }
    }

    /// Whoever declares a column looks there; whoever reads bytes finds its number here.
    #[test]
    fn every_type_is_in_the_documents_and_in_what_an_unknown_one_is_answered() {
        let schema = include_str!("../../../docs/schema.md");
        let formats =
            include_str!("../../../docs/formats.md").split_whitespace().collect::<Vec<_>>().join(" ");
        let answer = DdlError::UnknownType { column: String::new(), found: String::new() }.to_string();
        for (number, kind) in ColumnType::ALL.into_iter().enumerate() {
            let told = kind.to_string();
            let name = told.split('(').next().unwrap();
            assert!(schema.contains(&format!("| `{name}")), "docs/schema.md does not list {name}");
            assert!(formats.contains(&format!("{number} {name}")), "docs/formats.md: {number} {name}");
            assert!(answer.contains(name), "{name} is not in: {answer}");
            assert_eq!(codec::encode(&kind)[0], number as u8, "{name}");
        }
    }
}
