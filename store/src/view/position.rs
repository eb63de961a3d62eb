//! How far the view follows the log: chains, contexts, and the names of what it has taken in. With
//! the view's own tables that are about transactions and not about rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_protocol::chain::{Branches, Chain};
use tandem_protocol::codec;
use tandem_protocol::identity::{Author, Prefix, TxHash};
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{KnownSchema, OpPlace};
use tandem_protocol::transaction::Header;
use tandem_protocol::verify::{ChainHead, Chains};
use tandem_protocol::version::{Dot, Reference, VersionVector};

use super::authors::Authors;
use super::state::{put_state, state};
use super::{ViewError, ViewResult};
use crate::log::Offsets;

/// The first half of the hash of a transaction, by its author's number and its own.
pub(crate) const PREFIX_SQL: &str = "SELECT hash FROM _tandem_transactions WHERE author = ?1 AND seq = ?2";

/// How far a view follows the log, and what each author had written and known by then.
#[derive(Clone, Default)]
pub(crate) struct Position {
    /// Arrival number of the next transaction to be merged.
    pub next: u64,
    /// Ops in all transactions merged.
    pub ops: u64,
    /// Ops that are not understood yet.
    pub parked: u64,
    /// Transactions whose rows are more than one may have: without effect.
    pub void: u64,
    pub chains: Chains,
    /// Everything each author held when it wrote its last transaction, besides its own.
    pub contexts: BTreeMap<Author, Arc<VersionVector>>,
    pub authors: Arc<Authors>,
    /// Authors whose entry is to be written down anew.
    changed: Vec<Author>,
}

/// A transaction that was recorded under an idempotency key.
pub(super) struct Recorded {
    pub by: WriteId,
    /// The hash of its request.
    pub request: [u8; 32],
    prefix: Prefix,
}

impl Recorded {
    /// How another transaction names it.
    pub fn reference(&self) -> Reference {
        Reference { dot: self.by.dot(), prefix: self.prefix }
    }
}

/// In memory.
impl Position {
    /// The version vector of everything merged.
    pub(crate) fn vector(&self) -> VersionVector {
        VersionVector::of(self.chains.iter().map(|(chain, last)| (*chain, last.head())), &Branches::NONE)
    }

    /// What a transaction's author held of others when it wrote it.
    pub(crate) fn context(&self, header: &Header) -> Arc<VersionVector> {
        let before = self.contexts.get(&header.dot.author);
        if header.context.is_empty() {
            return before.cloned().unwrap_or_default();
        }
        let mut context = before.map_or_else(VersionVector::default, |known| (**known).clone());
        context.join(&header.context);
        Arc::new(context)
    }

    /// What others wrote that `author` did not know at its last transaction: the context of its
    /// next.
    pub(crate) fn growth(&self, author: &Author) -> VersionVector {
        let known = self.contexts.get(author).cloned().unwrap_or_default();
        let others = self.chains.iter().filter(|(chain, _)| chain.author != *author);
        let heads = others.map(|(chain, last)| (*chain, last.head()));
        VersionVector::of(heads, &Branches::NONE).growth_since(&known)
    }

    /// Moves on by one transaction.
    pub(crate) fn advance(&mut self, header: &Header, chain: ChainHead, context: Arc<VersionVector>) {
        assert_eq!(header.dot.seq, chain.seq, "a chain's head is its last transaction");
        self.next += 1;
        self.chains.insert(header.dot.chain(), chain);
        self.contexts.insert(header.dot.author, context);
        self.note_changed(header.dot.author);
    }

    fn note_changed(&mut self, author: Author) {
        if !self.changed.contains(&author) {
            self.changed.push(author);
        }
    }

    /// The number by which the view's own tables name an author.
    pub(crate) fn author_number(&mut self, author: Author) -> i64 {
        if let Some(number) = self.authors.number(&author) {
            return number;
        }
        self.note_changed(author);
        Arc::make_mut(&mut self.authors).add(author)
    }
}

/// In the view's own tables.
impl Position {
    /// Reads back what [`Position::save`] wrote.
    pub(super) fn load(connection: &Connection) -> ViewResult<Self> {
        let number = |name| Ok::<u64, ViewError>(state(connection, name)?.unwrap_or(0) as u64);
        let (next, ops, void) = (number("position")?, number("ops")?, number("void")?);
        let parked: i64 =
            connection.query_row("SELECT count(*) FROM _tandem_parked", [], |row| row.get(0))?;
        let mut position = Self { next, ops, void, parked: parked as u64, ..Self::default() };
        let mut statement = connection
            .prepare("SELECT number, author, seq, hash, context FROM _tandem_authors ORDER BY number")?;
        let mut rows = statement.query([])?;
        let mut authors = Vec::new();
        while let Some(row) = rows.next()? {
            let author = Author(row.get(1)?);
            authors.push(author);
            let seq: i64 = row.get(2)?;
            if seq > 0 {
                let chain = ChainHead { seq: seq as u64, hash: TxHash(row.get(3)?) };
                position.chains.insert(author.into(), chain);
            }
            let context: VersionVector = codec::decode(&row.get::<_, Vec<u8>>(4)?, "context")
                .map_err(|_| ViewError::Inconsistent("a context that cannot be read"))?;
            position.contexts.insert(author, Arc::new(context));
        }
        position.authors = Arc::new(Authors::from_list(authors));
        Ok(position)
    }

    /// Writes down how far the view follows the log, in the transaction that brought it there.
    pub(super) fn save(&mut self, connection: &Connection) -> ViewResult<()> {
        let sql = "INSERT OR REPLACE INTO _tandem_authors (number, author, seq, hash, context) VALUES (?1, ?2, ?3, ?4, ?5)";
        let nobody = ChainHead { seq: 0, hash: TxHash([0; 32]) };
        for author in std::mem::take(&mut self.changed) {
            let chain = self.chains.get(&Chain::from(author)).copied().unwrap_or(nobody);
            let context = self.contexts.get(&author).cloned().unwrap_or_default();
            let number = self.author_number(author);
            connection.prepare_cached(sql)?.execute(params![
                number,
                author.0,
                chain.seq as i64,
                chain.hash.0,
                codec::encode(&*context)
            ])?;
        }
        self.changed.clear();
        put_state(connection, "ops", self.ops as i64)?;
        put_state(connection, "void", self.void as i64)?;
        put_state(connection, "position", self.next as i64)
    }

    /// Lists a transaction and moves on.
    pub(super) fn list(
        &mut self,
        connection: &Connection,
        header: &Header,
        ops: usize,
        chain: ChainHead,
        context: Arc<VersionVector>,
    ) -> ViewResult<()> {
        assert!(!connection.is_autocommit(), "a transaction is listed in a group");
        let author = self.author_number(header.dot.author);
        let sql = "INSERT INTO _tandem_transactions (arrival, author, seq, time, ops, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (arrival, seq) = (self.next as i64, header.dot.seq as i64);
        connection.prepare_cached(sql)?.execute(params![
            arrival,
            author,
            seq,
            header.time_ms,
            ops as i64,
            chain.hash.prefix()
        ])?;
        if let Some(key) = &header.key {
            let sql =
                "INSERT INTO _tandem_keys (key, author, seq, time, request) VALUES (?1, ?2, ?3, ?4, ?5)";
            connection.prepare_cached(sql)?.execute(params![
                key.key,
                author,
                seq,
                header.time_ms,
                key.request
            ])?;
        }
        self.ops += ops as u64;
        self.advance(header, chain, context);
        Ok(())
    }

    /// Keeps an op of schema or membership.
    pub(super) fn list_system(&self, connection: &Connection, op: &Op, at: OpPlace) -> ViewResult<()> {
        let sql = "INSERT INTO _tandem_system (arrival, place, author, seq, time, depth, op) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (arrival, seq) = (self.next as i64, at.by.seq as i64);
        debug_assert!(
            Op::from_bytes(&op.to_bytes()).is_ok_and(|read| read.to_bytes() == op.to_bytes()),
            "an op that is stored can be loaded"
        );
        connection.prepare_cached(sql)?.execute(params![
            arrival,
            at.place,
            at.by.author.0,
            seq,
            at.by.time_ms,
            at.depth,
            op.to_bytes()
        ])?;
        Ok(())
    }

    /// Keeps that an author wrote by a definition, and what schema changes it knew.
    pub(super) fn list_writer(
        &mut self,
        connection: &Connection,
        definition: [u8; 16],
        author: Author,
        known: &KnownSchema,
    ) -> ViewResult<()> {
        let number = self.author_number(author);
        let sql = "INSERT INTO _tandem_writers (definition, author, known) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![definition, number, codec::encode(known)])?;
        Ok(())
    }

    /// Keeps that an op of the transaction at hand is not understood yet.
    pub(super) fn park(&mut self, connection: &Connection, place: usize, op: &Op) -> ViewResult<()> {
        self.parked += 1;
        let table = match op {
            Op::Rows(group) => Some(group.table_id.0),
            _ => None,
        };
        let sql = "INSERT OR IGNORE INTO _tandem_parked (arrival, place, definition) VALUES (?1, ?2, ?3)";
        connection.prepare_cached(sql)?.execute(params![self.next as i64, place as i64, table])?;
        Ok(())
    }

    /// The transactions recorded under an idempotency key, oldest first, each with the hash of its
    /// request.
    pub(super) fn recorded_under(
        &self,
        connection: &Connection,
        key: &[u8; 32],
    ) -> ViewResult<Vec<Recorded>> {
        let sql = "SELECT k.author, k.seq, k.time, k.request, t.hash FROM _tandem_keys AS k \
                   JOIN _tandem_transactions AS t USING (author, seq) WHERE k.key = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([key])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let Some(author) = self.authors.author(row.get(0)?) else { continue };
            let seq = row.get::<_, i64>(1)? as u64;
            let by = WriteId::new(row.get(2)?, Dot::new(author, seq));
            found.push(Recorded { by, request: row.get(3)?, prefix: row.get(4)? });
        }
        found.sort_unstable_by_key(|one| one.by);
        Ok(found)
    }

    /// Arrival number of the first transaction that a vector does not cover.
    pub(super) fn first_beyond(
        &self,
        connection: &Connection,
        vector: &VersionVector,
    ) -> ViewResult<Option<u64>> {
        let sql =
            "SELECT arrival FROM _tandem_transactions WHERE author = ?1 AND seq > ?2 ORDER BY seq LIMIT 1";
        let mut statement = connection.prepare_cached(sql)?;
        let mut first: Option<u64> = None;
        for chain in self.chains.keys() {
            let Some(number) = self.authors.number(&chain.author) else { continue };
            let beyond = params![number, vector.seq(chain) as i64];
            let arrival: Option<i64> = statement.query_row(beyond, |row| row.get(0)).optional()?;
            first = first.into_iter().chain(arrival.map(|arrival| arrival as u64)).min();
        }
        Ok(first)
    }

    /// Arrival number of a transaction.
    pub(super) fn arrival_of(&self, connection: &Connection, dot: &Dot) -> ViewResult<Option<u64>> {
        let Some(number) = self.authors.number_of_trunk(&dot.chain()) else { return Ok(None) };
        let sql = "SELECT arrival FROM _tandem_transactions WHERE author = ?1 AND seq = ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let found: Option<i64> =
            statement.query_row(params![number, dot.seq as i64], |row| row.get(0)).optional()?;
        Ok(found.map(|arrival| arrival as u64))
    }

    /// The first half of a transaction's hash.
    pub(super) fn prefix_of(&self, connection: &Connection, dot: &Dot) -> ViewResult<Option<Prefix>> {
        let Some(number) = self.authors.number_of_trunk(&dot.chain()) else { return Ok(None) };
        let mut statement = connection.prepare_cached(PREFIX_SQL)?;
        Ok(statement.query_row(params![number, dot.seq as i64], |row| row.get(0)).optional()?)
    }

    /// Keeps how far sources of edits have come.
    pub(super) fn put_offsets(&self, connection: &Connection, offsets: &Offsets) -> ViewResult<()> {
        let sql = "INSERT OR REPLACE INTO _tandem_offsets (source, offset) VALUES (?1, ?2)";
        for (source, offset) in offsets {
            connection.prepare_cached(sql)?.execute(params![source, offset])?;
        }
        Ok(())
    }

    /// The time of each author's last transaction.
    pub(super) fn last_times(&self, connection: &Connection) -> ViewResult<Vec<i64>> {
        let sql = "SELECT time FROM _tandem_transactions WHERE author = ?1 ORDER BY seq DESC LIMIT 1";
        let mut statement = connection.prepare_cached(sql)?;
        let mut times = Vec::new();
        for chain in self.chains.keys() {
            let Some(number) = self.authors.number(&chain.author) else { continue };
            times.extend(statement.query_row([number], |row| row.get::<_, i64>(0)).optional()?);
        }
        Ok(times)
    }
}
