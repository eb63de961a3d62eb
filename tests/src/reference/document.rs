//! A RICHTEXT or JSON cell: a register of documents, each with all the changes ever made to it.

use std::collections::BTreeMap;

use tandem_protocol::document::{Document, DocumentId, DocumentKind, DocumentWrite};
use tandem_protocol::identity::Author;
use tandem_protocol::schema::ColumnType;
use tandem_protocol::value::Value;

use super::cell::{CellWrites, Claim};
use super::siblings::{self, Sibling};
use super::write::Write;

/// The documents of one cell.
struct Documents {
    kind: DocumentKind,
    first: BTreeMap<DocumentId, String>,
    /// Causes before effects.
    changes: Vec<(DocumentId, Author, Vec<u8>)>,
}

/// The siblings of the cell: by what their documents contain.
pub fn siblings(kind: ColumnType, writes: &CellWrites<'_, '_>) -> Vec<Sibling<Claim>> {
    let mut documents = Documents {
        kind: if kind == ColumnType::Json { DocumentKind::Json } else { DocumentKind::RichText },
        first: BTreeMap::new(),
        changes: Vec::new(),
    };
    let mut named: Vec<(&Write<'_>, Option<DocumentId>)> = Vec::new();
    for (write, mode, value) in writes {
        let dot = write.entry.header.dot;
        match DocumentWrite::read(kind, *mode, value, dot) {
            None => {}
            Some(DocumentWrite::Null) => named.push((write, None)),
            Some(DocumentWrite::Create(id, content)) => {
                documents.first.insert(id, content);
                named.push((write, Some(id)));
            }
            Some(DocumentWrite::Change(id, change)) => {
                documents.changes.push((id, dot.author, change));
                named.push((write, Some(id)));
            }
        }
    }
    let claim = |Sibling { by, what }: Sibling<Option<DocumentId>>| {
        let content = what.and_then(|id| documents.content(id)).map_or(Value::Null, Value::Text);
        Sibling { by, what: Claim::plain(&content) }
    };
    siblings::siblings(&named).into_iter().map(claim).collect()
}

impl Documents {
    /// None for a document that nobody created.
    fn content(&self, id: DocumentId) -> Option<String> {
        let mut document = Document::create(self.kind, id, self.first.get(&id)?);
        for (_, author, change) in
            self.changes.iter().filter(|(of, _, change)| *of == id && !change.is_empty())
        {
            // What is no change of this document changes nothing.
            let _refused = document.apply(*author, change);
        }
        Some(document.content())
    }
}
