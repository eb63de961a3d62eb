//! Applies transactions, whoever wrote them, to the view.

use std::sync::Arc;

use rusqlite::{ffi, params};
use tandem_protocol::document::DocumentWrite;
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::{Action, Mode, Op, RowGroup};
use tandem_protocol::schema::ColumnId;
use tandem_protocol::transaction::{Basis, Header, Transaction};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::verify::ChainHead;
use tandem_protocol::version::{Dot, VersionVector};

use super::rows::{self, Base, Loaded, Run};
use super::table::ViewTable;
use super::{TableChange, View, ViewResult, functions};

/// What merging a transaction changed.
#[derive(Default, Debug)]
pub(crate) struct Merged {
    pub changes: Vec<TableChange>,
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
}

impl View {
    /// Applies a transaction at its place in the log.
    pub(crate) fn merge(&mut self, transaction: &Transaction, chain: ChainHead) -> ViewResult<Merged> {
        let header = &transaction.header;
        let context = self.memory.context(header);
        let seen = header.basis.as_ref().map(|basis| header.within_context(basis, &context));
        let basis = match &seen {
            Some(seen) => Basis { seen, own: None },
            None => Basis { seen: &context, own: Some((header.dot.chain(), header.dot.seq - 1)) },
        };
        let mut merged = Merged::default();
        for (place, op) in transaction.ops.iter().enumerate() {
            let understood = match op {
                Op::Rows(group) => self.merge_rows(group, header, &basis, &mut merged)?,
                Op::Schema(_) | Op::Member(_) => {
                    self.system(op, header, &context, place)?;
                    true
                }
                Op::Settle(settlement) => {
                    self.settle_conflict(settlement)?;
                    true
                }
                Op::Void => {
                    self.memory.void += 1;
                    true
                }
                Op::Unknown { .. } => false,
            };
            if !understood {
                merged.parked += 1;
                self.memory.parked += 1;
                let table = match op {
                    Op::Rows(group) => Some(group.table_id.0),
                    _ => None,
                };
                let sql =
                    "INSERT OR IGNORE INTO _tandem_parked (arrival, place, definition) VALUES (?1, ?2, ?3)";
                let (arrival, place) = (self.memory.position as i64, place as i64);
                self.connection.prepare_cached(sql)?.execute(params![arrival, place, table])?;
            }
        }
        self.follow_up(&mut merged)?;
        self.note_writers(transaction, &context)?;
        self.note(header, transaction.op_count(), chain, Arc::clone(&context))?;
        merged.changes.retain(|change| change.inserted + change.updated + change.deleted > 0);
        Ok(merged)
    }

    /// What can only be decided when all ops of a transaction are in.
    pub(super) fn follow_up(&mut self, merged: &mut Merged) -> ViewResult<()> {
        self.follow_references(merged)?;
        self.list_noted_unique()
    }

    /// Lists the transaction and moves on.
    pub(super) fn note(
        &mut self,
        header: &Header,
        ops: usize,
        chain: ChainHead,
        context: Arc<VersionVector>,
    ) -> ViewResult<()> {
        let author = self.memory.author_number(header.dot.author);
        let sql = "INSERT INTO _tandem_transactions (arrival, author, seq, time, ops, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (arrival, seq) = (self.memory.position as i64, header.dot.seq as i64);
        self.connection.prepare_cached(sql)?.execute(params![
            arrival,
            author,
            seq,
            header.time_ms,
            ops as i64,
            chain.hash.prefix()
        ])?;
        if let Some(key) = &header.key {
            self.connection
                .prepare_cached(
                    "INSERT INTO _tandem_keys (key, author, seq, time, request) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![key.key, author, seq, header.time_ms, key.request])?;
            self.list_duplicate(&key.key)?;
        }
        self.memory.ops += ops as u64;
        self.memory.advance(header, chain, context);
        Ok(())
    }

    /// Schema and membership ops. Their effect does not depend on the order of arrival.
    pub(super) fn system(
        &mut self,
        op: &Op,
        header: &Header,
        context: &VersionVector,
        place: usize,
    ) -> ViewResult<()> {
        let at = self.memory.places.of(header, context, place as u32);
        let by = at.by;
        let sql = "INSERT INTO _tandem_system (arrival, place, author, seq, time, depth, op) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (arrival, seq) = (self.memory.position as i64, by.seq as i64);
        self.connection.prepare_cached(sql)?.execute(params![
            arrival,
            place as i64,
            by.author.0,
            seq,
            by.time_ms,
            at.depth,
            op.to_bytes()
        ])?;
        match op {
            Op::Schema(op) => {
                self.add_schema(op, at);
                Ok(())
            }
            Op::Member(op) => {
                let _void = Arc::make_mut(&mut self.memory.membership).apply(by, op);
                self.refresh_tables();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the group was understood.
    fn merge_rows(
        &mut self,
        group: &RowGroup,
        header: &Header,
        basis: &Basis<'_>,
        merged: &mut Merged,
    ) -> ViewResult<bool> {
        self.lay_out()?;
        let Some(table) = self.memory.tables.get(&group.table_id).cloned() else { return Ok(false) };
        if !self.understands(&table, group, header.dot) {
            return Ok(false);
        }
        let mut bulk = BulkInsert::new(&table, group, header);
        for at in 0..group.rows() {
            let by = WriteId { time_ms: group.time(at, header.time_ms), ..header.write_id() };
            if group.action == Action::Insert
                && let Some(bulk) = &mut bulk
                && self.insert_fresh(&table, bulk, group, at)?
            {
                merged.of(&table.def.name).inserted += 1;
                continue;
            }
            self.merge_row(&table, group, at, by, basis, merged)?;
        }
        if let Some((first, last)) = bulk.and_then(|bulk| bulk.rowids) {
            for rowid in table.rules.broken_among(&self.connection, first..=last)? {
                self.list_rowid(&table, rowid)?;
            }
        }
        let change = merged.of(&table.def.name).clone();
        self.note_deletions(&table, &change)?;
        Ok(true)
    }

    /// Whether every cell of the group has its place in the table.
    fn understands(&self, table: &ViewTable, group: &RowGroup, dot: Dot) -> bool {
        let Some(known) = self.memory.schema.table_by_id(group.table_id) else { return false };
        let key = table.key.iter().map(|at| table.def.columns[*at].kind);
        let keys_fit = group.keys.len() == table.key.len()
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

    /// After deletions SQLite may use the last rowids again.
    pub(super) fn note_deletions(&mut self, table: &ViewTable, change: &TableChange) -> ViewResult<()> {
        if change.deleted > 0 {
            self.memory.stats(table).next_rowid = self.next_rowid(table)?;
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
        if self.memory.stats(table).hidden > 0
            && rows::is_stored(&self.connection, table, &group.key(at).to_bytes())?
        {
            return Ok(false);
        }
        let row = bulk.row(table, group, at);
        if !table.shows_as_written(&row) {
            return Ok(false);
        }
        if !self.insert_row(table, &row)? {
            return Ok(false);
        }
        let rowid = self.connection.last_insert_rowid();
        if bulk.rowids.is_none() {
            let author = self.memory.author_number(bulk.base.by.author);
            rows::put_run(&self.connection, table, &Run { first: rowid, author, base: bulk.base })?;
        }
        bulk.rowids = Some((bulk.rowids.map_or(rowid, |(first, _)| first), rowid));
        self.memory.stats(table).next_rowid = rowid + 1;
        self.count(table, None, Some(&row));
        self.note_references(table, None, Some(&row))?;
        Ok(true)
    }

    /// Lists what a row, known by its rowid, leaves to decide.
    fn list_rowid(&mut self, table: &Arc<ViewTable>, rowid: i64) -> ViewResult<()> {
        let values = {
            let mut statement = self.connection.prepare_cached(&table.sql.select_rowid)?;
            let mut found = statement.query([rowid])?;
            let Some(row) = found.next()? else { return Ok(()) };
            table.read_back(super::read_row(row, 1, table.def.columns.len())?)
        };
        let key = table.key_of(&values);
        let bytes = key.to_bytes();
        let row = self.load_row(table, &key, &bytes)?;
        self.list_row(table, &bytes, &row, Some(&values))
    }

    fn merge_row(
        &mut self,
        table: &Arc<ViewTable>,
        group: &RowGroup,
        at: usize,
        by: WriteId,
        basis: &Basis<'_>,
        merged: &mut Merged,
    ) -> ViewResult<()> {
        let key = group.key(at);
        let bytes = key.to_bytes();
        let mut row = self.take_row(table, &key, &bytes)?;
        let cells = group.row(at).map(|(column, value)| (column.id, column.mode, value));
        if table.documents.is_empty() {
            row.state.apply(group.action, cells, by, basis);
        } else {
            let cells = cells.map(|(id, mode, value)| (id, mode, value.clone())).collect();
            let cells = self.take_documents(table, &bytes, &row, cells, by)?;
            let written = cells.iter().map(|(id, mode, value)| (*id, *mode, value));
            row.state.apply(group.action, written, by, basis);
        }
        let alive = row.state.is_alive();
        let keep = alive || (row.shown.is_some() && self.keeps_for_now(table, &key)?);
        self.show_row(table, &key, &bytes, row, keep, merged)
    }

    /// Takes the document writes of a row into its documents, and puts what the registers are to
    /// hold in their place.
    pub(super) fn take_documents(
        &mut self,
        table: &Arc<ViewTable>,
        key: &[u8],
        row: &Loaded,
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
            if let Some(text) = row.base_text(at) {
                self.documents.create_from(&self.connection, table, key, at, text)?;
            }
            match write {
                DocumentWrite::Null => {}
                DocumentWrite::Create(document, content) => {
                    let place = table.place(key, at, document);
                    self.documents.create(&self.connection, kind, &place, &content)?;
                }
                DocumentWrite::Change(document, change) if !change.is_empty() => {
                    let place = table.place(key, at, document);
                    self.documents.apply(&self.connection, kind, &place, by.author, &change)?;
                }
                DocumentWrite::Change(..) => {}
            }
        }
        Ok(taken)
    }

    /// The values a row's state makes it show.
    pub(super) fn values(
        &mut self,
        table: &ViewTable,
        key: &Key,
        bytes: &[u8],
        row: &Loaded,
    ) -> ViewResult<Vec<Value>> {
        let mut values = row.state.shown(&table.def, &table.ids);
        for at in &table.documents {
            values[*at] = self.documents.value(&self.connection, table, bytes, row, *at, &values[*at])?;
        }
        table.key.iter().zip(&key.0).for_each(|(at, value)| values[*at] = value.clone());
        Ok(values)
    }

    /// Makes the view show what a row's state says, or hide it; keeps figures, conflicts and state.
    pub(super) fn show_row(
        &mut self,
        table: &Arc<ViewTable>,
        key: &Key,
        bytes: &[u8],
        row: Loaded,
        is_shown: bool,
        merged: &mut Merged,
    ) -> ViewResult<()> {
        let before = row.shown.as_ref().map(|(_, values)| values.clone());
        let after = if is_shown { Some(self.values(table, key, bytes, &row)?) } else { None };
        let change = merged.of(&table.def.name);
        match (&before, &after) {
            (None, Some(_)) => change.inserted += 1,
            (Some(before), Some(after)) => change.updated += u64::from(before != after),
            (Some(_), None) => change.deleted += 1,
            (None, None) => {}
        }
        match (&before, &after) {
            (None, Some(values)) => {
                self.insert_row(table, values)?;
                self.memory.stats(table).next_rowid = self.connection.last_insert_rowid() + 1;
            }
            (Some(before), Some(values)) if before != values => self.update_row(table, values)?,
            (Some(_), None) => {
                self.connection
                    .prepare_cached(&table.sql.delete)?
                    .execute(rusqlite::params_from_iter(table.stored_key(&key.0)))?;
            }
            _ => {}
        }
        self.count(table, before.as_deref(), after.as_deref());
        self.note_references(table, before.as_deref(), after.as_deref())?;
        self.keep_row(table, bytes, row, before.is_some(), after.as_deref())
    }

    /// Stores a row's state and lists what it leaves to decide.
    pub(super) fn keep_row(
        &mut self,
        table: &Arc<ViewTable>,
        bytes: &[u8],
        row: Loaded,
        was_shown: bool,
        shown: Option<&[Value]>,
    ) -> ViewResult<()> {
        self.documents.keep_base(&self.connection, table, bytes, &row)?;
        let row = match shown {
            Some(_) => self.hold_crowded(table, bytes, row)?,
            None => Some(row),
        };
        let Some(row) = row else { return Ok(()) };
        self.list_row(table, bytes, &row, shown)?;
        self.count_hidden(table, row.stored && !was_shown, shown.is_none());
        row.save(&self.connection, &self.memory.authors, table, bytes, self.memory.position)
    }

    /// `false` if the key is taken.
    pub(super) fn insert_row(&mut self, table: &Arc<ViewTable>, row: &[Value]) -> ViewResult<bool> {
        loop {
            let inserted = self
                .connection
                .prepare_cached(&table.sql.insert)?
                .execute(rusqlite::params_from_iter(table.stored_row(row)));
            match inserted {
                Ok(_) => return Ok(true),
                Err(error) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => return Ok(false),
                Err(error) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                    self.loosen_unique(table, error)?
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn update_row(&mut self, table: &Arc<ViewTable>, row: &[Value]) -> ViewResult<()> {
        loop {
            let key = table.key.iter().map(|at| table.stored(*at, &row[*at]));
            let updated = self
                .connection
                .prepare_cached(&table.sql.update)?
                .execute(rusqlite::params_from_iter(table.stored_row(row).chain(key)));
            match updated {
                Err(error) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                    self.loosen_unique(table, error)?;
                }
                other => {
                    other?;
                    return Ok(());
                }
            }
        }
    }

    /// Keeps rows, fingerprint and the greatest key in step with a row's change.
    pub(super) fn count(
        &mut self,
        table: &Arc<ViewTable>,
        before: Option<&[Value]>,
        after: Option<&[Value]>,
    ) {
        before.into_iter().chain(after).for_each(|row| self.note_unique(table, row));
        let remove = before.map(|row| table.hash(&mut self.hasher, row));
        let add = after.map(|row| table.hash(&mut self.hasher, row));
        if let Some(effect) = &mut self.effect
            && let Some(row) = before.or(after)
        {
            effect.row((table.id, &table.def.name), &table.key_of(row).to_bytes(), remove, add);
        }
        let stats = self.memory.stats(table);
        if let Some(hash) = remove {
            stats.fingerprint.remove(hash);
            stats.rows -= 1;
        }
        if let Some(hash) = add {
            stats.fingerprint.add(hash);
            stats.rows += 1;
        }
        if let (Some(row), true) = (after, table.generated_key().is_some())
            && let Value::Integer(id) = row[table.key[0]]
        {
            functions::locked(&self.ids).saw(&table.id_text, id);
        }
    }

    pub(super) fn count_hidden(&mut self, table: &ViewTable, before: bool, after: bool) {
        let stats = self.memory.stats(table);
        stats.hidden = stats.hidden + u64::from(after) - u64::from(before);
    }
}

pub(super) fn is_constraint(error: &rusqlite::Error, code: i32) -> bool {
    matches!(error, rusqlite::Error::SqliteFailure(error, _) if error.extended_code == code)
}

/// The insertion of many rows that all have every column, by one transaction.
struct BulkInsert {
    base: Base,
    /// For each column of the table that is no key, its place in the group.
    places: Vec<usize>,
    /// First and last rowid inserted.
    rowids: Option<(i64, i64)>,
}

impl BulkInsert {
    /// `None` if the group does not write every column, or not all at one time.
    fn new(table: &ViewTable, group: &RowGroup, header: &Header) -> Option<Self> {
        let set = group.columns.iter().all(|column| column.mode == Mode::Set);
        if !set || !group.times.is_empty() || group.columns.len() != table.cells.len() {
            return None;
        }
        let place = |at: &usize| group.columns.iter().position(|column| column.id == table.ids[*at]);
        let places = table.cells.iter().map(place).collect::<Option<_>>()?;
        let base = Base { by: header.write_id(), width: table.def.columns.len() as u16 };
        Some(Self { base, places, rowids: None })
    }

    fn row(&self, table: &ViewTable, group: &RowGroup, at: usize) -> Vec<Value> {
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
