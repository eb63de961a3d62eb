//! The table of open conflicts: what the merge left for a person to decide, kept in step with the
//! rows in the same SQLite transaction.

use std::sync::Arc;

use rusqlite::params;
use tandem_protocol::codec;
use tandem_protocol::conflict::{Conflict, ConflictId, ConflictKind, Held, Version};
use tandem_protocol::identity::Author;
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Settlement;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::{Dot, Reference};

use super::ddl::UniqueRule;
use super::documents;
use super::rows::Loaded;
use super::table::ViewTable;
use super::{View, ViewError, ViewResult};

/// Kinds that follow from one row.
const OF_ROW: [ConflictKind; 4] =
    [ConflictKind::Register, ConflictKind::Deleted, ConflictKind::Reference, ConflictKind::Check];

/// The number by which the view names a kind.
pub(crate) fn kind_code(kind: ConflictKind) -> i64 {
    ConflictKind::ALL.iter().position(|known| *known == kind).unwrap_or_default() as i64
}

/// Reads a conflict back from its row.
pub(crate) fn decode(body: &[u8]) -> ViewResult<Conflict> {
    codec::decode(body, "conflict").map_err(|_| ViewError::Inconsistent("a conflict that cannot be read"))
}

impl View {
    /// Makes the listed conflicts of one row follow its state. `shown`: the values shown.
    pub(super) fn list_row(
        &mut self,
        table: &Arc<ViewTable>,
        key: &[u8],
        row: &Loaded,
        shown: Option<&[Value]>,
    ) -> ViewResult<()> {
        let (connection, documents) = (&self.connection, &mut self.documents);
        let mut failed = None;
        let mut content = |column: &tandem_protocol::schema::ColumnDef, id: &Value| {
            let at = table.def.columns.iter().position(|known| known.name == column.name).unwrap_or_default();
            documents.value(connection, table, key, row, at, id).unwrap_or_else(|error| {
                failed = Some(error);
                Value::Null
            })
        };
        let mut open = row.state.conflicts(&table.def, key, shown.is_some(), &mut content);
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(shown) = shown {
            let rules = table.def.rules();
            let broken = table.rules.all_broken(&self.connection, shown)?;
            let breach = |at: usize| row.state.breach(&table.def, key, &rules[at], shown);
            open.extend(broken.into_iter().map(breach));
            open.extend(row.state.overflows(&table.def, &table.ids, key, shown));
        }
        // One rule may be written twice.
        let mut names = std::collections::BTreeSet::new();
        open.retain(|conflict| names.insert(conflict.id()));
        if open.is_empty() && self.memory.conflicts.open == 0 {
            return Ok(());
        }
        let known = self.listed(OF_ROW.as_slice(), table.number, key)?;
        self.replace(known, open, table.number)
    }

    /// The listed conflicts of some kinds under one key.
    fn listed(&self, kinds: &[ConflictKind], table: i64, key: &[u8]) -> ViewResult<Vec<Conflict>> {
        let sql = "SELECT body FROM _tandem_conflicts WHERE tbl = ?1 AND kind = ?2 AND key = ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = Vec::new();
        for kind in kinds {
            let mut rows = statement.query(params![table, kind_code(*kind), key])?;
            while let Some(row) = rows.next()? {
                found.push(decode(row.get_ref(0)?.as_blob().unwrap_or_default())?);
            }
        }
        Ok(found)
    }

    /// Lists `open` in place of `known`.
    fn replace(&mut self, known: Vec<Conflict>, open: Vec<Conflict>, table: i64) -> ViewResult<()> {
        if let Some(effect) = &mut self.effect {
            let has = |list: &[Conflict], id| list.iter().any(|one| one.id() == id);
            for id in known.iter().chain(&open).map(Conflict::id) {
                effect.conflict(id, has(&known, id), has(&open, id));
            }
        }
        for old in known.iter().filter(|old| !open.contains(old)) {
            self.connection
                .prepare_cached("DELETE FROM _tandem_conflicts WHERE id = ?1")?
                .execute([old.id().0])?;
            self.memory.conflicts.remove(old);
        }
        let sql = "INSERT INTO _tandem_conflicts (id, kind, tbl, key, body) VALUES (?1, ?2, ?3, ?4, ?5)";
        for new in open.iter().filter(|new| !known.contains(new)) {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.execute(params![
                new.id().0,
                kind_code(new.kind),
                table,
                new.key,
                codec::encode(new)
            ])?;
            self.memory.conflicts.add(new);
        }
        Ok(())
    }

    /// An open conflict.
    pub(crate) fn conflict(&self, id: ConflictId) -> ViewResult<Option<Conflict>> {
        let mut statement =
            self.connection.prepare_cached("SELECT body FROM _tandem_conflicts WHERE id = ?1")?;
        let mut rows = statement.query([id.0])?;
        rows.next()?.map(|row| decode(row.get_ref(0)?.as_blob().unwrap_or_default())).transpose()
    }

    /// Whether a row is shown although it is deleted.
    pub(super) fn is_kept(&self, table: &ViewTable, key: &[u8]) -> ViewResult<bool> {
        if self.memory.conflicts.kept_rows == 0 {
            return Ok(false);
        }
        let sql = "SELECT 1 FROM _tandem_conflicts WHERE tbl = ?1 AND key = ?2 AND kind = ?3";
        let kind = kind_code(ConflictKind::Reference);
        Ok(self.connection.prepare_cached(sql)?.exists(params![table.number, key, kind])?)
    }

    /// All rows that are shown although they are deleted: table number and key.
    pub(super) fn kept_rows(&self) -> ViewResult<Vec<(i64, Vec<u8>)>> {
        let sql = "SELECT tbl, key FROM _tandem_conflicts WHERE kind = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([kind_code(ConflictKind::Reference)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lists who holds a value that only one row may hold, if several do.
    pub(super) fn list_unique(
        &mut self,
        table: &Arc<ViewTable>,
        rule: usize,
        values: &Key,
    ) -> ViewResult<()> {
        let rule = &table.unique[rule];
        let keys = self.holders(table, rule, values)?;
        let value = values.to_bytes();
        let mut versions = Vec::new();
        for key in keys.iter().filter(|_| keys.len() > 1) {
            let bytes = key.to_bytes();
            let row = self.load_row(table, key, &bytes)?;
            if let Some(by) = row.state.holder(&table.def, &rule.columns) {
                versions.push(Version { by, held: Held::Row(bytes) });
            }
        }
        let bytes = |version: &Version| match &version.held {
            Held::Row(key) => key.clone(),
            _ => Vec::new(),
        };
        versions.sort_by_key(|version| (version.by, bytes(version)));
        let open = (versions.len() > 1).then(|| Conflict {
            kind: ConflictKind::Unique,
            table: table.def.name.clone(),
            key: value.clone(),
            columns: rule.columns.clone(),
            versions,
        });
        let known = self.listed(&[ConflictKind::Unique], table.number, &value)?;
        let of_rule = |conflict: &Conflict| conflict.columns == rule.columns;
        let known: Vec<Conflict> = known.into_iter().filter(of_rule).collect();
        if known.is_empty() != open.is_none() {
            self.drop_rest(rule)?;
        }
        self.replace(known, open.into_iter().collect(), table.number)
    }

    /// The keys of the rows that hold a value which only one may hold.
    pub(super) fn holders(&self, table: &ViewTable, rule: &UniqueRule, values: &Key) -> ViewResult<Vec<Key>> {
        let mut statement = self.connection.prepare_cached(&rule.holders)?;
        let stored = rule.positions.iter().zip(&values.0).map(|(at, value)| table.stored(*at, value));
        let mut rows = statement.query(rusqlite::params_from_iter(stored))?;
        let mut keys = Vec::new();
        while let Some(row) = rows.next()? {
            let values = super::read_row(row, 1, table.def.columns.len())?;
            keys.push(table.key_of(&table.read_back(values)));
        }
        Ok(keys)
    }

    /// The values that a rule wants unique and several rows hold.
    pub(super) fn values_held_twice(
        &self,
        table: &ViewTable,
        columns: &[String],
    ) -> ViewResult<Vec<Vec<Value>>> {
        let listed = self.listed_unique(table)?.into_iter();
        let of_rule = listed.filter(|conflict| conflict.columns == columns);
        let mut values: Vec<_> =
            of_rule.map(|conflict| (conflict.key.clone(), conflict.key_values())).collect();
        // In one order, so that a condition made of them is always the same.
        values.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(values.into_iter().map(|(_, values)| values).collect())
    }

    /// The listed breaches of rules by one row.
    pub(super) fn breaches_of(&self, table: &ViewTable, key: &[u8]) -> ViewResult<Vec<Conflict>> {
        let mut found = self.listed(&[ConflictKind::Check], table.number, key)?;
        let holds = |version: &Version| matches!(&version.held, Held::Row(row) if row == key);
        let unique = self.listed_unique(table)?.into_iter();
        found.extend(unique.filter(|conflict| conflict.versions.iter().any(holds)));
        Ok(found)
    }

    /// Whether some value that a rule wants unique is held twice.
    pub(super) fn is_violated(&self, table: &ViewTable, columns: &[String]) -> ViewResult<bool> {
        Ok(self.listed_unique(table)?.iter().any(|conflict| conflict.columns == columns))
    }

    fn listed_unique(&self, table: &ViewTable) -> ViewResult<Vec<Conflict>> {
        self.listed_of(ConflictKind::Unique, table.number)
    }

    /// The listed conflicts of one kind in one table.
    fn listed_of(&self, kind: ConflictKind, table: i64) -> ViewResult<Vec<Conflict>> {
        let sql = "SELECT body FROM _tandem_conflicts WHERE tbl = ?1 AND kind = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let bodies = statement.query_map(params![table, kind_code(kind)], |row| row.get::<_, Vec<u8>>(0))?;
        bodies.map(|body| decode(&body?)).collect()
    }

    /// Lists the names that were declared in several ways.
    pub(super) fn list_schema(&mut self) -> ViewResult<()> {
        let known = self.listed_of(ConflictKind::Schema, 0)?;
        let open = self.memory.schema.conflicts().to_vec();
        self.replace(known, open, 0)
    }

    /// Lists that one request was recorded by several sites, if it was.
    pub(super) fn list_duplicate(&mut self, request: &[u8; 32]) -> ViewResult<()> {
        let mut conflict = Conflict {
            kind: ConflictKind::Duplicate,
            table: String::new(),
            key: Key(vec![Value::Blob(request.to_vec())]).to_bytes(),
            columns: Vec::new(),
            versions: Vec::new(),
        };
        conflict.versions = {
            let sql = "SELECT author, seq, time FROM _tandem_keys WHERE key = ?1";
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query([request])?;
            let mut versions = Vec::new();
            while let Some(row) = rows.next()? {
                let seq: i64 = row.get(1)?;
                let Some(author) = self.memory.authors.author(row.get(0)?) else { continue };
                let by = WriteId::new(row.get(2)?, Dot::new(author, seq as u64));
                versions.push(Version { by, held: Held::Transaction });
            }
            versions.sort_by_key(|version| version.by);
            versions
        };
        let settled = self.settled(conflict.id())?;
        let mut all_settled = true;
        for version in &conflict.versions {
            let reference = self.reference(version.dot())?;
            all_settled &= reference.is_some_and(|reference| settled.contains(&reference));
        }
        let known = self.listed(&[ConflictKind::Duplicate], 0, &conflict.key)?;
        let open = (conflict.versions.len() > 1 && !all_settled).then_some(conflict);
        self.replace(known, open.into_iter().collect(), 0)
    }

    /// The transactions of a conflict that somebody has looked at.
    fn settled(&self, id: ConflictId) -> ViewResult<Vec<Reference>> {
        let sql = "SELECT author, seq, hash FROM _tandem_settled WHERE conflict = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let settled = statement.query_map([id.0], |row| {
            let dot = Dot::new(Author(row.get(0)?), row.get::<_, i64>(1)? as u64);
            Ok(Reference { dot, prefix: row.get(2)? })
        })?;
        Ok(settled.collect::<Result<_, _>>()?)
    }

    /// How another transaction names one that is held.
    pub(crate) fn reference(&self, dot: Dot) -> ViewResult<Option<Reference>> {
        Ok(self.prefix_of(&dot)?.map(|prefix| Reference { dot, prefix }))
    }

    /// Takes in that somebody has looked at a conflict.
    pub(super) fn settle_conflict(&mut self, settlement: &Settlement) -> ViewResult<()> {
        let sql =
            "INSERT OR IGNORE INTO _tandem_settled (conflict, author, seq, hash) VALUES (?1, ?2, ?3, ?4)";
        for Reference { dot, prefix } in &settlement.seen {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.execute(params![settlement.conflict.0, dot.author.0, dot.seq as i64, prefix])?;
        }
        let open = self.conflict(settlement.conflict)?;
        match open.map(|open| open.key_values()).as_deref() {
            Some([Value::Blob(request)]) => match request.as_slice().try_into() {
                Ok(request) => self.list_duplicate(&request),
                Err(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

impl documents::Documents {
    /// What a document column shows, given what its register holds.
    pub(super) fn value(
        &mut self,
        connection: &rusqlite::Connection,
        table: &ViewTable,
        key: &[u8],
        row: &Loaded,
        at: usize,
        held: &Value,
    ) -> ViewResult<Value> {
        let column = &table.def.columns[at];
        let (Some(kind), Some(id)) = (column.kind.document_kind(), documents::id_of(held)) else {
            // NULL, or the column's default.
            return Ok(held.clone());
        };
        if let Some(text) = self.content(connection, kind, &table.place(key, at, id))? {
            return Ok(Value::Text(text));
        }
        let of_base = |text: &&str| tandem_protocol::document::DocumentId::of(kind, text, None) == id;
        Ok(row.base_text(at).filter(of_base).map_or(Value::Null, |text| Value::Text(text.to_owned())))
    }
}
