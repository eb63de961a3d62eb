//! What a counter was at a write's basis. Who sets one to 37, having read 40, has taken 3, whatever it
//! is by now: the difference is one from what was read.
//!
//! A row that nothing has touched since is what it was. Of any other the transactions that the writer
//! had seen are read again, from the log, and the counters are made of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::params;
use tandem_protocol::merge::{Added, Cell, WriteId, units};
use tandem_protocol::op::{Mode, Op, RowGroup};
use tandem_protocol::schema::ColumnId;
use tandem_protocol::transaction::{Header, Transaction};
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;

use super::insert_runs::origin_of_rowid;
use super::local_error::LocalError;
use super::row_entry::RowEntry;
use super::table::ViewTable;
use super::unseen::{AtBasis, Past, Unseen};
use super::{View, ViewResult, touched};
use crate::refusal::Refusal;

/// So many transactions are read again for one row, at most.
pub(crate) const MOST_READ: usize = if cfg!(test) { 50 } else { 10_000 };

/// A write that set a counter.
struct SetBy {
    header: Header,
    arrival: u64,
    by: WriteId,
    value: Value,
}

/// What was written to one counter.
#[derive(Default)]
struct CounterWrites {
    sets: Vec<SetBy>,
    added: Added,
}

/// What was written to some counters of a row.
struct RowWrites {
    /// Whether anything was written to the row at all.
    any: bool,
    counters: BTreeMap<ColumnId, CounterWrites>,
}

/// A row whose past is read.
struct Reading<'a> {
    view: &'a View,
    past: &'a dyn Past,
    table: &'a ViewTable,
    key: &'a Key,
}

/// What those counters of a row that are set absolutely, and not exactly, were at the write's basis,
/// where something has touched the row since; else nothing.
pub(super) fn at_basis(
    view: &View,
    (table, key): (&Arc<ViewTable>, &Key),
    row: Option<&RowEntry>,
    (absolute, exact): (&[usize], &[usize]),
    unseen: &Unseen,
) -> Result<AtBasis, LocalError> {
    let counters: Vec<usize> = absolute.iter().copied().filter(|at| !exact.contains(at)).collect();
    let (Some(row), Some(basis), Some(past)) = (row, &unseen.basis, &unseen.past) else {
        return Ok(Vec::new());
    };
    if counters.is_empty() {
        return Ok(Vec::new());
    }
    let reading = Reading { view, past: past.as_ref(), table, key };
    if reading.touched(row, unseen.first, i64::MAX)?.iter().all(|(_, dot)| basis.covers(dot)) {
        return Ok(Vec::new());
    }
    let touched = reading.touched(row, 0, MOST_READ as i64 + 1)?;
    let found = if touched.len() > MOST_READ {
        None
    } else {
        let seen = touched.iter().filter(|(_, dot)| basis.covers(dot)).map(|(arrival, _)| *arrival);
        reading.were(&seen.collect::<Vec<_>>(), &counters)?
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = counters.iter().map(|at| table.def.columns[*at].name.as_str()).collect();
        LocalError::Refused(Refusal::basis_too_old(table, &names.join(", "), key))
    })
}

impl Reading<'_> {
    /// The transactions that touched the row from an arrival on, in their order: so many at most.
    fn touched(&self, row: &RowEntry, first: u64, most: i64) -> ViewResult<Vec<(u64, Dot)>> {
        let (connection, authors) = (&self.view.connection, &self.view.fold.position.authors);
        if row.stored {
            return touched::dots(connection, authors, self.table, &self.key.to_bytes(), first, most);
        }
        let Some((rowid, _)) = &row.shown else { return Ok(Vec::new()) };
        let by = origin_of_rowid(connection, authors, self.table, *rowid)?.by;
        let dot = by.dot();
        let arrival = self.view.arrival_of(&dot)?.filter(|arrival| *arrival >= first);
        Ok(arrival.map(|arrival| (arrival, dot)).into_iter().collect())
    }

    /// What the counters came to by these transactions; `None` if that cannot be read.
    fn were(&self, seen: &[u64], counters: &[usize]) -> ViewResult<Option<AtBasis>> {
        let written = counters.iter().map(|at| (self.table.ids[*at], CounterWrites::default()));
        let mut writes = RowWrites { any: false, counters: written.collect() };
        let all = self.past.read(seen, &mut |arrival, transaction| {
            self.view.watch.guard.check()?;
            self.take(&mut writes, arrival, &transaction);
            Ok(true)
        })?;
        if !all {
            return Ok(None);
        }
        let mut found = AtBasis::new();
        for at in counters {
            let CounterWrites { sets, added } =
                writes.counters.remove(&self.table.ids[*at]).unwrap_or_default();
            let Some(set) = self.shown_of(&sets)? else { return Ok(None) };
            let cell = set.map(|set| Cell::once(set.by, &set.value)).unwrap_or_default();
            let column = &self.table.def.columns[*at];
            let value = Cell { added, ..cell }.shown(column.kind, &column.unwritten());
            found.push((*at, Some(value).filter(|value| writes.any && !value.is_null())));
        }
        Ok(Some(found))
    }

    fn understands(&self, group: &RowGroup, dot: Dot) -> bool {
        let known = self.view.fold.tables.schema.table_by_id(group.table_id);
        known.is_some_and(|known| self.table.takes(known, group, dot))
    }

    /// Takes in what a transaction wrote to the row.
    fn take(&self, writes: &mut RowWrites, arrival: u64, transaction: &Transaction) {
        let header = &transaction.header;
        for op in &transaction.ops {
            let Op::Rows(group) = op else { continue };
            if group.table_id != self.table.id || !self.understands(group, header.dot) {
                continue;
            }
            for at in (0..group.rows()).filter(|at| group.key(*at) == *self.key) {
                writes.any = true;
                let by = WriteId { time_ms: group.time(at, header.time_ms), ..header.write_id() };
                for (column, value) in group.row(at) {
                    let Some(written) = writes.counters.get_mut(&column.id) else { continue };
                    match column.mode {
                        Mode::Delta => written.added.add(units(value).unwrap_or_default()),
                        Mode::Counted => {}
                        _ => {
                            let (header, value) = (header.clone(), value.clone());
                            written.sets.push(SetBy { header, arrival, by, value });
                        }
                    }
                }
            }
        }
    }

    /// Of writes that set a counter the one that is shown: the greatest that no other knew. Outside:
    /// `None` if that cannot be told.
    fn shown_of<'s>(&self, sets: &'s [SetBy]) -> ViewResult<Option<Option<&'s SetBy>>> {
        let mut greatest_first: Vec<&SetBy> = sets.iter().collect();
        greatest_first.sort_by_key(|set| Reverse(set.by));
        'greatest: for set in greatest_first {
            for other in sets.iter().filter(|other| other.arrival > set.arrival) {
                match self.knew(other, set)? {
                    Some(true) => continue 'greatest,
                    Some(false) => {}
                    None => return Ok(None),
                }
            }
            return Ok(Some(Some(set)));
        }
        Ok(Some(None))
    }

    /// Whether the writer of one had seen another that arrived before it.
    fn knew(&self, one: &SetBy, other: &SetBy) -> ViewResult<Option<bool>> {
        let dot = other.header.dot;
        if one.header.basis.as_ref().is_some_and(|basis| !basis.covers(&dot)) {
            return Ok(Some(false));
        }
        let author = one.header.dot.author;
        if author == dot.author {
            return Ok(Some(true));
        }
        let position = &self.view.fold.position;
        if !position.contexts.get(&author).is_some_and(|context| context.covers(&dot)) {
            return Ok(Some(false));
        }
        // One of its author's transactions up to it is the first that says so.
        let Some(number) = position.authors.number(&author) else { return Ok(Some(false)) };
        let sql =
            "SELECT arrival FROM _tandem_transactions WHERE author = ?1 AND seq <= ?2 ORDER BY seq DESC";
        let mut statement = self.view.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![number, one.header.dot.seq as i64])?;
        let mut between: Vec<u64> = Vec::new();
        while let Some(row) = rows.next()? {
            let arrival = row.get::<_, i64>(0)? as u64;
            if arrival < other.arrival {
                break;
            }
            if between.len() == MOST_READ {
                return Ok(None);
            }
            between.push(arrival);
        }
        between.reverse();
        let mut known = false;
        let all = self.past.read(&between, &mut |_, transaction| {
            self.view.watch.guard.check()?;
            known |= transaction.header.context.covers(&dot);
            Ok(!known)
        })?;
        Ok(all.then_some(known))
    }
}
