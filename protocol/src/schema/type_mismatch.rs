//! Why a value is none of its column's type.

use super::column_type::ColumnType;
use crate::bounds;
use crate::document::JsonError;

/// A value that its column's type does not allow.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{value} is not a valid {kind}{}", .reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
pub struct TypeMismatch {
    /// The value as given; of a long one, its beginning.
    pub value: Box<str>,
    /// The declared type.
    pub kind: ColumnType,
    /// What is wrong with it, where the type does not say it all.
    pub reason: Option<Box<MismatchReason>>,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MismatchReason {
    /// It is larger than [`bounds::DOCUMENT_BYTES`].
    #[error("{0} bytes, more than {most}; keep it in a file", most = bounds::DOCUMENT_BYTES)]
    TooLarge(usize),
    /// It came as floating point, which keeps fewer digits than it has.
    #[error("floating point keeps 15 digits; give it as text, or add with decimal_add()")]
    Imprecise,
    /// It is not JSON that every program reads in the same way.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is a time with more than microseconds, and nothing is cut without a word.
    #[error("at most six digits after the point, microseconds, can be kept")]
    TooFine,
}

/// Characters of a refused text that a message repeats.
const QUOTED: usize = 40;

impl TypeMismatch {
    /// That a text, which may be long, is no value of that type.
    pub(super) fn of_text(kind: ColumnType, text: &str, reason: MismatchReason) -> Self {
        let mut value: String = text.chars().take(QUOTED).collect();
        value.push_str(if value.len() < text.len() { "…" } else { "" });
        Self { value: value.into(), kind, reason: Some(Box::new(reason)) }
    }
}
