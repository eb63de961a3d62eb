//! A census: the rows of the view counted and fingerprinted as they stand, whatever its own figures
//! say. So it is found out when another program has written into the view.

use rusqlite::Connection;
use tandem_protocol::fingerprint::{Fingerprint, RowHasher};
use tandem_protocol::schema::Schema;

use super::figures::Figures;
use super::table::ViewTable;
use super::tables::Tables;
use super::{ViewResult, read_row};
use crate::table_status::TableStatus;

/// Rows counted whenever a view is opened: the smallest tables first. Some hundredths of a second.
const ON_OPEN_ROWS: u64 = 20_000;

/// The figures of all tables, from their rows.
pub(crate) fn all(connection: &Connection, schema: &Schema) -> ViewResult<Vec<TableStatus>> {
    let mut hasher = RowHasher::default();
    let count = |table: &tandem_protocol::schema::Table| {
        of(connection, &mut hasher, &ViewTable::new(0, &table.shown), u64::MAX)
    };
    let mut tables = schema.tables().map(count).collect::<ViewResult<Vec<_>>>()?;
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

/// The figures of a table from its rows; of one of more than `most`, not all are looked at.
fn of(
    connection: &Connection,
    hasher: &mut RowHasher,
    table: &ViewTable,
    most: u64,
) -> ViewResult<TableStatus> {
    let mut status =
        TableStatus { name: table.def.name.clone(), rows: 0, fingerprint: Fingerprint::default() };
    let mut statement = connection.prepare(&table.sql.select_all)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if status.rows == most {
            status.rows += 1;
            break;
        }
        let values = table.read_back(read_row(row, 1, table.def.columns.len())?);
        status.fingerprint.add(table.hash(hasher, &values));
        status.rows += 1;
    }
    Ok(status)
}

/// Tables whose rows are not those that the view recorded, looking at few rows only.
pub(super) fn altered(connection: &Connection, tables: &Tables, figures: &Figures) -> Vec<String> {
    let mut hasher = RowHasher::default();
    let mut by_size: Vec<_> = tables.all().map(|table| (figures.of(table.number), table)).collect();
    by_size.sort_by_key(|(figures, _)| figures.rows);
    let (mut left, mut altered) = (ON_OPEN_ROWS, Vec::new());
    for (figures, table) in by_size {
        let Some(fewer) = left.checked_sub(figures.rows) else { break };
        left = fewer;
        let found = of(connection, &mut hasher, table, figures.rows);
        let is_same =
            found.is_ok_and(|found| (found.rows, found.fingerprint) == (figures.rows, figures.fingerprint));
        if !is_same {
            altered.push(table.def.name.clone());
        }
    }
    altered
}
