//! What a log means, by brute force: every write is compared with every other, over the *set* of
//! all transactions, without order and without anything kept between them. Slow and plain, so that
//! it can be believed; the real view must show exactly this.
//!
//! The way of it: [`history`] says what each transaction's writer had seen, [`table`] takes in the
//! row ops that the schema understands ([`write`]), [`siblings`] finds the writes that nobody knew, [`cell`]
//! says what they show, [`reach`] which rows are there, and [`conflicts`] what is left to decide.

pub(crate) mod history;
mod table;
mod write;
mod siblings;
mod row;
mod cell;
mod counter;
mod document;
mod reach;
mod check;
mod conflicts;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use reach::cannot_be_lost;
use tandem_protocol::conflict::Conflict;
use tandem_protocol::fingerprint::{Fingerprint, RowHasher};
use tandem_protocol::op::Op;
use tandem_protocol::schema::{OpPlace, OpPlaces, Schema};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::value::Value;

use self::history::{Entry, History};
use self::table::Table;

/// What every site that holds the transactions must show.
#[derive(Clone, PartialEq, Debug)]
pub struct Expected {
    /// By name, the rows of each table shown, in the order of their keys' bytes: canonical values,
    /// column by column.
    pub tables: BTreeMap<String, Vec<Vec<Value>>>,
    /// The open conflicts, by ascending id.
    pub conflicts: Vec<Conflict>,
    /// By name, the fingerprint of each table.
    pub fingerprints: BTreeMap<String, Fingerprint>,
    /// The fingerprint of the open conflicts.
    pub conflict_fingerprint: Fingerprint,
    /// How many ops are not understood.
    pub parked: usize,
    /// Of each counter that was said to be another number than was counted: who said so.
    pub miscounted: Vec<String>,
    /// References of shown rows that lead to none: no writer was to be allowed that.
    pub dangling: Vec<String>,
}

/// The meaning of a set of transactions: their order does not matter, nor that some are given twice.
/// All that their contexts name must be among them.
pub fn fold(transactions: &[Transaction]) -> Expected {
    let history = History::of(transactions);
    let schema = schema(&history);
    let mut tables: Vec<Table<'_>> = schema.tables().map(Table::new).collect();
    let parked = take_in(&mut tables, &history);
    tables.iter_mut().for_each(Table::evaluate);
    reach::mark_shown(&mut tables);

    let conflicts = conflicts::open(&history, &schema, &tables);
    let mut conflict_fingerprint = Fingerprint::default();
    conflicts.iter().for_each(|conflict| conflict_fingerprint.add(conflict.hash()));

    let mut hasher = RowHasher::default();
    let name = |table: &Table<'_>| table.def.name.clone();
    Expected {
        fingerprints: tables.iter().map(|table| (name(table), table.fingerprint(&mut hasher))).collect(),
        tables: tables.iter().map(|table| (name(table), table.shown_values())).collect(),
        conflicts,
        conflict_fingerprint,
        parked,
        dangling: reach::dangling(&tables),
        miscounted: tables.iter().flat_map(Table::miscounted).collect(),
    }
}

/// The place of an op follows from the longest chain of schema changes, each known to the next.
fn schema(history: &History<'_>) -> Schema {
    let (mut schema, mut places) = (Schema::default(), OpPlaces::default());
    let mut before: Vec<(&Entry<'_>, u32)> = Vec::new();
    for entry in history.entries() {
        let known = before.iter().filter(|(other, _)| entry.follows(other));
        let depth = known.map(|(_, depth)| depth + 1).max().unwrap_or(0);
        schema.note_writes(entry.ops, entry.header.dot.author, &places.known(entry.header, entry.past()));
        if !entry.ops.iter().any(|op| matches!(op, Op::Schema(_))) {
            continue;
        }
        for (op, place) in entry.ops.iter().zip(0..) {
            if let Op::Schema(op) = op {
                let at = OpPlace { depth, by: entry.header.write_id(), place };
                places.note(at);
                schema.add(at, op);
            }
        }
        before.push((entry, depth));
    }
    schema.rejudge();
    schema
}

/// Gives each table its rows' writes; returns how many ops nobody understood.
fn take_in<'a>(tables: &mut [Table<'a>], history: &'a History<'a>) -> usize {
    let mut parked = 0;
    for entry in history.entries() {
        for op in entry.ops {
            let understood = match op {
                Op::Rows(group) => {
                    let table = tables.iter_mut().find(|table| table.id == group.table_id);
                    table.is_some_and(|table| table.take_in(group, entry))
                }
                Op::Schema(_) | Op::Member(_) | Op::Settle(_) => true,
                Op::Void => true,
                Op::Unknown { .. } => false,
            };
            parked += usize::from(!understood);
        }
    }
    parked
}
