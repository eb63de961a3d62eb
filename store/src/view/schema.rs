//! Follows schema ops: tables, columns and indices of the view.

use std::sync::Arc;

use rusqlite::{Connection, params};
use tandem_protocol::codec;
use tandem_protocol::identity::Author;
use tandem_protocol::schema::{ColumnDef, IndexDef, Known, OpPlace, Schema, SchemaOp, TableDef};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::version::VersionVector;

use super::memory::TableStats;
use super::rules::Rules;
use super::table::{ViewTable, quoted};
use super::{View, ViewResult, ddl, functions, is_refusal};

impl View {
    /// Takes in one schema op. The tables follow when they are next needed ([`View::lay_out`]):
    /// many changes cost one layout.
    pub(super) fn add_schema(&mut self, op: &SchemaOp, at: OpPlace) {
        self.memory.places.note(at);
        Arc::make_mut(&mut self.memory.schema).add(at, op);
    }

    /// Takes note of who wrote rows by which definitions: those that more sites write by come first.
    pub(super) fn note_writers(
        &mut self,
        transaction: &Transaction,
        context: &VersionVector,
    ) -> ViewResult<()> {
        let author = transaction.header.dot.author;
        let mut known = None;
        for definition in Schema::definitions_of(&transaction.ops) {
            if self.memory.schema.is_writer(&definition, &author) {
                continue;
            }
            let known = known.get_or_insert_with(|| self.memory.places.known(&transaction.header, context));
            Arc::make_mut(&mut self.memory.schema).note_writer(definition, author, known);
            self.put_writer(definition, author, known)?;
        }
        Ok(())
    }

    pub(super) fn put_writer(
        &mut self,
        definition: [u8; 16],
        author: Author,
        known: &Known,
    ) -> ViewResult<()> {
        let number = self.memory.author_number(author);
        let sql = "INSERT INTO _tandem_writers (definition, author, known) VALUES (?1, ?2, ?3)";
        self.connection.prepare_cached(sql)?.execute(params![definition, number, codec::encode(known)])?;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn limit_columns(&self, most: i32) {
        let _before = self.connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_COLUMN, most);
    }

    /// What this program knows of expressions.
    pub(crate) fn judge(&self) -> tandem_protocol::schema::Judge {
        self.judge
    }

    /// Makes tables and indices follow what all schema ops come to. What cannot be followed in place
    /// makes the view stale.
    pub(crate) fn lay_out(&mut self) -> ViewResult<()> {
        if !self.memory.schema.is_unsettled() {
            return Ok(());
        }
        let before = (self.memory.parked > 0).then(|| Arc::clone(&self.memory.schema));
        if !Arc::make_mut(&mut self.memory.schema).settle() {
            return Ok(());
        }
        if let Some(before) = before {
            // What was not understood may be now: its tables are to be made anew.
            self.stale |= self.explains_parked(&before)?;
        }
        self.lay_out_tables()?;
        self.list_schema()
    }

    /// Whether rows wait for a table that is another than it was.
    fn explains_parked(&self, before: &Schema) -> ViewResult<bool> {
        let sql = "SELECT 1 FROM _tandem_parked WHERE definition = ?1";
        let mut waits = self.connection.prepare_cached(sql)?;
        for table in self.memory.schema.tables() {
            if before.table_by_id(table.id()) != Some(table) && waits.exists([table.id().0])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes tables and indices follow the schema in memory.
    pub(super) fn lay_out_tables(&mut self) -> ViewResult<()> {
        let schema = Arc::clone(&self.memory.schema);
        let shown = |id| schema.table_by_id(id).is_some();
        let moved = self.memory.tables.values().any(|table| {
            let now = schema.table_by_id(table.id);
            now.is_none_or(|now| now.shown.name != table.def.name)
        });
        if moved || self.memory.unshown.keys().any(|id| !shown(*id)) {
            // A table is called otherwise now, or waits.
            self.stale = true;
            return Ok(());
        }
        let unshown = Arc::clone(&self.memory.unshown);
        for table in schema.tables().filter(|table| !unshown.contains_key(&table.id())) {
            match self.memory.tables.get(&table.id()).cloned() {
                None => self.create_table(&table.shown)?,
                Some(known) if known.def != table.shown => self.grow_table(&known, &table.shown)?,
                Some(_) => {}
            }
        }
        let is_there = |index: &&IndexDef| {
            let table = self.memory.tables.get(&index.table_id);
            table.is_some_and(|table| index.columns.iter().all(|column| table.def.column(column).is_some()))
        };
        for index in schema.indices().filter(is_there) {
            match self.connection.execute_batch(&ddl::create_index(index)) {
                // It changes no meaning, only speed.
                Err(error) if is_refusal(&error) => {
                    tracing::error!(index = index.name, %error, "an index cannot be made here");
                }
                made => made?,
            }
        }
        self.refresh_tables();
        Ok(())
    }

    /// Lays out a new table. If SQLite refuses what counts, that is a defect of this program: the
    /// table is not shown here, its rows wait, and everything else goes on.
    fn create_table(&mut self, def: &TableDef) -> ViewResult<()> {
        self.connection.execute_batch("SAVEPOINT layout")?;
        let made = ddl::create_table(def, self.memory.schema.judge())
            .iter()
            .try_for_each(|sql| self.connection.execute_batch(sql));
        let table = ViewTable::new(0, def);
        let made = made.map_err(Into::into).and_then(|()| table.rules.check(&self.connection));
        match made {
            Ok(()) => self.connection.execute_batch("RELEASE layout")?,
            Err(super::ViewError::Sql(error)) if is_refusal(&error) => {
                self.connection.execute_batch("ROLLBACK TO layout; RELEASE layout")?;
                tracing::error!(table = def.name, %error, "a table cannot be shown here");
                Arc::make_mut(&mut self.memory.unshown).insert(def.id(), error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.connection
            .prepare_cached(
                "INSERT INTO _tandem_tables (id, name, rows, fingerprint, hidden, greatest) VALUES (?1, ?2, 0, ?3, 0, 0)",
            )?
            .execute(params![def.id().0, def.name, [0u8; 16]])?;
        let number = self.connection.last_insert_rowid();
        let stats = TableStats { next_rowid: 1, ..TableStats::default() };
        self.memory.stats.insert(number, stats);
        let table = Arc::new(ViewTable::new(number, def));
        Arc::make_mut(&mut self.memory.tables).insert(def.id(), table);
        Ok(())
    }

    fn grow_table(&mut self, known: &ViewTable, shown: &TableDef) -> ViewResult<()> {
        let (old, new) = (&known.def, shown);
        let appended = new.columns.len() > old.columns.len()
            && new.columns[..old.columns.len()] == old.columns[..]
            && new.checks == old.checks
            && new.uniques == old.uniques;
        let judge = self.memory.schema.judge();
        let additions: Option<Vec<String>> = new.columns[old.columns.len().min(new.columns.len())..]
            .iter()
            .map(|column| ddl::add_column(new, column, judge))
            .collect();
        // A row that is there may break a rule that comes with a new column.
        let filled = self.memory.stats.get(&known.number).is_some_and(|stats| stats.rows > 0);
        let ruled = |column: &ColumnDef| column.not_null && column.unwritten().is_null();
        let harmless = !filled || !new.columns.iter().skip(old.columns.len()).any(ruled);
        let (true, Some(additions)) = (appended && harmless, additions) else {
            self.stale = true;
            return Ok(());
        };
        self.connection.execute_batch("SAVEPOINT layout")?;
        let grown = additions.iter().try_for_each(|sql| self.connection.execute_batch(sql));
        match grown {
            Ok(()) => self.connection.execute_batch("RELEASE layout")?,
            Err(error) if is_refusal(&error) => {
                // SQLite adds fewer columns than it creates: the table is made anew, with the column.
                self.connection.execute_batch("ROLLBACK TO layout; RELEASE layout")?;
                self.stale = true;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let table = Arc::new(ViewTable::new(known.number, new));
        let id = known.id;
        Arc::make_mut(&mut self.memory.tables).insert(id, Arc::clone(&table));
        if filled {
            self.rehash(&table)?;
        }
        Ok(())
    }

    /// Computes a table's fingerprint anew: its rows now show another column.
    fn rehash(&mut self, table: &Arc<ViewTable>) -> ViewResult<()> {
        let mut fingerprint = tandem_protocol::fingerprint::Fingerprint::default();
        let sql = table.sql.select_all.clone();
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = table.read_back(super::read_row(row, 1, table.def.columns.len())?);
            fingerprint.add(table.hash(&mut self.hasher, &values));
        }
        self.memory.stats(table).fingerprint = fingerprint;
        Ok(())
    }
}

/// Lays a schema out whole in an empty database beside, with every rule and every default evaluated
/// once: what SQLite would refuse is so refused before anybody signs it.
pub(crate) fn try_out(schema: &Schema) -> rusqlite::Result<()> {
    super::heap::count();
    let connection = Connection::open_in_memory()?;
    functions::install(&connection, Default::default(), Default::default())?;
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
        Rules::new(def, &[]).evaluate(&connection, &nulls)?;
        connection.prepare(&format!("SELECT * FROM {}", quoted(&def.name)))?;
    }
    schema.indices().try_for_each(|index| connection.execute_batch(&ddl::create_index(index)))
}
