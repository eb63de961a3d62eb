//! The schema: shown as SQL, changed by SQL.

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_protocol::schema::expression::spelled as name;
use tandem_protocol::schema::{ColumnDef, Reference, SchemaOp, TableDef};
use tandem_store::schema_sql;

use super::Api;
use super::error::Result;

/// The schema of a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownSchema {
    /// SQL that makes the same tables elsewhere.
    pub sql: String,
    /// The tables.
    pub tables: Vec<ShownTable>,
    /// Names of the views.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<String>,
    /// What was declared and needs what is not there yet; and views whose query does not do here with the
    /// tables as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Tables that this program cannot show, though they count: a defect of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_shown: Vec<Waiting>,
    /// One number for all of it: equal on two sites that hold the same.
    pub fingerprint: String,
}

/// Something declared that is not in force here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// What it is.
    pub what: String,
    /// What it waits for.
    pub reason: Cause,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownTable {
    /// Its name.
    pub name: String,
    /// Columns of its primary key.
    pub key: Vec<String>,
    /// Its columns.
    pub columns: Vec<ShownColumn>,
    /// What its rows refer to.
    #[serde(default)]
    pub references: Vec<ShownReference>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownColumn {
    /// Its name.
    pub name: String,
    /// Its declared type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it may not be NULL.
    pub not_null: bool,
}

/// A reference of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownReference {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The table they refer to.
    pub table: String,
    /// Its columns, in the same order.
    pub targets: Vec<String>,
}

/// A schema change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaChange {
    /// `CREATE TABLE`, `CREATE INDEX`, `ALTER TABLE … ADD COLUMN`. What is there already, exactly
    /// so, is skipped.
    pub sql: String,
    /// Only says what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a schema change did, or would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchemaChanged {
    /// Name of the transaction; none when nothing changed or for a dry run.
    pub dot: Option<String>,
    /// Each change, as SQL in short.
    pub changes: Vec<String>,
    /// Whether it was only a dry run.
    pub dry_run: bool,
}

impl Api {
    /// The schema as this site shows it.
    pub fn schema(&self, space: &str) -> Result<ShownSchema> {
        let space = self.space(space)?;
        let schema = space.schema();
        let waiting = schema
            .waiting()
            .iter()
            .map(|waiting| Waiting { what: waiting.what.clone(), reason: Cause::from(&waiting.reason) });
        let unread = space.unread_queries();
        let sql = schema_sql(&schema, |query| !unread.contains_key(&query.name));
        let unread =
            unread.into_iter().map(|(name, reason)| Waiting { what: format!("view {name}"), reason });
        let not_shown = space.not_shown();
        Ok(ShownSchema {
            sql,
            tables: schema.tables().map(|table| shown(&table.shown)).collect(),
            views: schema.queries().map(|query| query.name.clone()).collect(),
            waiting: waiting.chain(unread).collect(),
            not_shown: not_shown.into_iter().map(|(what, reason)| Waiting { what, reason }).collect(),
            fingerprint: schema.fingerprint().to_string(),
        })
    }

    /// Changes the schema, here at once and on every other site when it hears of it.
    pub fn apply_schema(
        &self,
        space: &str,
        request: &SchemaChange,
        reply: impl FnOnce(Result<SchemaChanged>) + Send + 'static,
    ) {
        let planned = self.space(space).and_then(|space| {
            let plan = space.plan_schema(&request.sql)?;
            Ok((plan.iter().map(told).collect::<Vec<_>>(), space))
        });
        let (changes, space) = match planned {
            Ok(planned) => planned,
            Err(error) => return reply(Err(error)),
        };
        if request.dry_run || changes.is_empty() {
            return reply(Ok(SchemaChanged { dot: None, changes, dry_run: request.dry_run }));
        }
        space.apply_schema(&request.sql, move |applied| {
            let dot = applied.map(|applied| applied.dot.map(|dot| dot.to_string()));
            reply(dot.map(|dot| SchemaChanged { dot, changes, dry_run: false }).map_err(Into::into));
        });
    }
}

/// A change in short, as SQL.
fn told(op: &SchemaOp) -> String {
    match op {
        SchemaOp::CreateTable(table) => format!("CREATE TABLE {}", name(&table.name)),
        SchemaOp::AddColumn { table, column, .. } => {
            format!("ALTER TABLE {} ADD COLUMN {} {}", name(table), name(&column.name), column.kind)
        }
        SchemaOp::CreateIndex(index) => {
            format!(
                "CREATE INDEX {} ON {} ({})",
                name(&index.name),
                name(&index.table),
                names(&index.columns)
            )
        }
        SchemaOp::AddUnique { table, columns, .. } => {
            format!("ALTER TABLE {} ADD UNIQUE ({})", name(table), names(columns))
        }
        SchemaOp::AddCheck { table, .. } => format!("ALTER TABLE {} ADD CHECK (…)", name(table)),
        SchemaOp::AddReference { of, reference, .. } => {
            let columns: Vec<String> = reference.columns.iter().map(|column| column.name.clone()).collect();
            let (of, to) = (name(of), name(&reference.table));
            format!("ALTER TABLE {of} ADD FOREIGN KEY ({}) REFERENCES {to}", names(&columns))
        }
        SchemaOp::SetQuery(query) => {
            let verb = if query.sql.is_some() { "CREATE" } else { "DROP" };
            format!("{verb} VIEW {}", name(&query.name))
        }
        // Never part of a plan: it comes from settling a conflict.
        SchemaOp::ChooseColumn { table, name: column, .. } => {
            format!("-- which definition of {}.{} is shown", name(table), name(column))
        }
        SchemaOp::ChooseTable { name: table, .. } => {
            format!("-- which definition of {} is shown", name(table))
        }
    }
}

fn shown(table: &TableDef) -> ShownTable {
    let reference = |reference: &Reference| ShownReference {
        columns: reference.columns.clone(),
        table: reference.table.clone(),
        targets: reference.targets.clone(),
    };
    let column = |column: &ColumnDef| ShownColumn {
        name: column.name.clone(),
        kind: column.kind.to_string(),
        not_null: column.not_null || table.key.contains(&column.name),
    };
    ShownTable {
        name: table.name.clone(),
        key: table.key.clone(),
        columns: table.columns.iter().map(column).collect(),
        references: table.references.iter().map(reference).collect(),
    }
}

fn names(list: &[String]) -> String {
    list.iter().map(|one| name(one)).collect::<Vec<_>>().join(", ")
}
