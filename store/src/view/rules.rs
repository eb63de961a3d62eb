//! NOT NULL and CHECK. Of a local write they are looked at when its statements have run, and it is
//! refused only if the row satisfied the rule before: a row that a merge left in breach of a rule
//! can so be mended in any number of steps. A merge is never stopped; a breach is listed.

use rusqlite::Connection;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{ColumnDef, Storage, TableDef};
use tandem_protocol::value::Value;

use super::bind::Bind;
use super::{ViewError, ViewResult, ddl};

/// The rules of one table.
pub(crate) struct Rules {
    /// Places of the columns, key columns aside, that may not be NULL.
    not_null: Vec<usize>,
    checks: Vec<String>,
    /// What people call them.
    names: Vec<String>,
    /// Tells for each check whether the row of a rowid satisfies it. A NULL satisfies it.
    of_rowid: String,
    /// The same for a row given value by value.
    of_values: String,
    /// The same for each check on its own.
    one_by_one: Vec<String>,
    /// The rowids of a range whose rows break a rule; none where there are no rules.
    among: Option<String>,
}

/// A rule that a row breaks.
#[derive(Clone, Copy)]
pub(crate) enum Broken<'a> {
    NotNull(usize),
    Check(&'a str),
}

impl Rules {
    pub(crate) fn new(def: &TableDef, cells: &[usize]) -> Self {
        let not_null: Vec<usize> = cells.iter().copied().filter(|at| def.columns[*at].not_null).collect();
        let checks: Vec<String> = def.checks.iter().map(|check| check.sql.clone()).collect();
        let names: Vec<String> = def.checks.iter().map(|check| check.name.clone()).collect();
        let verdicts =
            checks.iter().map(|check| format!("({check}) IS NOT FALSE")).collect::<Vec<_>>().join(", ");
        // With the type of its column, a value compares as it does in the table; what is stored as
        // digits compares as the number nearest to it.
        let is_digits = |column: &ColumnDef| column.kind.storage() == Storage::Digits;
        let value = |(column, at): (&ColumnDef, usize)| {
            let kind = if is_digits(column) { "REAL" } else { ddl::storage_type(column) };
            format!("CAST(?{at} AS {kind}) AS {}", quoted(&column.name))
        };
        let table = if def.columns.iter().any(is_digits) {
            let number = |column: &ColumnDef| match (is_digits(column), quoted(&column.name)) {
                (true, name) => format!("CAST({name} AS REAL) AS {name}"),
                (false, name) => name,
            };
            let numbers = def.columns.iter().map(number).collect::<Vec<_>>().join(", ");
            format!("(SELECT rowid AS rowid, {numbers} FROM {})", quoted(&def.name))
        } else {
            quoted(&def.name)
        };
        let values = def.columns.iter().zip(1..).map(value).collect::<Vec<_>>().join(", ");
        let of_rowid = format!("SELECT {verdicts} FROM {table} WHERE rowid = ?1");
        let of_values = format!("SELECT {verdicts} FROM (SELECT {values})");
        let one_by_one =
            checks.iter().map(|check| format!("SELECT ({check}) IS NOT FALSE FROM (SELECT {values})"));
        let one_by_one = one_by_one.collect();
        let of_nulls = not_null.iter().map(|at| format!("{} IS NULL", quoted(&def.columns[*at].name)));
        let breaches: Vec<String> =
            of_nulls.chain(checks.iter().map(|check| format!("({check}) IS FALSE"))).collect();
        let among = (!breaches.is_empty()).then(|| {
            format!("SELECT rowid FROM {table} WHERE rowid BETWEEN ?1 AND ?2 AND ({})", breaches.join(" OR "))
        });
        Self { not_null, checks, names, of_rowid, of_values, one_by_one, among }
    }

    /// Evaluates every check on the values of one row.
    pub(crate) fn evaluate(&self, connection: &Connection, values: &[Value]) -> rusqlite::Result<()> {
        if self.checks.is_empty() {
            return Ok(());
        }
        let mut statement = connection.prepare(&self.of_values)?;
        statement.query_row(rusqlite::params_from_iter(values.iter().map(Bind)), |_| Ok(()))
    }

    /// Whether SQLite accepts the rules: it looks at them only when they are used.
    pub(crate) fn check(&self, connection: &Connection) -> ViewResult<()> {
        if !self.checks.is_empty() {
            connection.prepare(&self.of_rowid)?;
        }
        Ok(())
    }

    /// Places, in [`TableDef::rules`], of the rules that a shown row breaks. One that cannot be
    /// evaluated on its values counts as satisfied: a merge must never be stopped by it.
    pub(crate) fn all_broken(&self, connection: &Connection, row: &[Value]) -> ViewResult<Vec<usize>> {
        let not_null = self.not_null.iter().enumerate().filter(|(_, at)| row[**at].is_null());
        let mut broken: Vec<usize> = not_null.map(|(place, _)| place).collect();
        if self.checks.is_empty() {
            return Ok(broken);
        }
        let verdicts = match self.verdicts(connection, &self.of_values, row) {
            Err(ViewError::Sql(error)) if super::is_refusal(&error) => {
                let one = |sql: &String| match self.verdict(connection, sql, row) {
                    Err(ViewError::Sql(error)) if super::is_refusal(&error) => Ok(true),
                    other => other,
                };
                self.one_by_one.iter().map(one).collect::<ViewResult<Vec<_>>>()?
            }
            other => other?,
        };
        let checks = verdicts.iter().enumerate().filter(|(_, holds)| !**holds);
        broken.extend(checks.map(|(place, _)| self.not_null.len() + place));
        Ok(broken)
    }

    /// Of neighbouring rows, those that break a rule: their rowids.
    pub(crate) fn broken_among(
        &self,
        connection: &Connection,
        rowids: std::ops::RangeInclusive<i64>,
    ) -> ViewResult<Vec<i64>> {
        let Some(sql) = &self.among else { return Ok(Vec::new()) };
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_map([rowids.start(), rowids.end()], |row| row.get(0))?;
        match found.collect::<Result<Vec<i64>, _>>() {
            // Then each is to be looked at on its own.
            Err(error) if super::is_refusal(&error) => Ok(rowids.collect()),
            other => Ok(other?),
        }
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
        match self.verdicts(connection, &self.of_rowid, &[Value::Integer(rowid)]) {
            Ok(now) if now.iter().all(|holds| *holds) => return Ok(None),
            Err(ViewError::Sql(error)) if super::is_refusal(&error) => {}
            now => drop(now?),
        }
        for (at, sql) in self.one_by_one.iter().enumerate() {
            let now = self.verdict(connection, sql, new);
            let before = old.map_or(Ok(true), |old| self.verdict(connection, sql, old));
            match (now, before) {
                (Ok(true), _) | (_, Ok(false)) => {}
                (Ok(false), _) => return Ok(Some(Broken::Check(&self.names[at]))),
                // One that cannot be evaluated is broken, too; unless it was so before.
                (Err(ViewError::Sql(_)), Err(ViewError::Sql(before))) if super::is_refusal(&before) => {}
                (Err(error), _) => return Err(error),
            }
        }
        Ok(None)
    }

    fn verdict(&self, connection: &Connection, sql: &str, values: &[Value]) -> ViewResult<bool> {
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row(rusqlite::params_from_iter(values.iter().map(Bind)), |row| row.get(0))?)
    }

    fn verdicts(&self, connection: &Connection, sql: &str, values: &[Value]) -> ViewResult<Vec<bool>> {
        let mut statement = connection.prepare_cached(sql)?;
        let verdicts = statement.query_row(rusqlite::params_from_iter(values.iter().map(Bind)), |row| {
            (0..self.checks.len()).map(|at| row.get(at)).collect()
        })?;
        Ok(verdicts)
    }
}
