//! Long logs made by chance, against the merge that the real view keeps its rows with.

use std::collections::BTreeMap;
use std::time::Instant;

use tandem_protocol::merge::{RowState, WriteId};
use tandem_protocol::op::{Action, Op};
use tandem_protocol::schema::{ColumnDef, ColumnId};
use tandem_protocol::transaction::Basis;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::VersionVector;

use super::log::{CellWrite, TestLog, add, author, set};
use crate::random::Random;
use crate::reference::fold;

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, place TEXT, n COUNTER CHECK (n >= 0),
    who QUIET, part INTEGER REFERENCES parts (id));
    CREATE TABLE parts (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '?', whole INTEGER REFERENCES items (id))";

/// A log of several authors who hear of each other now and then, and write three rows each time.
fn any_log(random: &mut Random, transactions: usize, rows: u64) -> TestLog {
    let mut log = TestLog::new(SCHEMA);
    let number = |random: &mut Random, below: u64| i64::try_from(random.below(below)).unwrap();
    let mut opened = log.held('a');
    for _ in 0..transactions {
        let site = |random: &mut Random| char::from(b'a' + random.below(4) as u8);
        let by = site(random);
        if random.one_in(2) {
            let from = site(random);
            log.tell(from, by);
        }
        let text = |random: &mut Random| format!("{}", random.below(9));
        let ops = (0..3).map(|_| {
            let id = number(random, rows);
            if random.one_in(4) {
                let name = text(random);
                let whole = number(random, rows);
                let cells: [CellWrite; 2] = [set("name", name.as_str()), set("whole", whole)];
                return match random.below(3) {
                    0 => log.row(Action::Delete, "parts", id, []),
                    1 => log.row(Action::Insert, "parts", id, cells),
                    _ => log.row(Action::Update, "parts", id, [set("name", Value::Null)]),
                };
            }
            let name = text(random);
            let place = text(random);
            let n = number(random, 20);
            match random.below(6) {
                0 => log.row(Action::Delete, "items", id, []),
                1 | 2 => log.row(
                    Action::Insert,
                    "items",
                    id,
                    [set("name", name.as_str()), set("n", n), set("part", number(random, rows))],
                ),
                3 => log.row(Action::Update, "items", id, [add("n", n - 10)]),
                _ => log.row(
                    Action::Update,
                    "items",
                    id,
                    [set("place", place.as_str()), set("who", name.as_str())],
                ),
            }
        });
        let ops: Vec<Op> = ops.collect();
        if random.one_in(8) {
            // A form opened earlier: by anybody, but of what this author holds.
            if log.held(by).covers_all(&opened) {
                log.seeing(&opened);
            }
            opened = log.held(by);
        }
        if random.one_in(4) {
            log.at(1000 + number(random, 1000));
        }
        log.write(by, ops);
    }
    log
}

/// The rows alive by their own life, merged one transaction after the other.
fn merged(log: &TestLog) -> BTreeMap<(String, Vec<u8>), Vec<Value>> {
    let mut contexts: BTreeMap<_, VersionVector> = BTreeMap::new();
    let mut rows: BTreeMap<(String, Vec<u8>), (Key, RowState)> = BTreeMap::new();
    for transaction in &log.transactions {
        let header = &transaction.header;
        let (chain, seq) = (header.dot.chain(), header.dot.seq);
        let context = contexts.entry(chain).or_default();
        context.join(&header.context);
        let basis = match &header.basis {
            Some(basis) => Basis { seen: basis, own: None },
            None => Basis { seen: context, own: Some((chain, seq - 1)) },
        };
        for op in &transaction.ops {
            let Op::Rows(group) = op else { continue };
            let key = group.key(0);
            let place = (group.table.clone(), key.to_bytes());
            let (_, row) = rows.entry(place).or_insert_with(|| (key, RowState::default()));
            let by = WriteId { time_ms: group.time(0, header.time_ms), ..header.write_id() };
            let cells = group.row(0).map(|(column, value)| (column.id, column.mode, value));
            row.apply(group.action, cells, by, &basis);
        }
    }
    let mut alive = BTreeMap::new();
    for (place, (key, row)) in rows {
        if row.is_alive() {
            let table = &log.schema.table(&place.0).unwrap().shown;
            let ids: Vec<ColumnId> = table.columns.iter().map(ColumnDef::id).collect();
            let mut values = row.shown(table, &ids);
            values[0] = key.0[0].clone();
            alive.insert(place, values);
        }
    }
    alive
}

#[test]
fn any_log_means_the_same_in_any_order_and_what_the_merge_makes_of_it() {
    let mut random = Random::new("logs by chance");
    for _ in 0..30 {
        let transactions = 5 + random.below(80) as usize;
        let log = any_log(&mut random, transactions, 12);
        let mut expected = log.fold();
        assert_eq!(expected.parked, 0);
        let kept = expected.conflicts.iter().filter(|conflict| conflict.kind.name() == "reference");
        let kept: Vec<(String, Vec<u8>)> =
            kept.map(|conflict| (conflict.table.clone(), conflict.key.clone())).collect();
        let merged = merged(&log);
        for (table, rows) in &mut expected.tables {
            rows.retain(|row| !kept.contains(&(table.clone(), Key(vec![row[0].clone()]).to_bytes())));
            let alive = merged.iter().filter(|((name, _), _)| name == table);
            assert_eq!(*rows, alive.map(|(_, row)| row.clone()).collect::<Vec<_>>(), "{table}");
        }
        assert!(log.held('a').seq(author('a')) > 0);
    }
}

#[test]
fn a_long_log_is_folded_in_no_time() {
    let mut random = Random::of_seed(7);
    for rows in [30, 300] {
        let log = any_log(&mut random, 700, rows);
        let start = Instant::now();
        let expected = fold(&log.transactions);
        println!("{} conflicts in {:?}", expected.conflicts.len(), start.elapsed());
        assert!(!expected.conflicts.is_empty());
    }
}
