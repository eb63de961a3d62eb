//! Movements of a counter: all that was ever added to it, or that it was set to, in the order in which
//! this site heard of it, each with what the counter was before and after.
//!
//! What a counter was is nowhere kept. It is made anew from the row's own transactions, which the index
//! of rows names; so a page costs the histories of the rows on it, and no more.

use std::collections::{BTreeMap, VecDeque};

use tandem_protocol::merge::{Added, Cell, Register, WriteId, units};
use tandem_protocol::op::{Action, Mode, Op, RowGroup};
use tandem_protocol::schema::{ColumnDef, ColumnType, Constant};
use tandem_protocol::transaction::Header;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;
use tandem_protocol::wide::Wide;

use super::entries::{LogEntry, NearEntries, is_key_text};
use super::parts::Parts;
use crate::log::LogError;
use crate::refusal::Refusal;
use crate::view::{ViewError, ViewTable, touched};

/// Transactions that are read for one page, at most.
const MOST_READ: usize = if cfg!(test) { 300 } else { 100_000 };

/// Which movements to list, oldest first.
#[derive(Clone, Debug, Default)]
pub struct MovementFilter {
    /// The table.
    pub table: String,
    /// Its counter.
    pub column: String,
    /// Only of the row with this key (its text form, parts joined by a comma).
    pub key: Option<String>,
    /// Only those from this time on, milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
    /// Only those that arrived as this number or later.
    pub from: u64,
    /// At most so many transactions.
    pub limit: usize,
}

/// One movement of a counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Movement {
    /// Arrival number of its transaction on this site.
    pub arrival: u64,
    /// What that says of itself.
    pub header: Header,
    /// The row.
    pub key: Key,
    /// What happened to it.
    pub kind: MovementKind,
    /// What the counter was; none if it was NULL, or the row not there.
    pub before: Option<Value>,
    /// What it is since.
    pub after: Option<Value>,
    /// The difference, of which nothing is 0: all of them add up to what the counter is.
    pub delta: Value,
}

/// What happened to a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    /// Something was added to it, or taken from it.
    Added,
    /// It was set, whatever it was: by an insert, or as counted.
    Set,
    /// Its row was deleted.
    Deleted,
}

/// A page of movements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Movements {
    /// The movements, in order of arrival.
    pub movements: Vec<Movement>,
    /// Arrival number with which the next page begins, if there is more to look at.
    pub next: Option<u64>,
}

/// Why movements cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum MovementsError {
    /// There is no such counter, or its past is too long.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<ViewError> for MovementsError {
    fn from(error: ViewError) -> Self {
        Self::Log(LogError::Io(std::io::Error::other(error.to_string())))
    }
}

/// What reads the movements of counters.
pub struct MovementReader<'s> {
    pub(super) parts: &'s Parts,
}

impl MovementReader<'_> {
    /// A page of movements.
    pub fn page(&self, filter: &MovementFilter) -> Result<Movements, MovementsError> {
        if let Some(reason) = self.parts.without_view() {
            return Err(Refusal::without_view(reason).into());
        }
        let unknown = || Refusal::counter_unknown(&filter.table, &filter.column);
        let snapshot = self.parts.snapshot();
        let known = snapshot.schema.table(&filter.table).ok_or_else(unknown)?;
        let at =
            known.shown.columns.iter().position(|column| column.name.eq_ignore_ascii_case(&filter.column));
        let at = at.filter(|at| matches!(known.shown.columns[*at].kind, ColumnType::Counter { .. }));
        let at = at.ok_or_else(unknown)?;
        let number = self.parts.readers.read(|connection| {
            let sql = "SELECT number FROM _tandem_tables WHERE id = ?1";
            Ok(connection.prepare_cached(sql)?.query_row([known.id().0], |row| row.get(0))?)
        })?;
        let table = ViewTable::new(number, &known.shown);
        let log = NearEntries::new(self.parts);
        let mut page = Page { log, parts: self.parts, table: &table, at, left: MOST_READ };
        page.read(filter)
    }
}

/// A page as it is read.
struct Page<'a> {
    log: NearEntries<'a>,
    parts: &'a Parts,
    table: &'a ViewTable,
    /// The counter's position.
    at: usize,
    /// Transactions that may still be read.
    left: usize,
}

/// A row op about the counter, and the transaction that it is of.
type Written = (u64, Key);

impl Page<'_> {
    fn read(&mut self, filter: &MovementFilter) -> Result<Movements, MovementsError> {
        let (written, next) = self.written(filter)?;
        let mut rows: BTreeMap<Vec<u8>, (Key, Vec<u64>)> = BTreeMap::new();
        for (arrival, key) in written {
            rows.entry(key.to_bytes()).or_insert_with(|| (key, Vec::new())).1.push(arrival);
        }
        let mut movements = Vec::new();
        for (key, wanted) in rows.into_values() {
            self.history(&key, &wanted, &mut movements)?;
        }
        // One row's are in order; a transaction's rows are told by their keys.
        movements.sort_by_key(|movement| (movement.arrival, movement.key.to_bytes()));
        Ok(Movements { movements, next })
    }

    /// Which transactions from the filter's beginning on wrote to the counter of which rows; and where to
    /// go on.
    fn written(&mut self, filter: &MovementFilter) -> Result<(Vec<Written>, Option<u64>), MovementsError> {
        let end = self.parts.end();
        let mut arrivals: Box<dyn Iterator<Item = u64>> = match &filter.key {
            None => Box::new(filter.from..end),
            Some(key) => match self.arrivals_of_text(key)? {
                Some(of_row) => Box::new(of_row.into_iter().filter(|arrival| *arrival >= filter.from)),
                None => Box::new(filter.from..end),
            },
        };
        let (mut written, mut transactions) = (Vec::new(), 0);
        // Half for this, half for the histories.
        let mut left = self.left / 2;
        for arrival in arrivals.by_ref() {
            if transactions == filter.limit || left == 0 {
                return Ok((written, Some(arrival)));
            }
            left -= 1;
            let Some(entry) = self.log.entry(arrival)? else { continue };
            if filter.since_ms.is_some_and(|since| entry.transaction.header.time_ms < since) {
                continue;
            }
            let before = written.len();
            for (group, at) in self.rows(&entry) {
                let is_asked = filter.key.as_ref().is_none_or(|key| is_key_text(key, &group.keys, at));
                if is_asked && self.concerns(group) {
                    written.push((arrival, group.key(at)));
                }
            }
            transactions += usize::from(written.len() > before);
        }
        Ok((written, None))
    }

    /// The rows of the table that a transaction writes.
    fn rows<'e>(&self, entry: &'e LogEntry) -> impl Iterator<Item = (&'e RowGroup, usize)> + use<'e> {
        let table = self.table.id;
        let groups = entry.transaction.ops.iter().filter_map(move |op| match op {
            Op::Rows(group) if group.table_id == table => Some(group),
            _ => None,
        });
        groups.flat_map(|group| (0..group.rows()).map(move |at| (group, at)))
    }

    /// Whether a group may move the counter.
    fn concerns(&self, group: &RowGroup) -> bool {
        let id = self.table.ids[self.at];
        group.action != Action::Update || group.columns.iter().any(|column| column.id == id)
    }

    fn arrivals_of_text(&self, key: &str) -> Result<Option<Vec<u64>>, MovementsError> {
        let snapshot = self.parts.snapshot();
        let found = self
            .parts
            .readers
            .read(|connection| touched::arrivals(connection, &snapshot.authors, self.table, key));
        Ok(found?.map(|found| found.into_iter().collect()))
    }

    /// Tells the movements of a row's counter that the wanted transactions made, made of all up to the last.
    fn history(
        &mut self,
        key: &Key,
        wanted: &[u64],
        movements: &mut Vec<Movement>,
    ) -> Result<(), MovementsError> {
        let Some(last) = wanted.last() else { return Ok(()) };
        let snapshot = self.parts.snapshot();
        let arrivals = self
            .parts
            .readers
            .read(|connection| touched::arrivals_of(connection, &snapshot.authors, self.table, key))?;
        let mut past = Past::new(&self.table.def.columns[self.at]);
        for arrival in arrivals.into_iter().take_while(|arrival| arrival <= last) {
            let Some(entry) = self.entry(arrival, key)? else { continue };
            let header = &entry.transaction.header;
            for (group, at) in self.rows(&entry).filter(|(group, at)| group.key(*at) == *key) {
                let by = WriteId { time_ms: group.time(at, header.time_ms), ..header.write_id() };
                let writer = Writer { by, arrival };
                let before = past.total();
                let kind = self.take(&mut past, (group, at), writer, header)?;
                let after = past.total();
                if wanted.contains(&arrival) && (kind.is_some() || before != after) {
                    movements.push(past.movement((arrival, header), key, kind, (before, after)));
                }
            }
        }
        Ok(())
    }

    /// Takes a row op into what the counter came to. What it did to it, if it wrote to it at all.
    fn take(
        &mut self,
        past: &mut Past<'_>,
        (group, at): (&RowGroup, usize),
        writer: Writer,
        header: &Header,
    ) -> Result<Option<MovementKind>, MovementsError> {
        let is_alive = group.action != Action::Delete;
        if past.life.is_none_or(|(was, _)| was != is_alive) {
            let before = past.life.map(|(_, by)| by);
            if self.supersedes(writer, header, before)? {
                past.life = Some((is_alive, writer));
            }
        }
        let mut kind = (!is_alive).then_some(MovementKind::Deleted);
        let id = self.table.ids[self.at];
        for (column, value) in group.row(at).filter(|(column, _)| column.id == id) {
            if !past.column.kind.holds(column.mode, value) {
                continue;
            }
            match column.mode {
                Mode::Delta => {
                    past.added.add(units(value).unwrap_or_default());
                    kind = Some(MovementKind::Added);
                }
                Mode::Counted => {}
                _ => {
                    kind = Some(MovementKind::Set);
                    let before = past.set.as_ref().map(|(by, _)| *by);
                    if self.supersedes(writer, header, before)? {
                        past.set = Some((writer, value.clone()));
                    }
                }
            }
        }
        Ok(kind)
    }

    /// Whether what one wrote is shown in place of what another, who came before, did: because its
    /// writer knew of that, or, where it did not, because it is the later one.
    fn supersedes(
        &mut self,
        one: Writer,
        header: &Header,
        other: Option<Writer>,
    ) -> Result<bool, MovementsError> {
        let Some(other) = other else { return Ok(true) };
        let dot = other.by.dot();
        let is_beyond_basis = header.basis.as_ref().is_some_and(|basis| !basis.covers(&dot));
        let knew = !is_beyond_basis && (one.by.author == dot.author || self.knew(one, dot, other.arrival)?);
        Ok(knew || one.by > other.by)
    }

    /// Whether the author of a write had seen a transaction that arrived before: one of its own between
    /// the two, or that write, is the first that says so.
    fn knew(&mut self, one: Writer, dot: Dot, since: u64) -> Result<bool, MovementsError> {
        let author = self.parts.snapshot().authors.number(&one.by.author);
        let sql = "SELECT arrival FROM _tandem_transactions \
                   WHERE author = ?1 AND seq <= ?2 AND arrival > ?3 ORDER BY seq DESC";
        let between: VecDeque<u64> = self.parts.readers.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let place = (author, one.by.seq as i64, since as i64);
            let rows = statement.query_map(place, |row| row.get::<_, i64>(0))?;
            rows.take(MOST_READ + 1).map(|arrival| Ok(arrival? as u64)).collect()
        })?;
        for arrival in between {
            if let Some(entry) = self.entry(arrival, &Key(Vec::new()))?
                && entry.transaction.header.context.covers(&dot)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn entry(&mut self, arrival: u64, key: &Key) -> Result<Option<LogEntry>, MovementsError> {
        if self.left == 0 {
            return Err(Refusal::history_too_long(self.table, key, MOST_READ).into());
        }
        self.left -= 1;
        Ok(self.log.entry(arrival)?)
    }
}

/// A write, and when this site heard of it.
#[derive(Clone, Copy)]
struct Writer {
    by: WriteId,
    arrival: u64,
}

/// What a row's counter came to so far.
struct Past<'t> {
    column: &'t ColumnDef,
    /// Whether the row is there, and who said so.
    life: Option<(bool, Writer)>,
    /// What the counter was set to, and by whom.
    set: Option<(Writer, Value)>,
    added: Added,
}

impl<'t> Past<'t> {
    fn new(column: &'t ColumnDef) -> Self {
        Self { column, life: None, set: None, added: Added::default() }
    }

    /// What the counter is; none if it is NULL, or its row not there.
    fn total(&self) -> Option<Wide> {
        self.life.filter(|(is_alive, _)| *is_alive)?;
        let set = self.set.as_ref().map(|(writer, value)| Register::once(writer.by, Constant::new(value)));
        let cell = Cell { set: set.unwrap_or_default(), added: self.added, ..Cell::default() };
        cell.total(self.column.kind, &self.column.unwritten())
    }

    fn movement(
        &self,
        (arrival, header): (u64, &Header),
        key: &Key,
        kind: Option<MovementKind>,
        (before, after): (Option<Wide>, Option<Wide>),
    ) -> Movement {
        let shown = |total: Option<Wide>| total.map(|total| self.column.kind.shown(Some(total)));
        let delta = after.unwrap_or(Wide::ZERO) - before.unwrap_or(Wide::ZERO);
        Movement {
            arrival,
            header: header.clone(),
            key: key.clone(),
            kind: kind.unwrap_or(MovementKind::Set),
            before: shown(before),
            after: shown(after),
            delta: self.column.kind.shown(Some(delta)),
        }
    }
}
