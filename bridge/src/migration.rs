//! A schema that changed while a database is attached: what a migration of its program added is declared here,
//! and travels. What it took away stays here, for the sites that still have it.
//!
//! All of it happens while nobody can write to the tables, and after what the outbox held was taken in. A
//! column that is new on this side brings what was entered in it here; where nothing was, the space's values
//! count.

use tandem_import::schema::{Draft, DraftColumn};
use tandem_protocol::schema::expression::{literal_sql, spelled};
use tandem_protocol::schema::{ColumnDef, ColumnType, Schema};
use tandem_protocol::value::Value;
use tandem_store::Space;

use crate::attachment::Attachment;
use crate::catalogue::{Catalogue, Layout, Wishes};
use crate::cycle::Cycle;
use crate::engine::Outcome;
use crate::first_day::declare;
use crate::held::{Held, Row, agree};
use crate::intake::Change;
use crate::paired::PairedTable;
use crate::postgres::{CatalogueReader, Postgres};
use crate::view_rows;

/// Declares what a database has and the space has not.
pub(crate) fn declare_added(engine: &mut Postgres, space: &Space, attachment: &mut Attachment) -> Outcome {
    let schema = space.schema();
    let mut wishes = Wishes { exclude: attachment.left_out.clone(), ..Wishes::default() };
    if attachment.is_chosen {
        let known = attachment.tables.iter();
        wishes.tables = known.map(|table| format!("{}.{}", table.schema, table.there)).collect();
    }
    let catalogue = Catalogue::read_known(engine, &wishes, &schema)?;
    let mut sql = String::new();
    for table in &catalogue.draft.tables {
        let Some(here) = schema.table(&table.name) else { continue };
        for column in &table.columns {
            if here.shown.column(&column.name).is_none() {
                let value = added_value(engine, &catalogue, &table.name, &column.source)?;
                let column = declared(column, value);
                sql += &format!("ALTER TABLE {} ADD COLUMN {column};\n", spelled(&table.name));
            }
        }
    }
    let is_new = |name: &str| schema.table(name).is_none();
    let tables = catalogue.draft.tables.iter().filter(|table| is_new(&table.name)).cloned().collect();
    sql += &Draft { tables, ..Draft::default() }.sql();
    if !sql.is_empty() {
        tracing::info!(space = space.name(), sql, "the database has more than before: it is declared");
        declare(space, &sql)?;
    }
    let known = attachment.tables.clone();
    attachment.tables.extend(catalogue.attached().into_iter().filter(|table| !known.contains(table)));
    Ok(())
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

/// Brings the mirror to the columns that both sides have now, and takes in what only the database holds.
pub(crate) fn take_in_added(cycle: &mut Cycle<'_>, had: &Layout) -> Outcome {
    let schema = cycle.space.schema();
    cycle.in_transaction(|cycle| {
        cycle.engine.close_tables(cycle.tables)?;
        cycle.drain()?;
        for at in 0..cycle.tables.len() {
            let table = &cycle.tables[at];
            if had.lacks(table).is_none() {
                cycle.engine.capture(table)?;
                cycle.engine.own_ids(table, cycle.ordinal, 0)?;
            }
            read_again(cycle, at, had, &schema)?;
            cycle.dirty.put_whole(at);
        }
        Ok(())
    })
}

/// What nobody is known to have entered knowing of another's is concurrent with that: where both entered
/// something, it is listed.
fn read_again(cycle: &mut Cycle<'_>, at: usize, had: &Layout, schema: &Schema) -> Outcome {
    let table = &cycle.tables[at];
    let (new, unwritten) = (had.lacks(table), unwritten(table, schema));
    let mut changes: Vec<Change> = Vec::new();
    let (space, mirror) = (cycle.space, cycle.mirror);
    mirror.clear(at)?;
    cycle.engine.rows(table, &mut |row| {
        let Some(key) = table.key_of(&row) else { return Ok(()) };
        mirror.put(at, &key, Some(&row))?;
        let shown = view_rows::row(space, table, &key)?;
        let old = match (&new, &shown) {
            // Of a new table each row was entered here.
            (None, _) => None,
            (Some(new), Some(_)) => Some(before(&row, new, &unwritten)),
            (Some(_), None) => return Ok(()),
        };
        let is_other = match (&new, &shown) {
            (Some(new), Some(shown)) => new.iter().any(|at| row[*at] != shown[*at]),
            _ => !agree(Some(&row), shown.as_ref()),
        };
        if is_other && !agree(Some(&row), old.as_ref()) {
            changes.push(Change { table: at, key, old, new: Some(row) });
        }
        Ok(())
    })?;
    cycle.intake().take_missed(&changes, 0)
}

/// A row as it was before it had these columns.
fn before(row: &Row, new: &[usize], unwritten: &[Value]) -> Row {
    let mut before = row.clone();
    assert_eq!(row.len(), unwritten.len(), "each column shows something where nothing was written");
    new.iter().for_each(|at| before[*at] = Held::Value(unwritten[*at].clone()));
    before
}

/// What the columns of a table show where nothing was written.
fn unwritten(table: &PairedTable, schema: &Schema) -> Vec<Value> {
    let here = schema.table(&table.here);
    let of = |name: &str| here.and_then(|here| here.shown.column(name)).map(ColumnDef::unwritten);
    table.columns.iter().map(|column| of(&column.here).unwrap_or(Value::Null)).collect()
}

/// What a column holds in rows that nobody entered it in; none, if nothing tells.
fn added_value(
    engine: &mut Postgres,
    catalogue: &Catalogue,
    table: &str,
    column: &str,
) -> Outcome<Option<Value>> {
    let place = catalogue.draft.tables.iter().position(|one| one.name == table);
    let Some(at) = place else { return Ok(None) };
    let drafted = catalogue.draft.tables[at].of_source(column);
    let Some(kind) = drafted.map(|column| column.kind) else { return Ok(None) };
    let (schema, there) = &catalogue.places[at];
    let text = CatalogueReader(engine).added_text(schema, there, column)?;
    Ok(text.and_then(|text| Held::read(kind, Some(text)).value().cloned()))
}
