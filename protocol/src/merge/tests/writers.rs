//! How a site writes a cell, seeing what it has.

use super::history::{Replica, Write};
use crate::document::{DocumentKind, DocumentWrite, canonical_json};
use crate::merge::{Offset, in_units};
use crate::op::{Action, CellColumn, Mode, RowGroup};
use crate::schema::{ColumnDef, ColumnType, MergeKind, TableDef};
use crate::transaction::Header;
use crate::value::Value;

/// What somebody does to a row, and to one cell of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A new row. Over a deleted row: a re-insert.
    Insert,
    /// Another value. Of a counter: a stock-take. Of a document: a new one, named by its content.
    Set,
    /// The same, with a time of its own in place of its transaction's.
    SetWithOwnTime,
    /// An addition to a counter.
    Add,
    /// A new document, different from every other.
    Fresh,
    /// An edit of the document shown.
    Edit,
    /// NULL.
    Empty,
    /// The row is written, but not this cell.
    Touch,
    /// The row's deletion.
    Delete,
}

/// Who writes: what they write differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Writer {
    First,
    Second,
}

impl Kind {
    /// Those that make sense for a column.
    pub(super) fn of(column: &ColumnDef) -> Vec<Self> {
        let mut kinds =
            vec![Self::Insert, Self::Set, Self::SetWithOwnTime, Self::Empty, Self::Touch, Self::Delete];
        match column.kind.merge_kind() {
            MergeKind::Counter => kinds.push(Self::Add),
            MergeKind::Document => kinds.extend([Self::Fresh, Self::Edit]),
            _ => {}
        }
        kinds
    }
}

impl Writer {
    /// The value it sets.
    pub(super) fn value(self, kind: ColumnType) -> Value {
        let second = self == Self::Second;
        match kind {
            ColumnType::Counter { .. } => in_units(kind, self.count().into()),
            // The first says the greater time.
            ColumnType::Stamp => Value::Text(format!("2025-01-0{} 08:00:00", if second { 3 } else { 5 })),
            ColumnType::Json => Value::Text(format!("{{\"is\":{}}}", u8::from(second))),
            _ => Value::Text(if second { "two" } else { "one" }.into()),
        }
    }

    /// What it counts.
    pub(super) fn count(self) -> i128 {
        if self == Self::Second { 35 } else { 38 }
    }

    /// What it adds to a counter.
    pub(super) fn addition(self) -> i128 {
        if self == Self::Second { -5 } else { 7 }
    }

    /// How it edits a document.
    pub(super) fn edited(self, kind: DocumentKind, content: &str) -> String {
        match (kind, self) {
            (DocumentKind::RichText, Self::First) => format!("First: {content}"),
            (DocumentKind::RichText, Self::Second) => format!("{content}, says the second"),
            (DocumentKind::Json, _) => {
                let mut key = format!("{self:?}");
                while content.contains(&format!("\"{key}\"")) {
                    key.push('+');
                }
                canonical_json(&content.replace('}', &format!(",\"{key}\":1}}"))).unwrap()
            }
        }
    }
}

/// One write of a cell, by somebody who sees `seen`, setting `value` where it sets one. `None`: that
/// cannot be written, seeing this.
pub(super) fn write(
    (table, column): (&TableDef, &ColumnDef),
    (kind, writer, value): (Kind, Writer, &Value),
    seen: &Replica,
    mut header: Header,
) -> Option<Write> {
    let action = match kind {
        Kind::Insert => Action::Insert,
        Kind::Delete => Action::Delete,
        _ => Action::Update,
    };
    let cell = match kind {
        Kind::Insert | Kind::Set | Kind::SetWithOwnTime => Some((Mode::Set, offset(column, value, seen))),
        Kind::Add => Some((Mode::Delta, in_units(column.kind, writer.addition().into()))),
        Kind::Fresh => Some((Mode::Fresh, value.clone())),
        Kind::Edit => {
            let (id, document) = seen.document(column)?;
            let mut document = document.clone();
            let content = writer.edited(column.kind.document_kind()?, &document.content());
            let change = document.edit(header.dot.author, &content).unwrap();
            Some((Mode::Change, DocumentWrite::change_value(id, &change)))
        }
        Kind::Empty => Some((Mode::Set, offset(column, &Value::Null, seen))),
        Kind::Touch | Kind::Delete => None,
    };
    let mut times = Vec::new();
    if kind == Kind::SetWithOwnTime {
        times.push(header.time_ms);
        header.time_ms = -header.time_ms;
    }
    let sets = cell.as_ref().is_some_and(|(mode, _)| *mode == Mode::Set);
    let counts = sets && column.kind.merge_kind() == MergeKind::Counter && kind != Kind::Empty;
    let cells = cell.into_iter().chain(counts.then(|| (Mode::Counted, value.clone())));
    let group = RowGroup {
        table: table.name.clone(),
        table_id: table.id(),
        action,
        columns: cells
            .clone()
            .map(|(mode, _)| CellColumn { name: column.name.clone(), id: column.id(), mode })
            .collect(),
        keys: vec![vec![Value::Integer(1)]],
        cells: cells.map(|(_, value)| vec![value]).collect(),
        times,
    };
    Some(Write { header, group })
}

/// What an op says that sets a cell: of a counter, the value minus all additions seen.
fn offset(column: &ColumnDef, value: &Value, seen: &Replica) -> Value {
    if column.kind.merge_kind() != MergeKind::Counter {
        return value.clone();
    }
    let known = seen.state.cells.get(&column.id()).map(|cell| cell.added).unwrap_or_default();
    let offset = crate::merge::units(value).map(|units| Offset::Number(units - known.sum));
    offset.unwrap_or(Offset::Null(known)).value(column.kind)
}
