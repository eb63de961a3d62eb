//! Reading the log for people: transaction by transaction.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::ops::Range;

use tandem_protocol::identity::{Author, TxHash};
use tandem_protocol::op::Op;
use tandem_protocol::transaction::Transaction;
use tandem_protocol::value::Value;
use tandem_protocol::verify::SignedTransaction;
use tandem_protocol::version::Dot;

use super::parts::Parts;
use crate::log::{LogError, Opened, Record};
use crate::view::{ViewError, ViewTable, touched};

/// A transaction of the log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Arrival number on this site.
    pub arrival: u64,
    /// Its hash.
    pub hash: TxHash,
    /// What it says.
    pub transaction: Transaction,
}

/// Which transactions to list.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Only those that touch this table.
    pub table: Option<String>,
    /// Only those that touch the row with this key (its text form, parts joined by a comma).
    pub key: Option<String>,
    /// Only those of this author.
    pub author: Option<Author>,
    /// Only those from this time on, milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
    /// Only those up to this time.
    pub until_ms: Option<i64>,
    /// Only those that arrived as this number or later.
    pub from: Option<u64>,
    /// Only those that arrived before this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// What reads the log of a space for people.
pub struct LogReader<'s> {
    pub(super) parts: &'s Parts,
}

impl<'s> LogReader<'s> {
    /// The transaction that admitted an author (or founded the space), verifiable on its own.
    pub fn admission_of(&self, author: &Author) -> Result<Option<SignedTransaction>, LogError> {
        let sql = "SELECT DISTINCT arrival FROM _tandem_system ORDER BY arrival";
        let arrivals = self.parts.readers.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let arrivals = statement.query_map([], |row| row.get::<_, i64>(0))?;
            Ok(arrivals.collect::<Result<Vec<_>, _>>()?)
        });
        for arrival in arrivals.unwrap_or_default() {
            let Some(record) = self.parts.log.holding(arrival as u64)? else { continue };
            let opened = record.open()?;
            let at = arrival as usize - record.arrival as usize;
            let Some(((bytes, Some(signature)), (header, previous, _))) =
                opened.block.get(at).zip(opened.entries.get(at))
            else {
                continue;
            };
            let Ok(transaction) = Transaction::decode(bytes) else { continue };
            let by = header.dot.author;
            let admits = |op: &Op| matches!(op, Op::Member(member) if member.admits(&by, author));
            let admits = transaction.ops.iter().any(admits);
            if admits {
                let previous = previous.0;
                return Ok(Some(SignedTransaction { previous, bytes: bytes.to_vec(), signature }));
            }
        }
        Ok(None)
    }

    /// The transaction of that name.
    pub fn transaction(&self, dot: &Dot) -> Result<Option<LogEntry>, LogError> {
        let Some(number) = self.parts.snapshot().authors.number(&dot.author) else {
            return Ok(None);
        };
        let sql = "SELECT arrival FROM _tandem_transactions WHERE author = ?1 AND seq = ?2";
        let arrival = self.parts.readers.read(|connection| {
            Ok(connection
                .prepare_cached(sql)?
                .query_row((number, dot.seq as i64), |row| row.get::<_, i64>(0))?)
        });
        arrival.ok().map_or(Ok(None), |arrival| self.entry(arrival as u64))
    }

    /// The transaction that arrived as number `arrival`.
    pub fn entry(&self, arrival: u64) -> Result<Option<LogEntry>, LogError> {
        let Some(record) = self.parts.log.holding(arrival)? else { return Ok(None) };
        entry(&record.open()?, record.arrival, arrival)
    }

    /// Transactions from arrival number `from` on, oldest first.
    pub fn entries_from(&self, from: u64) -> impl Iterator<Item = Result<LogEntry, LogError>> + use<'s> {
        let records = self.parts.log.records(from, self.parts.end());
        let flat = records.flat_map(|record| match record.and_then(|record| entries(&record)) {
            Ok(entries) => entries.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        });
        flat.skip_while(move |entry| entry.as_ref().is_ok_and(|entry| entry.arrival < from))
    }

    /// The transactions that pass the filter, newest first.
    pub fn find(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, LogError> {
        let limit = filter.limit.unwrap_or(usize::MAX);
        let number = match &filter.author {
            Some(author) => match self.parts.snapshot().authors.number(author) {
                Some(number) => Some(number),
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        let arrivals = match self.of_row(filter)? {
            Some(arrivals) => arrivals,
            None => self.arrivals(filter, number)?,
        };
        let mut found = Vec::new();
        let mut near = NearEntries::new(self.parts);
        for arrival in arrivals {
            if found.len() >= limit {
                break;
            }
            found.extend(near.entry(arrival)?.filter(|entry| filter.matches(&entry.transaction)));
        }
        debug_assert!(
            found.windows(2).all(|pair| pair[0].arrival > pair[1].arrival),
            "the newest come first"
        );
        Ok(found)
    }

    /// Arrival numbers of the transactions by their author and time, newest first: the list of
    /// transactions tells those, so that only what is wanted is read from the log.
    fn arrivals(&self, filter: &LogFilter, author: Option<i64>) -> Result<Vec<u64>, LogError> {
        let sql = "SELECT arrival FROM _tandem_transactions WHERE (?1 IS NULL OR author = ?1) \
                   AND (?2 IS NULL OR time >= ?2) AND (?3 IS NULL OR time <= ?3) \
                   AND arrival >= ?4 AND arrival < ?5 ORDER BY arrival DESC";
        if self.parts.without_view().is_some() {
            let before = filter.before.unwrap_or(u64::MAX).min(self.parts.end());
            return Ok((filter.from.unwrap_or(0)..before).rev().collect());
        }
        let place = |arrival: u64| i64::try_from(arrival).unwrap_or(i64::MAX);
        let (from, before) = (place(filter.from.unwrap_or(0)), place(filter.before.unwrap_or(u64::MAX)));
        let read = self.parts.readers.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement
                .query_map((author, filter.since_ms, filter.until_ms, from, before), |row| {
                    row.get::<_, i64>(0)
                })?;
            rows.map(|arrival| Ok(arrival? as u64)).collect()
        });
        read.map_err(of_view)
    }

    /// Arrival numbers of the transactions that may have touched the row asked for, newest first.
    /// `None`: no single row is asked for.
    fn of_row(&self, filter: &LogFilter) -> Result<Option<Vec<u64>>, LogError> {
        let Some(key) = filter.key.as_ref().filter(|_| self.parts.without_view().is_none()) else {
            return Ok(None);
        };
        let snapshot = self.parts.snapshot();
        let wanted = |name: &str| filter.table.as_ref().is_none_or(|table| table.eq_ignore_ascii_case(name));
        let read = self.parts.readers.read(|connection| {
            // What is not understood yet may be of any row.
            let mut parked = connection.prepare_cached("SELECT DISTINCT arrival FROM _tandem_parked")?;
            let parked = parked.query_map([], |row| row.get::<_, i64>(0))?;
            let mut found = parked
                .map(|arrival| arrival.map(|arrival| arrival as u64))
                .collect::<Result<BTreeSet<_>, _>>()?;
            for table in snapshot.schema.tables().filter(|table| wanted(&table.shown.name)) {
                if snapshot.unshown.contains_key(&table.id()) {
                    return Ok(None);
                }
                let sql = "SELECT number FROM _tandem_tables WHERE id = ?1";
                let number = connection.prepare_cached(sql)?.query_row([table.id().0], |row| row.get(0))?;
                let table = ViewTable::new(number, &table.shown);
                match touched::arrivals(connection, &snapshot.authors, &table, key)? {
                    Some(arrivals) => found.extend(arrivals),
                    None => return Ok(None),
                }
            }
            Ok(Some(found))
        });
        let (from, before) = (filter.from.unwrap_or(0), filter.before.unwrap_or(u64::MAX));
        let found = read.map_err(of_view)?;
        Ok(found.map(|found| {
            let asked = |arrival: &u64| (from..before).contains(arrival);
            found.into_iter().rev().filter(asked).collect()
        }))
    }
}

/// Transactions read one after the other: those beside each other are opened once.
pub(super) struct NearEntries<'s> {
    parts: &'s Parts,
    held: Option<(Range<u64>, Opened)>,
}

impl<'s> NearEntries<'s> {
    pub fn new(parts: &'s Parts) -> Self {
        Self { parts, held: None }
    }

    /// The transaction that arrived as number `arrival`.
    pub fn entry(&mut self, arrival: u64) -> Result<Option<LogEntry>, LogError> {
        if self.held.as_ref().is_none_or(|(range, _)| !range.contains(&arrival)) {
            let Some(record) = self.parts.log.holding(arrival)? else { return Ok(None) };
            self.held = Some((record.arrival..record.end(), record.open()?));
        }
        let held = self.held.as_ref();
        held.map_or(Ok(None), |(range, opened)| entry(opened, range.start, arrival))
    }
}

fn of_view(error: ViewError) -> LogError {
    LogError::Io(std::io::Error::other(error.to_string()))
}

impl LogFilter {
    /// Whether a transaction touches the table and row asked for.
    pub fn matches(&self, transaction: &Transaction) -> bool {
        let header = &transaction.header;
        let in_time = self.since_ms.is_none_or(|since| header.time_ms >= since)
            && self.until_ms.is_none_or(|until| header.time_ms <= until);
        let by_author = self.author.is_none_or(|author| author == header.dot.author);
        let touched = self.table.is_none() && self.key.is_none()
            || transaction.ops.iter().any(|op| match op {
                Op::Rows(group) => {
                    self.table.as_ref().is_none_or(|table| table.eq_ignore_ascii_case(&group.table))
                        && self
                            .key
                            .as_ref()
                            .is_none_or(|key| (0..group.rows()).any(|at| is_key_text(key, &group.keys, at)))
                }
                _ => false,
            });
        in_time && by_author && touched
    }
}

/// Whether row `at` of some columns of keys is the one whose key people write as `text`: its values,
/// joined by commas. (Nothing is made of the others: they may be a million.)
pub fn is_key_text(text: &str, columns: &[Vec<Value>], at: usize) -> bool {
    let mut rest = Expected(text);
    let mut parts = columns.iter().enumerate();
    let is_written = parts.all(|(place, column)| {
        let comma = if place == 0 { "" } else { "," };
        rest.write_str(comma).and_then(|()| write!(rest, "{}", column[at])).is_ok()
    });
    is_written && rest.0.is_empty()
}

/// A text that is expected to be written; what else is written is an error.
struct Expected<'t>(&'t str);

impl fmt::Write for Expected<'_> {
    fn write_str(&mut self, written: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(written).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// The transactions of a record.
fn entries(record: &Record) -> Result<Vec<LogEntry>, LogError> {
    let opened = record.open()?;
    let all = (record.arrival..record.end()).map(|arrival| entry(&opened, record.arrival, arrival));
    all.filter_map(Result::transpose).collect()
}

/// One transaction of a record that begins at `first`.
fn entry(record: &Opened, first: u64, arrival: u64) -> Result<Option<LogEntry>, LogError> {
    let at = (arrival - first) as usize;
    let Some(((bytes, _), (_, _, hash))) = record.block.get(at).zip(record.entries.get(at)) else {
        return Ok(None);
    };
    let transaction = Transaction::decode(bytes).map_err(|_| LogError::Damaged { arrival })?;
    Ok(Some(LogEntry { arrival, hash: *hash, transaction }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_text() {
        let number = |number| Value::Integer(number);
        let text = |text: &str| Value::Text(text.to_owned());
        let columns = [vec![number(7), number(71), number(-1)], vec![text("a,b"), text(""), text("é")]];
        for (at, written) in ["7,a,b", "71,", "-1,é"].into_iter().enumerate() {
            for (other, _) in columns[0].iter().enumerate() {
                assert_eq!(is_key_text(written, &columns, other), at == other, "{written} {other}");
            }
        }
        assert!(!is_key_text("7,a,b,", &columns, 0) && !is_key_text("7", &columns, 0));
        assert!(is_key_text("7", &columns[..1], 0) && !is_key_text("", &columns[..1], 0));
    }
}
