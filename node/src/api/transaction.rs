//! Writing: SQL statements that become one transaction.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_protocol::op::{Action, Op};
use tandem_store::{Edits, Owner, Params, Statement as StoreStatement, Write};

use super::cell::Cell;
use super::error::Result;
use super::parameters::Parameters;
use super::{Api, error_kind, version_token};

/// Bytes of an idempotency key.
pub(crate) const KEY_BYTES: usize = 256;

/// A write: all of its statements take effect, or none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transact {
    /// What to do, in order.
    pub statements: Vec<Statement>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who: a user or device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The `version` of the read this write follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Seconds it may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<f64>,
    /// The same write with the same key again changes nothing and gets the first one's answer;
    /// another write with that key is refused.
    /// Over HTTP, the header `Idempotency-Key`.
    #[serde(skip)]
    pub idempotency_key: Option<String>,
}

/// One SQL statement with one list of parameters, or with many: then it runs once for each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statement {
    /// The SQL.
    pub sql: String,
    /// Its parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Parameters>,
    /// Several sets of parameters; not together with `params`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params_list: Option<Vec<Parameters>>,
}

/// What a write did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transacted {
    /// Name of the transaction; none when nothing changed.
    pub dot: Option<String>,
    /// For each statement, what it did. Where an earlier answer is not kept here, as far as the log
    /// tells: rows as they are now; empty where several statements wrote one table.
    pub results: Vec<StatementResult>,
    /// For each table, how many rows changed.
    pub changes: Vec<TableChange>,
    /// Whether this is the answer to an earlier write with the same idempotency key.
    #[serde(default)]
    pub repeated: bool,
}

/// What one statement did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatementResult {
    /// Rows inserted, updated or deleted by it.
    pub affected: u64,
    /// Columns of the rows it returned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Rows it returned (`RETURNING`, or a read among the writes).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Vec<Cell>>,
    /// Whether it changed no row, in a table in which something was written since the basis.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub changed_meanwhile: bool,
}

/// How many rows of one table a transaction changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableChange {
    /// The table.
    pub table: String,
    /// New rows.
    pub inserted: u64,
    /// Changed rows.
    pub updated: u64,
    /// Deleted rows.
    pub deleted: u64,
}

impl Api {
    /// Writes; `reply` is called from the writer thread once the write is durable and visible.
    pub fn transact(
        &self,
        space: &str,
        request: Transact,
        reply: impl FnOnce(Result<Transacted>) + Send + 'static,
    ) {
        match self.writer("", request.by.as_deref(), request.deadline) {
            Ok(owner) => self.transact_for(space, request, owner, reply),
            Err(error) => reply(Err(error)),
        }
    }

    /// Whoever asks it, called so.
    pub fn writer(&self, name: &str, by: Option<&str>, deadline: Option<f64>) -> Result<Owner> {
        let by = by.filter(|by| !by.is_empty());
        let name = match by {
            Some(by) if name.is_empty() => by.to_owned(),
            Some(by) => format!("{by}, {name}"),
            None => name.to_owned(),
        };
        self.deadlines().owner(&name, deadline, true)
    }

    /// Writes for `owner`: what has not been recorded when it leaves will not be.
    pub fn transact_for(
        &self,
        space: &str,
        request: Transact,
        owner: Owner,
        reply: impl FnOnce(Result<Transacted>) + Send + 'static,
    ) {
        self.write(space, request.into_write(), owner, reply);
    }

    pub(super) fn write(
        &self,
        space: &str,
        write: Result<Write>,
        owner: Owner,
        reply: impl FnOnce(Result<Transacted>) + Send + 'static,
    ) {
        match self.space(space).and_then(|space| Ok((space, Write { owner, ..write? }))) {
            Ok((space, write)) => space.write(write, move |written| {
                reply(written.map(Transacted::from).map_err(Into::into));
            }),
            Err(error) => reply(Err(error)),
        }
    }
}

impl Transact {
    /// A write of one statement.
    pub fn one(sql: impl Into<String>, params: Vec<Cell>) -> Self {
        let statement = Statement { sql: sql.into(), params: Some(params.into()), params_list: None };
        Self { statements: vec![statement], ..Self::default() }
    }

    /// Refuses what is no idempotency key.
    pub fn check_key(&self) -> Result<()> {
        check_key(self.idempotency_key.as_deref())
    }

    fn into_write(self) -> Result<Write> {
        let malformed = |code: &'static str| error_kind::request_malformed.with("detail", Cause::new(code));
        if self.statements.is_empty() {
            return Err(malformed("request_no_statements"));
        }
        self.check_key()?;
        let statement = |statement: Statement| {
            let Statement { sql, params, params_list } = statement;
            let params = match (params, params_list) {
                (Some(_), Some(_)) => return Err(malformed("request_params")),
                (params, None) => Params::One(params.unwrap_or_default().into_values(&sql)?),
                (None, Some(list)) => Params::Many(Parameters::all_into_values(list, &sql)?),
            };
            Ok(StoreStatement { sql, params })
        };
        Ok(Write {
            edits: Edits::Sql(self.statements.into_iter().map(statement).collect::<Result<_>>()?),
            message: self.message,
            by: self.by,
            idempotency_key: self.idempotency_key,
            basis: self.basis.as_deref().map(version_token::decode).transpose()?,
            offsets: Vec::new(),
            owner: Owner::default(),
        })
    }
}

/// Refuses what is no idempotency key.
pub(super) fn check_key(key: Option<&str>) -> Result<()> {
    match key.is_none_or(is_key) {
        true => Ok(()),
        false => Err(error_kind::request_malformed.with("detail", Cause::new("request_key"))),
    }
}

/// Whether a text can be an idempotency key: one that a header can carry as it is.
fn is_key(text: &str) -> bool {
    (1..=KEY_BYTES).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && text.trim() == text
}

impl From<tandem_store::Written> for Transacted {
    fn from(written: tandem_store::Written) -> Self {
        let result = |result: tandem_store::StatementResult| StatementResult {
            affected: result.affected,
            columns: result.columns,
            rows: result.rows.into_iter().map(Cell::from_values).collect(),
            changed_meanwhile: result.changed_meanwhile,
        };
        Self {
            dot: written.dot.map(|dot| dot.to_string()),
            results: written.results.into_iter().map(result).collect(),
            changes: written.changes.iter().map(TableChange::from).collect(),
            repeated: written.repeated,
        }
    }
}

impl TableChange {
    /// Rows of one table, none changed yet.
    fn none_of(table: &str) -> Self {
        Self { table: table.to_owned(), inserted: 0, updated: 0, deleted: 0 }
    }

    /// The entry of a table in a list; a new one if it has none.
    fn entry<'a>(list: &'a mut Vec<Self>, table: &str) -> &'a mut Self {
        let at = list.iter().position(|change| change.table == table).unwrap_or_else(|| {
            list.push(Self::none_of(table));
            list.len() - 1
        });
        &mut list[at]
    }

    /// Adds up two lists.
    pub(super) fn add_all(list: &mut Vec<Self>, more: &[Self]) {
        for change in more {
            let entry = Self::entry(list, &change.table);
            entry.inserted += change.inserted;
            entry.updated += change.updated;
            entry.deleted += change.deleted;
        }
    }

    /// What ops say they change.
    pub(super) fn of_ops(ops: &[Op]) -> Vec<Self> {
        let mut list = Vec::new();
        for op in ops {
            let Op::Rows(group) = op else { continue };
            let entry = Self::entry(&mut list, &group.table);
            *match group.action {
                Action::Insert => &mut entry.inserted,
                Action::Update => &mut entry.updated,
                Action::Delete => &mut entry.deleted,
            } += group.rows() as u64;
        }
        list
    }
}

impl From<&tandem_store::TableChange> for TableChange {
    fn from(change: &tandem_store::TableChange) -> Self {
        Self {
            table: change.table.clone(),
            inserted: change.inserted,
            updated: change.updated,
            deleted: change.deleted,
        }
    }
}

// By hand, because a derived "either a string or an object" would first read everything into an
// intermediate form: too slow for a thousand rows of parameters.
impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(StatementVisitor)
    }
}

struct StatementVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Sql,
    Params,
    ParamsList,
}

impl<'de> Visitor<'de> for StatementVisitor {
    type Value = Statement;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SQL, or {\"sql\": …, \"params\": […]}, or {\"sql\": …, \"params_list\": [[…], …]}")
    }

    fn visit_str<E>(self, sql: &str) -> std::result::Result<Statement, E> {
        Ok(Statement { sql: sql.to_owned(), params: None, params_list: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Statement, A::Error> {
        let (mut sql, mut params, mut params_list) = (None, None, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Sql => sql = Some(map.next_value()?),
                Field::Params => params = map.next_value()?,
                Field::ParamsList => params_list = map.next_value()?,
            }
        }
        let sql = sql.ok_or_else(|| de::Error::missing_field("sql"))?;
        Ok(Statement { sql, params, params_list })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_of_a_statement_are_understood() {
        let request: Transact = serde_json::from_str(
            r#"{"statements": ["A", {"sql": "B", "params": [1]}, {"params_list": [[1], ["x"]], "sql": "C"}],
                "message": "m"}"#,
        )
        .unwrap();
        let write = request.clone().into_write().unwrap();
        let Edits::Sql(statements) = &write.edits else { panic!("{write:?}") };
        assert!(matches!(&statements[0].params, Params::One(params) if params.is_empty()));
        assert!(matches!(&statements[1].params, Params::One(params) if params.len() == 1));
        assert!(matches!(&statements[2].params, Params::Many(list) if list.len() == 2));
        assert_eq!(write.message.as_deref(), Some("m"));
        let again = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Transact>(&again).unwrap(), request);
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = |json: &str| match serde_json::from_str::<Transact>(json) {
            Ok(request) => request.into_write().unwrap_err().code == "request_malformed",
            Err(_) => true,
        };
        for json in [
            "{}",
            "[]",
            r#"{"statements": []}"#,
            r#"{"statements": [1]}"#,
            r#"{"statements": [{}]}"#,
            r#"{"statements": [{"sql": "A", "parms": []}]}"#,
            r#"{"statements": ["A"], "mesage": ""}"#,
            r#"{"statements": [{"sql": "A", "params": [], "params_list": []}]}"#,
        ] {
            assert!(refused(json), "{json}");
        }
    }
}
