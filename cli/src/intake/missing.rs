//! Rows that a list of ids no longer names: deleted by whoever wrote it. Only rows that both sides had when
//! they last met are taken for that, for of others the list's writer may never have heard; and where they
//! are very many, somebody is asked first.

use std::collections::HashSet;
use std::ops::ControlFlow;

use tandem_import::sheets::{Row, SheetError, meant};
use tandem_node::api::cell::Cell;
use tandem_node::api::query::Query;
use tandem_node::api::rows::RowEdit;
use tandem_protocol::cause::Cause;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{ColumnDef, TableDef};
use tandem_protocol::value::Value;

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
    /// Deletes what the lists of ids no longer name: children before those that they refer to.
    pub fn missing(&mut self, plan: &Plan<'_>) -> Outcome {
        if self.is_old {
            return Ok(());
        }
        let Some(known) = self.known.take() else { return Ok(()) };
        let order = |list: &&IdList<'_>| {
            let names: Vec<&str> = plan.readings.iter().map(|reading| reading.table.name.as_str()).collect();
            names.iter().position(|name| *name == list.table.name)
        };
        let mut lists: Vec<&IdList<'_>> = plan.lists.iter().collect();
        lists.sort_by_key(order);
        for list in lists.into_iter().rev() {
            let Some(key) = only_key(&list.table) else { continue };
            let named = ids(list, key)?;
            let (rows, here) = self.here(&list.table, key)?;
            let is_gone = |id: &Value| {
                let bytes = bytes(id);
                !named.contains(&bytes) && known.has(&list.table.name, &bytes)
            };
            let gone: Vec<Value> = here.into_iter().filter(is_gone).collect();
            let is_much = gone.len() >= FEW && gone.len() * SHARE > rows;
            if is_much && !self.manner.many_deletions {
                self.tally.of(&list.table.name).held += gone.len() as u64;
                self.kept.extend(gone.iter().map(|id| (list.table.name.clone(), bytes(id))));
                continue;
            }
            self.delete(&list.table, gone, known.version())?;
        }
        self.known = Some(known);
        Ok(())
    }

    /// The keys of all rows of a table.
    fn here(&self, table: &TableDef, key: &ColumnDef) -> Result<(usize, Vec<Value>), Failure> {
        let Target { client, space, .. } = self.target;
        let sql = format!("SELECT {} FROM {}", quoted(&key.name), quoted(&table.name));
        let mut keys = Keys { key, keys: Vec::new() };
        client.query_rows(space, Query { sql, ..Query::default() }, &mut keys)?;
        Ok((keys.keys.len(), keys.keys))
    }

    fn delete(&mut self, table: &TableDef, gone: Vec<Value>, basis: Option<String>) -> Outcome {
        if self.manner.dry_run || gone.is_empty() {
            self.tally.of(&table.name).deleted += gone.len() as u64;
            return Ok(());
        }
        self.save()?;
        for together in gone.chunks(TOGETHER) {
            match self.delete_together(table, together, basis.clone()) {
                // Others refer to one of them: that one stays, and the rest goes.
                Err(Failure::Refused(error)) if error.code == "constraint_referenced" => {
                    for one in together {
                        match self.delete_together(table, std::slice::from_ref(one), basis.clone()) {
                            Err(Failure::Refused(error)) if error.code == "constraint_referenced" => {
                                self.tally.of(&table.name).referred += 1;
                                self.kept.push((table.name.clone(), bytes(one)));
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

    fn delete_together(&mut self, table: &TableDef, keys: &[Value], basis: Option<String>) -> Outcome {
        let Target { client, space, .. } = self.target;
        let cells = keys.iter().map(|key| vec![Cell(key.clone())]).collect();
        let edit = RowEdit::Delete { table: table.name.clone(), keys: cells };
        let mut request = self.request(vec![edit]);
        request.basis = basis;
        let written = client.edit_rows(space, request)?;
        for change in written.changes {
            self.tally.of(&change.table).deleted += change.deleted;
            self.tally.of(&change.table).updated += change.updated;
        }
        Ok(())
    }
}

/// The key of a table, if it is one column.
fn only_key(table: &TableDef) -> Option<&ColumnDef> {
    match table.key.as_slice() {
        [key] => table.column(key),
        _ => None,
    }
}

fn bytes(id: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    id.write_canonical(&mut bytes);
    bytes
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
