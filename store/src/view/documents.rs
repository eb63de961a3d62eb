//! The documents of RICHTEXT and JSON cells, as the view keeps them: each as one compact part,
//! followed by the changes since. Rows that one insert wrote need none: their document follows
//! from the text in the view.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension, params};
use tandem_protocol::document::{Document, DocumentId, DocumentKind, DocumentWrite};
use tandem_protocol::identity::Author;
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Mode;
use tandem_protocol::schema::ColumnId;
use tandem_protocol::value::Value;

use super::document_name::{DocumentName, id_of};
use super::row_entry::RowEntry;
use super::table::ViewTable;
use super::{ViewError, ViewResult};

/// Changes kept beside a compact document. More cost more to load than to write it anew.
const PARTS: i64 = 64;

/// RowEntry documents kept at hand.
const LOADED: usize = 64;

struct LoadedDocument {
    document: Document,
    /// Number of the next part.
    next: i64,
    /// Bytes of all parts.
    bytes: usize,
}

/// Bytes of contents kept at hand: a cell with many versions asks for all of them at each edit.
const CONTENT_BYTES: usize = 8 << 20;

/// Documents at hand.
#[derive(Default)]
pub(super) struct Documents {
    loaded: HashMap<DocumentName, LoadedDocument>,
    /// What they contain.
    contents: HashMap<DocumentName, String>,
    content_bytes: usize,
    /// Those that the group at hand has changed.
    undecided: HashSet<DocumentName>,
}

impl Documents {
    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forgets what may be rolled back: what the group at hand has changed.
    pub(super) fn forget_undecided(&mut self) {
        for name in &self.undecided {
            self.loaded.remove(name);
            self.contents.remove(name);
        }
    }

    /// The group at hand is committed.
    pub(super) fn decide(&mut self) {
        self.undecided.clear();
    }

    fn change(&mut self, name: &DocumentName) {
        self.contents.remove(name);
        if !self.undecided.contains(name) {
            self.undecided.insert(name.clone());
        }
    }

    fn entry(
        &mut self,
        connection: &Connection,
        kind: DocumentKind,
        name: &DocumentName,
    ) -> ViewResult<Option<&mut LoadedDocument>> {
        if !self.loaded.contains_key(name) {
            let sql = "SELECT part, bytes FROM _tandem_documents \
                       WHERE tbl = ?1 AND key = ?2 AND col = ?3 AND doc = ?4 ORDER BY part";
            let mut statement = connection.prepare_cached(sql)?;
            let column = name.column.0;
            let mut rows = statement.query(params![name.table, name.key, column, name.id.0])?;
            let (mut bytes, mut next) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                next = row.get::<_, i64>(0)? + 1;
                bytes.extend_from_slice(row.get_ref(1)?.as_blob().unwrap_or_default());
            }
            if next == 0 {
                return Ok(None);
            }
            let document = Document::load(kind, name.id, &bytes)
                .map_err(|_| ViewError::Inconsistent("a document that cannot be read"))?;
            if self.loaded.len() >= LOADED {
                self.loaded.clear();
            }
            let bytes = bytes.len();
            assert!(self.loaded.len() < LOADED, "documents at hand are few");
            self.loaded.insert(name.clone(), LoadedDocument { document, next, bytes });
        }
        Ok(self.loaded.get_mut(name))
    }

    /// Whether the cell ever had this document, as far as the view keeps it.
    pub(super) fn has(&self, connection: &Connection, name: &DocumentName) -> ViewResult<bool> {
        let sql = "SELECT 1 FROM _tandem_documents WHERE tbl = ?1 AND key = ?2 AND col = ?3 AND doc = ?4";
        let column = name.column.0;
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement
            .query_row(params![name.table, name.key, column, name.id.0], |_| Ok(()))
            .optional()?
            .is_some())
    }

    /// Keeps a document with its first content, unless it is there.
    pub(super) fn create(
        &mut self,
        connection: &Connection,
        kind: DocumentKind,
        name: &DocumentName,
        content: &str,
    ) -> ViewResult<()> {
        if self.has(connection, name)? {
            return Ok(());
        }
        self.change(name);
        let mut document = Document::create(kind, name.id, content);
        let whole = document.save();
        debug_assert!(
            Document::load(kind, name.id, &whole).is_ok(),
            "a document that is stored can be loaded"
        );
        put_part(connection, name, 0, &whole)
    }

    /// What a document contains; `None` if it is not kept.
    pub(super) fn content(
        &mut self,
        connection: &Connection,
        kind: DocumentKind,
        name: &DocumentName,
    ) -> ViewResult<Option<String>> {
        if let Some(content) = self.contents.get(name) {
            return Ok(Some(content.clone()));
        }
        let Some(content) = self.entry(connection, kind, name)?.map(|entry| entry.document.content()) else {
            return Ok(None);
        };
        self.content_bytes += content.len();
        if self.content_bytes > CONTENT_BYTES {
            self.contents.clear();
            self.content_bytes = content.len();
        }
        self.contents.insert(name.clone(), content.clone());
        Ok(Some(content))
    }

    /// Bytes a document takes with all that ever happened to it.
    pub(super) fn bytes(
        &mut self,
        connection: &Connection,
        kind: DocumentKind,
        name: &DocumentName,
    ) -> ViewResult<usize> {
        Ok(self.entry(connection, kind, name)?.map_or(0, |entry| entry.bytes))
    }

    /// Takes in a change. One that is none, or of a document that nobody made, changes nothing.
    pub(super) fn apply(
        &mut self,
        connection: &Connection,
        kind: DocumentKind,
        name: &DocumentName,
        author: Author,
        change: &[u8],
    ) -> ViewResult<()> {
        self.change(name);
        let Some(entry) = self.entry(connection, kind, name)? else { return Ok(()) };
        match entry.document.apply(author, change) {
            Ok(()) => self.append(connection, name, change),
            Err(_not_a_change) => Ok(()),
        }
    }

    /// Gives a document another content; returns the change. `None`: it cannot take this content
    /// (it is full), or nothing would change.
    pub(super) fn edit(
        &mut self,
        connection: &Connection,
        kind: DocumentKind,
        name: &DocumentName,
        author: Author,
        content: &str,
    ) -> ViewResult<Option<Vec<u8>>> {
        self.change(name);
        let Some(entry) = self.entry(connection, kind, name)? else { return Ok(None) };
        let change = entry.document.edit(author, content);
        if let Some(change) = &change {
            self.append(connection, name, change)?;
        }
        Ok(change)
    }

    fn append(&mut self, connection: &Connection, name: &DocumentName, change: &[u8]) -> ViewResult<()> {
        debug_assert!(self.undecided.contains(name), "a document that changes can be taken back");
        let Some(entry) = self.loaded.get_mut(name) else { return Ok(()) };
        if entry.next < PARTS {
            put_part(connection, name, entry.next, change)?;
            entry.next += 1;
            entry.bytes += change.len();
            return Ok(());
        }
        let sql = "DELETE FROM _tandem_documents WHERE tbl = ?1 AND key = ?2 AND col = ?3 AND doc = ?4";
        let column = name.column.0;
        connection.prepare_cached(sql)?.execute(params![name.table, name.key, column, name.id.0])?;
        let whole = entry.document.save();
        put_part(connection, name, 0, &whole)?;
        (entry.next, entry.bytes) = (1, whole.len());
        Ok(())
    }
}

fn put_part(connection: &Connection, name: &DocumentName, part: i64, bytes: &[u8]) -> ViewResult<()> {
    let sql =
        "INSERT INTO _tandem_documents (tbl, key, col, doc, part, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let column = name.column.0;
    connection.prepare_cached(sql)?.execute(params![name.table, name.key, column, name.id.0, part, bytes])?;
    Ok(())
}

impl Documents {
    /// Keeps the documents of a row that so far only its text in the view told of, where that text
    /// is about to be no longer enough.
    pub(super) fn keep_inserted(
        &mut self,
        connection: &Connection,
        table: &ViewTable,
        key: &[u8],
        row: &RowEntry,
    ) -> ViewResult<()> {
        for at in table.documents.iter().filter(|at| !row.is_as_inserted(table, **at)) {
            if let Some(text) = row.inserted_text(*at) {
                self.create_from(connection, table, key, *at, text)?;
            }
        }
        Ok(())
    }

    /// Keeps the document that the base of a row wrote to one column.
    pub(super) fn create_from(
        &mut self,
        connection: &Connection,
        table: &ViewTable,
        key: &[u8],
        at: usize,
        text: &str,
    ) -> ViewResult<()> {
        let Some(kind) = table.def.columns[at].kind.document_kind() else { return Ok(()) };
        let name = table.document(key, at, DocumentId::of(kind, text, None));
        self.create(connection, kind, &name, text)
    }
}

impl Documents {
    /// What a document column shows, given what its register holds.
    pub(super) fn value(
        &mut self,
        connection: &Connection,
        table: &ViewTable,
        key: &[u8],
        row: &RowEntry,
        at: usize,
        held: &Value,
    ) -> ViewResult<Value> {
        let column = &table.def.columns[at];
        let (Some(kind), Some(id)) = (column.kind.document_kind(), id_of(held)) else {
            // NULL, or the column's default.
            return Ok(held.clone());
        };
        if let Some(text) = self.content(connection, kind, &table.document(key, at, id))? {
            return Ok(Value::Text(text));
        }
        let of_base = |text: &&str| DocumentId::of(kind, text, None) == id;
        Ok(row.inserted_text(at).filter(of_base).map_or(Value::Null, |text| Value::Text(text.to_owned())))
    }

    /// Takes the document writes of a row in, and puts what the registers are to hold in their name.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        (table, key, row): (&ViewTable, &[u8], &RowEntry),
        cells: Vec<(ColumnId, Mode, Value)>,
        by: WriteId,
    ) -> ViewResult<Vec<(ColumnId, Mode, Value)>> {
        if table.documents.is_empty() {
            return Ok(cells);
        }
        let dot = by.dot();
        let mut taken = Vec::with_capacity(cells.len());
        for (id, mode, value) in cells {
            let at = table.ids.iter().position(|known| *known == id);
            let kind = at.map(|at| (at, table.def.columns[at].kind));
            let write = kind.and_then(|(at, kind)| {
                Some((at, kind.document_kind()?, DocumentWrite::read(kind, mode, &value, dot)?))
            });
            let Some((at, kind, write)) = write else {
                taken.push((id, mode, value));
                continue;
            };
            taken.push((id, Mode::Set, write.register_value()));
            if let Some(text) = row.inserted_text(at) {
                self.create_from(connection, table, key, at, text)?;
            }
            match write {
                DocumentWrite::Null => {}
                DocumentWrite::Create(document, content) => {
                    self.create(connection, kind, &table.document(key, at, document), &content)?;
                }
                DocumentWrite::Change(document, change) if !change.is_empty() => {
                    self.apply(connection, kind, &table.document(key, at, document), by.author, &change)?;
                }
                DocumentWrite::Change(..) => {}
            }
        }
        Ok(taken)
    }
}
