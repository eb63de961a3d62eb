//! The list of open conflicts: what the merge left for a person to decide, kept in step with the
//! rows in the same SQLite transaction.

use rusqlite::{Connection, params};
use tandem_protocol::codec;
use tandem_protocol::conflict::{Conflict, ConflictId, ConflictKind, Version, VersionContent};
use tandem_protocol::identity::Author;
use tandem_protocol::op::Settlement;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::{Dot, Reference};

use super::position::Recorded;
use super::table::ViewTable;
use super::{ViewError, ViewResult};
use crate::conflict_stats::ConflictStats;
use crate::effect::Effect;

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

/// The list of open conflicts.
#[derive(Clone, Default)]
pub(crate) struct ConflictList {
    pub figures: ConflictStats,
}

/// The view's file, as the list is written to, and who wants to know what becomes of it.
pub(super) type Listing<'w> = (&'w Connection, &'w mut Option<Effect>);

/// What is listed.
impl ConflictList {
    /// Counts what is listed.
    pub(super) fn load(connection: &Connection) -> ViewResult<Self> {
        let mut list = Self::default();
        let mut statement = connection.prepare("SELECT body FROM _tandem_conflicts")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            list.figures.add(&decode(row.get_ref(0)?.as_blob().unwrap_or_default())?);
        }
        Ok(list)
    }

    /// An open conflict.
    pub(super) fn find(&self, connection: &Connection, id: ConflictId) -> ViewResult<Option<Conflict>> {
        let mut statement = connection.prepare_cached("SELECT body FROM _tandem_conflicts WHERE id = ?1")?;
        let mut rows = statement.query([id.0])?;
        rows.next()?.map(|row| decode(row.get_ref(0)?.as_blob().unwrap_or_default())).transpose()
    }

    /// Those of some kinds under one key.
    fn under(
        &self,
        connection: &Connection,
        kinds: &[ConflictKind],
        table: i64,
        key: &[u8],
    ) -> ViewResult<Vec<Conflict>> {
        let sql = "SELECT body FROM _tandem_conflicts WHERE tbl = ?1 AND kind = ?2 AND key = ?3";
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = Vec::new();
        for kind in kinds {
            let mut rows = statement.query(params![table, kind_code(*kind), key])?;
            while let Some(row) = rows.next()? {
                found.push(decode(row.get_ref(0)?.as_blob().unwrap_or_default())?);
            }
        }
        Ok(found)
    }

    /// Those of one kind in one table.
    fn of_table(&self, connection: &Connection, kind: ConflictKind, table: i64) -> ViewResult<Vec<Conflict>> {
        let sql = "SELECT body FROM _tandem_conflicts WHERE tbl = ?1 AND kind = ?2";
        let mut statement = connection.prepare_cached(sql)?;
        let bodies = statement.query_map(params![table, kind_code(kind)], |row| row.get::<_, Vec<u8>>(0))?;
        bodies.map(|body| decode(&body?)).collect()
    }

    /// Whether a row is shown although it is deleted.
    pub(super) fn is_retained(
        &self,
        connection: &Connection,
        table: &ViewTable,
        key: &[u8],
    ) -> ViewResult<bool> {
        if self.figures.retained_rows == 0 {
            return Ok(false);
        }
        let sql = "SELECT 1 FROM _tandem_conflicts WHERE tbl = ?1 AND key = ?2 AND kind = ?3";
        let kind = kind_code(ConflictKind::Reference);
        Ok(connection.prepare_cached(sql)?.exists(params![table.number, key, kind])?)
    }

    /// Whether any row is shown although it is deleted.
    pub(super) fn retains_any(&self) -> bool {
        self.figures.retained_rows > 0
    }

    /// All rows that are shown although they are deleted: table number and key.
    pub(super) fn retained_rows(&self, connection: &Connection) -> ViewResult<Vec<(i64, Vec<u8>)>> {
        let sql = "SELECT tbl, key FROM _tandem_conflicts WHERE kind = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([kind_code(ConflictKind::Reference)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The values that a rule wants unique and several rows hold.
    pub(super) fn values_held_twice(
        &self,
        connection: &Connection,
        table: &ViewTable,
        columns: &[String],
    ) -> ViewResult<Vec<Vec<Value>>> {
        let listed = self.of_table(connection, ConflictKind::Unique, table.number)?.into_iter();
        let of_rule = listed.filter(|conflict| conflict.columns == columns);
        let mut values: Vec<_> =
            of_rule.map(|conflict| (conflict.key.clone(), conflict.key_values())).collect();
        // In one order, so that a condition made of them is always the same.
        values.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(values.into_iter().map(|(_, values)| values).collect())
    }

    /// Whether some value that a rule wants unique is held twice.
    pub(super) fn is_violated(
        &self,
        connection: &Connection,
        table: &ViewTable,
        columns: &[String],
    ) -> ViewResult<bool> {
        let listed = self.of_table(connection, ConflictKind::Unique, table.number)?;
        Ok(listed.iter().any(|conflict| conflict.columns == columns))
    }

    /// The breaches of rules by one row.
    pub(super) fn breaches_of(
        &self,
        connection: &Connection,
        table: &ViewTable,
        key: &[u8],
    ) -> ViewResult<Vec<Conflict>> {
        let mut found = self.under(connection, &[ConflictKind::Check], table.number, key)?;
        let holds = |version: &Version| matches!(&version.held, VersionContent::Row(row) if row == key);
        let unique = self.of_table(connection, ConflictKind::Unique, table.number)?.into_iter();
        found.extend(unique.filter(|conflict| conflict.versions.iter().any(holds)));
        Ok(found)
    }
}

/// What is to be listed.
impl ConflictList {
    /// Lists what one row leaves to decide: `open`, and no more.
    pub(super) fn follow_row(
        &mut self,
        written: Listing<'_>,
        table: &ViewTable,
        key: &[u8],
        mut open: Vec<Conflict>,
    ) -> ViewResult<()> {
        // One rule may be written twice.
        let mut names = std::collections::BTreeSet::new();
        open.retain(|conflict| names.insert(conflict.id()));
        if open.is_empty() && self.figures.open == 0 {
            return Ok(());
        }
        let known = self.under(written.0, OF_ROW.as_slice(), table.number, key)?;
        self.replace(written, known, open, table.number)
    }

    /// Lists that several rows hold one value which a rule wants unique, if they do. Whether that is
    /// another answer than before.
    pub(super) fn follow_unique(
        &mut self,
        written: Listing<'_>,
        table: &ViewTable,
        (columns, value): (&[String], &[u8]),
        mut holders: Vec<Version>,
    ) -> ViewResult<bool> {
        let bytes = |version: &Version| match &version.held {
            VersionContent::Row(key) => key.clone(),
            _ => Vec::new(),
        };
        holders.sort_by_key(|version| (version.by, bytes(version)));
        let open = (holders.len() > 1).then(|| Conflict {
            kind: ConflictKind::Unique,
            table: table.def.name.clone(),
            key: value.to_vec(),
            columns: columns.to_vec(),
            versions: holders,
        });
        let known = self.under(written.0, &[ConflictKind::Unique], table.number, value)?;
        let of_rule = |conflict: &Conflict| conflict.columns == columns;
        let known: Vec<Conflict> = known.into_iter().filter(of_rule).collect();
        let is_another = known.is_empty() != open.is_none();
        self.replace(written, known, open.into_iter().collect(), table.number)?;
        Ok(is_another)
    }

    /// Lists the names that were declared in several ways.
    pub(super) fn follow_schema(&mut self, written: Listing<'_>, open: &[Conflict]) -> ViewResult<()> {
        let known = self.of_table(written.0, ConflictKind::Schema, 0)?;
        self.replace(written, known, open.to_vec(), 0)
    }

    /// Lists that one request was recorded by several sites, if it was: by these.
    pub(super) fn follow_request(
        &mut self,
        written: Listing<'_>,
        request: &[u8; 32],
        recorded: &[Recorded],
    ) -> ViewResult<()> {
        let versions = recorded.iter().map(|one| Version { by: one.by, held: VersionContent::Transaction });
        let conflict = Conflict {
            kind: ConflictKind::Duplicate,
            table: String::new(),
            key: Key(vec![Value::Blob(request.to_vec())]).to_bytes(),
            columns: Vec::new(),
            versions: versions.collect(),
        };
        let settled = settled(written.0, conflict.id())?;
        let all_settled = recorded.iter().all(|one| settled.contains(&one.reference()));
        let known = self.under(written.0, &[ConflictKind::Duplicate], 0, &conflict.key)?;
        let open = (conflict.versions.len() > 1 && !all_settled).then_some(conflict);
        self.replace(written, known, open.into_iter().collect(), 0)
    }

    /// Takes in that somebody has looked at a conflict. The request it is about, if it is open.
    pub(super) fn settle(
        &self,
        connection: &Connection,
        settlement: &Settlement,
    ) -> ViewResult<Option<[u8; 32]>> {
        let sql =
            "INSERT OR IGNORE INTO _tandem_settled (conflict, author, seq, hash) VALUES (?1, ?2, ?3, ?4)";
        for Reference { dot, prefix } in &settlement.looked_at {
            let mut statement = connection.prepare_cached(sql)?;
            statement.execute(params![settlement.conflict.0, dot.author.0, dot.seq as i64, prefix])?;
        }
        let open = self.find(connection, settlement.conflict)?;
        Ok(match open.map(|open| open.key_values()).as_deref() {
            Some([Value::Blob(request)]) => request.as_slice().try_into().ok(),
            _ => None,
        })
    }

    /// Lists `open` in place of `known`.
    fn replace(
        &mut self,
        (connection, effect): Listing<'_>,
        known: Vec<Conflict>,
        open: Vec<Conflict>,
        table: i64,
    ) -> ViewResult<()> {
        if let Some(effect) = effect {
            let has = |list: &[Conflict], id| list.iter().any(|one| one.id() == id);
            for id in known.iter().chain(&open).map(Conflict::id) {
                effect.conflict(id, has(&known, id), has(&open, id));
            }
        }
        for old in known.iter().filter(|old| !open.contains(old)) {
            let sql = "DELETE FROM _tandem_conflicts WHERE id = ?1";
            connection.prepare_cached(sql)?.execute([old.id().0])?;
            if !self.figures.remove(old) {
                return Err(ViewError::Inconsistent("a conflict that nobody counted"));
            }
        }
        let sql = "INSERT INTO _tandem_conflicts (id, kind, tbl, key, body) VALUES (?1, ?2, ?3, ?4, ?5)";
        for new in open.iter().filter(|new| !known.contains(new)) {
            let body = codec::encode(new);
            debug_assert!(
                decode(&body).is_ok_and(|read| read == *new),
                "a conflict that is listed can be read"
            );
            let mut statement = connection.prepare_cached(sql)?;
            statement.execute(params![new.id().0, kind_code(new.kind), table, new.key, body])?;
            self.figures.add(new);
        }
        Ok(())
    }
}

/// The transactions of a conflict that somebody has looked at.
fn settled(connection: &Connection, id: ConflictId) -> ViewResult<Vec<Reference>> {
    let sql = "SELECT author, seq, hash FROM _tandem_settled WHERE conflict = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let settled = statement.query_map([id.0], |row| {
        let dot = Dot::new(Author(row.get(0)?), row.get::<_, i64>(1)? as u64);
        Ok(Reference { dot, prefix: row.get(2)? })
    })?;
    Ok(settled.collect::<Result<_, _>>()?)
}
