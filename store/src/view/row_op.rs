//! What one captured row says to other sites, and the ops of a transaction made of it.

use rusqlite::Connection;
use tandem_protocol::bounds;
use tandem_protocol::document::{DocumentId, DocumentWrite};
use tandem_protocol::identity::Author;
use tandem_protocol::merge::{Added, Cell, Offset, WriteId, in_units, units};
use tandem_protocol::op::{Action, CellColumn, Mode, RowGroup};
use tandem_protocol::schema::{ColumnType, MergeKind, TableId};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;

use super::ViewResult;
use super::document_name::id_of;
use super::documents::Documents;
use super::row_entry::RowEntry;
use super::table::ViewTable;
use super::tables::Tables;
use super::unseen::{AtBasis, Unseen};

/// A document that grew beyond this with its history is replaced by a new one of its content at
/// the next edit: bytes.
const HISTORY_BYTES: usize = 4 * bounds::DOCUMENT_BYTES;

/// What one row's change says to other sites.
pub(super) struct RowOp {
    pub action: Action,
    /// Place of the column in the table, and what is written to it.
    pub cells: Vec<(usize, Mode, Value)>,
}

impl RowOp {
    pub(super) fn changes(&self) -> bool {
        self.action != Action::Update || !self.cells.is_empty()
    }

    /// A group for ops of this shape.
    pub(super) fn empty_group(&self, table: &ViewTable) -> RowGroup {
        let column = |(at, mode, _): &(usize, Mode, Value)| CellColumn {
            name: table.def.columns[*at].name.clone(),
            id: table.ids[*at],
            mode: *mode,
        };
        RowGroup {
            table: table.def.name.clone(),
            table_id: table.id,
            action: self.action,
            columns: self.cells.iter().map(column).collect(),
            keys: vec![Vec::new(); table.key.len()],
            cells: vec![Vec::new(); self.cells.len()],
            times: Vec::new(),
        }
    }
}

/// A row's net change, in canonical values, and what else its op depends on.
pub(super) struct CanonicalChange<'a> {
    pub table: &'a ViewTable,
    pub key: &'a Key,
    pub old: Option<&'a [Value]>,
    pub new: Option<&'a [Value]>,
    /// The row's state before; `None` where nobody wrote it before.
    pub state: Option<&'a RowEntry>,
    /// Counters set by `exactly()`.
    pub exact: &'a [usize],
    /// Counters whose change is one from what they were at the write's basis.
    pub at_basis: &'a AtBasis,
}

/// How the cells of a change are written, with the documents at hand.
pub(crate) struct Cells<'v> {
    pub(super) connection: &'v Connection,
    pub(super) documents: &'v mut Documents,
    pub(super) me: Author,
}

impl Cells<'_> {
    /// What a change says. Documents it edits take in the edit.
    pub(super) fn row_op(&mut self, change: &CanonicalChange<'_>, unseen: &Unseen) -> ViewResult<RowOp> {
        let action = match (change.old, change.new) {
            (_, None) => Action::Delete,
            (None, Some(_)) => Action::Insert,
            (Some(_), Some(_)) => Action::Update,
        };
        let mut cells = Vec::new();
        let Some(new) = change.new else { return Ok(RowOp { action, cells }) };
        let table = change.table;
        for at in &table.cells {
            let before = match change.at_basis.iter().find(|(counter, _)| counter == at) {
                Some((_, was)) => was.as_ref(),
                None => change.old.map(|row| &row[*at]),
            };
            let exact = change.exact.contains(at);
            if before == Some(&new[*at]) && !exact {
                continue;
            }
            let kind = table.def.columns[*at].kind;
            let (mode, value) = match kind.merge_kind() {
                MergeKind::Counter => counter(change, *at, before.filter(|_| !exact), &new[*at], unseen),
                MergeKind::Document => self.document_cell(change, *at, before, &new[*at], unseen)?,
                _ => (Mode::Set, new[*at].clone()),
            };
            push_cell(&mut cells, (*at, kind), (mode, value), Some(&new[*at]));
        }
        Ok(RowOp { action, cells })
    }

    /// A document's new text: an edit of the document shown, or a new document.
    fn document_cell(
        &mut self,
        change: &CanonicalChange<'_>,
        at: usize,
        before: Option<&Value>,
        new: &Value,
        unseen: &Unseen,
    ) -> ViewResult<(Mode, Value)> {
        let (table, connection) = (change.table, self.connection);
        let (Value::Text(text), Some(row)) = (new, change.state) else { return Ok((Mode::Set, new.clone())) };
        let Some(kind) = table.def.columns[at].kind.document_kind() else {
            return Ok((Mode::Set, new.clone()));
        };
        let key = change.key.to_bytes();
        let cell = row.state.cells.get(&table.ids[at]);
        // The text was written over an older one: to change the document into it would take back,
        // unlisted, what others did to it since.
        let seen = unseen.basis.as_ref().is_none_or(|basis| {
            let siblings = cell.into_iter().flat_map(|cell| cell.set.siblings());
            siblings.into_iter().all(|sibling| basis.covers(&sibling.by.dot()))
        });
        let shown = cell.and_then(|cell| cell.set.shown());
        let shown = shown.and_then(|sibling| sibling.value.value().ok()).as_ref().and_then(id_of);
        if let (Some(Value::Text(_)), Some(id), true) = (before, shown, seen) {
            if let Some(old) = row.inserted_text(at) {
                self.documents.create_from(connection, table, &key, at, old)?;
            }
            let name = table.document(&key, at, id);
            if self.documents.bytes(connection, kind, &name)? <= HISTORY_BYTES
                && let Some(edit) = self.documents.edit(connection, kind, &name, self.me, text)?
            {
                return Ok((Mode::Change, DocumentWrite::change_value(id, &edit)));
            }
        }
        // Named by its content alone, unless the cell had a document of that content before.
        let name = table.document(&key, at, DocumentId::of(kind, text, None));
        let had = shown == Some(name.id) || self.documents.has(connection, &name)?;
        Ok((if had { Mode::Fresh } else { Mode::Set }, new.clone()))
    }

    /// What sets a cell to a value, whatever is there: a canonical value of a row that has a state.
    pub(crate) fn cell_set(
        &mut self,
        table: &ViewTable,
        row: &RowEntry,
        key: &Key,
        at: usize,
        value: Value,
    ) -> ViewResult<(Mode, Value)> {
        let (exact, at_basis) = (&[], &AtBasis::new());
        let change = CanonicalChange { table, key, old: None, new: None, state: Some(row), exact, at_basis };
        Ok(match table.def.columns[at].kind.merge_kind() {
            MergeKind::Counter => counter(&change, at, None, &value, &Unseen::default()),
            MergeKind::Document => self.document_cell(&change, at, None, &value, &Unseen::default())?,
            _ => (Mode::Set, value),
        })
    }
}

/// One cell's write; and of a counter that is set, what it then shows, unless the offset says that.
pub(crate) fn push_cell(
    cells: &mut Vec<(usize, Mode, Value)>,
    (at, kind): (usize, ColumnType),
    (mode, value): (Mode, Value),
    shown: Option<&Value>,
) {
    let is_offset = mode == Mode::Set && kind.merge_kind() == MergeKind::Counter;
    let counted = shown.filter(|shown| is_offset && **shown != value).cloned();
    cells.push((at, mode, value));
    cells.extend(counted.map(|counted| (at, Mode::Counted, counted)));
}

/// A counter's new value: by how much it changed, or what it is. `before`: `None` where it is to
/// be set, whatever was there.
fn counter(
    change: &CanonicalChange<'_>,
    at: usize,
    before: Option<&Value>,
    new: &Value,
    unseen: &Unseen,
) -> (Mode, Value) {
    let kind = change.table.def.columns[at].kind;
    let after = units(new);
    if let (Some(before), Some(after)) = (before.and_then(units), after) {
        return (Mode::Delta, in_units(kind, after - before));
    }
    let id = change.table.ids[at];
    let cell = change.state.and_then(|row| row.state.cells.get(&id));
    let unseen = match unseen.deltas.is_empty() {
        true => Added::default(),
        false => {
            unseen.deltas.get(&(change.table.id, change.key.to_bytes(), id)).copied().unwrap_or_default()
        }
    };
    let known = cell.map(|cell| cell.added).unwrap_or_default().without(unseen);
    // The value wanted minus all deltas the writer had seen.
    let offset = after.map_or(Offset::Null(known), |after| Offset::Number(after - known.sum));
    (Mode::Set, offset.value(kind))
}

/// The row with its counters as the merge has them, where that is not what SQLite computed: it saw
/// what the column could show of a counter.
pub(super) fn counted(table: &ViewTable, state: &RowEntry, op: &RowOp, row: &[Value]) -> Option<Vec<Value>> {
    let mut counted = None;
    for (at, mode, value) in &op.cells {
        let column = &table.def.columns[*at];
        if column.kind.merge_kind() != MergeKind::Counter {
            continue;
        }
        let mut cell = state.state.cells.get(&table.ids[*at]).cloned().unwrap_or_default();
        match mode {
            Mode::Set => {
                let by = WriteId::new(0, Dot::new(Author([0; 32]), 0));
                cell = Cell { added: cell.added, ..Cell::once(by, value) };
            }
            Mode::Delta => cell.added.add(units(value).unwrap_or_default()),
            _ => continue,
        }
        let shown = cell.shown(column.kind, &column.unwritten());
        if shown != row[*at] {
            counted.get_or_insert_with(|| row.to_vec())[*at] = shown;
        }
    }
    counted
}

/// A write of one row as it is, not captured from a statement.
pub(crate) struct CellWrite {
    pub table: TableId,
    pub key: Key,
    pub action: Action,
    /// Place of the column in the table, and what is written to it.
    pub cells: Vec<(usize, Mode, Value)>,
}

impl CellWrite {
    /// The op that says it, if there is such a table.
    pub(crate) fn group(&self, tables: &Tables) -> Option<RowGroup> {
        let table = tables.by_id(&self.table)?;
        let op = RowOp { action: self.action, cells: self.cells.clone() };
        let mut group = op.empty_group(table);
        group.keys.iter_mut().zip(&self.key.0).for_each(|(column, value)| column.push(value.clone()));
        group.cells.iter_mut().zip(op.cells).for_each(|(column, (_, _, value))| column.push(value));
        Some(group)
    }
}
