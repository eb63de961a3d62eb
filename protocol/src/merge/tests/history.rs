//! Writes of one row as transactions carry them, and what a site makes of them.

use std::collections::BTreeMap;

use crate::chain::Branches;
use crate::conflict::Conflict;
use crate::document::{Document, DocumentId, DocumentWrite};
use crate::identity::Author;
use crate::merge::{RowState, WriteId};
use crate::op::RowGroup;
use crate::schema::{ColumnDef, ColumnId, Schema, TableDef, ddl};
use crate::transaction::{Basis, Header};
use crate::value::Value;
use crate::version::{Dot, Head, VersionVector};

/// The key of the only row.
pub(super) const KEY: &[u8] = b"the row";

/// One transaction, and the one row it writes. The header's context is all that its author held of
/// others.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub header: Header,
    pub group: RowGroup,
}

impl Write {
    pub(super) fn by(&self) -> WriteId {
        WriteId { time_ms: self.group.time(0, self.header.time_ms), ..self.header.write_id() }
    }

    /// What its writer had seen, and its own past where that counts.
    pub(super) fn basis(&self) -> Basis<'_> {
        match &self.header.basis {
            Some(seen) => Basis { seen, own: None },
            None => Basis {
                seen: &self.header.context,
                own: Some((self.header.dot.chain(), self.header.dot.seq - 1)),
            },
        }
    }

    pub(super) fn knows(&self, other: &Self) -> bool {
        self.basis().covers(&other.header.dot)
    }
}

pub(super) fn author(number: u8) -> Author {
    Author([number; 32])
}

pub(super) fn vector(dots: impl IntoIterator<Item = Dot>) -> VersionVector {
    let heads = dots.into_iter().map(|dot| (dot.chain(), Head { seq: dot.seq, prefix: [0; 16] }));
    VersionVector::of(heads, &Branches::NONE)
}

pub(super) fn header(by: u8, seq: u64, time_ms: i64) -> Header {
    Header {
        dot: Dot::new(author(by), seq),
        time_ms,
        context: VersionVector::default(),
        basis: None,
        key: None,
        by: None,
        message: None,
    }
}

pub(super) fn table(sql: &str) -> TableDef {
    let mut schema = Schema::default();
    schema.add_next(&ddl::plan(sql, &schema).unwrap());
    schema.rejudge();
    schema.tables().next().unwrap().shown.clone()
}

/// What a row's registers show.
pub(super) fn values(table: &TableDef, state: &RowState) -> Vec<Value> {
    let ids: Vec<ColumnId> = table.columns.iter().map(ColumnDef::id).collect();
    state.shown(table, &ids)
}

/// What a site holds of the row.
#[derive(Clone, Default)]
pub(super) struct Replica {
    pub state: RowState,
    pub documents: BTreeMap<(ColumnId, DocumentId), Document>,
}

impl Replica {
    pub(super) fn of<'a>(table: &TableDef, writes: impl IntoIterator<Item = &'a Write>) -> Self {
        let mut replica = Self::default();
        writes.into_iter().for_each(|write| replica.take(table, write));
        replica
    }

    pub(super) fn take(&mut self, table: &TableDef, write: &Write) {
        let mut cells = Vec::new();
        for (at, value) in write.group.row(0) {
            let column = table.columns.iter().find(|column| column.id() == at.id).unwrap();
            assert!(column.kind.holds(at.mode, value), "{} {:?} {value}", column.kind, at.mode);
            let document = DocumentWrite::read(column.kind, at.mode, value, write.header.dot);
            let value = match &document {
                Some(document) => {
                    self.take_document(column, document, write);
                    document.register_value()
                }
                None => value.clone(),
            };
            cells.push((at.id, at.mode, value));
        }
        let cells = cells.iter().map(|(id, mode, value)| (*id, *mode, value));
        self.state.apply(write.group.action, cells, write.by(), &write.basis());
    }

    fn take_document(&mut self, column: &ColumnDef, document: &DocumentWrite, write: &Write) {
        let Some(kind) = column.kind.document_kind() else { return };
        match document {
            DocumentWrite::Null => {}
            DocumentWrite::Create(id, content) => {
                let create = || Document::create(kind, *id, content);
                self.documents.entry((column.id(), *id)).or_insert_with(create);
            }
            DocumentWrite::Change(id, change) => {
                let document = self.documents.get_mut(&(column.id(), *id)).unwrap();
                document.apply(write.header.dot.author, change).unwrap();
            }
        }
    }

    /// The document a cell shows.
    pub(super) fn document(&self, column: &ColumnDef) -> Option<(DocumentId, &Document)> {
        let shown = self.state.cells.get(&column.id())?.set.shown()?.value.value().unwrap();
        let id = id_of(&shown)?;
        Some((id, &self.documents[&(column.id(), id)]))
    }

    /// The value a cell shows, a document's being its content.
    pub(super) fn shown(&self, table: &TableDef, column: &ColumnDef) -> Value {
        let at = table.columns.iter().position(|known| known.name == column.name).unwrap();
        self.content(column, &values(table, &self.state)[at])
    }

    fn content(&self, column: &ColumnDef, held: &Value) -> Value {
        match column.kind.document_kind().and_then(|_| id_of(held)) {
            Some(id) => Value::Text(self.documents[&(column.id(), id)].content()),
            None => held.clone(),
        }
    }

    pub(super) fn conflicts(&self, table: &TableDef, is_shown: bool) -> Vec<Conflict> {
        self.state.conflicts(table, KEY, is_shown, &mut |column, held| self.content(column, held))
    }
}

fn id_of(held: &Value) -> Option<DocumentId> {
    match held {
        Value::Blob(id) => Some(DocumentId(id.as_slice().try_into().unwrap())),
        _ => None,
    }
}
