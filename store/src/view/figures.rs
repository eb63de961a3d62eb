//! Running figures of the tables: how many rows, their fingerprint, how many are hidden.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use tandem_protocol::fingerprint::{Fingerprint, RowHash, RowHasher};
use tandem_protocol::schema::expression::quoted;

use super::table::ViewTable;
use super::{ViewError, ViewResult, read_row};

/// Running figures of one table.
#[derive(Clone, Default)]
pub(crate) struct TableFigures {
    pub rows: u64,
    pub fingerprint: Fingerprint,
    /// Rows with a state of their own that are not shown.
    pub hidden: u64,
    /// Above every rowid in use.
    pub next_rowid: i64,
    /// Whether they are to be written down.
    changed: bool,
}

/// The running figures of all tables, by the tables' numbers.
#[derive(Clone, Default)]
pub(crate) struct Figures(BTreeMap<i64, TableFigures>);

impl Figures {
    pub(crate) fn of(&self, table: i64) -> TableFigures {
        self.0.get(&table).cloned().unwrap_or_default()
    }

    /// Whether some row of a table has a state of its own and is not shown.
    pub(super) fn has_hidden(&self, table: i64) -> bool {
        self.0.get(&table).is_some_and(|figures| figures.hidden > 0)
    }

    /// Whether some row of a table is shown.
    pub(super) fn has_rows(&self, table: i64) -> bool {
        self.0.get(&table).is_some_and(|figures| figures.rows > 0)
    }

    pub(super) fn next_rowid(&self, table: i64) -> i64 {
        self.0.get(&table).map_or(1, |figures| figures.next_rowid)
    }

    /// Begins the figures of a table.
    pub(super) fn begin(&mut self, table: i64) {
        self.0.insert(table, TableFigures { next_rowid: 1, ..TableFigures::default() });
    }

    fn change(&mut self, table: i64) -> &mut TableFigures {
        let figures = self.0.entry(table).or_default();
        figures.changed = true;
        figures
    }

    /// A row shown as one hash is shown as the other.
    pub(super) fn count(
        &mut self,
        table: i64,
        before: Option<RowHash>,
        after: Option<RowHash>,
    ) -> ViewResult<()> {
        let figures = self.change(table);
        if let Some(hash) = before {
            figures.fingerprint.remove(hash);
            figures.rows = less(figures.rows)?;
        }
        if let Some(hash) = after {
            figures.fingerprint.add(hash);
            figures.rows += 1;
        }
        Ok(())
    }

    /// A row with a state of its own that was hidden, or not, now is, or is not.
    pub(super) fn count_hidden(&mut self, table: i64, before: bool, after: bool) -> ViewResult<()> {
        let figures = self.change(table);
        if before {
            figures.hidden = less(figures.hidden)?;
        }
        figures.hidden += u64::from(after);
        Ok(())
    }

    pub(super) fn set_next_rowid(&mut self, table: i64, next: i64) {
        self.change(table).next_rowid = next;
    }

    /// After deletions SQLite may use the last rowids again.
    pub(super) fn find_next_rowid(&mut self, connection: &Connection, table: &ViewTable) -> ViewResult<()> {
        self.change(table.number).next_rowid = next_rowid(connection, table)?;
        Ok(())
    }

    /// Computes a table's fingerprint anew.
    pub(super) fn count_anew(&mut self, connection: &Connection, table: &ViewTable) -> ViewResult<()> {
        let (mut fingerprint, mut hasher) = (Fingerprint::default(), RowHasher::default());
        let mut statement = connection.prepare(&table.sql.select_all)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = table.read_back(read_row(row, 1, table.def.columns.len())?);
            fingerprint.add(table.hash(&mut hasher, &values));
        }
        self.change(table.number).fingerprint = fingerprint;
        Ok(())
    }

    /// Takes over what [`Figures::save`] wrote.
    pub(super) fn load(
        &mut self,
        connection: &Connection,
        table: &ViewTable,
        rows: i64,
        fingerprint: [u8; 16],
        hidden: i64,
    ) -> ViewResult<()> {
        let figures = TableFigures {
            rows: rows as u64,
            fingerprint: Fingerprint(u128::from_le_bytes(fingerprint)),
            hidden: hidden as u64,
            next_rowid: next_rowid(connection, table)?,
            changed: false,
        };
        self.0.insert(table.number, figures);
        Ok(())
    }

    /// Writes down the figures of a table, and its greatest generated id, if they changed.
    pub(super) fn save(
        &mut self,
        connection: &Connection,
        table: i64,
        greatest: impl FnOnce() -> i64,
    ) -> ViewResult<()> {
        let Some(figures) = self.0.get_mut(&table).filter(|figures| figures.changed) else { return Ok(()) };
        figures.changed = false;
        let sql = "UPDATE _tandem_tables SET rows = ?2, fingerprint = ?3, hidden = ?4, greatest = ?5 WHERE number = ?1";
        connection.prepare_cached(sql)?.execute(params![
            table,
            figures.rows as i64,
            figures.fingerprint.0.to_le_bytes(),
            figures.hidden as i64,
            greatest()
        ])?;
        Ok(())
    }
}

/// One row less; there is none where another program has written into the view.
fn less(rows: u64) -> ViewResult<u64> {
    rows.checked_sub(1).ok_or(ViewError::Inconsistent("a row that nobody counted"))
}

/// Above every rowid in use.
pub(super) fn next_rowid(connection: &Connection, table: &ViewTable) -> ViewResult<i64> {
    let sql = format!("SELECT coalesce(max(rowid), 0) + 1 FROM {}", quoted(&table.def.name));
    Ok(connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
}
