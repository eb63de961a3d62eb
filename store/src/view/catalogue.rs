//! Which tables there are, for programs that ask as they ask any SQLite: `PRAGMA table_info` and its
//! kin, `pragma_…()`, `sqlite_schema`.
//!
//! The view's own answer would tell of columns as they are stored, and of tables that are tandem's. So
//! such a query runs on a SQLite in memory that has what users declared, as they declared it, and no row.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tandem_protocol::schema::Schema;

use super::forms::Rewritten;
use super::guard::{self, Guard, Leave};
use super::query::{Answer, Query, Reader};
use super::words::{contains, words};
use super::{access, functions, heap, named_queries};
use crate::refusal::Refusal;
use crate::schema_sql::declarations;

/// What SQLite calls its own list of tables.
const LISTS: [&str; 4] = ["sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"];

/// Whether a query asks which tables there are.
pub(super) fn is_asked(schema: &Schema, sql: &str) -> bool {
    if !contains(sql, "pragma") && !contains(sql, "sqlite_") {
        return false;
    }
    let words = words(sql);
    let is_table = |name: &str| schema.tables().any(|table| table.shown.name.eq_ignore_ascii_case(name));
    let asks =
        |name: String| LISTS.contains(&name.as_str()) || name.starts_with("pragma_") && !is_table(&name);
    words.first().is_some_and(|word| word.is("PRAGMA"))
        || words.iter().filter_map(|word| word.name()).any(asks)
}

/// The catalogue of the newest schema that was asked for.
#[derive(Default)]
pub(super) struct Catalogues(Mutex<Option<Catalogue>>);

/// The declarations of one schema.
struct Catalogue {
    schema: Arc<Schema>,
    reader: Reader,
    /// Whether the statement at hand would read rows.
    reads_rows: Arc<AtomicBool>,
}

impl Catalogues {
    /// Answers a query that asks which tables there are.
    pub fn query(
        &self,
        schema: &Arc<Schema>,
        asked: &Query<'_>,
        leave: Leave,
        answer: &mut dyn Answer,
    ) -> Result<(), Refusal> {
        // It is out of its place meanwhile: nobody waits for a statement that runs long.
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let kept = kept.filter(|catalogue| Arc::ptr_eq(&catalogue.schema, schema));
        let catalogue = match kept {
            Some(catalogue) => catalogue,
            None => Catalogue::of(schema).map_err(|error| Refusal::of_sql(&error, 0, asked.sql))?,
        };
        assert!(Arc::ptr_eq(&catalogue.schema, schema), "what is told is of the schema that is asked for");
        catalogue.reads_rows.store(false, Ordering::Relaxed);
        let mut result = catalogue.reader.answer(asked, &Rewritten::default(), leave, answer);
        if result.is_err() && catalogue.reads_rows.load(Ordering::Relaxed) {
            result = Err(Refusal::catalogue_alone(asked.sql));
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(catalogue);
        result
    }
}

impl Catalogue {
    fn of(schema: &Arc<Schema>) -> rusqlite::Result<Self> {
        heap::count();
        let mut connection = Connection::open_in_memory()?;
        functions::install_for_readers(&connection)?;
        let (tables, indices) = declarations(schema);
        connection.execute_batch("BEGIN")?;
        for table in tables {
            connection.execute_batch(&table)?;
        }
        for index in indices {
            if let Err(error) = connection.execute_batch(&index) {
                // Here an index may be called as a table is, or as one of another table.
                tracing::debug!(%error, index, "not in the catalogue");
            }
        }
        // A view's text is what somebody sent: it is laid out as it is everywhere, or not at all.
        if let Err(error) = named_queries::lay_out(&connection, schema) {
            tracing::debug!(%error, "no views in the catalogue");
        }
        connection.execute_batch("COMMIT")?;
        let reads_rows = Arc::new(AtomicBool::new(false));
        access::restrict_to_catalogue(&mut connection, Arc::clone(schema), Arc::clone(&reads_rows))?;
        guard::limit(&connection)?;
        let guard = Guard::of(&mut connection)?;
        let reader = Reader { connection, guard };
        Ok(Self { schema: Arc::clone(schema), reader, reads_rows })
    }
}
