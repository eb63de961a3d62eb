//! The tables that are shown, and what all schema ops come to, from which they follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::Connection;
use tandem_protocol::cause::Cause;
use tandem_protocol::codec;
use tandem_protocol::identity::Author;
use tandem_protocol::schema::{KnownSchema, OpPlace, OpPlaces, RuleId, Schema, SchemaOp, TableId};
use tandem_protocol::value::{Key, Value};

use super::figures::Figures;
use super::named_queries::{self, Unread};
use super::position::Position;
use super::reference::{Referring, ViewReference};
use super::table::ViewTable;
use super::{ViewError, ViewResult, read_row};

/// The tables that are shown, and the schema they follow.
#[derive(Clone, Default)]
pub(crate) struct Tables {
    pub schema: Arc<Schema>,
    /// The places of the schema's ops.
    pub places: OpPlaces,
    /// Tables that SQLite refused to lay out, and what it said: a defect of this program.
    pub unshown: Arc<BTreeMap<TableId, Cause>>,
    /// Queries under a name that SQLite does not take here.
    pub unread: Arc<Unread>,
    /// Whether the queries are to be laid out anew.
    pub are_queries_behind: bool,
    /// Whether schema changes were merged that the tables cannot follow in place.
    pub needs_rebuild: bool,
    shown: Arc<BTreeMap<TableId, Arc<ViewTable>>>,
    /// Tables whose rows others refer to by the values of a UNIQUE.
    told_by_values: Arc<BTreeSet<TableId>>,
    /// Names of the indices by which rows that refer to others are found.
    reference_indices: Arc<BTreeSet<String>>,
}

/// What is shown.
impl Tables {
    /// Those of a schema known in advance, none of which is laid out yet.
    pub(crate) fn of(schema: Schema) -> Self {
        Self { schema: Arc::new(schema), are_queries_behind: true, ..Self::default() }
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

    /// The references to a table.
    pub(super) fn referring_to(&self, target: &ViewTable) -> Vec<Referring> {
        let refers = |reference: &ViewReference| reference.target == target.id;
        let of_table = |table: &Arc<ViewTable>| {
            let places = 0..table.references.len();
            let own = places.filter(|place| refers(&table.references[*place]));
            own.map(|place| Referring { table: Arc::clone(table), place }).collect::<Vec<_>>()
        };
        self.all().flat_map(of_table).collect()
    }

    /// Whether rows of a table are referred to by the values of a UNIQUE.
    pub(super) fn is_told_by_values(&self, table: TableId) -> bool {
        self.told_by_values.contains(&table)
    }

    /// The values by which others may refer to a row, but for its key: each with its rule.
    pub(super) fn values_of(&self, table: &ViewTable, row: &[Value]) -> BTreeSet<(RuleId, Vec<u8>)> {
        if !self.is_told_by_values(table.id) {
            return BTreeSet::new();
        }
        let value = |child: &Referring| {
            let reference = child.reference();
            Some((reference.unique?, Key(reference.told_by(table, row)?).to_bytes()))
        };
        self.referring_to(table).iter().filter_map(value).collect()
    }

    /// Keys of rows that refer to values.
    pub(super) fn referrers(
        &mut self,
        connection: &Connection,
        child: &Referring,
        values: &[Value],
        limit: usize,
    ) -> ViewResult<Vec<Key>> {
        let (reference, child) = (child.reference(), &child.table);
        debug_assert_eq!(reference.columns.len(), values.len(), "each value is referred to by one column");
        self.index_reference(connection, reference)?;
        let mut statement = connection.prepare_cached(&reference.referrers)?;
        for (place, (at, value)) in reference.columns.iter().zip(values).enumerate() {
            statement.raw_bind_parameter(place + 1, child.stored(*at, value))?;
        }
        statement.raw_bind_parameter(values.len() + 1, limit as i64)?;
        let mut found = statement.raw_query();
        let mut keys = Vec::new();
        while let Some(row) = found.next()? {
            let values = child.read_back(read_row(row, 0, child.def.columns.len())?);
            keys.push(child.key_of(&values));
        }
        Ok(keys)
    }

    /// How many they are.
    pub(super) fn count_referrers(
        &mut self,
        connection: &Connection,
        child: &Referring,
        values: &[Value],
    ) -> ViewResult<u64> {
        let (reference, child) = (child.reference(), &child.table);
        self.index_reference(connection, reference)?;
        let stored = reference.columns.iter().zip(values).map(|(at, value)| child.stored(*at, value));
        let mut count = connection.prepare_cached(&reference.count)?;
        let count: i64 = count.query_row(rusqlite::params_from_iter(stored), |row| row.get(0))?;
        Ok(count as u64)
    }

    /// Looking for referrers wants an index. Most tables never need it, so it is made when it is
    /// first wanted.
    fn index_reference(&mut self, connection: &Connection, reference: &ViewReference) -> ViewResult<()> {
        let (name, sql) = &reference.index;
        if !self.reference_indices.contains(name) {
            connection.execute_batch(sql)?;
            Arc::make_mut(&mut self.reference_indices).insert(name.clone());
        }
        Ok(())
    }
}

/// What follows from the ops.
impl Tables {
    /// Takes in one schema op. The tables follow when they are next needed (`layout.rs`):
    /// many changes cost one layout.
    pub(super) fn add(&mut self, op: &SchemaOp, at: OpPlace) {
        self.places.note(at);
        if !self.schema.holds(at) {
            Arc::make_mut(&mut self.schema).add(at, op);
        }
    }

    /// Takes note that an author wrote rows by a definition, and what schema changes it knew: those that
    /// more sites write by come first.
    pub(super) fn note_writer(&mut self, definition: [u8; 16], author: Author, known: &KnownSchema) {
        Arc::make_mut(&mut self.schema).note_writer(definition, author, known);
    }

    /// Shows a table as it is laid out now.
    pub(super) fn show(&mut self, table: ViewTable) {
        let by_values = table.references.iter().filter(|reference| reference.unique.is_some());
        for target in by_values.map(|reference| reference.target) {
            if !self.is_told_by_values(target) {
                Arc::make_mut(&mut self.told_by_values).insert(target);
            }
        }
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
        schema.rejudge();
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
        match named_queries::load(connection, &tables.schema)? {
            Some(unread) => tables.unread = Arc::new(unread),
            None => tables.are_queries_behind = true,
        }
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
