//! References of a local write: whether each of them leads to a row when the transaction ends.
//!
//! SQLite's own foreign keys are off (decision 0026). They could not be judged where they must be,
//! at the end of one job of a group and before it is signed; and they do not tell a reference that
//! a write breaks from one that a merge had left open, which nobody is to be refused for.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;
use tandem_protocol::value::{Key, Value};

use super::ViewResult;
use super::captured::Captured;
use super::local_error::LocalError;
use super::table::ViewTable;
use super::tables::Tables;
use crate::refusal::Refusal;

/// The columns of a table that refer to others, and the tables they refer to.
type Targets = Vec<(usize, Arc<ViewTable>)>;

/// The columns that refer to a table, with the tables they are in.
type Referring = Vec<(Arc<ViewTable>, usize)>;

/// Refuses a transaction that makes a reference lead nowhere: by writing it, or by removing the
/// row it led to. One that led nowhere before is not looked at.
pub(super) fn judge(
    connection: &Connection,
    tables: &mut Tables,
    captured: &[Captured],
) -> Result<(), LocalError> {
    let mut targets: HashMap<i64, Targets> = HashMap::new();
    let mut referring: HashMap<i64, Referring> = HashMap::new();
    for row in captured {
        let table = &row.table;
        match (row.before(), row.after()) {
            (before, Some(after)) => {
                let targets = targets.entry(table.number).or_insert_with(|| targets_of(tables, table));
                for (at, target) in targets.iter() {
                    let value = &after[*at];
                    let is_new = !value.is_null() && before.is_none_or(|row| row[*at] != *value);
                    if is_new && !is_there(connection, target, value)? {
                        let refusal = Refusal::refers_to_nothing(table, *at, value, &row.key, target);
                        return Err(LocalError::Refused(refusal));
                    }
                }
            }
            (Some(_), None) => {
                let referring = referring.entry(table.number).or_insert_with(|| tables.referring_to(table));
                for (child, at) in referring.iter() {
                    let count = tables.count_referrers(connection, child, *at, &row.key)?;
                    if count > 0 {
                        let refusal = Refusal::still_referred_to(table, &row.key, child, *at, count);
                        return Err(LocalError::Refused(refusal));
                    }
                }
            }
            (None, None) => {}
        }
    }
    Ok(())
}

/// Why a value of a column would refer to nothing, if it would.
pub(crate) fn refers_to_nothing(
    connection: &Connection,
    tables: &Tables,
    (table, at): (&ViewTable, usize),
    value: &Value,
    key: &Key,
) -> ViewResult<Option<Refusal>> {
    let target = targets_of(tables, table).into_iter().find(|(column, _)| *column == at);
    let Some((_, target)) = target.filter(|_| !value.is_null()) else { return Ok(None) };
    let refusal = || Refusal::refers_to_nothing(table, at, value, key, &target);
    Ok((!is_there(connection, &target, value)?).then(refusal))
}

fn targets_of(tables: &Tables, table: &ViewTable) -> Targets {
    let target = |(at, name): &(usize, String)| Some((*at, tables.named(name)?));
    let single = |(_, target): &(usize, Arc<ViewTable>)| target.key.len() == 1;
    table.references.iter().filter_map(target).filter(single).collect()
}

fn is_there(connection: &Connection, target: &ViewTable, value: &Value) -> ViewResult<bool> {
    let mut exists = connection.prepare_cached(&target.sql.exists)?;
    Ok(exists.exists([target.stored(target.key[0], value)])?)
}
