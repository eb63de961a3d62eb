//! What the view remembers of itself: how far it follows the log, and its running figures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};
use tandem_protocol::chain::Chain;
use tandem_protocol::codec;
use tandem_protocol::fingerprint::Fingerprint;
use tandem_protocol::identity::{Author, Prefix, TxHash};
use tandem_protocol::membership::Membership;
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{OpPlace, Schema, TableId};
use tandem_protocol::verify::ChainHead;
use tandem_protocol::version::{Dot, VersionVector};

use super::memory::{Authors, Memory, TableStats};
use super::references::Pending;
use super::table::ViewTable;
use super::{VERSION, View, ViewError, ViewResult, ddl, functions};

/// The first half of the hash of a transaction, by its author's number and its own.
pub(crate) const PREFIX_SQL: &str = "SELECT hash FROM _tandem_transactions WHERE author = ?1 AND seq = ?2";

impl View {
    /// Reads back what [`View::save`] wrote; lays out a new view.
    pub(super) fn load(&mut self) -> ViewResult<()> {
        let fresh = !self
            .connection
            .prepare("SELECT 1 FROM sqlite_schema WHERE name = '_tandem_state'")?
            .exists([])?;
        if fresh {
            self.connection.execute_batch(&format!("BEGIN; {} COMMIT;", ddl::OWN_TABLES))?;
            self.put_version()?;
        }
        let made_by = (self.state("version")?, self.state("judge")?);
        if made_by != (Some(VERSION), Some(self.judge.level().into())) {
            return Err(ViewError::Inconsistent("a view of another version"));
        }
        let number = |name| Ok::<u64, ViewError>(self.state(name)?.unwrap_or(0) as u64);
        let (position, ops, void) = (number("position")?, number("ops")?, number("void")?);
        let mut memory = Memory { position, ops, void, ..Memory::default() };
        self.load_authors(&mut memory)?;
        self.load_system(&mut memory)?;
        self.load_tables(&mut memory)?;
        self.load_rules(&mut memory)?;
        // A table that counts and is not there was refused by SQLite, or came at the last moment.
        let missing = memory.schema.tables().any(|table| !memory.tables.contains_key(&table.id()));
        self.stale = missing || self.state("stale")?.is_some_and(|stale| stale != 0);
        self.memory = memory;
        self.refresh_tables();
        Ok(())
    }

    fn load_authors(&self, memory: &mut Memory) -> ViewResult<()> {
        let mut statement = self
            .connection
            .prepare("SELECT number, author, seq, hash, context FROM _tandem_authors ORDER BY number")?;
        let mut rows = statement.query([])?;
        let mut authors = Vec::new();
        while let Some(row) = rows.next()? {
            let author = Author(row.get(1)?);
            authors.push(author);
            let seq: i64 = row.get(2)?;
            if seq > 0 {
                memory.chains.insert(author.into(), ChainHead { seq: seq as u64, hash: TxHash(row.get(3)?) });
            }
            let context: VersionVector = codec::decode(&row.get::<_, Vec<u8>>(4)?, "context")
                .map_err(|_| ViewError::Inconsistent("a context that cannot be read"))?;
            memory.contexts.insert(author, Arc::new(context));
        }
        memory.authors = Arc::new(Authors::from_list(authors));
        Ok(())
    }

    fn load_system(&self, memory: &mut Memory) -> ViewResult<()> {
        let sql = "SELECT author, seq, time, depth, place, op FROM _tandem_system ORDER BY arrival, place";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let (mut schema, mut membership) = (Schema::new(self.judge), Membership::default());
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(1)?;
            let by = WriteId::new(row.get(2)?, Dot::new(Author(row.get(0)?), seq as u64));
            match Op::from_bytes(&row.get::<_, Vec<u8>>(5)?) {
                Ok(Op::Schema(op)) => {
                    let at = OpPlace { depth: row.get(3)?, by, place: row.get(4)? };
                    memory.places.note(at);
                    schema.add(at, &op);
                }
                Ok(Op::Member(op)) => {
                    let _void = membership.apply(by, &op);
                }
                _ => return Err(ViewError::Inconsistent("a system op that cannot be read")),
            }
        }
        let mut statement =
            self.connection.prepare("SELECT definition, author, known FROM _tandem_writers")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(author) = memory.authors.author(row.get(1)?) {
                let known = codec::decode(&row.get::<_, Vec<u8>>(2)?, "known schema changes")
                    .map_err(|_| ViewError::Inconsistent("a writer that cannot be read"))?;
                schema.note_writer(row.get(0)?, author, &known);
            }
        }
        schema.settle();
        memory.schema = Arc::new(schema);
        memory.membership = Arc::new(membership);
        Ok(())
    }

    fn load_tables(&self, memory: &mut Memory) -> ViewResult<()> {
        let sql = "SELECT number, id, rows, fingerprint, hidden, greatest FROM _tandem_tables";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut tables = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            let id = TableId(row.get(1)?);
            let table = memory
                .schema
                .table_by_id(id)
                .map(|table| Arc::new(ViewTable::new(number, &table.shown)))
                .ok_or(ViewError::Inconsistent("a table without a definition"))?;
            let stats = TableStats {
                rows: row.get::<_, i64>(2)? as u64,
                fingerprint: Fingerprint(u128::from_le_bytes(row.get(3)?)),
                hidden: row.get::<_, i64>(4)? as u64,
                next_rowid: self.next_rowid(&table)?,
                dirty: false,
            };
            functions::locked(&self.ids).reset(&table.id_text, row.get(5)?);
            memory.stats.insert(number, stats);
            tables.insert(id, table);
        }
        memory.tables = Arc::new(tables);
        Ok(())
    }

    /// What follows from the tables of conflicts and parked ops, and from the indices there are.
    fn load_rules(&self, memory: &mut Memory) -> ViewResult<()> {
        let mut statement = self.connection.prepare("SELECT body FROM _tandem_conflicts")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            memory.conflicts.add(&super::conflicts::decode(row.get_ref(0)?.as_blob().unwrap_or_default())?);
        }
        let parked: i64 =
            self.connection.query_row("SELECT count(*) FROM _tandem_parked", [], |row| row.get(0))?;
        memory.parked = parked as u64;
        let indices = |pattern: &str| -> ViewResult<BTreeSet<String>> {
            let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE ?1 ESCAPE '!' AND sql NOT LIKE 'CREATE UNIQUE%'";
            let mut statement = self.connection.prepare(sql)?;
            let names = statement.query_map([pattern], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        };
        memory.loose = Arc::new(indices("!_tandem!_unique!_%")?);
        memory.rest = Arc::new(self.rest_indices()?);
        memory.reference_indices = Arc::new(indices("!_tandem!_reference!_%")?);
        Ok(())
    }

    /// The unique indices over the values in no conflict.
    fn rest_indices(&self) -> ViewResult<BTreeSet<String>> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE '!_tandem!_rest!_%' ESCAPE '!'";
        let mut statement = self.connection.prepare(sql)?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Above every rowid in use.
    pub(super) fn next_rowid(&self, table: &ViewTable) -> ViewResult<i64> {
        let sql =
            format!("SELECT coalesce(max(rowid), 0) + 1 FROM {}", super::table::quoted(&table.def.name));
        Ok(self.connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
    }

    /// Writes down how far the view follows the log, in the transaction that brought it there.
    pub(super) fn save(&mut self) -> ViewResult<()> {
        let sql = "INSERT OR REPLACE INTO _tandem_authors (number, author, seq, hash, context) VALUES (?1, ?2, ?3, ?4, ?5)";
        let nobody = ChainHead { seq: 0, hash: TxHash([0; 32]) };
        for author in std::mem::take(&mut self.memory.changed_authors) {
            let chain = self.memory.chains.get(&Chain::from(author)).copied().unwrap_or(nobody);
            let context = self.memory.contexts.get(&author).cloned().unwrap_or_default();
            let number = self.memory.author_number(author);
            self.connection.prepare_cached(sql)?.execute(params![
                number,
                author.0,
                chain.seq as i64,
                chain.hash.0,
                codec::encode(&*context)
            ])?;
        }
        self.memory.changed_authors.clear();
        let sql = "UPDATE _tandem_tables SET rows = ?2, fingerprint = ?3, hidden = ?4, greatest = ?5 WHERE number = ?1";
        for table in self.memory.tables.values() {
            let Some(stats) = self.memory.stats.get_mut(&table.number).filter(|stats| stats.dirty) else {
                continue;
            };
            stats.dirty = false;
            let greatest = functions::locked(&self.ids).greatest(&table.id_text);
            self.connection.prepare_cached(sql)?.execute(params![
                table.number,
                stats.rows as i64,
                stats.fingerprint.0.to_le_bytes(),
                stats.hidden as i64,
                greatest
            ])?;
        }
        if self.stale {
            self.put_state("stale", 1)?;
        }
        self.put_state("ops", self.memory.ops as i64)?;
        self.put_state("void", self.memory.void as i64)?;
        self.put_state("position", self.memory.position as i64)
    }

    fn put_version(&self) -> ViewResult<()> {
        self.put_state("judge", self.judge.level().into())?;
        self.put_state("version", VERSION)
    }

    /// A number the view remembers.
    pub(crate) fn state(&self, name: &str) -> ViewResult<Option<i64>> {
        let sql = "SELECT value FROM _tandem_state WHERE name = ?1";
        Ok(self.connection.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Remembers a number.
    pub(crate) fn put_state(&self, name: &str, value: i64) -> ViewResult<()> {
        let sql = "INSERT OR REPLACE INTO _tandem_state (name, value) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![name, value])?;
        Ok(())
    }
}

impl View {
    /// Empties the view, and lays out the tables of a schema known in advance: rows then replay
    /// into tables that have their final shape.
    pub(crate) fn clear(&mut self, schema: Schema) -> ViewResult<()> {
        // Of SQLite's own names, the underscore is part: "sqlite2" is a user's.
        let sql =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
        let names: Vec<String> =
            self.connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for name in names {
            self.connection.execute_batch(&format!("DROP TABLE {}", super::table::quoted(&name)))?;
        }
        self.connection.execute_batch(ddl::OWN_TABLES)?;
        self.put_version()?;
        self.memory = Memory { schema: Arc::new(schema), ..Memory::default() };
        for (definition, author, known) in Arc::clone(&self.memory.schema).writers() {
            self.put_writer(definition, author, known)?;
        }
        self.lay_out_tables()?;
        self.list_schema()?;
        self.documents.forget();
        self.pending = Pending::default();
        self.stale = false;
        Ok(())
    }

    /// The transactions recorded under an idempotency key, oldest first, each with the hash of its
    /// request.
    pub(crate) fn recorded_under(&self, key: &[u8; 32]) -> ViewResult<Vec<(Dot, [u8; 32])>> {
        let sql = "SELECT author, seq, time, request FROM _tandem_keys WHERE key = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let Some(author) = self.memory.authors.author(row.get(0)?) else { continue };
            let seq = row.get::<_, i64>(1)? as u64;
            found.push((WriteId::new(row.get(2)?, Dot::new(author, seq)), row.get(3)?));
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(by, request)| (by.dot(), request)).collect())
    }

    /// Arrival number of the first transaction that a vector does not cover.
    pub(crate) fn first_beyond(&self, vector: &VersionVector) -> ViewResult<Option<u64>> {
        let sql =
            "SELECT arrival FROM _tandem_transactions WHERE author = ?1 AND seq > ?2 ORDER BY seq LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut first: Option<u64> = None;
        for chain in self.memory.chains.keys() {
            let Some(number) = self.memory.authors.number(&chain.author) else { continue };
            let beyond = params![number, vector.seq(chain) as i64];
            let arrival: Option<i64> = statement.query_row(beyond, |row| row.get(0)).optional()?;
            first = first.into_iter().chain(arrival.map(|arrival| arrival as u64)).min();
        }
        Ok(first)
    }

    /// Arrival number of a transaction.
    pub(crate) fn arrival_of(&self, dot: &tandem_protocol::version::Dot) -> ViewResult<Option<u64>> {
        let Some(number) = self.memory.authors.number_of_trunk(&dot.chain()) else { return Ok(None) };
        let sql = "SELECT arrival FROM _tandem_transactions WHERE author = ?1 AND seq = ?2";
        let found: Option<i64> = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![number, dot.seq as i64], |row| row.get(0))
            .optional()?;
        Ok(found.map(|arrival| arrival as u64))
    }

    /// The first half of a transaction's hash.
    pub(crate) fn prefix_of(&self, dot: &Dot) -> ViewResult<Option<Prefix>> {
        let Some(number) = self.memory.authors.number_of_trunk(&dot.chain()) else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(PREFIX_SQL)?;
        Ok(statement.query_row(params![number, dot.seq as i64], |row| row.get(0)).optional()?)
    }

    /// The time of each author's last transaction.
    pub(crate) fn last_times(&self) -> ViewResult<Vec<i64>> {
        let sql = "SELECT time FROM _tandem_transactions WHERE author = ?1 ORDER BY seq DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut times = Vec::new();
        for chain in self.memory.chains.keys() {
            let Some(number) = self.memory.authors.number(&chain.author) else { continue };
            times.extend(statement.query_row([number], |row| row.get::<_, i64>(0)).optional()?);
        }
        Ok(times)
    }
}
