//! Follows schema ops: tables, columns and indices of the view.

use std::sync::Arc;

use rusqlite::params;
use tandem_protocol::merge::WriteId;
use tandem_protocol::schema::{ColumnDef, SchemaOp};

use super::memory::TableStats;
use super::table::{ViewTable, quoted};
use super::{View, ViewResult, ddl};

impl View {
    /// Applies one schema op. What cannot be followed in place makes the view stale.
    pub(super) fn apply_schema(&mut self, op: &SchemaOp, by: WriteId) -> ViewResult<()> {
        if !Arc::make_mut(&mut self.memory.schema).apply(op, by) {
            return Ok(());
        }
        if self.memory.parked > 0 {
            // What was not understood may be now: its tables are to be made anew.
            self.stale = true;
        }
        self.lay_out_tables()?;
        self.list_schema()
    }

    /// Makes tables and indices follow the schema in memory.
    pub(super) fn lay_out_tables(&mut self) -> ViewResult<()> {
        let schema = Arc::clone(&self.memory.schema);
        for table in schema.tables() {
            match self.memory.tables.get(&table.id()).cloned() {
                None => self.create_table(&ViewTable::new(0, &table.shown))?,
                Some(known) if known.def != table.shown => self.grow_table(&known, &table.shown)?,
                Some(_) => {}
            }
        }
        for index in schema.indices() {
            let table = schema.table(&index.table);
            let fits = table
                .is_some_and(|table| index.columns.iter().all(|name| table.shown.column(name).is_some()));
            if fits {
                self.connection.execute_batch(&ddl::create_index(index))?;
            }
        }
        self.refresh_tables();
        Ok(())
    }

    /// Whether SQLite accepts every default and rule: it looks at them only when they are used.
    pub(crate) fn check_rules(&self) -> ViewResult<()> {
        for table in self.memory.tables.values() {
            table.rules.check(&self.connection)?;
            self.connection.prepare(&format!("INSERT INTO {} DEFAULT VALUES", quoted(&table.def.name)))?;
        }
        Ok(())
    }

    fn create_table(&mut self, table: &ViewTable) -> ViewResult<()> {
        let taken =
            self.memory.tables.values().any(|known| known.def.name.eq_ignore_ascii_case(&table.def.name));
        if taken {
            // Two tables of one name; which is shown has changed.
            self.stale = true;
            return Ok(());
        }
        let id = table.id;
        self.connection
            .prepare_cached(
                "INSERT INTO _tandem_tables (id, name, rows, fingerprint, hidden, greatest) VALUES (?1, ?2, 0, ?3, 0, 0)",
            )?
            .execute(params![id.0.to_le_bytes(), table.def.name, [0u8; 16]])?;
        let number = self.connection.last_insert_rowid();
        for sql in ddl::create_table(&table.def) {
            self.connection.execute_batch(&sql)?;
        }
        let stats = TableStats { next_rowid: 1, ..TableStats::default() };
        self.memory.stats.insert(number, stats);
        Arc::make_mut(&mut self.memory.tables).insert(id, Arc::new(ViewTable::new(number, &table.def)));
        Ok(())
    }

    fn grow_table(&mut self, known: &ViewTable, shown: &tandem_protocol::schema::TableDef) -> ViewResult<()> {
        let (old, new) = (&known.def, shown);
        let appended = new.columns.len() > old.columns.len()
            && new.columns[..old.columns.len()] == old.columns[..]
            && new.checks == old.checks
            && new.uniques == old.uniques;
        let additions: Option<Vec<String>> = new.columns[old.columns.len().min(new.columns.len())..]
            .iter()
            .map(|column| ddl::add_column(new, column).filter(|_| !column.unique))
            .collect();
        // A row that is there may break a rule that comes with a new column.
        let filled = self.memory.stats.get(&known.number).is_some_and(|stats| stats.rows > 0);
        let ruled =
            |column: &ColumnDef| column.not_null && column.unwritten().is_null() || column.check.is_some();
        let harmless = !filled || !new.columns.iter().skip(old.columns.len()).any(ruled);
        let (true, Some(additions)) = (appended && harmless, additions) else {
            self.stale = true;
            return Ok(());
        };
        for sql in &additions {
            self.connection.execute_batch(sql)?;
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
