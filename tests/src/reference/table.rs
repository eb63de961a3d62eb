//! One table: its definition, the ops it understands, and its rows.

use std::collections::BTreeMap;

use tandem_protocol::document::DocumentWrite;
use tandem_protocol::fingerprint::{Fingerprint, RowHasher};
use tandem_protocol::op::{Action, Mode, RowGroup};
use tandem_protocol::schema::{self, ColumnDef, ColumnId, ColumnType, TableDef, TableId};
use tandem_protocol::value::Value;

use super::history::Entry;
use super::row::Row;
use super::write::Write;

/// A shown column.
pub struct Column<'a> {
    pub def: &'a ColumnDef,
    pub id: ColumnId,
    /// For a column of the primary key: its place there.
    pub key_place: Option<usize>,
}

/// A shown table.
pub struct Table<'a> {
    pub id: TableId,
    pub def: &'a TableDef,
    pub columns: Vec<Column<'a>>,
    /// The rows ever written, by [`tandem_protocol::value::Key::to_bytes`].
    pub rows: BTreeMap<Vec<u8>, Row<'a>>,
    declared: &'a schema::Table,
    /// The types of columns that ops named, shown or not; none for one that was never declared.
    kinds: BTreeMap<ColumnId, Option<ColumnType>>,
}

impl<'a> Table<'a> {
    pub fn new(declared: &'a schema::Table) -> Self {
        let def = &declared.shown;
        let column = |column: &'a ColumnDef| Column {
            def: column,
            id: column.id(),
            key_place: def.key.iter().position(|name| name.eq_ignore_ascii_case(&column.name)),
        };
        Self {
            id: declared.id(),
            def,
            columns: def.columns.iter().map(column).collect(),
            rows: BTreeMap::new(),
            declared,
            kinds: BTreeMap::new(),
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.def.name.eq_ignore_ascii_case(name))
    }

    /// Notes all writes of the group, or none of them if it is not understood.
    pub fn take_in(&mut self, group: &'a RowGroup, entry: &'a Entry<'a>) -> bool {
        if !self.understands(group, entry) {
            return false;
        }
        for at in 0..group.rows() {
            let key = group.key(at);
            let write = Write {
                entry,
                time_ms: group.time(at, entry.header.time_ms),
                alive: group.action != Action::Delete,
                cells: group.row(at).map(|(column, value)| (column.id, column.mode, value)).collect(),
            };
            self.rows.entry(key.to_bytes()).or_insert_with(|| Row::new(key)).writes.push(write);
        }
        true
    }

    fn understands(&mut self, group: &RowGroup, entry: &Entry<'_>) -> bool {
        let mut key: Vec<&Column<'_>> =
            self.columns.iter().filter(|column| column.key_place.is_some()).collect();
        key.sort_by_key(|column| column.key_place);
        let fits = |column: &Column<'_>, values: &[Value]| {
            values.iter().all(|value| !value.is_null() && column.def.kind.holds(Mode::Set, value))
        };
        key.len() == group.keys.len()
            && key.iter().zip(&group.keys).all(|(column, values)| fits(column, values))
            && group.columns.iter().zip(&group.cells).all(|(column, values)| {
                let kind = self.kind(column.id);
                kind.is_some_and(|kind| {
                    values.iter().all(|value| makes_sense(kind, column.mode, value, entry))
                })
            })
    }

    fn kind(&mut self, id: ColumnId) -> Option<ColumnType> {
        let declared = self.declared;
        *self.kinds.entry(id).or_insert_with(|| declared.column_by_id(id).map(|column| column.kind))
    }

    /// Says for each row what its writes come to.
    pub fn evaluate(&mut self) {
        let columns = &self.columns;
        self.rows.values_mut().for_each(|row| row.evaluate(columns));
    }

    pub fn miscounted(&self) -> Vec<String> {
        self.rows.values().filter_map(|row| row.miscounted(&self.columns)).collect()
    }

    pub fn shown_rows(&self) -> impl Iterator<Item = &Row<'a>> {
        self.rows.values().filter(|row| row.shown)
    }

    pub fn shown_values(&self) -> Vec<Vec<Value>> {
        self.shown_rows().map(|row| row.values.clone()).collect()
    }

    pub fn fingerprint(&self, hasher: &mut RowHasher) -> Fingerprint {
        let mut hashed: Vec<usize> =
            (0..self.columns.len()).filter(|at| self.columns[*at].key_place.is_none()).collect();
        hashed.sort_by_key(|at| self.columns[*at].id);
        let mut fingerprint = Fingerprint::default();
        for row in self.shown_rows() {
            let cells = hashed.iter().map(|at| (self.columns[*at].id, &row.values[*at]));
            fingerprint.add(hasher.hash(self.id, &row.key, cells));
        }
        fingerprint
    }
}

fn makes_sense(kind: ColumnType, mode: Mode, value: &Value, entry: &Entry<'_>) -> bool {
    let is_document = kind.document_kind().is_some();
    kind.holds(mode, value)
        && (!is_document || DocumentWrite::read(kind, mode, value, entry.header.dot).is_some())
}
