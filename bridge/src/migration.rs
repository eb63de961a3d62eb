//! A schema that changed while a database is attached: what a migration of its program added is declared here,
//! and travels. What it took away stays here, for the sites that still have it.
//!
//! All of it happens while nobody can write to the tables, and after what the outbox held was taken in. A
//! column that only this database has brings its values; of one that the space has already, from a site that
//! migrated before, the space's values count.

use std::collections::BTreeSet;

use tandem_import::schema::{Draft, DraftColumn};
use tandem_protocol::schema::ColumnType;
use tandem_protocol::schema::expression::{literal_sql, spelled};
use tandem_protocol::value::Value;
use tandem_store::Space;

use crate::attachment::Attachment;
use crate::catalogue::{Catalogue, Wishes};
use crate::cycle::Cycle;
use crate::engine::Outcome;
use crate::first_day::declare;
use crate::held::{Held, Row, agree};
use crate::intake::Change;
use crate::mirror::Mirror;
use crate::postgres::Postgres;
use crate::view_rows;

/// Rows that are taken in together.
const ROWS: usize = 1_000;

/// What a migration added.
#[derive(Debug, Default)]
pub(crate) struct Added {
    /// Tables that were not attached, by their places among the tables from now on.
    tables: BTreeSet<usize>,
    /// Columns that the space did not have, by their tables' names here and their own.
    columns: BTreeSet<(String, String)>,
}

/// Declares what a database has and the space has not.
pub(crate) fn declare_added(
    engine: &mut Postgres,
    (space, mirror): (&Space, &Mirror),
    attachment: &mut Attachment,
) -> Outcome<Added> {
    let schema = space.schema();
    let wishes = Wishes { exclude: attachment.left_out.clone(), ..Wishes::default() };
    let catalogue = Catalogue::read_known(engine, &wishes, &schema)?;
    let mut added = Added::default();
    let mut sql = String::new();
    for table in &catalogue.draft.tables {
        let Some(here) = schema.table(&table.name) else { continue };
        for column in &table.columns {
            if here.shown.column(&column.name).is_none() {
                let value = engine.added_value(&catalogue, &table.name, &column.source)?;
                sql += &format!(
                    "ALTER TABLE {} ADD COLUMN {};\n",
                    spelled(&table.name),
                    declared(column, value)
                );
                added.columns.insert((table.name.clone(), column.name.clone()));
            }
        }
    }
    let is_new = |name: &str| schema.table(name).is_none();
    let tables = catalogue.draft.tables.iter().filter(|table| is_new(&table.name)).cloned().collect();
    sql += &Draft { tables, ..Draft::default() }.sql();
    // Also those that were declared when this was cut off.
    added.columns.extend(mirror.added()?);
    mirror.note_added(&added.columns)?;
    if !sql.is_empty() {
        tracing::info!(space = space.name(), sql, "the database has more than before: it is declared");
        declare(space, &sql)?;
    }
    for table in catalogue.attached() {
        if !attachment.tables.contains(&table) {
            added.tables.insert(attachment.tables.len());
            attachment.tables.push(table);
        }
    }
    Ok(added)
}

/// A column as it is added to a table whose rows are there. One that may not be empty, and for which nothing
/// says what it is in them, has what the database put there: so a program's own default gets there.
fn declared(column: &DraftColumn, added: Option<Value>) -> String {
    let mut sql = format!("{} {}", spelled(&column.name), column.kind);
    let default = match &column.default {
        Some(default) => Some(default.clone()),
        None if column.not_null => added.or_else(|| empty(column.kind)).map(|value| literal_sql(&value)),
        None => None,
    };
    if let Some(default) = default {
        sql += if column.not_null { " NOT NULL" } else { "" };
        sql += &format!(" DEFAULT {default}");
    }
    sql
}

/// What a column that may not be empty holds where nothing was entered.
fn empty(kind: ColumnType) -> Option<Value> {
    match kind {
        ColumnType::Integer | ColumnType::Boolean => Some(Value::Integer(0)),
        ColumnType::Decimal { .. } | ColumnType::Counter { .. } => Some(Value::Integer(0)),
        ColumnType::Real => Some(Value::Real(0.0)),
        ColumnType::Text | ColumnType::Quiet => Some(Value::Text(String::new())),
        _ => None,
    }
}

impl Cycle<'_> {
    /// Brings the mirror to the columns that both sides have now, and takes in what only the database holds.
    pub fn take_in_added(&mut self, added: &Added) -> Outcome {
        self.in_transaction(|cycle| {
            cycle.engine.close_tables(cycle.tables)?;
            cycle.drain()?;
            for at in 0..cycle.tables.len() {
                let table = &cycle.tables[at];
                if added.tables.contains(&at) {
                    cycle.engine.capture(table)?;
                    cycle.engine.own_ids(table, cycle.ordinal, 0)?;
                }
                cycle.read_again(at, added)?;
                cycle.dirty.put_whole(at);
            }
            Ok(())
        })
    }

    fn read_again(&mut self, at: usize, added: &Added) -> Outcome {
        let table = &self.tables[at];
        let is_new = added.tables.contains(&at);
        let new: Vec<usize> = (0..table.columns.len())
            .filter(|place| added.columns.contains(&(table.here.clone(), table.columns[*place].here.clone())))
            .collect();
        let mut changes: Vec<Change> = Vec::new();
        let (space, mirror) = (self.space, self.mirror);
        mirror.clear(at)?;
        self.engine.rows(table, &mut |row| {
            let Some(key) = table.key_of(&row) else { return Ok(()) };
            mirror.put(at, &key, Some(&row))?;
            let shown = view_rows::row(space, table, &key)?;
            let old = match &shown {
                // Of a new table what differs was entered here without knowing of the other.
                _ if is_new => None,
                Some(shown) => Some(before(&row, &new, shown)),
                None => return Ok(()),
            };
            let known = if is_new { shown.as_ref() } else { old.as_ref() };
            if !agree(Some(&row), known) {
                changes.push(Change { table: at, key, old, new: Some(row) });
            }
            Ok(())
        })?;
        // Nobody who entered a row of a new table had seen another of it.
        let seen = if is_new { 0 } else { *self.applied };
        let mut intake = self.intake();
        changes.chunks(ROWS).try_for_each(|part| intake.take_missed(part.to_vec(), seen))
    }
}

/// A row of the database with what the space shows in these columns.
fn before(row: &Row, new: &[usize], shown: &Row) -> Row {
    let mut before = row.clone();
    new.iter().for_each(|at| before[*at] = shown[*at].clone());
    before
}

impl Postgres {
    /// What a column holds in rows that nobody entered it in; none, if nothing tells.
    fn added_value(&mut self, catalogue: &Catalogue, table: &str, column: &str) -> Outcome<Option<Value>> {
        let place = catalogue.draft.tables.iter().position(|one| one.name == table);
        let Some(at) = place else { return Ok(None) };
        let drafted = catalogue.draft.tables[at].of_source(column);
        let Some(kind) = drafted.map(|column| column.kind) else { return Ok(None) };
        let (schema, there) = &catalogue.places[at];
        let text = self.added_text(schema, there, column)?;
        Ok(text.and_then(|text| Held::read(kind, Some(text)).value().cloned()))
    }
}
