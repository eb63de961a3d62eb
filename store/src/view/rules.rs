//! NOT NULL and CHECK, for local writes: looked at when a transaction's statements have run, and
//! refused only if the row satisfied the rule before. A row that a merge left in breach of a rule
//! can so be mended in any number of steps.

use rusqlite::Connection;
use tandem_protocol::schema::TableDef;
use tandem_protocol::value::Value;

use super::ViewResult;
use super::bind::Bind;
use super::table::quoted;

/// The rules of one table.
pub(crate) struct Rules {
    /// Places of the columns, key columns aside, that may not be NULL.
    not_null: Vec<usize>,
    checks: Vec<String>,
    /// Tells for each check whether the row of a rowid satisfies it. A NULL satisfies it.
    of_rowid: String,
    /// The same for a row given value by value.
    of_values: String,
}

/// A rule that a row breaks.
#[derive(Clone, Copy)]
pub(crate) enum Broken<'a> {
    NotNull(usize),
    Check(&'a str),
}

impl Rules {
    pub(crate) fn new(def: &TableDef, cells: &[usize]) -> Self {
        let not_null = cells.iter().copied().filter(|at| def.columns[*at].not_null).collect();
        let of_columns = def.columns.iter().filter_map(|column| column.check.as_ref());
        let checks: Vec<String> = of_columns.chain(&def.checks).cloned().collect();
        let verdicts =
            checks.iter().map(|check| format!("coalesce(({check}), 1)")).collect::<Vec<_>>().join(", ");
        let values =
            def.columns.iter().zip(1..).map(|(column, at)| format!("?{at} AS {}", quoted(&column.name)));
        let values = values.collect::<Vec<_>>().join(", ");
        let of_rowid = format!("SELECT {verdicts} FROM {} WHERE rowid = ?1", quoted(&def.name));
        let of_values = format!("SELECT {verdicts} FROM (SELECT {values})");
        Self { not_null, checks, of_rowid, of_values }
    }

    /// Whether SQLite accepts the rules: it looks at them only when they are used.
    pub(crate) fn check(&self, connection: &Connection) -> ViewResult<()> {
        if !self.checks.is_empty() {
            connection.prepare(&self.of_rowid)?;
        }
        Ok(())
    }

    /// The first rule that a row, now stored under `rowid`, breaks and `old` did not.
    pub(crate) fn broken(
        &self,
        connection: &Connection,
        old: Option<&[Value]>,
        (rowid, new): (i64, &[Value]),
    ) -> ViewResult<Option<Broken<'_>>> {
        let was_null = |at: usize| old.is_some_and(|old| old[at].is_null());
        if let Some(at) = self.not_null.iter().find(|at| new[**at].is_null() && !was_null(**at)) {
            return Ok(Some(Broken::NotNull(*at)));
        }
        if self.checks.is_empty() {
            return Ok(None);
        }
        let now = self.verdicts(connection, &self.of_rowid, &[Value::Integer(rowid)])?;
        if now.iter().all(|holds| *holds) {
            return Ok(None);
        }
        let before = match old {
            Some(old) => self.verdicts(connection, &self.of_values, old)?,
            None => vec![true; self.checks.len()],
        };
        let newly = now.iter().zip(before).position(|(now, before)| !now && before);
        Ok(newly.map(|at| Broken::Check(&self.checks[at])))
    }

    fn verdicts(&self, connection: &Connection, sql: &str, values: &[Value]) -> ViewResult<Vec<bool>> {
        let mut statement = connection.prepare_cached(sql)?;
        let verdicts = statement.query_row(rusqlite::params_from_iter(values.iter().map(Bind)), |row| {
            (0..self.checks.len()).map(|at| row.get(at)).collect()
        })?;
        Ok(verdicts)
    }
}
