//! Every order in which schema changes made apart can arrive: what they come to is the same at the end
//! of each.

use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, OpPlaces, Schema};
use tandem_protocol::transaction::Transaction;

use crate::reference::history::{Entry, History};

/// One author's schema change, with the rows that its author wrote until its next one.
type Unit<'a> = Vec<&'a Entry<'a>>;

/// A schema on its way.
#[derive(Clone)]
struct Grown {
    schema: Schema,
    places: OpPlaces,
}

impl Grown {
    /// Takes in a transaction, as a site does that receives it now.
    fn take(&mut self, entry: &Entry<'_>) {
        let known = self.places.known(entry.header, entry.past());
        self.schema.note_writes(entry.ops, entry.header.dot.author, &known);
        for (op, place) in entry.ops.iter().zip(0..) {
            if let Op::Schema(op) = op {
                let at = self.places.of(entry.header, entry.past(), place);
                self.places.note(at);
                self.schema.add(at, op);
            }
        }
    }
}

/// Walks through all orders that causes before effects allow, the `common` transactions first. How many
/// there are.
pub fn all(transactions: &[Transaction], common: u64, judge: Judge) -> Result<usize, String> {
    let history = History::of(transactions);
    let mut grown = Grown { schema: Schema::new(judge), places: OpPlaces::default() };
    let mut units: Vec<Vec<Unit<'_>>> = Vec::new();
    for entry in history.entries() {
        if entry.past().transactions() < common {
            grown.take(entry);
            continue;
        }
        let author = entry.header.dot.author;
        let of_author = |units: &&mut Vec<Unit<'_>>| units[0][0].header.dot.author == author;
        let changes = entry.ops.iter().any(|op| matches!(op, Op::Schema(_)));
        match units.iter_mut().find(of_author) {
            Some(units) if changes => units.push(vec![entry]),
            Some(units) => units.iter_mut().last().into_iter().for_each(|unit| unit.push(entry)),
            None => units.push(vec![vec![entry]]),
        }
    }
    grown.schema.rejudge();
    let mut walk = Walk { units, first: None, orders: 0 };
    walk.on(&grown, &vec![0; walk.units.len()])?;
    Ok(walk.orders)
}

struct Walk<'a> {
    units: Vec<Vec<Unit<'a>>>,
    first: Option<Schema>,
    orders: usize,
}

impl Walk<'_> {
    /// Goes on in all ways from where so many units of each author are in.
    fn on(&mut self, grown: &Grown, taken: &[usize]) -> Result<(), String> {
        let mut ends = true;
        for author in 0..self.units.len() {
            let Some(unit) = self.units[author].get(taken[author]) else { continue };
            ends = false;
            let waits = (0..self.units.len()).any(|other| {
                let mut missing = self.units[other][taken[other]..].iter().flatten();
                other != author && missing.any(|missing| unit.iter().any(|entry| entry.follows(missing)))
            });
            if waits {
                continue;
            }
            let mut grown = grown.clone();
            unit.iter().for_each(|entry| grown.take(entry));
            grown.schema.rejudge();
            let mut taken = taken.to_vec();
            taken[author] += 1;
            self.on(&grown, &taken)?;
        }
        if !ends {
            return Ok(());
        }
        self.orders += 1;
        let schema = &grown.schema;
        let Some(first) = &self.first else {
            self.first = Some(schema.clone());
            return Ok(());
        };
        let told = |schema: &Schema| format!("{:?}\n{:?}", schema.waiting(), schema.conflicts());
        if first.fingerprint() != schema.fingerprint() || told(first) != told(schema) {
            return Err(format!(
                "two orders of arrival come to two schemas:\n{}\n{}\nand\n{}\n{}",
                first.fingerprint(),
                told(first),
                schema.fingerprint(),
                told(schema)
            ));
        }
        Ok(())
    }
}
