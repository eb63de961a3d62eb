//! Open conflicts, and their resolution.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OptionalExtension};
use tandem_protocol::cause::Cause;
use tandem_protocol::codec::{self, DecodeError};
use tandem_protocol::conflict::{Conflict, ConflictId, ConflictKind};
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{Reference, TableDef};
use tandem_protocol::value::{Key, Value};

use super::parts::Parts;
use crate::clause;
use crate::refusal::Refusal;
use crate::view::{ViewError, decode, kind_code};

/// A row that refers to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Referrer {
    /// Its table.
    pub table: String,
    /// Its columns that do.
    pub column: String,
    /// Its key.
    pub key: Key,
}

/// Where a conflict stands in the list of all, the same on every site: they are ordered by kind,
/// table, key and id.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct ConflictPlace {
    kind: ConflictKind,
    table: String,
    key: Vec<u8>,
    id: [u8; 10],
}

impl fmt::Display for ConflictPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&codec::encode(self)))
    }
}

impl FromStr for ConflictPlace {
    type Err = DecodeError;
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| DecodeError::Malformed("place"))?;
        codec::decode(&bytes, "place")
    }
}

/// Letters of a conflict's id.
const ID_LETTERS: usize = 16;

/// The tables that conflicts may be of, by name; and none, of number 0.
fn tables(connection: &Connection) -> Result<BTreeMap<String, i64>, ViewError> {
    let mut statement = connection.prepare_cached("SELECT name, number FROM _tandem_tables")?;
    let tables = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut tables = tables.collect::<Result<BTreeMap<_, _>, _>>()?;
    tables.insert(String::new(), 0);
    Ok(tables)
}

/// The conflicts of one kind in one table that come after a place.
fn in_table(
    connection: &Connection,
    table: i64,
    after: &ConflictPlace,
    limit: usize,
) -> Result<Vec<Conflict>, ViewError> {
    let sql = "SELECT body FROM _tandem_conflicts WHERE tbl = ?1 AND kind = ?2 AND (key, id) > (?3, ?4) \
               ORDER BY key, id LIMIT ?5";
    let mut statement = connection.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((table, kind_code(after.kind), &after.key, after.id, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(decode(row.get_ref(0)?.as_blob().unwrap_or_default())?);
    }
    Ok(found)
}

/// The rows that refer to a deleted one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Referrers {
    /// The first of them.
    pub rows: Vec<Referrer>,
    /// How many there are in all.
    pub count: u64,
}

/// What reads the open conflicts of a space.
pub struct ConflictReader<'s> {
    pub(super) parts: &'s Parts,
}

impl ConflictReader<'_> {
    /// All open conflicts, in the order of their places.
    pub fn all(&self) -> Result<Vec<Conflict>, ViewError> {
        Ok(self.page(None, usize::MAX)?.0)
    }

    /// At most `limit` open conflicts that come after a place; and the place of the last of them, if
    /// there are more.
    pub fn page(
        &self,
        after: Option<&ConflictPlace>,
        limit: usize,
    ) -> Result<(Vec<Conflict>, Option<ConflictPlace>), ViewError> {
        self.parts.readers.read(|connection| {
            let tables = tables(connection)?;
            let mut page = Vec::new();
            for kind in ConflictKind::ALL {
                for (name, table) in &tables {
                    let start = ConflictPlace { kind, table: name.clone(), key: Vec::new(), id: [0; 10] };
                    let begun = after.filter(|after| (after.kind, &after.table) >= (kind, name));
                    if begun.is_some_and(|after| (after.kind, &after.table) != (kind, name)) {
                        continue;
                    }
                    // One more than asked for tells whether there is another page.
                    let left = limit.saturating_add(1) - page.len();
                    let found = in_table(connection, *table, begun.unwrap_or(&start), left)?;
                    page.extend(found.into_iter().map(|conflict| (name, conflict)));
                }
            }
            let more = page.len() > limit;
            page.truncate(limit);
            let last = page.last().filter(|_| more).map(|(table, last)| ConflictPlace {
                kind: last.kind,
                table: (*table).clone(),
                key: last.key.clone(),
                id: last.id().0,
            });
            Ok((page.into_iter().map(|(_, conflict)| conflict).collect(), last))
        })
    }

    /// The open conflicts whose id begins so; of many, two.
    pub fn called(&self, beginning: &str) -> Result<Vec<Conflict>, ViewError> {
        let filled = |with: char| {
            let missing = ID_LETTERS.saturating_sub(beginning.len());
            format!("{beginning}{}", String::from(with).repeat(missing)).parse::<ConflictId>()
        };
        let (Ok(first), Ok(last)) = (filled('a'), filled('7')) else { return Ok(Vec::new()) };
        self.parts.readers.read(|connection| {
            let sql = "SELECT body FROM _tandem_conflicts WHERE id BETWEEN ?1 AND ?2 LIMIT 2";
            let mut statement = connection.prepare_cached(sql)?;
            let bodies = statement.query_map((first.0, last.0), |row| row.get::<_, Vec<u8>>(0))?;
            bodies.map(|body| decode(&body?)).collect()
        })
    }

    /// An open conflict.
    pub fn get(&self, id: ConflictId) -> Result<Option<Conflict>, ViewError> {
        self.parts.readers.read(|connection| {
            let sql = "SELECT body FROM _tandem_conflicts WHERE id = ?1";
            let body: Option<Vec<u8>> =
                connection.prepare_cached(sql)?.query_row([id.0], |row| row.get(0)).optional()?;
            body.map(|body| decode(&body)).transpose()
        })
    }

    /// The first rows that refer to the row of a `reference` conflict, by table, column and key, and
    /// how many there are in all: the same on every site that shows the same rows.
    pub fn referrers(&self, conflict: &Conflict, limit: usize) -> Result<Referrers, ViewError> {
        let mut found = Referrers::default();
        let schema = self.parts.schema();
        let target = schema.table(&conflict.table).filter(|_| conflict.kind == ConflictKind::Reference);
        let Some(target) = target.map(|table| &table.shown) else { return Ok(found) };
        let key = conflict.key_values();
        for table in schema.tables().map(|table| &table.shown) {
            let to_it = table.references.iter().filter(|reference| reference.table_id == target.id);
            let mut references: Vec<&Reference> = to_it.collect();
            // They stand in the order in which they came to be known here.
            references.sort_by(|one, other| one.columns.cmp(&other.columns));
            for reference in references {
                let keys = clause::list(&table.key);
                let rows = |what: &str, more: &str| -> Result<Vec<Vec<Value>>, ViewError> {
                    let (name, refers) = (quoted(&table.name), refers(reference, target));
                    let sql = format!("SELECT {what} FROM {name} WHERE {refers}{more}");
                    let behind = |refusal: Refusal| {
                        ViewError::Behind(Cause { code: refusal.code.into(), params: refusal.params })
                    };
                    Ok(self.parts.query(&sql, &key).map_err(behind)?.0.rows)
                };
                let count = rows("count(*)", "")?;
                if let Some(Value::Integer(count)) = count.first().and_then(|row| row.first()) {
                    found.count += count.unsigned_abs();
                }
                let left = limit - found.rows.len();
                let first = rows(&keys, &format!(" ORDER BY {keys} LIMIT {left}"))?;
                found.rows.extend(first.into_iter().map(|key| Referrer {
                    table: table.name.clone(),
                    column: reference.columns.join(", "),
                    key: Key(key),
                }));
            }
        }
        assert!(found.rows.len() <= limit, "no more rows are told than were asked for");
        Ok(found)
    }
}

/// That a row refers to the one whose key the parameters are.
fn refers(reference: &Reference, target: &TableDef) -> String {
    match reference.is_to_key {
        true => clause::equal(&reference.columns, 1),
        false => format!(
            "({}) = (SELECT {} FROM {} WHERE {})",
            clause::list(&reference.columns),
            clause::list(&reference.targets),
            quoted(&target.name),
            clause::equal(&target.key, 1)
        ),
    }
}
