//! The tables that are shown, and what all schema ops come to, from which they follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, params};
use tandem_protocol::cause::Cause;
use tandem_protocol::codec;
use tandem_protocol::identity::Author;
use tandem_protocol::schema::{
    ColumnDef, IndexDef, Judge, Known, OpPlace, OpPlaces, Schema, SchemaOp, TableDef, TableId,
};
use tandem_protocol::value::Key;

use super::figures::Figures;
use super::position::Position;
use super::table::{ViewTable, quoted};
use super::{ViewError, ViewResult, ddl, is_refusal, read_row};
use crate::cause::sqlite;

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Tables {
    pub schema: Arc<Schema>,
    /// The places of the schema's ops.
    pub places: OpPlaces,
    /// Tables that SQLite refused to lay out, and what it said: a defect of this program.
    pub unshown: Arc<BTreeMap<TableId, Cause>>,
    /// Whether schema changes were merged that the tables cannot follow in place.
    pub needs_rebuild: bool,
    shown: Arc<BTreeMap<TableId, Arc<ViewTable>>>,
    /// Names of the indices by which rows that refer to others are found.
    reference_indices: Arc<BTreeSet<String>>,
}

/// What is shown.
impl Tables {
    /// Those of a schema known in advance, none of which is laid out yet.
    pub(crate) fn of(schema: Schema) -> Self {
        Self { schema: Arc::new(schema), ..Self::default() }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<ViewTable>> + Clone {
        self.shown.values()
    }

    pub(crate) fn by_id(&self, id: &TableId) -> Option<&Arc<ViewTable>> {
        self.shown.get(id)
    }

    pub(crate) fn named(&self, name: &str) -> Option<Arc<ViewTable>> {
        self.all().find(|table| table.def.name.eq_ignore_ascii_case(name)).cloned()
    }

    pub(super) fn numbered(&self, number: i64) -> Option<Arc<ViewTable>> {
        self.all().find(|table| table.number == number).cloned()
    }

    /// Whether some table has a column of that name.
    pub(super) fn has_column(&self, name: &str) -> bool {
        self.all().any(|table| table.def.column(name).is_some())
    }

    /// The columns that refer to a table, with the tables they are in.
    pub(super) fn referring_to(&self, target: &ViewTable) -> Vec<(Arc<ViewTable>, usize)> {
        let mut found = Vec::new();
        for table in self.all() {
            for (at, name) in &table.references {
                if name.eq_ignore_ascii_case(&target.def.name) {
                    found.push((Arc::clone(table), *at));
                }
            }
        }
        found
    }

    /// Keys of rows that refer to a row through one column.
    pub(super) fn referrers(
        &mut self,
        connection: &Connection,
        child: &ViewTable,
        at: usize,
        key: &Key,
        limit: usize,
    ) -> ViewResult<Vec<Key>> {
        let [value] = key.0.as_slice() else { return Ok(Vec::new()) };
        self.index_reference(connection, child, at)?;
        let (table, column) = (quoted(&child.def.name), quoted(&child.def.columns[at].name));
        let names: Vec<String> = child.def.columns.iter().map(|column| quoted(&column.name)).collect();
        let sql = format!("SELECT {} FROM {table} WHERE {column} = ?1 LIMIT ?2", names.join(", "));
        let mut statement = connection.prepare_cached(&sql)?;
        let mut found = statement.query(params![child.stored(at, value), limit as i64])?;
        let mut keys = Vec::new();
        while let Some(row) = found.next()? {
            let values = child.read_back(read_row(row, 0, names.len())?);
            keys.push(child.key_of(&values));
        }
        Ok(keys)
    }

    /// How many they are.
    pub(super) fn count_referrers(
        &mut self,
        connection: &Connection,
        child: &ViewTable,
        at: usize,
        key: &Key,
    ) -> ViewResult<u64> {
        let [value] = key.0.as_slice() else { return Ok(0) };
        self.index_reference(connection, child, at)?;
        let (table, column) = (quoted(&child.def.name), quoted(&child.def.columns[at].name));
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = ?1");
        let count: i64 =
            connection.prepare_cached(&sql)?.query_row([child.stored(at, value)], |row| row.get(0))?;
        Ok(count as u64)
    }

    /// Looking for referrers wants an index. Most tables never need it, so it is made when it is
    /// first wanted.
    fn index_reference(&mut self, connection: &Connection, child: &ViewTable, at: usize) -> ViewResult<()> {
        let name = ddl::reference_index(child.id, child.ids[at]);
        if self.reference_indices.contains(&name) {
            return Ok(());
        }
        let (table, column) = (quoted(&child.def.name), quoted(&child.def.columns[at].name));
        let sql = format!("CREATE INDEX IF NOT EXISTS {} ON {table} ({column})", quoted(&name));
        connection.execute_batch(&sql)?;
        Arc::make_mut(&mut self.reference_indices).insert(name);
        Ok(())
    }
}

/// What follows from the ops.
impl Tables {
    /// Takes in one schema op. The tables follow when they are next needed ([`Tables::lay_out`]):
    /// many changes cost one layout.
    pub(super) fn add(&mut self, op: &SchemaOp, at: OpPlace) {
        self.places.note(at);
        if !self.schema.holds(at) {
            Arc::make_mut(&mut self.schema).add(at, op);
        }
    }

    /// Takes note that an author wrote rows by a definition, and what schema changes it knew: those that
    /// more sites write by come first.
    pub(super) fn note_writer(&mut self, definition: [u8; 16], author: Author, known: &Known) {
        Arc::make_mut(&mut self.schema).note_writer(definition, author, known);
    }

    /// Makes tables and indices follow what all schema ops come to. What cannot be followed in place
    /// asks for a rebuild. Whether anything is another than it was.
    pub(super) fn lay_out(
        &mut self,
        connection: &Connection,
        figures: &mut Figures,
        has_parked: bool,
    ) -> ViewResult<bool> {
        if !self.schema.is_unsettled() {
            return Ok(false);
        }
        let before = has_parked.then(|| Arc::clone(&self.schema));
        if !Arc::make_mut(&mut self.schema).settle() {
            return Ok(false);
        }
        if let Some(before) = before {
            // What was not understood may be now: its tables are to be made anew.
            self.needs_rebuild |= self.explains_parked(connection, &before)?;
        }
        self.follow_schema(connection, figures)?;
        Ok(true)
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
        connection.execute_batch("SAVEPOINT layout")?;
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
        Ok(())
    }

    fn grow(
        &mut self,
        connection: &Connection,
        figures: &mut Figures,
        known: &ViewTable,
        shown: &TableDef,
    ) -> ViewResult<()> {
        let (old, new) = (&known.def, shown);
        let is_longer = new.columns.len() > old.columns.len()
            && new.columns[..old.columns.len()] == old.columns[..]
            && new.checks == old.checks
            && new.uniques == old.uniques;
        let judge = self.schema.judge();
        let additions: Option<Vec<String>> = new.columns[old.columns.len().min(new.columns.len())..]
            .iter()
            .map(|column| ddl::add_column(new, column, judge))
            .collect();
        // A row that is there may break a rule that comes with a new column, or refer to a deleted one.
        let is_filled = figures.has_rows(known.number);
        let is_ruled = |column: &ColumnDef| {
            if column.unwritten().is_null() { column.not_null } else { column.references.is_some() }
        };
        let is_harmless = !is_filled || !new.columns.iter().skip(old.columns.len()).any(is_ruled);
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
        Ok(())
    }

    fn show(&mut self, table: ViewTable) {
        Arc::make_mut(&mut self.shown).insert(table.id, Arc::new(table));
    }
}

/// In the view's own tables.
impl Tables {
    /// Reads back the tables, with their figures, of the schema that the system ops come to. `greatest`
    /// is told the greatest generated id of each.
    pub(super) fn load(
        connection: &Connection,
        mut schema: Schema,
        places: OpPlaces,
        position: &Position,
        mut greatest: impl FnMut(&ViewTable, i64),
    ) -> ViewResult<(Self, Figures)> {
        load_writers(connection, &mut schema, position)?;
        schema.settle();
        let mut tables = Self { schema: Arc::new(schema), places, ..Self::default() };
        let mut figures = Figures::default();
        let sql = "SELECT number, id, rows, fingerprint, hidden, greatest FROM _tandem_tables";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let known = tables.schema.table_by_id(TableId(row.get(1)?));
            let known = known.ok_or(ViewError::Inconsistent("a table without a definition"))?;
            let table = ViewTable::new(row.get(0)?, &known.shown);
            figures.load(connection, &table, row.get(2)?, row.get(3)?, row.get(4)?)?;
            greatest(&table, row.get(5)?);
            tables.show(table);
        }
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE '!_tandem!_reference!_%' ESCAPE '!'";
        let mut statement = connection.prepare(sql)?;
        let names = statement.query_map([], |row| row.get(0))?;
        tables.reference_indices = Arc::new(names.collect::<Result<_, _>>()?);
        // A table that counts and is not there was refused by SQLite, or came at the last moment.
        tables.needs_rebuild = tables.schema.tables().any(|table| tables.by_id(&table.id()).is_none());
        Ok((tables, figures))
    }
}

fn load_writers(connection: &Connection, schema: &mut Schema, position: &Position) -> ViewResult<()> {
    let mut statement = connection.prepare("SELECT definition, author, known FROM _tandem_writers")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(author) = position.authors.author(row.get(1)?) {
            let known = codec::decode(&row.get::<_, Vec<u8>>(2)?, "known schema changes")
                .map_err(|_| ViewError::Inconsistent("a writer that cannot be read"))?;
            schema.note_writer(row.get(0)?, author, &known);
        }
    }
    Ok(())
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
/// once: what SQLite would refuse is so refused before anybody signs it.
pub(crate) fn try_out(schema: &Schema) -> rusqlite::Result<()> {
    super::heap::count();
    let connection = Connection::open_in_memory()?;
    super::functions::install(&connection, Default::default(), Default::default())?;
    let judge = schema.judge();
    for table in schema.tables() {
        let def = &table.shown;
        ddl::create_table(def, judge).iter().try_for_each(|sql| connection.execute_batch(sql))?;
        for column in &def.columns {
            if let Some(default) = column.default_sql(tandem_protocol::schema::expression::Style::Sql) {
                connection.query_row(&format!("SELECT {default}"), [], |_| Ok(()))?;
            }
        }
        // Once as a row of nothing, which every expression must bear.
        let nulls = vec![tandem_protocol::value::Value::Null; def.columns.len()];
        super::rules::Rules::new(def, &[]).evaluate(&connection, &nulls)?;
        connection.prepare(&format!("SELECT * FROM {}", quoted(&def.name)))?;
    }
    schema.indices().try_for_each(|index| connection.execute_batch(&ddl::create_index(index)))
}
