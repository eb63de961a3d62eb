//! Applies transactions, whoever wrote them, to the view.

use std::sync::Arc;

use rusqlite::{ffi, params};
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::{Action, Op, RowGroup};
use tandem_protocol::transaction::{Basis, Header, Transaction};
use tandem_protocol::value::Value;
use tandem_protocol::verify::ChainHead;

use super::bind::Bind;
use super::rows::{self, Base, Loaded, Run};
use super::table::ViewTable;
use super::{TableChange, View, ViewResult, ddl, functions};

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
        let basis = match &header.basis {
            Some(basis) => Basis { seen: basis, own: None },
            None => Basis { seen: &context, own: Some((header.dot.author, header.dot.seq - 1)) },
        };
        let mut merged = Merged::default();
        for (place, op) in transaction.ops.iter().enumerate() {
            let understood = match op {
                Op::Rows(group) => self.merge_rows(group, header, &basis, &mut merged)?,
                Op::Schema(_) | Op::Member(_) => {
                    self.system(op, header, place)?;
                    true
                }
                Op::Unknown { .. } => false,
            };
            if !understood {
                merged.parked += 1;
                self.connection
                    .prepare_cached("INSERT OR IGNORE INTO _tandem_parked (arrival, place) VALUES (?1, ?2)")?
                    .execute(params![self.memory.position as i64, place as i64])?;
            }
        }
        self.note(header, transaction.op_count(), chain, Arc::clone(&context))?;
        merged.changes.retain(|change| change.inserted + change.updated + change.deleted > 0);
        Ok(merged)
    }

    /// Lists the transaction and moves on.
    pub(super) fn note(
        &mut self,
        header: &Header,
        ops: usize,
        chain: ChainHead,
        context: Arc<tandem_protocol::version::VersionVector>,
    ) -> ViewResult<()> {
        let author = self.memory.author_number(header.dot.author);
        let sql =
            "INSERT INTO _tandem_transactions (arrival, author, seq, time, ops) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (arrival, seq) = (self.memory.position as i64, header.dot.seq as i64);
        self.connection.prepare_cached(sql)?.execute(params![
            arrival,
            author,
            seq,
            header.time_ms,
            ops as i64
        ])?;
        if let Some(key) = &header.key {
            self.connection
                .prepare_cached("INSERT OR IGNORE INTO _tandem_keys (key, author, seq) VALUES (?1, ?2, ?3)")?
                .execute(params![key, author, seq])?;
        }
        self.memory.ops += ops as u64;
        self.memory.advance(header, chain, context);
        Ok(())
    }

    /// Schema and membership ops. Their effect does not depend on the order of arrival.
    pub(super) fn system(&mut self, op: &Op, header: &Header, place: usize) -> ViewResult<()> {
        let by = header.write_id();
        let sql = "INSERT INTO _tandem_system (arrival, place, author, seq, time, op) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (arrival, seq) = (self.memory.position as i64, by.seq as i64);
        self.connection.prepare_cached(sql)?.execute(params![
            arrival,
            place as i64,
            by.author.0,
            seq,
            by.time_ms,
            op.to_bytes()
        ])?;
        match op {
            Op::Schema(op) => self.apply_schema(op, by),
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
        let Some(table) = self.memory.tables.get(&group.table_id).cloned() else { return Ok(false) };
        let Some(known) = self.memory.schema.table_by_id(group.table_id) else { return Ok(false) };
        let all_known = group.columns.iter().all(|column| known.column_by_id(column.id).is_some());
        if !all_known || group.keys.len() != table.key.len() {
            return Ok(false);
        }
        let change = merged.of(&table.def.name);
        let mut bulk = BulkInsert::new(&table, group, header);
        for at in 0..group.rows() {
            let by = WriteId { time_ms: group.time(at, header.time_ms), ..header.write_id() };
            if group.action == Action::Insert
                && let Some(bulk) = &mut bulk
                && self.insert_fresh(&table, bulk, group, at)?
            {
                change.inserted += 1;
                continue;
            }
            self.merge_row(&table, group, at, by, basis, change)?;
        }
        self.note_deletions(&table, change)?;
        Ok(true)
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
        if !self.insert_row(table, &row)? {
            return Ok(false);
        }
        let rowid = self.connection.last_insert_rowid();
        if !bulk.run_put {
            let author = self.memory.author_number(bulk.base.by.author);
            rows::put_run(&self.connection, table, &Run { first: rowid, author, base: bulk.base })?;
            bulk.run_put = true;
        }
        self.memory.stats(table).next_rowid = rowid + 1;
        self.count(table, None, Some(&row));
        Ok(true)
    }

    fn merge_row(
        &mut self,
        table: &Arc<ViewTable>,
        group: &RowGroup,
        at: usize,
        by: WriteId,
        basis: &Basis<'_>,
        change: &mut TableChange,
    ) -> ViewResult<()> {
        let key = group.key(at);
        let key_bytes = key.to_bytes();
        let shown = rows::select(&self.connection, table, &key)?;
        let mut row = Loaded::load(&self.connection, &self.memory.authors, table, &key_bytes, shown)?;
        let cells = group.row(at).map(|(column, value)| (column.id, column.mode, value));
        row.state.apply(group.action, cells, by, basis);
        let before = row.shown.as_ref().map(|(_, values)| values.clone());
        let after = row.state.is_alive().then(|| {
            let mut values = row.state.shown(&table.def);
            table.key.iter().zip(&key.0).for_each(|(at, value)| values[*at] = value.clone());
            values
        });
        match (&before, &after) {
            (None, Some(values)) => {
                self.insert_row(table, values)?;
                self.memory.stats(table).next_rowid = self.connection.last_insert_rowid() + 1;
                change.inserted += 1;
            }
            (Some(before), Some(values)) if before != values => {
                self.update_row(table, values)?;
                change.updated += 1;
            }
            (Some(_), None) => {
                self.connection
                    .prepare_cached(&table.sql.delete)?
                    .execute(rusqlite::params_from_iter(key.0.iter().map(Bind)))?;
                change.deleted += 1;
            }
            _ => {}
        }
        self.count(table, before.as_deref(), after.as_deref());
        let was_hidden = row.stored && before.is_none();
        self.count_hidden(table, was_hidden, after.is_none());
        row.save(&self.connection, table, &key_bytes)
    }

    /// `false` if the key is taken.
    fn insert_row(&mut self, table: &Arc<ViewTable>, row: &[Value]) -> ViewResult<bool> {
        loop {
            let inserted = self
                .connection
                .prepare_cached(&table.sql.insert)?
                .execute(rusqlite::params_from_iter(row.iter().map(Bind)));
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

    pub(super) fn update_row(&self, table: &Arc<ViewTable>, row: &[Value]) -> ViewResult<()> {
        let connection = &self.connection;
        let update = || {
            let key = table.key.iter().map(|at| &row[*at]);
            connection
                .prepare_cached(&table.sql.update)?
                .execute(rusqlite::params_from_iter(row.iter().chain(key).map(Bind)))
        };
        match update() {
            Err(error) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                self.loosen_unique(table, error)?;
                update()?;
            }
            other => {
                other?;
            }
        }
        Ok(())
    }

    /// A merge broke a uniqueness rule: both rows stay, and from here on the rule is kept by
    /// triggers that look at local writes only. `broken` is what SQLite said.
    fn loosen_unique(&self, table: &ViewTable, broken: rusqlite::Error) -> ViewResult<()> {
        let mut loosened = false;
        for rule in ddl::unique_rules(&table.def) {
            let unique = self
                .connection
                .prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1 AND sql LIKE 'CREATE UNIQUE%'")?
                .exists([&rule.name])?;
            if unique {
                self.connection.execute_batch(&format!("DROP INDEX {}", super::table::quoted(&rule.name)))?;
                rule.loose.iter().try_for_each(|sql| self.connection.execute_batch(sql))?;
                loosened = true;
            }
        }
        if loosened { Ok(()) } else { Err(broken.into()) }
    }

    /// Keeps rows, fingerprint and the greatest key in step with a row's change.
    pub(super) fn count(&mut self, table: &ViewTable, before: Option<&[Value]>, after: Option<&[Value]>) {
        let remove = before.map(|row| table.hash(&mut self.hasher, row));
        let add = after.map(|row| table.hash(&mut self.hasher, row));
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
            functions::locked(&self.ids).saw(&table.def.name.to_ascii_lowercase(), id);
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
    run_put: bool,
}

impl BulkInsert {
    /// `None` if the group does not write every column, or not all at one time.
    fn new(table: &ViewTable, group: &RowGroup, header: &Header) -> Option<Self> {
        if !group.times.is_empty() || group.columns.len() != table.cells.len() {
            return None;
        }
        let place = |at: &usize| group.columns.iter().position(|column| column.id == table.ids[*at]);
        let places = table.cells.iter().map(place).collect::<Option<_>>()?;
        let base = Base { by: header.write_id(), width: table.def.columns.len() as u16 };
        Some(Self { base, places, run_put: false })
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
