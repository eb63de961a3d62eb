//! What an op does to a document column.

use super::{DocumentId, DocumentKind, canonical_json};
use crate::bounds;
use crate::op::Mode;
use crate::schema::ColumnType;
use crate::value::Value;
use crate::version::Dot;

/// What a write of a document column does.
#[derive(Clone, PartialEq, Debug)]
pub enum DocumentWrite {
    /// The cell becomes NULL.
    Null,
    /// The cell becomes a document of this content.
    Create(DocumentId, String),
    /// The cell names this document, which takes in the change (none if empty).
    Change(DocumentId, Vec<u8>),
}

impl DocumentWrite {
    /// Reads what an op says. `None`: it makes no sense for such a column.
    pub fn read(kind: ColumnType, mode: Mode, value: &Value, dot: Dot) -> Option<Self> {
        let kind = kind.document_kind()?;
        match (mode, value) {
            (Mode::Set, Value::Null) => Some(Self::Null),
            (Mode::Set | Mode::Fresh, Value::Text(content)) => {
                let salt = (mode == Mode::Fresh).then_some(dot);
                is_content(kind, content)
                    .then(|| Self::Create(DocumentId::of(kind, content, salt), content.clone()))
            }
            (Mode::Change, Value::Blob(bytes)) => {
                let (id, change) = bytes.split_first_chunk::<16>()?;
                (change.len() <= bounds::DOCUMENT_CHANGE_BYTES)
                    .then(|| Self::Change(DocumentId(*id), change.to_vec()))
            }
            _ => None,
        }
    }

    /// What the cell's register holds: the document's id as a blob, or NULL.
    pub fn register_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Create(id, _) | Self::Change(id, _) => Value::Blob(id.0.to_vec()),
        }
    }

    /// What the op of a change says.
    pub fn change_value(id: DocumentId, change: &[u8]) -> Value {
        Value::Blob([&id.0[..], change].concat())
    }
}

/// Whether a document can be created with this content: in bounds, and for JSON canonical.
fn is_content(kind: DocumentKind, content: &str) -> bool {
    content.len() <= bounds::DOCUMENT_BYTES
        && match kind {
            DocumentKind::RichText => true,
            DocumentKind::Json => canonical_json(content).is_ok_and(|canonical| canonical == content),
        }
}
