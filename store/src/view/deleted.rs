//! Deleted rows by the values by which others may refer to them: those of a UNIQUE that is referred to.
//! A key names its row, deleted or not; values name the row that is alive, else the one that was deleted
//! last.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use tandem_protocol::codec;
use tandem_protocol::merge::WriteId;
use tandem_protocol::schema::RuleId;
use tandem_protocol::value::{Key, Value};

use super::row_entry::RowEntry;
use super::rows::key_from;
use super::table::ViewTable;
use super::{View, ViewResult, unique};

impl View {
    /// Keeps in step by which values a row, as it is now, is found if it is deleted. `shown`: the values
    /// shown.
    pub(super) fn note_deleted(
        &mut self,
        table: &Arc<ViewTable>,
        key: &[u8],
        row: &RowEntry,
        shown: Option<&[Value]>,
    ) -> ViewResult<()> {
        if !self.fold.tables.is_told_by_values(table.id) {
            return Ok(());
        }
        for (rule, value) in forget(&self.connection, table, key)? {
            self.follow_up.note_value(table, rule, value);
        }
        let Some(end) = row.state.life.shown().filter(|_| !row.state.is_alive()) else { return Ok(()) };
        let by = end.by;
        let values = match shown {
            Some(shown) => shown.to_vec(),
            None => self.values(table, &key_from(key)?, key, row)?,
        };
        for (rule, value) in self.fold.tables.values_of(table, &values) {
            put(&self.connection, table, (rule, &value), by, key)?;
            self.follow_up.note_value(table, rule, value);
        }
        Ok(())
    }

    /// Who is meant by the values of a UNIQUE.
    pub(super) fn meant_by(&self, table: &ViewTable, rule: RuleId, values: &Key) -> ViewResult<Meant> {
        let mut meant = Meant::default();
        let rule_of_table = table.unique.iter().find(|known| known.id == rule);
        let Some(unique) = rule_of_table else { return Ok(meant) };
        let mut is_alive = false;
        for holder in unique::holders(&self.connection, table, unique, values)? {
            match self.fold.conflicts.is_retained(&self.connection, table, &holder.to_bytes())? {
                true => meant.is_retained = true,
                false => is_alive = true,
            }
        }
        if !is_alive {
            meant.deleted = last(&self.connection, table, rule, &values.to_bytes())?;
        }
        Ok(meant)
    }
}

/// Who is meant by the values of a UNIQUE.
#[derive(Default)]
pub(super) struct Meant {
    /// The deleted row that was deleted last; none, where a row that is alive has them.
    pub deleted: Option<Key>,
    /// Whether a deleted row of these values is shown, this one or another.
    pub is_retained: bool,
}

/// The row that was deleted last of those that have these values.
fn last(connection: &Connection, table: &ViewTable, rule: RuleId, value: &[u8]) -> ViewResult<Option<Key>> {
    let sql = "SELECT key FROM _tandem_deleted WHERE tbl = ?1 AND rule = ?2 AND hash = ?3 \
               ORDER BY ended DESC, key DESC LIMIT 1";
    let found: Option<Vec<u8>> = connection
        .prepare_cached(sql)?
        .query_row(params![table.number, rule.0, hash(value)], |row| row.get(0))
        .optional()?;
    found.map(|key| key_from(&key)).transpose()
}

fn put(
    connection: &Connection,
    table: &ViewTable,
    (rule, value): (RuleId, &[u8]),
    by: WriteId,
    key: &[u8],
) -> ViewResult<()> {
    let sql =
        "INSERT INTO _tandem_deleted (tbl, rule, hash, ended, key, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let row = params![table.number, rule.0, hash(value), in_order(&by), key, value];
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Takes out a row; gives by what it was found.
fn forget(connection: &Connection, table: &ViewTable, key: &[u8]) -> ViewResult<Vec<(RuleId, Vec<u8>)>> {
    let sql = "DELETE FROM _tandem_deleted WHERE tbl = ?1 AND key = ?2 RETURNING rule, value";
    let mut statement = connection.prepare_cached(sql)?;
    let found =
        statement.query_map(params![table.number, key], |row| Ok((RuleId(row.get(0)?), row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Values may be long; what they are found by is not.
fn hash(value: &[u8]) -> [u8; 32] {
    *blake3::hash(value).as_bytes()
}

/// Bytes that compare as writes do.
fn in_order(by: &WriteId) -> Vec<u8> {
    let time = (by.time_ms as u64) ^ (1 << 63);
    [&time.to_be_bytes()[..], &by.author.0, &by.seq.to_be_bytes(), &codec::encode(&by.branch)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_protocol::identity::Author;
    use tandem_protocol::version::Dot;

    #[test]
    fn the_bytes_of_writes_compare_as_they_do() {
        let times = [i64::MIN, -1, 0, 1, 256, i64::MAX];
        let dots = [(1, 255), (1, 256), (2, 1)].map(|(author, seq)| Dot::new(Author([author; 32]), seq));
        let all: Vec<WriteId> =
            times.iter().flat_map(|time| dots.map(|dot| WriteId::new(*time, dot))).collect();
        for one in &all {
            for other in &all {
                assert_eq!(one.cmp(other), in_order(one).cmp(&in_order(other)), "{one:?} {other:?}");
            }
        }
    }
}
