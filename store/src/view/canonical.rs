//! After a statement: what it wrote is made canonical in the view, STAMP columns are filled, and
//! what it RETURNS is what is stored.
//!
//! Most values were canonical when SQLite saw them (`forms`). What a statement computed, or what
//! could not be read in it, is put right here.

use std::sync::Arc;

use rusqlite::OptionalExtension;
use tandem_protocol::schema::Storage;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::value::{Key, Value};

use super::access::USER_MARK;
use super::bind::{Bind, Stored, read_row, to_storage};
use super::capture::Touch;
use super::forms::{Returning, Rewritten};
use super::local::{LocalRun, Prepared};
use super::local_error::LocalError;
use super::rows;
use super::table::ViewTable;
use crate::refusal::Refusal;

impl LocalRun<'_> {
    /// Makes the rows canonical that a statement touched. Whether any was not.
    pub(super) fn make_canonical(&mut self, statement: &Rewritten) -> Result<bool, LocalError> {
        let mut any = false;
        loop {
            let taken = self.view.watch.capture().next_touched().map(|(at, change)| {
                let now = std::mem::take(&mut change.now);
                let old = change.old.as_ref().filter(|_| !change.renewed);
                let old = old.map(|(_, row)| row.clone());
                let key = std::mem::replace(&mut change.key, Key(Vec::new()));
                (
                    at,
                    now,
                    Arc::clone(&change.table),
                    key,
                    old,
                    change.old.is_some() && !change.renewed,
                    change.new.take(),
                )
            });
            let Some((at, now, table, key, old, existed, new)) = taken else { return Ok(any) };
            let Some((rowid, row)) = new else {
                self.view.watch.capture().put_back(at, key, None);
                continue;
            };
            let old = old.map(|row| table.read_back(row));
            let (mut row, mut altered) =
                table.canonical(row, old.as_deref()).map_err(|(column, error)| {
                    LocalError::Refused(Refusal::of_type(&table.def.name, &column, &error))
                })?;
            if let Some(stamp) = &self.stamp {
                altered |= fill_stamps(&table, statement, now, old.as_deref(), &mut row, stamp);
            }
            any |= altered;
            if altered && !self.rewrite(&table, &key, rowid, &row, existed)? {
                // It is another row now, which the capture has heard of.
                continue;
            }
            self.view.watch.capture().put_back(at, key, Some((rowid, row)));
        }
    }

    /// Replaces a row's values by their canonical form. `false`: its key was not canonical, and
    /// the row was deleted and inserted under the one that is.
    fn rewrite(
        &mut self,
        table: &Arc<ViewTable>,
        key: &Key,
        rowid: i64,
        row: &[Value],
        existed: bool,
    ) -> Result<bool, LocalError> {
        let canonical = table.key_of(row);
        if table.is_stored_as(&canonical, key) {
            self.view.watch.capture().on = false;
            let view = &mut *self.view;
            let updated = view.fold.unique.update_row(&view.connection, table, row);
            self.view.watch.capture().on = true;
            updated?;
            return Ok(true);
        }
        // The key itself was computed in another form. Its row must be the only one of that name.
        let there = rows::select(&self.view.connection, table, &canonical)?;
        if existed || there.is_some_and(|(other, _)| other != rowid) {
            return Err(LocalError::Refused(Refusal::duplicate_key(&table.def.name, &canonical)));
        }
        let connection = &self.view.connection;
        connection
            .prepare_cached(&table.sql.delete)?
            .execute(rusqlite::params_from_iter(key.0.iter().map(Bind)))?;
        let columns = (1..=row.len()).map(|at| format!("?{}", at + 1)).collect::<Vec<_>>().join(", ");
        let names = table.def.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>();
        let sql = format!(
            "INSERT INTO {} (rowid, {}) VALUES (?1, {columns})",
            quoted(&table.def.name),
            names.join(", ")
        );
        let rowid = Value::Integer(rowid);
        let rowid = std::iter::once(Stored(Storage::Integer, &rowid));
        let parameters = rowid.chain(table.stored_row(row));
        connection.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(parameters))?;
        Ok(false)
    }

    /// Takes the keys off a RETURNING's rows, and where rows were put right after they were
    /// returned, reads what was asked for again.
    pub(super) fn return_again(
        &self,
        returning: &Returning,
        altered: bool,
        prepared: &Prepared<'_>,
        rows: &mut [Vec<Value>],
    ) -> Result<(), LocalError> {
        let refused = |error| LocalError::Refused(Refusal::of_sql(&error, prepared.at, prepared.given));
        let Some(table) = self.view.fold.tables.named(&returning.table) else { return Ok(()) };
        let mut keys = table.key.clone();
        keys.sort_unstable();
        for row in rows {
            let key = row.split_off(row.len().saturating_sub(keys.len()));
            if !altered {
                continue;
            }
            let key = keys.iter().zip(key).map(|(at, value)| {
                let kind = table.def.columns[*at].kind;
                kind.canonical(value.clone()).map_or(value, |canonical| to_storage(kind, canonical))
            });
            let key: Vec<Value> = key.collect();
            let sql = format!("{USER_MARK}{}", returning.select);
            let again = self.view.watch.as_user(&self.view.connection, || {
                let mut statement = self.view.connection.prepare_cached(&sql)?;
                let width = statement.column_count();
                let parameters = rusqlite::params_from_iter(key.iter().map(Bind));
                statement.query_row(parameters, |row| read_row(row, 0, width)).optional()
            });
            if let Some(again) = again.map_err(refused)? {
                *row = again;
            }
        }
        Ok(())
    }
}

/// Gives a row's STAMP columns the time: on insert where it has none, on an update that changes
/// something and does not set them.
fn fill_stamps(
    table: &ViewTable,
    statement: &Rewritten,
    now: Touch,
    old: Option<&[Value]>,
    row: &mut [Value],
    stamp: &str,
) -> bool {
    let mut filled = false;
    for at in &table.stamps {
        let column = &table.def.columns[*at].name;
        let empty = if now.inserted {
            row[*at].is_null()
        } else {
            now.changed
                && old.is_none_or(|old| old != &*row)
                && match &statement.sets {
                    // An action of a reference sets nothing in other tables.
                    Some((target, sets)) => {
                        !target.eq_ignore_ascii_case(&table.def.name)
                            || !sets.contains(&column.to_ascii_lowercase())
                    }
                    // What cannot be read has set it if it is another.
                    None => old.is_some_and(|old| old[*at] == row[*at]),
                }
        };
        let stamp = Value::Text(stamp.to_owned());
        if empty && row[*at] != stamp {
            row[*at] = stamp;
            filled = true;
        }
    }
    filled
}
