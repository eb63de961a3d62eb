//! Rows that a list of ids no longer names: deleted by whoever wrote it. Only rows that both sides had when
//! they last met are taken for that, for of others the list's writer may never have heard; and where they
//! are very many, somebody is asked first.

use std::collections::HashSet;
use std::ops::ControlFlow;

use tandem_import::sheets::{Row, SheetError, meant};
use tandem_node::api::cell::Cell;
use tandem_node::api::error_kind;
use tandem_node::api::query::Query;
use tandem_protocol::cause::Cause;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{ColumnDef, TableDef};
use tandem_protocol::value::Value;

use super::leaving::{Gone, Leaving, bytes, deletions};
use super::meetings::Bases;
use super::plan::{IdList, Plan};
use super::writing::{Target, Writing};
use crate::client::Rows;
use crate::failure::{Failure, Outcome};

/// As many deletions are few in any table.
const FEW: usize = 50;

/// One in so many rows of a table is much.
const SHARE: usize = 3;

/// Rows deleted together.
const TOGETHER: usize = 1000;

impl Writing<'_> {
    /// Deletes what the lists of ids no longer name: children before those that they refer to, and rows that
    /// refer to each other together.
    pub fn missing(&mut self, plan: &Plan<'_>) -> Outcome {
        if self.is_old {
            return Ok(());
        }
        let Some(known) = self.known.take() else { return Ok(()) };
        for part in plan.list_parts().rev() {
            let gone: Vec<Option<Gone<'_>>> =
                part.iter().map(|list| self.gone(list, &known)).collect::<Result<_, _>>()?;
            let gone: Vec<Gone<'_>> = gone.into_iter().flatten().collect();
            let is_circle = part.iter().all(|list| plan.are_one(list.table.id, list.table.id));
            match is_circle && !self.manner.dry_run {
                true => self.delete_circle(plan, gone, known.version())?,
                false => gone.into_iter().try_for_each(|gone| self.delete(gone, known.version()))?,
            }
        }
        self.known = Some(known);
        Ok(())
    }

    /// What a list no longer names, of what both sides had, unless somebody is to be asked first.
    fn gone<'p>(&mut self, list: &'p IdList<'_>, known: &Bases) -> Result<Option<Gone<'p>>, Failure> {
        let table = &list.table;
        let Some(key) = only_key(table) else { return Ok(None) };
        let named = ids(list, key)?;
        let (rows, here) = self.here(table, key)?;
        let is_gone = |id: &Value| {
            let bytes = bytes(id);
            !named.contains(&bytes) && known.has(&table.name, &bytes)
        };
        let keys: Vec<Value> = here.into_iter().filter(is_gone).collect();
        let is_much = keys.len() >= FEW && keys.len() * SHARE > rows;
        if is_much && !self.manner.many_deletions {
            self.tally.of(&table.name).held += keys.len() as u64;
            self.kept.extend(keys.iter().map(|id| (table.name.clone(), bytes(id))));
            return Ok(None);
        }
        Ok(Some(Gone { table, key, keys }))
    }

    /// The keys of all rows of a table.
    fn here(&self, table: &TableDef, key: &ColumnDef) -> Result<(usize, Vec<Value>), Failure> {
        let Target { client, space, .. } = self.target;
        let sql = format!("SELECT {} FROM {}", quoted(&key.name), quoted(&table.name));
        let mut keys = Keys { key, keys: Vec::new() };
        client.query_rows(space, Query { sql, ..Query::default() }, &mut keys)?;
        Ok((keys.keys.len(), keys.keys))
    }

    /// Deletes rows that may refer to each other, and keeps those to which one refers that stays.
    fn delete_circle(&mut self, plan: &Plan<'_>, gone: Vec<Gone<'_>>, basis: Option<String>) -> Outcome {
        let leaving = Leaving::of(gone);
        if !leaving.is_one() {
            return leaving.into_tables().into_iter().try_for_each(|gone| self.delete(gone, basis.clone()));
        }
        let (staying, going) = leaving.part(self.target, &plan.tables)?;
        staying.iter().for_each(|gone| gone.keys.iter().for_each(|key| self.refer(gone.table, key)));
        if going.iter().all(|gone| gone.keys.is_empty()) {
            return Ok(());
        }
        self.save()?;
        match self.delete_together(&going, basis.clone()) {
            // What a deletion takes with it may be referred to as well.
            Err(failure) if is_referred(&failure) => {
                going.into_iter().try_for_each(|gone| self.delete(gone, basis.clone()))
            }
            other => other,
        }
    }

    fn delete(&mut self, gone: Gone<'_>, basis: Option<String>) -> Outcome {
        let Gone { table, key, keys } = gone;
        if self.manner.dry_run || keys.is_empty() {
            self.tally.of(&table.name).deleted += keys.len() as u64;
            return Ok(());
        }
        self.save()?;
        let some = |keys: &[Value]| [Gone { table, key, keys: keys.to_vec() }];
        for together in keys.chunks(TOGETHER) {
            match self.delete_together(&some(together), basis.clone()) {
                // Others refer to one of them: that one stays, and the rest goes.
                Err(failure) if is_referred(&failure) => {
                    for one in together {
                        match self.delete_together(&some(std::slice::from_ref(one)), basis.clone()) {
                            Err(failure) if is_referred(&failure) => {
                                self.refer(table, one);
                            }
                            other => other?,
                        }
                    }
                }
                other => other?,
            }
        }
        Ok(())
    }

    /// A row stays, for others refer to it.
    fn refer(&mut self, table: &TableDef, key: &Value) {
        self.tally.of(&table.name).referred += 1;
        self.kept.push((table.name.clone(), bytes(key)));
    }

    fn delete_together(&mut self, gone: &[Gone<'_>], basis: Option<String>) -> Outcome {
        let Target { client, space, .. } = self.target;
        let mut request = self.request(deletions(gone));
        request.basis = basis;
        let written = client.edit_rows(space, request)?;
        for change in written.changes {
            self.tally.of(&change.table).deleted += change.deleted;
            self.tally.of(&change.table).updated += change.updated;
        }
        Ok(())
    }
}

/// Whether that is why rows were not deleted: others refer to one of them.
fn is_referred(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(error) if error.is(&error_kind::constraint_referenced))
}

/// The key of a table, if it is one column.
fn only_key(table: &TableDef) -> Option<&ColumnDef> {
    match table.key.as_slice() {
        [key] => table.column(key),
        _ => None,
    }
}

/// The ids of a list.
fn ids(list: &IdList<'_>, key: &ColumnDef) -> Result<HashSet<Vec<u8>>, Failure> {
    let sheet = list.sheet;
    let at = sheet.head().iter().position(|name| name.eq_ignore_ascii_case(&key.name)).unwrap_or(0);
    let mut ids = HashSet::new();
    sheet.each(&mut |row: &Row| -> Result<(), SheetError> {
        let text = row.values.get(at).unwrap_or_default();
        let id = meant(key, text, false).filter(|id| !id.is_null()).ok_or_else(|| {
            let cause = Cause::new("csv_value").with("column", &key.name).with("value", text);
            sheet.wrong(row.line, cause.with("type", key.kind.to_string()))
        })?;
        ids.insert(bytes(&id));
        Ok(())
    })?;
    Ok(ids)
}

/// Keys as they are found.
struct Keys<'k> {
    key: &'k ColumnDef,
    keys: Vec<Value>,
}

impl Rows for Keys<'_> {
    fn columns(&mut self, _: &[String]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: &[Cell]) -> ControlFlow<()> {
        let values = row.iter().filter_map(|Cell(value)| self.key.kind.canonical(value.clone()).ok());
        self.keys.extend(values);
        ControlFlow::Continue(())
    }
}
