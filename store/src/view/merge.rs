//! Applies a transaction, whoever wrote it, to the view.

use std::sync::Arc;

use tandem_protocol::conflict::{Version, VersionContent};
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::{Action, Mode, Op, RowGroup};
use tandem_protocol::schema::Schema;
use tandem_protocol::transaction::{Basis, Header, Transaction};
use tandem_protocol::value::Value;
use tandem_protocol::verify::ChainHead;
use tandem_protocol::version::VersionVector;

use super::insert_runs::{InsertOrigin, InsertRun, put_run};
use super::rows;
use super::table::ViewTable;
use super::{FoldState, View, ViewError, ViewResult, unique};
use crate::changed_rows::ChangedRows;
use crate::table_change::TableChange;

/// What merging a transaction changed.
#[derive(Default, Debug)]
pub(crate) struct Merged {
    /// How many rows of which table: it depends on the order of arrival, and tells people only.
    pub changes: Vec<TableChange>,
    pub rows: ChangedRows,
    /// Ops that this program or schema does not understand yet.
    pub parked: usize,
}

impl Merged {
    pub(super) fn of(&mut self, table: &str) -> &mut TableChange {
        let at = self.changes.iter().position(|change| change.table == table).unwrap_or_else(|| {
            self.changes.push(TableChange { table: table.to_owned(), ..TableChange::default() });
            self.changes.len() - 1
        });
        &mut self.changes[at]
    }

    /// Counts what became of one row.
    pub(super) fn count(&mut self, table: &ViewTable, before: Option<&[Value]>, after: Option<&[Value]>) {
        let Some(row) = after.or(before).filter(|_| before != after) else { return };
        let change = self.of(&table.def.name);
        match (before, after) {
            (None, _) => change.inserted += 1,
            (Some(_), Some(_)) => change.updated += 1,
            (Some(_), None) => change.deleted += 1,
        }
        self.rows.note(&table.def.name, || table.key_of(row));
    }

    fn has_deleted(&self, table: &ViewTable) -> bool {
        self.changes.iter().any(|change| change.table == table.def.name && change.deleted > 0)
    }
}

impl View {
    /// Applies a transaction at its place in the log.
    pub(crate) fn merge(&mut self, transaction: &Transaction, chain: ChainHead) -> ViewResult<Merged> {
        let arrival = self.fold.position.next;
        let merged = Merge::new(self, &transaction.header).merge(transaction, chain)?;
        assert_eq!(self.fold.position.next, arrival + 1, "a transaction has one arrival number");
        Ok(merged)
    }
}

/// A transaction as it is merged.
pub(super) struct Merge<'v> {
    pub view: &'v mut View,
    header: &'v Header,
    /// What its author held of others when it wrote it.
    context: Arc<VersionVector>,
    /// What it was written knowing, where that is less.
    seen: Option<VersionVector>,
    pub merged: Merged,
}

impl<'v> Merge<'v> {
    pub fn new(view: &'v mut View, header: &'v Header) -> Self {
        assert!(view.is_undecided, "a transaction is merged in a group");
        let context = view.fold.position.context(header);
        let seen = header.basis.as_ref().map(|basis| header.within_context(basis, &context));
        Self { view, header, context, seen, merged: Merged::default() }
    }

    /// One whose rows are in the view already.
    pub fn of_adopted(view: &'v mut View, header: &'v Header, merged: Merged) -> Self {
        Self { merged, ..Self::new(view, header) }
    }

    pub fn merge(mut self, transaction: &Transaction, chain: ChainHead) -> ViewResult<Merged> {
        for (place, op) in transaction.ops.iter().enumerate() {
            let is_understood = match op {
                Op::Rows(group) => self.rows(group)?,
                Op::Schema(_) | Op::Member(_) => self.system(op, place).map(|()| true)?,
                Op::Settle(_) => true,
                Op::Void => {
                    self.view.fold.position.void += 1;
                    true
                }
                Op::Unknown { .. } => false,
            };
            if !is_understood {
                self.merged.parked += 1;
                self.view.fold.position.park(&self.view.connection, place, op)?;
            }
        }
        self.end(transaction, chain)
    }

    /// What can only be decided when all ops are in; then the view moves on.
    pub fn end(mut self, transaction: &Transaction, chain: ChainHead) -> ViewResult<Merged> {
        self.follow_references()?;
        self.list_unique()?;
        self.settle(&transaction.ops)?;
        self.note_writers(transaction)?;
        assert!(self.view.follow_up.is_done(), "references are followed to their end");
        let FoldState { position, conflicts, numbers, tables, .. } = &mut self.view.fold;
        numbers.note(tables, &transaction.ops);
        let (connection, header) = (&self.view.connection, self.header);
        position.list(connection, header, transaction.op_count(), chain, self.context)?;
        if let Some(key) = &header.key {
            let recorded = position.recorded_under(connection, &key.key)?;
            conflicts.follow_request((connection, &mut self.view.effect), &key.key, &recorded)?;
        }
        self.merged.changes.retain(|change| change.inserted + change.updated + change.deleted > 0);
        Ok(self.merged)
    }

    /// Schema and membership ops. Their effect does not depend on the order of arrival.
    fn system(&mut self, op: &Op, place: usize) -> ViewResult<()> {
        let FoldState { position, membership, tables, .. } = &mut self.view.fold;
        let at = tables.places.of(self.header, &self.context, place as u32);
        position.list_system(&self.view.connection, op, at)?;
        match op {
            Op::Schema(op) => tables.add(op, at),
            Op::Member(op) => {
                let _void = Arc::make_mut(membership).apply(at.by, op);
                self.view.is_watch_behind = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes in that somebody has looked at conflicts.
    fn settle(&mut self, ops: &[Op]) -> ViewResult<()> {
        let FoldState { position, conflicts, .. } = &mut self.view.fold;
        let connection = &self.view.connection;
        for op in ops {
            let Op::Settle(settlement) = op else { continue };
            if let Some(request) = conflicts.settle(connection, settlement)? {
                let recorded = position.recorded_under(connection, &request)?;
                conflicts.follow_request((connection, &mut self.view.effect), &request, &recorded)?;
            }
        }
        Ok(())
    }

    /// Takes note of who wrote rows by which definitions.
    fn note_writers(&mut self, transaction: &Transaction) -> ViewResult<()> {
        let FoldState { position, tables, .. } = &mut self.view.fold;
        let author = self.header.dot.author;
        let mut known = None;
        for definition in Schema::definitions_of(&transaction.ops) {
            if tables.schema.is_writer(&definition, &author) {
                continue;
            }
            let known = known.get_or_insert_with(|| tables.places.known(self.header, &self.context));
            tables.note_writer(definition, author, known);
            position.list_writer(&self.view.connection, definition, author, known)?;
        }
        Ok(())
    }

    /// Whether the group was understood.
    fn rows(&mut self, group: &RowGroup) -> ViewResult<bool> {
        self.view.lay_out_tables()?;
        let tables = &self.view.fold.tables;
        let Some(table) = tables.by_id(&group.table_id).cloned() else { return Ok(false) };
        let Some(known) = tables.schema.table_by_id(group.table_id) else { return Ok(false) };
        if !table.takes(known, group, self.header.dot) {
            return Ok(false);
        }
        let mut bulk = BulkInsert::new(&table, group, self.header);
        for at in 0..group.rows() {
            let by = WriteId { time_ms: group.time(at, self.header.time_ms), ..self.header.write_id() };
            if group.action == Action::Insert
                && let Some(bulk) = &mut bulk
                && self.insert_fresh(&table, bulk, group, at)?
            {
                self.merged.of(&table.def.name).inserted += 1;
                self.merged.rows.note(&table.def.name, || group.key(at));
                continue;
            }
            self.row(&table, group, at, by)?;
        }
        if let Some((first, last)) = bulk.and_then(|bulk| bulk.rowids) {
            for rowid in table.rules.broken_among(&self.view.connection, first..=last)? {
                self.list_rowid(&table, rowid)?;
            }
        }
        self.note_deletions(&table)?;
        Ok(true)
    }

    /// After deletions SQLite may use the last rowids again.
    pub fn note_deletions(&mut self, table: &ViewTable) -> ViewResult<()> {
        if self.merged.has_deleted(table) {
            self.view.fold.figures.find_next_rowid(&self.view.connection, table)?;
        }
        Ok(())
    }

    /// Inserts a row that nobody wrote before; `false` if somebody did.
    fn insert_fresh(
        &mut self,
        table: &Arc<ViewTable>,
        bulk: &mut BulkInsert,
        group: &RowGroup,
        at: usize,
    ) -> ViewResult<bool> {
        let view = &mut *self.view;
        if view.fold.figures.has_hidden(table.number)
            && rows::is_stored(&view.connection, table, &group.key(at).to_bytes())?
        {
            return Ok(false);
        }
        let row = bulk.row(table, group, at);
        if !table.shows_as_written(&row) || !view.fold.unique.insert_row(&view.connection, table, &row)? {
            return Ok(false);
        }
        let rowid = view.connection.last_insert_rowid();
        if bulk.rowids.is_none() {
            let author = view.fold.position.author_number(bulk.origin.by.author);
            put_run(&view.connection, table, &InsertRun { first: rowid, author, origin: bulk.origin })?;
        }
        let (first, last) = bulk.rowids.unwrap_or((rowid, rowid - 1));
        if rowid <= last {
            return Err(ViewError::Inconsistent("a run of rows whose rowids do not ascend"));
        }
        bulk.rowids = Some((first, rowid));
        view.fold.figures.set_next_rowid(table.number, rowid + 1);
        view.count(table, None, Some(&row))?;
        Ok(true)
    }

    /// Lists what a row, known by its rowid, leaves to decide.
    fn list_rowid(&mut self, table: &ViewTable, rowid: i64) -> ViewResult<()> {
        let view = &mut *self.view;
        let values = {
            let mut statement = view.connection.prepare_cached(&table.sql.select_rowid)?;
            let mut found = statement.query([rowid])?;
            let Some(row) = found.next()? else { return Ok(()) };
            table.read_back(super::read_row(row, 1, table.def.columns.len())?)
        };
        let key = table.key_of(&values);
        let bytes = key.to_bytes();
        let row = view.load_row(table, &key, &bytes)?;
        view.list_row(table, &bytes, &row, Some(&values))
    }

    fn row(&mut self, table: &Arc<ViewTable>, group: &RowGroup, at: usize, by: WriteId) -> ViewResult<()> {
        let key = group.key(at);
        let bytes = key.to_bytes();
        let mut row = self.view.take_row(table, &key, &bytes)?;
        let basis = match &self.seen {
            Some(seen) => Basis { seen, own: None },
            None => {
                Basis { seen: &self.context, own: Some((self.header.dot.chain(), self.header.dot.seq - 1)) }
            }
        };
        let cells = group.row(at).map(|(column, value)| (column.id, column.mode, value));
        if table.documents.is_empty() {
            row.state.apply(group.action, cells, by, &basis);
        } else {
            let cells = cells.map(|(id, mode, value)| (id, mode, value.clone())).collect();
            let cells = self.view.documents.take(&self.view.connection, (table, &bytes, &row), cells, by)?;
            let written = cells.iter().map(|(id, mode, value)| (*id, *mode, value));
            row.state.apply(group.action, written, by, &basis);
        }
        let is_alive = row.state.is_alive();
        let is_shown =
            is_alive || (row.shown.is_some() && self.retains_for_now(table, (&key, &bytes), &row)?);
        self.view.show_row(table, (&key, &bytes), row, is_shown, &mut self.merged)
    }

    /// Lists who holds the values that only one row may hold, where several may.
    fn list_unique(&mut self) -> ViewResult<()> {
        for (number, rule, value) in self.view.fold.unique.take_noted() {
            let Some(table) = self.view.fold.tables.numbered(number) else { continue };
            let rule = &table.unique[rule];
            let keys = unique::holders(&self.view.connection, &table, rule, &value)?;
            let mut holders = Vec::new();
            for key in keys.iter().filter(|_| keys.len() > 1) {
                let bytes = key.to_bytes();
                let row = self.view.load_row(&table, key, &bytes)?;
                if let Some(by) = row.state.holder(&table.def, &rule.columns) {
                    holders.push(Version { by, held: VersionContent::Row(bytes) });
                }
            }
            let FoldState { unique, conflicts, .. } = &mut self.view.fold;
            let written = (&self.view.connection, &mut self.view.effect);
            if conflicts.follow_unique(written, &table, (&rule.columns, &value.to_bytes()), holders)? {
                unique.drop_rest(&self.view.connection, rule)?;
            }
        }
        Ok(())
    }
}

/// The insertion of many rows that all have every column, by one transaction.
struct BulkInsert {
    origin: InsertOrigin,
    /// For each column of the table that is no key, its place in the group.
    places: Vec<usize>,
    /// First and last rowid inserted.
    rowids: Option<(i64, i64)>,
}

impl BulkInsert {
    /// `None` if the group does not write every column, or not all at one time.
    fn new(table: &ViewTable, group: &RowGroup, header: &Header) -> Option<Self> {
        let is_set = group.columns.iter().all(|column| column.mode == Mode::Set);
        if !is_set || !group.times.is_empty() || group.columns.len() != table.cells.len() {
            return None;
        }
        let place = |at: &usize| group.columns.iter().position(|column| column.id == table.ids[*at]);
        let places = table.cells.iter().map(place).collect::<Option<_>>()?;
        let origin = InsertOrigin { by: header.write_id(), width: table.width() };
        Some(Self { origin, places, rowids: None })
    }

    fn row(&self, table: &ViewTable, group: &RowGroup, at: usize) -> Vec<Value> {
        debug_assert_eq!(self.places.len(), table.cells.len(), "whole rows write every column");
        debug_assert_eq!(group.keys.len(), table.key.len(), "a key has a value for each of its columns");
        let mut row = vec![Value::Null; table.def.columns.len()];
        for (column, values) in table.key.iter().zip(&group.keys) {
            row[*column] = values[at].clone();
        }
        for (column, place) in table.cells.iter().zip(&self.places) {
            row[*column] = group.cells[*place][at].clone();
        }
        row
    }
}
