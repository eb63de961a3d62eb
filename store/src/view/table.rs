//! One table of the view: its columns as SQLite and as the merge see them, and the statements
//! that touch it.

use super::bind::{Stored, from_storage, to_storage};
use super::ddl::{self, UniqueRule};
use super::document_name::{DocumentName, register_value};
use super::reference::ViewReference;
use super::rules::Rules;

use tandem_protocol::document::{DocumentId, DocumentWrite};
use tandem_protocol::fingerprint::{RowHash, RowHasher};
use tandem_protocol::merge::{Added, Cell, Offset, units};
use tandem_protocol::op::{Mode, RowGroup};
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{
    ColumnDef, ColumnId, ColumnType, MergeKind, Table, TableDef, TableId, TypeMismatch,
};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;
use tandem_protocol::wide::Wide;

use crate::clause;

/// A table, with everything derived from its definition once.
pub(crate) struct ViewTable {
    /// Its id in ops.
    pub id: TableId,
    /// The same as text, by which generated ids are counted.
    pub id_text: String,
    /// Its number in the view's own tables.
    pub number: i64,
    /// The definition shown.
    pub def: TableDef,
    /// Ids of the columns, in order.
    pub ids: Vec<ColumnId>,
    /// Positions of the key's columns, in key order.
    pub key: Vec<usize>,
    /// Positions of all other columns.
    pub cells: Vec<usize>,
    /// Those of them that hold documents.
    pub documents: Vec<usize>,
    /// Those of them that are a STAMP.
    pub stamps: Vec<usize>,
    /// Those of them that are counters.
    pub counters: Vec<usize>,
    /// Columns that number their rows.
    pub numbered: Vec<NumberedColumn>,
    /// What its rows refer to.
    pub references: Vec<ViewReference>,
    /// What no two rows may share.
    pub unique: Vec<UniqueRule>,
    /// The same, ascending by column id: the order in which a row is hashed.
    hashed: Vec<usize>,
    /// What a row must satisfy.
    pub rules: Rules,
    /// Statements, all of them with the columns in declared order.
    pub sql: TableSql,
}

/// A column whose rows are numbered by the site that inserts them.
pub(crate) struct NumberedColumn {
    /// Its position.
    pub at: usize,
    pub id: ColumnId,
    /// What stands before the numbers.
    pub prefix: String,
}

impl NumberedColumn {
    fn of((at, column): (usize, &ColumnDef)) -> Option<Self> {
        Some(Self { at, id: column.id(), prefix: column.site_number()? })
    }
}

/// The statements that the merge uses.
pub(crate) struct TableSql {
    pub insert: String,
    /// All columns, then the key.
    pub update: String,
    pub delete: String,
    /// Rowid and all columns, by key.
    pub select: String,
    /// Rowid and all columns, by rowid.
    pub select_rowid: String,
    /// Rowid and all columns, all rows.
    pub select_all: String,
}

impl ViewTable {
    pub(crate) fn new(number: i64, def: &TableDef) -> Self {
        let position =
            |name: &String| def.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        let key: Vec<usize> = def.key.iter().filter_map(position).collect();
        let cells: Vec<usize> = (0..def.columns.len()).filter(|at| !key.contains(at)).collect();
        let ids: Vec<ColumnId> = def.columns.iter().map(ColumnDef::id).collect();
        let mut hashed = cells.clone();
        hashed.sort_by_key(|at| ids[*at]);
        let holds_document = |at: &usize| def.columns[*at].kind.document_kind().is_some();
        let is_counter = |at: &usize| def.columns[*at].kind.merge_kind() == MergeKind::Counter;
        Self {
            documents: cells.iter().copied().filter(holds_document).collect(),
            stamps: cells.iter().copied().filter(|at| def.columns[*at].kind == ColumnType::Stamp).collect(),
            counters: cells.iter().copied().filter(is_counter).collect(),
            numbered: def.columns.iter().enumerate().filter_map(NumberedColumn::of).collect(),
            references: def.references.iter().map(|one| ViewReference::new(def, one)).collect(),
            unique: ddl::unique_rules(def),
            id: def.id(),
            id_text: def.id().to_string(),
            number,
            rules: Rules::new(def, &cells),
            sql: TableSql::new(def, &key),
            def: def.clone(),
            ids,
            key,
            cells,
            hashed,
        }
    }

    /// A row's key.
    pub(crate) fn key_of(&self, row: &[Value]) -> Key {
        Key(self.key.iter().map(|at| row[*at].clone()).collect())
    }

    /// How many columns it has.
    pub(super) fn width(&self) -> u16 {
        self.def.columns.len() as u16
    }

    /// A row, for people: its key, column by column.
    pub(crate) fn told(&self, key: &Key) -> String {
        let part = |(name, value): (&String, &Value)| format!("{name}={value}");
        self.def.key.iter().zip(&key.0).map(part).collect::<Vec<_>>().join(", ")
    }

    /// A value of one column as it is stored.
    pub(crate) fn stored<'a>(&self, at: usize, value: &'a Value) -> Stored<'a> {
        Stored(self.def.columns[at].kind.storage(), value)
    }

    /// Whether every cell of a group has its place in the table, which is known as `known`.
    pub(super) fn takes(&self, known: &Table, group: &RowGroup, dot: Dot) -> bool {
        let key = self.key.iter().map(|at| self.def.columns[*at].kind);
        let keys_fit = group.keys.len() == self.key.len()
            && key.zip(&group.keys).all(|(kind, values)| {
                values.iter().all(|value| !value.is_null() && kind.holds(Mode::Set, value))
            });
        keys_fit
            && group.columns.iter().zip(&group.cells).all(|(column, values)| {
                let Some(def) = known.column_by_id(column.id) else { return false };
                let is_document = def.kind.document_kind().is_some();
                values.iter().all(|value| {
                    def.kind.holds(column.mode, value)
                        && (!is_document || DocumentWrite::read(def.kind, column.mode, value, dot).is_some())
                })
            })
    }

    /// A row's values as they are stored.
    pub(crate) fn stored_row<'a>(&'a self, row: &'a [Value]) -> impl Iterator<Item = Stored<'a>> {
        debug_assert_eq!(row.len(), self.def.columns.len(), "a row has a value for each column");
        row.iter().enumerate().map(|(at, value)| self.stored(at, value))
    }

    /// A key's values as they are stored.
    pub(crate) fn stored_key<'a>(&'a self, key: &'a [Value]) -> impl Iterator<Item = Stored<'a>> {
        self.key.iter().zip(key).map(|(at, value)| self.stored(*at, value))
    }

    /// The values of a key as SQLite stores them.
    pub(crate) fn key_as_stored(&self, key: &Key) -> Vec<Value> {
        let kinds = self.key.iter().map(|at| self.def.columns[*at].kind);
        kinds.zip(&key.0).map(|(kind, value)| to_storage(kind, value.clone())).collect()
    }

    /// Whether a key is, as SQLite stores it, the canonical one.
    pub(crate) fn is_stored_as(&self, canonical: &Key, stored: &Key) -> bool {
        self.key_as_stored(canonical) == stored.0
    }

    /// Whether a row that was just inserted with these values shows them as they are: no counter's
    /// offset is beyond what its column is meant to hold.
    pub(crate) fn shows_as_written(&self, row: &[Value]) -> bool {
        self.counters.iter().all(|at| is_shown_as_written(self.def.columns[*at].kind, &row[*at]))
    }

    /// Whether the row shown tells of a cell that was written once.
    pub(crate) fn tells_of(&self, at: usize, cell: &Cell) -> bool {
        let kind = self.def.columns[at].kind;
        let written = || cell.set.shown().and_then(|sibling| sibling.value.value().ok());
        kind.merge_kind() != MergeKind::Counter
            || cell.added.count == 0 && written().is_some_and(|offset| is_shown_as_written(kind, &offset))
    }

    /// Names a document of a cell.
    pub(super) fn document(&self, key: &[u8], at: usize, id: DocumentId) -> DocumentName {
        DocumentName { table: self.number, key: key.to_vec(), column: self.ids[at], id }
    }

    /// What the register of a cell holds that one insert gave this value.
    pub(crate) fn register_value(&self, at: usize, value: &Value) -> Value {
        match self.def.columns[at].kind.document_kind() {
            Some(kind) => register_value(kind, value),
            None => value.clone(),
        }
    }

    /// The name of the INTEGER column that alone is the key, whose values tandem generates.
    pub(crate) fn generated_key(&self) -> Option<&ColumnDef> {
        match self.key.as_slice() {
            [at] => Some(&self.def.columns[*at]).filter(|column| column.kind == ColumnType::Integer),
            _ => None,
        }
    }

    /// The hash of a shown row.
    pub(crate) fn hash(&self, hasher: &mut RowHasher, row: &[Value]) -> RowHash {
        debug_assert_eq!(row.len(), self.def.columns.len(), "a row has a value for each column");
        let cells = self.hashed.iter().map(|at| (self.ids[*at], &row[*at]));
        hasher.hash(self.id, &self.key_of(row), cells)
    }

    /// A row as users wrote it, in canonical form. The flag says whether anything changed.
    /// `before`: the row as it was; what was not touched is not judged.
    pub(crate) fn canonical(
        &self,
        row: Vec<Value>,
        before: Option<&[Value]>,
    ) -> Result<(Vec<Value>, bool), (String, TypeMismatch)> {
        let mut changed = false;
        let mut canonical = Vec::with_capacity(row.len());
        for (at, (column, value)) in self.def.columns.iter().zip(row).enumerate() {
            if is_canonical(column.kind, &value) {
                canonical.push(value);
                continue;
            }
            let before = before.map(|row| &row[at]);
            if let Some(before) = before.filter(|before| to_storage(column.kind, (*before).clone()) == value)
            {
                canonical.push(before.clone());
                continue;
            }
            let stored = value.clone();
            let value = match (column.kind.canonical(value), before) {
                (Err(error), Some(before)) => {
                    nearer(column.kind, before, &stored).ok_or_else(|| (column.name.clone(), error))?
                }
                (result, _) => result.map_err(|error| (column.name.clone(), error))?,
            };
            changed |= to_storage(column.kind, value.clone()) != stored;
            canonical.push(value);
        }
        Ok((canonical, changed))
    }

    /// A row as SQLite stores it, as canonical values. The view holds nothing else.
    pub(crate) fn read_back(&self, row: Vec<Value>) -> Vec<Value> {
        self.def.columns.iter().zip(row).map(|(column, value)| from_storage(column.kind, value)).collect()
    }
}

/// Values of these types are canonical as they come.
fn is_canonical(kind: ColumnType, value: &Value) -> bool {
    match (kind, value) {
        (_, Value::Null) | (ColumnType::Integer, Value::Integer(_)) => true,
        (ColumnType::Text | ColumnType::Quiet | ColumnType::External(_), Value::Text(_)) => true,
        (kind, Value::Text(text)) => kind.is_canonical_text(text),
        _ => false,
    }
}

/// What is written over a counter that a merge brought beyond its digits, if it is not farther from
/// them: a step towards the cure is never refused.
fn nearer(kind: ColumnType, before: &Value, written: &Value) -> Option<Value> {
    let value = kind.beyond_digits(written)?;
    let (before, after) = (units(before)?, units(&value)?);
    let same_side = (before < Wide::ZERO) == (after < Wide::ZERO);
    (same_side && kind.excess(after) <= kind.excess(before)).then_some(value)
}

/// Whether what a counter was set to is what it shows, and within what its column is meant to hold.
pub(super) fn is_shown_as_written(kind: ColumnType, offset: &Value) -> bool {
    let total = Offset::read(kind, offset).and_then(|offset| offset.total(Added::default()));
    kind.shown(total) == *offset && total.is_none_or(|total| kind.excess(total) == Wide::ZERO)
}

impl TableSql {
    fn new(def: &TableDef, key: &[usize]) -> Self {
        let table = quoted(&def.name);
        let names: Vec<String> = def.columns.iter().map(|column| quoted(&column.name)).collect();
        let columns = names.join(", ");
        let places = (1..=names.len()).map(|at| format!("?{at}")).collect::<Vec<_>>().join(", ");
        let assignments = names
            .iter()
            .enumerate()
            .map(|(at, name)| format!("{name} = ?{}", at + 1))
            .collect::<Vec<_>>()
            .join(", ");
        let by_key = |first| clause::equal(key.iter().map(|at| &def.columns[*at].name), first);
        Self {
            insert: format!("INSERT INTO {table} ({columns}) VALUES ({places})"),
            update: format!("UPDATE {table} SET {assignments} WHERE {}", by_key(names.len() + 1)),
            delete: format!("DELETE FROM {table} WHERE {}", by_key(1)),
            select: format!("SELECT rowid, {columns} FROM {table} WHERE {}", by_key(1)),
            select_rowid: format!("SELECT rowid, {columns} FROM {table} WHERE rowid = ?1"),
            select_all: format!("SELECT rowid, {columns} FROM {table}"),
        }
    }
}
