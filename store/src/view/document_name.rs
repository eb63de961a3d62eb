//! The name of a document, and what the register of its cell holds for it.

use tandem_protocol::document::{DocumentId, DocumentKind, DocumentWrite};
use tandem_protocol::schema::ColumnId;
use tandem_protocol::value::Value;

/// The name of one document of one cell.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct DocumentName {
    pub table: i64,
    pub key: Vec<u8>,
    pub column: ColumnId,
    pub id: DocumentId,
}

/// The id that a document column's register holds; `None` for NULL.
pub(super) fn id_of(value: &Value) -> Option<DocumentId> {
    match value {
        Value::Blob(bytes) => Some(DocumentId(bytes.as_slice().try_into().ok()?)),
        _ => None,
    }
}

/// What the register of a cell holds that one insert gave this text.
pub(super) fn register_value(kind: DocumentKind, text: &Value) -> Value {
    match text {
        Value::Text(text) => {
            DocumentWrite::Create(DocumentId::of(kind, text, None), String::new()).register_value()
        }
        other => other.clone(),
    }
}
