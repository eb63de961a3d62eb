//! Whether the database holds what the space shows, row by row.

use serde::{Deserialize, Serialize};
use tandem_store::Space;

use crate::engine::{Engine, Outcome};
use crate::held::{Row, agree, key_told};
use crate::paired::PairedTable;
use crate::view_rows;

/// Rows of a table that are named; the others are counted.
const NAMED: usize = 20;

/// One table on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedTable {
    /// Its name here.
    pub table: String,
    /// Rows that are the same on both sides.
    pub equal: u64,
    /// Rows that only the space has.
    pub only_here: u64,
    /// Rows that only the database has.
    pub only_there: u64,
    /// Rows that differ.
    pub different: u64,
    /// The keys of some that are not equal.
    pub rows: Vec<String>,
}

/// All tables on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Table by table.
    pub tables: Vec<ComparedTable>,
}

impl Comparison {
    /// Whether both sides have the same.
    pub fn is_equal(&self) -> bool {
        self.tables.iter().all(|table| table.only_here + table.only_there + table.different == 0)
    }
}

/// Compares them in one transaction of the database.
pub(crate) fn compare(space: &Space, engine: &mut dyn Engine, tables: &[PairedTable]) -> Outcome<Comparison> {
    engine.begin()?;
    let compared = tables.iter().map(|table| one(space, engine, table)).collect::<Outcome<Vec<_>>>();
    engine.rollback()?;
    Ok(Comparison { tables: compared? })
}

/// Compares one table.
pub(crate) fn one(space: &Space, engine: &mut dyn Engine, table: &PairedTable) -> Outcome<ComparedTable> {
    let mut here = view_rows::by_key(space, table)?;
    let mut compared = ComparedTable { table: table.here.clone(), ..ComparedTable::default() };
    let told = |row: &Row| table.key_of(row).as_ref().map(key_told).unwrap_or_default();
    let mut named = Vec::new();
    engine.rows(table, &mut |there| {
        let key = table.key_of(&there).map(|key| key.to_bytes());
        let count = match key.and_then(|key| here.remove(&key)) {
            Some(here) if agree(Some(&there), Some(&here)) => {
                compared.equal += 1;
                return Ok(());
            }
            Some(_) => &mut compared.different,
            None => &mut compared.only_there,
        };
        *count += 1;
        if named.len() < NAMED {
            named.push(told(&there));
        }
        Ok(())
    })?;
    compared.only_here = here.len() as u64;
    named.extend(here.values().map(told));
    named.truncate(NAMED);
    compared.rows = named;
    Ok(compared)
}
