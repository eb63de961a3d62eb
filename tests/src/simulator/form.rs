//! Forms: what people read at a PC, and send much later as if nothing had happened since. A counter
//! set so has changed by what they made of what they read, whatever it is by then.

use tandem_protocol::merge::{in_units, units};
use tandem_protocol::op::{Mode, Op};
use tandem_protocol::schema::{ColumnType, MergeKind};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;
use tandem_protocol::wide::Wide;
use tandem_store::{Params, Space, Statement, Write};

use super::statement::{TILL_IDS, TILLS};
use crate::random::Random;
use crate::reference::Expected;

/// The counters that are there from the beginning.
const COUNTERS: [(&str, &[&str], &str); 8] = [
    (TILLS, &["id"], "sold"),
    (TILLS, &["id"], "takings"),
    ("things", &["id"], "stock"),
    ("things", &["id"], "paid"),
    ("rooms", &["name"], "stock"),
    ("vaults", &["rate", "place"], "gold"),
    ("vaults", &["rate", "place"], "due"),
    ("vaults", &["rate", "place"], "debt"),
];

/// What somebody read of a site.
#[derive(Clone, Default)]
pub struct Reading {
    /// How far the site was.
    pub version: VersionVector,
    /// The counters it showed.
    counters: Vec<Counter>,
}

/// A counter that was read.
#[derive(Clone)]
struct Counter {
    table: &'static str,
    key: &'static [&'static str],
    row: Vec<Value>,
    column: &'static str,
    kind: ColumnType,
    /// In units of its last digit.
    was: i128,
}

/// A form that was sent.
#[derive(Clone)]
pub struct Form {
    version: VersionVector,
    counter: Counter,
    /// What was added to what was read.
    pub added: i64,
}

impl Reading {
    /// Looks at a site.
    pub fn of(space: &Space) -> Self {
        let mut reading = Self { version: (*space.vector()).clone(), counters: Vec::new() };
        let schema = space.schema();
        for (table, key, column) in COUNTERS {
            let def = schema.table(table).map(|table| &table.shown);
            let Some(kind) = def.and_then(|def| def.column(column)).map(|column| column.kind) else {
                continue;
            };
            let sql = format!("SELECT {}, {column} FROM {table}", key.join(", "));
            let Ok((rows, _)) = space.query(&sql, &[]) else { continue };
            for mut row in rows.rows {
                let value = row.pop().and_then(|value| kind.canonical(value).ok());
                // Where a column can show no more, what is added is not seen.
                let was = value.as_ref().and_then(units).and_then(Wide::narrow);
                if let Some(was) = was.filter(|was| was.abs() < 1 << 50) {
                    reading.counters.push(Counter { table, key, row, column, kind, was });
                }
            }
        }
        reading
    }

    /// What a till held.
    pub fn till(&self, till: &str, column: &str) -> Option<i64> {
        let is_it = |one: &&Counter| {
            one.table == TILLS && one.column == column && one.row == [Value::Text(till.to_owned())]
        };
        self.counters.iter().find(is_it).and_then(|one| i64::try_from(one.was).ok())
    }
}

impl Form {
    /// What somebody makes of one of the counters that were read; none, if there was none.
    pub fn of(reading: &Reading, random: &mut Random) -> Option<Self> {
        if reading.counters.is_empty() {
            return None;
        }
        let counter = random.pick(&reading.counters).clone();
        let added = (1 + random.below(9) as i64) * if random.one_in(2) { 1 } else { -1 };
        Some(Self { version: reading.version.clone(), counter, added })
    }

    /// Which counter it sets.
    pub fn counter(&self) -> String {
        format!("{}.{}", self.counter.table, self.counter.column)
    }

    /// Which till it counts in, and what, if it does.
    pub fn till(&self) -> Option<(&'static str, &'static str)> {
        let Counter { table, row, column, .. } = &self.counter;
        let till = TILL_IDS.into_iter().find(|till| *row == [Value::Text((*till).to_owned())]);
        till.filter(|_| *table == TILLS).map(|till| (till, *column))
    }

    /// The write by which it is sent.
    pub fn write(&self) -> Write {
        Write { edits: vec![self.statement()].into(), basis: Some(self.version.clone()), ..Write::default() }
    }

    /// The statement by which it is sent.
    fn statement(&self) -> Statement {
        let Counter { table, key, row, column, kind, was } = &self.counter;
        let number = in_units(*kind, Wide::from(was + i128::from(self.added)));
        let number =
            if matches!(number, Value::Integer(_)) { number } else { Value::Text(number.to_string()) };
        let parts: Vec<String> = key.iter().map(|part| format!("{part} = ?")).collect();
        let sql = format!("UPDATE {table} SET {column} = ? WHERE {}", parts.join(" AND "));
        Statement { sql, params: Params::One([&[number], row.as_slice()].concat()) }
    }

    /// What is wrong with what was recorded of it.
    pub fn fault(&self, recorded: &Transaction) -> Option<String> {
        let groups = recorded.ops.iter().filter_map(|op| match op {
            Op::Rows(group) => Some(group),
            _ => None,
        });
        let deltas = groups.flat_map(|group| {
            let columns = group.columns.iter().zip(&group.cells);
            columns.filter(|(column, _)| column.mode == Mode::Delta).flat_map(|(_, values)| values)
        });
        let deltas: Vec<Wide> = deltas.filter_map(units).collect();
        let Counter { table, column, was, .. } = &self.counter;
        (deltas != [Wide::from(i128::from(self.added))]).then(|| {
            format!("a form read {was} in {table}.{column}, added {}, and adds {deltas:?}", self.added)
        })
    }

    /// Whether the log up to its version says what was read.
    pub fn is_read_from(&self, expected: &Expected, schema: &tandem_protocol::schema::Schema) -> bool {
        let Counter { table, key, row, column, kind, was } = &self.counter;
        let Some(def) = schema.table(table).map(|table| &table.shown) else { return false };
        let place = |name: &str| def.columns.iter().position(|column| column.name == name);
        let is_it = |values: &&Vec<Value>| {
            key.iter().zip(row).all(|(part, value)| {
                let at = place(part);
                let canonical = at.and_then(|at| def.columns[at].kind.canonical(value.clone()).ok());
                at.is_some_and(|at| Some(&values[at]) == canonical.as_ref())
            })
        };
        let rows = expected.tables.get(*table);
        let shown = rows.and_then(|rows| rows.iter().find(is_it)).zip(place(column));
        kind.merge_kind() == MergeKind::Counter
            && shown.is_some_and(|(values, at)| units(&values[at]) == Some(Wide::from(*was)))
    }

    /// What its writer had seen.
    pub fn version(&self) -> &VersionVector {
        &self.version
    }
}
