//! The tables' layout: tables and indices follow the schema, in place where SQLite can.

use std::sync::Arc;

use rusqlite::{Connection, params};
use tandem_protocol::cause::Cause;
use tandem_protocol::conflict::ConflictKind;
use tandem_protocol::schema::expression::{Style, quoted};
use tandem_protocol::schema::{ColumnDef, IndexDef, Judge, Reference, Schema, TableDef};
use tandem_protocol::value::Value;

use super::conflicts::kind_code;
use super::figures::Figures;
use super::named_queries::Unread;
use super::rules::Rules;
use super::table::ViewTable;
use super::tables::Tables;
use super::{ViewError, ViewResult, ddl, functions, heap, is_refusal, named_queries};
use crate::cause::sqlite;

impl Tables {
    /// Makes tables and indices follow what all schema ops come to. What cannot be followed in place
    /// asks for a rebuild. Whether anything is another than it was.
    pub(super) fn lay_out(
        &mut self,
        connection: &Connection,
        figures: &mut Figures,
        has_parked: bool,
    ) -> ViewResult<bool> {
        if !self.schema.is_unjudged() {
            return Ok(false);
        }
        let before = has_parked.then(|| Arc::clone(&self.schema));
        if !Arc::make_mut(&mut self.schema).rejudge() {
            return Ok(false);
        }
        if let Some(before) = before {
            // What was not understood may be now: its tables are to be made anew.
            self.needs_rebuild |= self.explains_parked(connection, &before)?;
        }
        self.follow_schema(connection, figures)?;
        self.are_queries_behind = true;
        let is_told = |id| self.by_id(&id).is_some() || self.unshown.contains_key(&id);
        debug_assert!(
            self.needs_rebuild || self.schema.tables().all(|table| is_told(table.id())),
            "a table that counts is shown, or it is told why not"
        );
        Ok(true)
    }

    /// Lays out the queries, if what they read may be another than it was.
    pub(super) fn lay_out_queries(&mut self, connection: &Connection) -> ViewResult<()> {
        if std::mem::take(&mut self.are_queries_behind) {
            self.unread = Arc::new(named_queries::lay_out(connection, &self.schema)?);
        }
        Ok(())
    }

    /// Whether rows wait for a table that is another than it was.
    fn explains_parked(&self, connection: &Connection, before: &Schema) -> ViewResult<bool> {
        let sql = "SELECT 1 FROM _tandem_parked WHERE definition = ?1";
        let mut waits = connection.prepare_cached(sql)?;
        for table in self.schema.tables() {
            if before.table_by_id(table.id()) != Some(table) && waits.exists([table.id().0])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes tables and indices follow the schema in memory.
    pub(super) fn follow_schema(&mut self, connection: &Connection, figures: &mut Figures) -> ViewResult<()> {
        assert!(!self.schema.is_unjudged(), "tables follow a schema that is judged");
        let schema = Arc::clone(&self.schema);
        let is_shown = |id| schema.table_by_id(id).is_some();
        let has_moved = self.all().any(|table| {
            let now = schema.table_by_id(table.id);
            now.is_none_or(|now| now.shown.name != table.def.name)
        });
        if has_moved || self.unshown.keys().any(|id| !is_shown(*id)) {
            // A table is called otherwise now, or waits.
            self.needs_rebuild = true;
            return Ok(());
        }
        let unshown = Arc::clone(&self.unshown);
        for table in schema.tables().filter(|table| !unshown.contains_key(&table.id())) {
            match self.by_id(&table.id()).cloned() {
                None => self.create(connection, figures, &table.shown)?,
                Some(known) if known.def != table.shown => {
                    self.grow(connection, figures, &known, &table.shown)?;
                }
                Some(_) => {}
            }
        }
        let is_there = |index: &&IndexDef| {
            let table = self.by_id(&index.table_id);
            table.is_some_and(|table| index.columns.iter().all(|column| table.def.column(column).is_some()))
        };
        for index in schema.indices().filter(is_there) {
            match connection.execute_batch(&ddl::create_index(index)) {
                // It changes no meaning, only speed.
                Err(error) if is_refusal(&error) => {
                    tracing::error!(index = index.name, %error, "an index cannot be made here");
                }
                made => made?,
            }
        }
        Ok(())
    }

    /// Lays out a new table. If SQLite refuses what counts, that is a defect of this program: the
    /// table is not shown here, its rows wait, and everything else goes on.
    fn create(&mut self, connection: &Connection, figures: &mut Figures, def: &TableDef) -> ViewResult<()> {
        assert!(self.by_id(&def.id()).is_none(), "a table is laid out once");
        connection.execute_batch("SAVEPOINT layout")?;
        // A table takes its name from a query that is called so; the queries follow at the commit.
        connection.execute_batch(&format!("DROP VIEW IF EXISTS {}", quoted(&def.name)))?;
        let made = ddl::create_table(def, self.schema.judge())
            .iter()
            .try_for_each(|sql| connection.execute_batch(sql));
        let table = ViewTable::new(0, def);
        let made = made.map_err(Into::into).and_then(|()| table.rules.check(connection));
        match made {
            Ok(()) => connection.execute_batch("RELEASE layout")?,
            Err(ViewError::Sql(error)) if is_refusal(&error) => {
                connection.execute_batch("ROLLBACK TO layout; RELEASE layout")?;
                tracing::error!(table = def.name, %error, "a table cannot be shown here");
                Arc::make_mut(&mut self.unshown).insert(def.id(), sqlite::cause(&error));
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let sql = "INSERT INTO _tandem_tables (id, name, rows, fingerprint, hidden, greatest) VALUES (?1, ?2, 0, ?3, 0, 0)";
        connection.prepare_cached(sql)?.execute(params![def.id().0, def.name, [0u8; 16]])?;
        let number = connection.last_insert_rowid();
        figures.begin(number);
        self.show(ViewTable::new(number, def));
        self.find_deleted(connection, figures, def)
    }

    /// Rows that were deleted before anybody referred to them by the values of a UNIQUE are not found by
    /// them: where there are any, all is made anew.
    fn find_deleted(&mut self, connection: &Connection, figures: &Figures, def: &TableDef) -> ViewResult<()> {
        for reference in def.references.iter().filter(|reference| !reference.is_to_key) {
            let Some(target) = self.by_id(&reference.table_id) else { continue };
            let sql = "SELECT 1 FROM _tandem_conflicts WHERE tbl = ?1 AND kind = ?2";
            let retained = params![target.number, kind_code(ConflictKind::Reference)];
            self.needs_rebuild |=
                figures.has_hidden(target.number) || connection.prepare_cached(sql)?.exists(retained)?;
        }
        Ok(())
    }

    fn grow(
        &mut self,
        connection: &Connection,
        figures: &mut Figures,
        known: &ViewTable,
        shown: &TableDef,
    ) -> ViewResult<()> {
        assert_eq!(known.id, shown.id(), "a table grows into its own definition");
        let (old, new) = (&known.def, shown);
        let is_longer = new.columns.len() > old.columns.len()
            && new.columns[..old.columns.len()] == old.columns[..]
            && new.checks == old.checks
            && new.uniques == old.uniques
            && old.references.iter().all(|reference| new.references.contains(reference));
        let added = &new.columns[old.columns.len().min(new.columns.len())..];
        // One that comes with a column of its own is laid out with it.
        let is_of_new = |reference: &Reference| {
            let is_new = |name: &String| added.iter().any(|column| column.name == *name);
            old.references.contains(reference) || matches!(reference.columns.as_slice(), [one] if is_new(one))
        };
        let is_longer = is_longer && new.references.iter().all(is_of_new);
        let judge = self.schema.judge();
        let additions: Option<Vec<String>> =
            added.iter().map(|column| ddl::add_column(new, column, judge)).collect();
        // A row that is there may break a rule that comes with a new column, or refer to a deleted one.
        let is_filled = figures.has_rows(known.number);
        let is_ruled = |column: &ColumnDef| {
            let refers = || new.references_of(&column.name).next().is_some();
            if column.unwritten().is_null() { column.not_null } else { refers() }
        };
        let is_harmless = !is_filled || !added.iter().any(is_ruled);
        if !is_longer || !is_harmless {
            self.needs_rebuild = true;
            return Ok(());
        }
        let add = |all: Vec<String>| all.iter().try_for_each(|sql| connection.execute_batch(sql));
        let is_grown = match additions {
            Some(additions) => is_laid_out(connection, || add(additions))?,
            None => false,
        };
        // SQLite adds fewer columns in place, and to rows that are there, than it creates.
        if !is_grown && !is_laid_out(connection, || copy_into(connection, old, new, judge))? {
            self.needs_rebuild = true;
            return Ok(());
        }
        let table = ViewTable::new(known.number, new);
        if is_filled {
            // Its rows now show another column.
            figures.count_anew(connection, &table)?;
        }
        self.show(table);
        self.find_deleted(connection, figures, new)
    }
}

/// Whether SQLite took a change of layout; what it refused leaves nothing behind.
fn is_laid_out(connection: &Connection, change: impl FnOnce() -> rusqlite::Result<()>) -> ViewResult<bool> {
    connection.execute_batch("SAVEPOINT layout")?;
    match change() {
        Ok(()) => connection.execute_batch("RELEASE layout")?,
        Err(error) if is_refusal(&error) => {
            connection.execute_batch("ROLLBACK TO layout; RELEASE layout")?;
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

/// Makes a table anew that has more columns now, with its rows, their rowids and its indices as they
/// were.
fn copy_into(connection: &Connection, old: &TableDef, new: &TableDef, judge: Judge) -> rusqlite::Result<()> {
    let sql = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 COLLATE NOCASE AND sql IS NOT NULL";
    let mut statement = connection.prepare(sql)?;
    let indices: Vec<String> =
        statement.query_map([&old.name], |row| row.get(0))?.collect::<Result<_, _>>()?;
    assert!(new.columns.len() > old.columns.len(), "a table that is copied has more columns then");
    let copy = ddl::COPY;
    connection.execute_batch(&ddl::create_copy(new, judge))?;
    let names = |def: &TableDef| def.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>();
    let columns = names(new).join(", ");
    let mut values = names(old);
    values.extend(new.columns[old.columns.len()..].iter().map(ddl::constant));
    let (table, values) = (quoted(&old.name), values.join(", "));
    connection.execute_batch(&format!(
        "INSERT INTO {copy} (rowid, {columns}) SELECT rowid, {values} FROM {table} ORDER BY rowid; \
         DROP TABLE {table}; ALTER TABLE {copy} RENAME TO {table}"
    ))?;
    indices.iter().try_for_each(|sql| connection.execute_batch(sql))
}

/// Lays a schema out whole in an empty database beside, with every rule and every default evaluated
/// once: what SQLite would refuse is so refused before anybody signs it. Queries that are `unread` may stay
/// so.
pub(crate) fn try_out(schema: &Schema, unread: &Unread) -> Result<(), Cause> {
    heap::count();
    let connection = try_out_tables(schema).map_err(|error| sqlite::cause(&error))?;
    named_queries::try_out(&connection, schema, unread)
}

/// The views of a schema, by name, that SQLite does not read, and why.
pub fn unread_queries(schema: &Schema) -> Result<Unread, Cause> {
    heap::count();
    let connection = try_out_tables(schema).map_err(|error| sqlite::cause(&error))?;
    named_queries::unread(&connection, schema)
}

fn try_out_tables(schema: &Schema) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    functions::install(&connection, Default::default(), Default::default())?;
    let judge = schema.judge();
    for table in schema.tables() {
        let def = &table.shown;
        ddl::create_table(def, judge).iter().try_for_each(|sql| connection.execute_batch(sql))?;
        for column in &def.columns {
            // A number is given where there is a row.
            if column.site_number().is_some() {
                continue;
            }
            if let Some(default) = column.default_sql(Style::Sql) {
                connection.query_row(&format!("SELECT {default}"), [], |_| Ok(()))?;
            }
        }
        // Once as a row of nothing, which every expression must bear.
        let nulls = vec![Value::Null; def.columns.len()];
        Rules::new(def, &[]).evaluate(&connection, &nulls)?;
        connection.prepare(&format!("SELECT * FROM {}", quoted(&def.name)))?;
    }
    schema.indices().try_for_each(|index| connection.execute_batch(&ddl::create_index(index)))?;
    Ok(connection)
}
