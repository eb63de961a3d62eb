//! Queries under a name, laid out as SQLite's views. They are evaluated where they are read, and only
//! there: no row is merged, no rule judged and no number counted by what one of them says. So it need not
//! be the same on all sites whether SQLite takes one; where it does not, that is told.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use tandem_protocol::cause::{Cause, Param};
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{NamedQuery, Schema};

use super::words::words;
use super::{ViewError, ViewResult, access, heap, is_refusal};
use crate::cause::sqlite;
use crate::clause;

/// Bytes of SQLite's memory that it takes to read one of them: those that name others again and again
/// grow without end.
const PREPARED_BYTES: usize = 4 << 20;

/// Why a query is not laid out, by its name.
pub(crate) type Unread = BTreeMap<String, Cause>;

/// Lays out all queries of a schema in place of those that are there. Those that SQLite does not take.
pub(super) fn lay_out(connection: &Connection, schema: &Schema) -> ViewResult<Unread> {
    for name in there(connection)? {
        connection.execute_batch(&format!("DROP VIEW {}", quoted(&name)))?;
    }
    let mut layout = Layout { connection, left: BTreeMap::new(), unread: Unread::new() };
    layout.left = schema.queries().map(|query| (query.name.to_ascii_lowercase(), query)).collect();
    while let Some((_, query)) = layout.left.pop_first() {
        layout.lay_out(query)?;
    }
    Ok(layout.unread)
}

/// Those that were not laid out when the view was written; `None` if they are to be laid out anew.
pub(super) fn load(connection: &Connection, schema: &Schema) -> ViewResult<Option<Unread>> {
    let there = there(connection)?;
    let mut unread = Unread::new();
    for query in schema.queries().filter(|query| !there.contains(&query.name)) {
        let Err(cause) = read(connection, query) else { return Ok(None) };
        unread.insert(query.name.clone(), cause);
    }
    let shown = schema.queries().count() - unread.len();
    Ok((shown == there.len()).then_some(unread))
}

/// Names of the queries that are laid out.
fn there(connection: &Connection) -> ViewResult<BTreeSet<String>> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// A layout in the making.
struct Layout<'a> {
    connection: &'a Connection,
    /// Those to come, by name in lower case.
    left: BTreeMap<String, &'a NamedQuery>,
    unread: Unread,
}

impl<'a> Layout<'a> {
    /// Lays one out, after those that it reads: SQLite says which it misses.
    fn lay_out(&mut self, query: &'a NamedQuery) -> ViewResult<()> {
        let fault = loop {
            let Err(cause) = read(self.connection, query) else { break create(self.connection, query)? };
            let missed = missed(&cause).and_then(|name| self.left.remove(&name));
            match missed {
                Some(missed) => self.lay_out(missed)?,
                None => break Some(cause),
            }
        };
        if let Some(cause) = fault {
            tracing::debug!(view = query.name, %cause, "a view's query does not do with the tables here");
            self.unread.insert(query.name.clone(), cause);
        }
        Ok(())
    }
}

/// The table, in lower case, that SQLite did not find.
fn missed(cause: &Cause) -> Option<String> {
    match cause.params.get("name") {
        Some(Param::Text(name)) if cause.code == "sqlite_no_table" => {
            let name = name.to_ascii_lowercase();
            Some(name.strip_prefix("main.").map(str::to_owned).unwrap_or(name))
        }
        _ => None,
    }
}

/// Whether SQLite reads the query, with the tables and queries that are there.
fn read(connection: &Connection, query: &NamedQuery) -> Result<(), Cause> {
    let sql = query.sql.as_deref().unwrap_or_default();
    if let Some(sign) = foreign_sign(sql) {
        return Err(Cause::new("schema_view_signs").with("sign", sign));
    }
    prepared(connection, sql)
}

/// Makes SQLite's view of a query that it reads. Why not, if it does not take it so.
fn create(connection: &Connection, query: &NamedQuery) -> ViewResult<Option<Cause>> {
    let (name, sql) = (quoted(&query.name), query.sql.as_deref().unwrap_or_default());
    let columns = match query.columns.as_slice() {
        [] => String::new(),
        columns => format!(" ({})", clause::list(columns)),
    };
    match connection.execute(&format!("CREATE VIEW {name}{columns} AS {sql}"), []) {
        Err(error) if is_refusal(&error) => return Ok(Some(sqlite::cause(&error))),
        created => created.map_err(ViewError::from)?,
    };
    let Err(cause) = prepared(connection, &format!("SELECT * FROM {name}")) else { return Ok(None) };
    connection.execute_batch(&format!("DROP VIEW {name}"))?;
    Ok(Some(cause))
}

/// Whether SQLite can prepare a query within bounds.
fn prepared(connection: &Connection, sql: &str) -> Result<(), Cause> {
    let bound = heap::Bound::within(PREPARED_BYTES);
    let statement = connection.prepare(sql);
    if bound.was_met() {
        return Err(Cause::new("schema_view_deep"));
    }
    match statement {
        Ok(statement) if statement.readonly() && statement.column_count() > 0 => Ok(()),
        Ok(_) => Err(Cause::new("schema_view_none")),
        Err(error) => Err(sqlite::cause(&error)),
    }
}

/// What a query holds and no view may: the end of a statement, and names of tandem's and SQLite's own.
fn foreign_sign(sql: &str) -> Option<String> {
    let is_own = |name: &String| {
        let begins = ["tandem_", "_tandem_", "sqlite_"].iter().any(|own| name.starts_with(own));
        begins || name == "exactly" || access::is_refused_function(name)
    };
    words(sql).iter().find_map(
        |word| {
            if word.is(";") { Some(";".to_owned()) } else { word.name().filter(is_own) }
        },
    )
}

/// Why a query of a schema, that is laid out in this database for the first time, is not; those that were
/// not before are not looked at.
pub(super) fn try_out(connection: &Connection, schema: &Schema, unread: &Unread) -> Result<(), Cause> {
    let mut new =
        self::unread(connection, schema)?.into_iter().filter(|(name, _)| !unread.contains_key(name));
    new.next().map_or(Ok(()), |(name, fault)| {
        Err(Cause::new("schema_view_broken").with("view", name).with("fault", fault))
    })
}

/// The queries of a schema that are not laid out in this database.
pub(super) fn unread(connection: &Connection, schema: &Schema) -> Result<Unread, Cause> {
    lay_out(connection, schema).map_err(|error| match error {
        ViewError::Sql(error) => sqlite::cause(&error),
        other => Cause::new("system").with("said", other.to_string()),
    })
}
