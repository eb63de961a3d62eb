//! References of a local write: whether each of them leads to a row when the transaction ends.
//!
//! SQLite's own foreign keys are off (decision 0026). They could not be judged where they must be,
//! at the end of one job of a group and before it is signed; and they do not tell a reference that
//! a write breaks from one that a merge had left open, which nobody is to be refused for.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use tandem_protocol::value::{Key, Value};

use super::captured::Captured;
use super::local_error::LocalError;
use super::reference::{Referring, ViewReference};
use super::table::ViewTable;
use super::tables::Tables;
use super::{ViewResult, rows};
use crate::refusal::Refusal;

/// What the rows of a table refer to: its references, and their tables.
type Targets = Vec<(usize, Arc<ViewTable>)>;

/// Refuses a transaction that makes a reference lead nowhere: by writing it, or by taking away what it led
/// to, the row or the value. One that led nowhere before is not looked at.
pub(super) fn judge(
    connection: &Connection,
    tables: &mut Tables,
    captured: &[Captured],
) -> Result<(), LocalError> {
    let mut targets: HashMap<i64, Targets> = HashMap::new();
    let mut referring: HashMap<i64, Vec<Referring>> = HashMap::new();
    for row in captured {
        let table = &row.table;
        if let Some(after) = row.after() {
            let targets = targets.entry(table.number).or_insert_with(|| targets_of(tables, table));
            judge_written(connection, targets, row, after)?;
        }
        if let Some(before) = row.before() {
            let referring = referring.entry(table.number).or_insert_with(|| tables.referring_to(table));
            judge_lost(connection, tables, referring, row, before)?;
        }
    }
    Ok(())
}

/// What a row refers to now is there.
fn judge_written(
    connection: &Connection,
    targets: &Targets,
    row: &Captured,
    after: &[Value],
) -> Result<(), LocalError> {
    for (place, target) in targets {
        let reference = &row.table.references[*place];
        let Some(values) = reference.values(after) else { continue };
        let was_there = row.before().is_some_and(|before| reference.values(before).as_ref() == Some(&values));
        if !was_there && !reference.leads(connection, target, &values)? {
            let refusal = Refusal::refers_to_nothing((&row.table, reference), &values, &row.key, target);
            return Err(LocalError::Refused(refusal));
        }
    }
    Ok(())
}

/// Nobody refers to what a row was, and no row is any more.
fn judge_lost(
    connection: &Connection,
    tables: &mut Tables,
    referring: &[Referring],
    row: &Captured,
    before: &[Value],
) -> Result<(), LocalError> {
    for child in referring {
        let reference = child.reference();
        // A key does not change.
        if reference.unique.is_none() && row.after().is_some() {
            continue;
        }
        let Some(values) = reference.told_by(&row.table, before) else { continue };
        // Another row may be called so now.
        if reference.unique.is_some() && reference.leads(connection, &row.table, &values)? {
            continue;
        }
        let count = tables.count_referrers(connection, child, &values)?;
        if count > 0 {
            let is_gone = row.after().is_none();
            let refusal = Refusal::still_referred_to((&row.table, &row.key, is_gone), child, &values, count);
            return Err(LocalError::Refused(refusal));
        }
    }
    Ok(())
}

/// Why a value of a column of a shown row would refer to nothing, if it would.
pub(crate) fn refers_to_nothing(
    connection: &Connection,
    tables: &Tables,
    (table, at): (&ViewTable, usize),
    value: &Value,
    key: &Key,
) -> ViewResult<Option<Refusal>> {
    let Some((_, mut row)) = rows::select(connection, table, key)? else { return Ok(None) };
    row[at] = value.clone();
    for (place, target) in targets_of(tables, table) {
        let reference = &table.references[place];
        let Some(values) = reference.values(&row).filter(|_| reference.columns.contains(&at)) else {
            continue;
        };
        if !reference.leads(connection, &target, &values)? {
            return Ok(Some(Refusal::refers_to_nothing((table, reference), &values, key, &target)));
        }
    }
    Ok(None)
}

fn targets_of(tables: &Tables, table: &ViewTable) -> Targets {
    let target = |(place, reference): (usize, &ViewReference)| {
        Some((place, Arc::clone(tables.by_id(&reference.target)?)))
    };
    table.references.iter().enumerate().filter_map(target).collect()
}
