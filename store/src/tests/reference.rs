//! The meaning of the log by brute force: every write is compared with every other, over the set of
//! all transactions, without order. The view must show exactly this.

use std::collections::BTreeMap;

use tandem_protocol::merge::{WriteId, in_units, units};
use tandem_protocol::op::{Action, Mode, Op};
use tandem_protocol::schema::{ColumnDef, ColumnId, ColumnType, MergeKind};
use tandem_protocol::value::Value;
use tandem_protocol::version::{Dot, Head, VersionVector};

use super::Site;

/// One write of one row.
struct RowWrite {
    by: WriteId,
    /// What its writer had seen.
    seen: VersionVector,
    alive: bool,
    cells: BTreeMap<ColumnId, (Mode, Value)>,
}

/// A row's key, and everything ever written to it.
type RowHistory = (Vec<Value>, Vec<RowWrite>);

impl RowWrite {
    fn knows(&self, other: &Self) -> bool {
        self.seen.covers(&Dot { author: other.by.author, seq: other.by.seq })
    }
}

/// Of the writes, those no other one knew, greatest first.
fn siblings<'a, T>(writes: &[(&'a RowWrite, T)]) -> Vec<(&'a RowWrite, T)>
where
    T: Clone,
{
    let unknown = |one: &RowWrite| !writes.iter().any(|(other, _)| other.knows(one));
    let mut left: Vec<_> = writes.iter().filter(|(one, _)| unknown(one)).cloned().collect();
    left.sort_by_key(|(one, _)| std::cmp::Reverse(one.by));
    left
}

/// The rows each table should show, as text.
fn expected(site: &Site) -> BTreeMap<String, Vec<String>> {
    let schema = site.space.schema();
    let mut contexts: BTreeMap<Dot, VersionVector> = BTreeMap::new();
    let mut rows: BTreeMap<(String, Vec<u8>), RowHistory> = BTreeMap::new();
    for entry in site.space.entries_from(0) {
        let transaction = entry.unwrap().transaction;
        let header = &transaction.header;
        let before = Dot { seq: header.dot.seq - 1, ..header.dot };
        let mut context = contexts.get(&before).cloned().unwrap_or_default();
        context.join(&header.context);
        let mut seen = header.basis.clone().unwrap_or_else(|| context.clone());
        if header.basis.is_none() && before.seq > 0 {
            let own = Head { seq: before.seq, prefix: [0; 8] };
            seen.advance(before.author, own);
        }
        contexts.insert(header.dot, context);
        for op in &transaction.ops {
            let Op::Rows(group) = op else { continue };
            for at in 0..group.rows() {
                let by = WriteId { time_ms: group.time(at, header.time_ms), ..header.write_id() };
                let cells =
                    group.row(at).map(|(column, value)| (column.id, (column.mode, value.clone()))).collect();
                let write = RowWrite { by, seen: seen.clone(), alive: group.action != Action::Delete, cells };
                let key = group.key(at);
                let row = rows.entry((group.table.clone(), key.to_bytes())).or_insert((key.0, Vec::new()));
                row.1.push(write);
            }
        }
    }
    let mut tables: BTreeMap<String, Vec<String>> =
        schema.tables().map(|table| (table.shown.name.clone(), Vec::new())).collect();
    for ((table, _), (key, writes)) in rows {
        let life: Vec<_> = writes.iter().map(|write| (write, write.alive)).collect();
        if !siblings(&life)[0].1 {
            continue;
        }
        let def = &schema.table(&table).unwrap().shown;
        let text =
            def.columns.iter().map(|column| match def.key.iter().position(|name| *name == column.name) {
                Some(at) => key[at].to_string(),
                None => shown(column, &writes).to_string(),
            });
        let text = text.collect::<Vec<_>>().join("|");
        tables.entry(table).or_default().push(text);
    }
    tables.values_mut().for_each(|rows| rows.sort());
    tables
}

fn shown(column: &ColumnDef, writes: &[RowWrite]) -> Value {
    let of = |mode: Mode| -> Vec<(&RowWrite, Value)> {
        let cell = |write: &RowWrite| {
            write.cells.get(&column.id()).filter(|(how, _)| *how == mode).map(|(_, value)| value.clone())
        };
        writes.iter().filter_map(|write| cell(write).map(|value| (write, value))).collect()
    };
    let set = siblings(&of(Mode::Set));
    let value = match column.kind.merge_kind() {
        MergeKind::Stamp => set.iter().map(|(_, value)| value.clone()).max_by_key(|value| match value {
            Value::Text(text) => text.clone(),
            _ => String::new(),
        }),
        _ => set.first().map(|(_, value)| value.clone()),
    };
    let value = value.unwrap_or_else(|| column.unwritten());
    let sum: i64 = of(Mode::Delta).iter().filter_map(|(_, value)| units(value)).sum();
    match column.kind.merge_kind() {
        MergeKind::Counter if sum != 0 => in_units(column.kind, units(&value).unwrap_or(0) + sum),
        _ => value,
    }
}

/// Compares what a site shows with what its log means.
pub(crate) fn check(site: &Site) {
    let schema = site.space.schema();
    for (table, expected) in expected(site) {
        let columns = schema.table(&table).unwrap().shown.columns.iter().map(|column| match column.kind {
            // As exact text: the view shows decimals as floating point.
            ColumnType::Decimal { scale, .. } => {
                format!("iif({0} IS NULL, NULL, printf('%.{scale}f', {0}))", column.name)
            }
            _ => column.name.clone(),
        });
        let sql = format!("SELECT {} FROM {table}", columns.collect::<Vec<_>>().join(", "));
        let mut rows = site.rows(&sql);
        rows.sort();
        assert_eq!(rows, expected, "{table}");
    }
}
