//! Histories made by chance: sites write one row, hear of each other now and then, and send forms
//! that were opened earlier. Whatever the order of delivery, the row comes to the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::history::{Replica, Write, author, header, table, vector};
use super::writers::{Kind, Writer, write};
use crate::codec;
use crate::merge::{Cell, RowState, Sibling, WriteId};
use crate::op::{Action, Mode};
use crate::schema::{ColumnId, TableDef};
use crate::version::{Dot, VersionVector};

const SCHEMA: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, place TEXT DEFAULT '-', stock COUNTER DEFAULT 0,
    paid COUNTER(9,2), changed STAMP, who QUIET, note RICHTEXT, data JSON)";

const SITES: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    /// A site hears all that another holds.
    Hear(usize, usize),
    Write {
        site: usize,
        kind: Kind,
        writer: Writer,
        columns: Vec<Index>,
        time_ms: i64,
        /// What its writer had seen: all that its site held at an earlier moment, of one author less.
        form: Option<(Index, u8, u64)>,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use Kind::{Add, Delete, Edit, Empty, Fresh, Insert, Set, SetWithOwnTime, Touch};
    let kinds = [Insert, Set, Set, SetWithOwnTime, Add, Add, Fresh, Edit, Edit, Empty, Touch, Delete];
    let form = prop::option::weighted(0.3, (any::<Index>(), 1..=SITES as u8, 0u64..4));
    let columns = prop::collection::vec(any::<Index>(), 1..3);
    let writer = prop::sample::select(vec![Writer::First, Writer::Second]);
    let write = (0..SITES, prop::sample::select(kinds.to_vec()), writer, columns, 1i64..6, form).prop_map(
        |(site, kind, writer, columns, time_ms, form)| Step::Write {
            site,
            kind,
            writer,
            columns,
            time_ms,
            form,
        },
    );
    let hear = (0..SITES, 0..SITES).prop_map(|(to, from)| Step::Hear(to, from));
    prop::collection::vec(prop_oneof![3 => write, 2 => hear], 1..24)
}

/// What one site holds.
#[derive(Default)]
struct Site {
    held: Vec<Write>,
    /// What it held at each moment.
    moments: Vec<VersionVector>,
}

impl Site {
    fn vector(&self) -> VersionVector {
        vector(self.held.iter().map(|write| write.header.dot))
    }

    fn hear(&mut self, others: &[Write]) {
        for write in others {
            if !self.vector().covers(&write.header.dot) {
                self.held.push(write.clone());
            }
        }
        self.moments.push(self.vector());
    }

    fn write(&mut self, table: &TableDef, number: usize, step: &Step) {
        let Step::Write { kind, writer, columns, time_ms, form, .. } = step else { return };
        let me = number as u8 + 1;
        let held = self.vector();
        let mut header = header(me, held.seq(author(me)) + 1, *time_ms);
        header.context = held;
        header.basis = form.as_ref().filter(|_| !self.moments.is_empty()).map(|(moment, of, seq)| {
            let mut seen = moment.get(&self.moments).clone();
            if seen.seq(author(*of)) > *seq {
                seen = seen.without(&author(*of));
                seen.join(&vector((*seq > 0).then_some(Dot::new(author(*of), *seq))));
            }
            seen
        });
        // It sees what its site shows: a document is edited as it is there.
        let seen = Replica::of(table, &self.held);
        let mut fitting: Vec<_> =
            table.columns.iter().skip(1).filter(|column| Kind::of(column).contains(kind)).collect();
        let mut made: Option<Write> = None;
        for index in columns {
            if fitting.is_empty() {
                break;
            }
            let column = fitting.remove(index.index(fitting.len()));
            let what = (*kind, *writer, &writer.value(column.kind));
            let Some(one) = write((table, column), what, &seen, header.clone()) else { continue };
            match &mut made {
                Some(made) => {
                    made.group.columns.extend(one.group.columns);
                    made.group.cells.extend(one.group.cells);
                }
                None => made = Some(one),
            }
        }
        self.held.extend(made);
        self.moments.push(self.vector());
    }
}

/// All writes there are.
fn history(table: &TableDef, steps: &[Step]) -> Vec<Write> {
    let mut sites: [Site; SITES] = Default::default();
    for step in steps {
        match step {
            Step::Hear(to, from) => {
                let others = sites[*from].held.clone();
                sites[*to].hear(&others);
            }
            Step::Write { site, .. } => sites[*site].write(table, *site, step),
        }
    }
    let [mut all, rest @ ..] = sites;
    rest.iter().for_each(|site| all.hear(&site.held));
    all.held
}

/// An order in which they can arrive: nothing before what its author held.
fn some_order(writes: &[Write], choices: &[Index]) -> Vec<Write> {
    let mut left = writes.to_vec();
    let mut order: Vec<Write> = Vec::new();
    while !left.is_empty() {
        let held = vector(order.iter().map(|write| write.header.dot));
        let can_come = |write: &Write| {
            held.covers_all(&write.header.context)
                && held.seq(write.header.dot.author) + 1 == write.header.dot.seq
        };
        let ready: Vec<usize> = (0..left.len()).filter(|at| can_come(&left[*at])).collect();
        let choice = choices[order.len() % choices.len()];
        order.push(left.remove(*choice.get(&ready)));
    }
    order
}

/// The siblings: what no other write of the same thing knew.
fn siblings<T>(writes: &[(&Write, T)]) -> BTreeMap<WriteId, T>
where
    T: Clone,
{
    let known = |write: &Write| writes.iter().any(|(other, _)| other.knows(write));
    let left = writes.iter().filter(|(write, _)| !known(write));
    left.map(|(write, what)| (write.by(), what.clone())).collect()
}

fn of_register<T: Clone>(siblings: &[Sibling<T>]) -> BTreeMap<WriteId, T> {
    siblings.iter().map(|sibling| (sibling.by, sibling.value.clone())).collect()
}

/// Held against the definition, write by write.
fn check(state: &RowState, writes: &[Write]) -> Result<(), TestCaseError> {
    let life: Vec<_> = writes.iter().map(|write| (write, write.group.action != Action::Delete)).collect();
    prop_assert_eq!(of_register(state.life.siblings()), siblings(&life));
    let greatest = writes.iter().filter(|write| !writes.iter().any(|other| other.knows(write)));
    let greatest = greatest.max_by_key(|write| write.by());
    prop_assert_eq!(state.is_alive(), greatest.is_some_and(|write| write.group.action != Action::Delete));
    let mut of_cells: BTreeMap<ColumnId, (Vec<_>, i128)> = BTreeMap::new();
    for write in writes {
        for (column, value) in write.group.row(0) {
            let (set, sum) = of_cells.entry(column.id).or_default();
            match column.mode {
                Mode::Delta => *sum += crate::merge::units(value).unwrap().narrow().unwrap(),
                Mode::Counted => {}
                _ => set.push((write, ())),
            }
        }
    }
    prop_assert_eq!(state.cells.len(), of_cells.len());
    for (id, (set, sum)) in of_cells {
        let Cell { set: register, added: counted, .. } = &state.cells[&id];
        let held: Vec<WriteId> = register.siblings().iter().map(|sibling| sibling.by).collect();
        prop_assert_eq!(held, siblings(&set).into_keys().rev().collect::<Vec<_>>());
        prop_assert_eq!(counted.sum.narrow(), Some(sum));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Commutative and associative, as far as causes come before effects; and what is held in
    /// between may be written down and read back anywhere.
    #[test]
    fn a_row_is_the_same_in_any_order_and_grouping(
        steps in steps(),
        choices in prop::collection::vec(any::<Index>(), 24),
        other_choices in prop::collection::vec(any::<Index>(), 24),
        cuts in prop::collection::vec(0usize..24, 0..4),
    ) {
        let table = table(SCHEMA);
        let writes = history(&table, &steps);
        let first = Replica::of(&table, &some_order(&writes, &choices));
        check(&first.state, &writes)?;
        let mut second = Replica::default();
        for (at, write) in some_order(&writes, &other_choices).iter().enumerate() {
            second.take(&table, write);
            if cuts.contains(&at) {
                second.state = codec::decode(&codec::encode(&second.state), "row").unwrap();
            }
        }
        prop_assert_eq!(&first.state, &second.state);
        let shown = |site: &Replica| table.columns.iter().map(|column| site.shown(&table, column)).collect::<Vec<_>>();
        prop_assert_eq!(shown(&first), shown(&second));
        for is_shown in [true, false] {
            let conflicts = first.conflicts(&table, is_shown);
            prop_assert_eq!(&conflicts, &second.conflicts(&table, is_shown));
            // One name each, and at least two versions that differ (but for a row only kept).
            let ids: std::collections::BTreeSet<_> = conflicts.iter().map(|conflict| conflict.id()).collect();
            prop_assert_eq!(ids.len(), conflicts.len());
        }
    }

    /// Idempotent: of what its site has once, a transaction changes nothing the second time. The
    /// log drops it by its dot; what it sets would be harmless in any case.
    #[test]
    fn a_write_given_twice_changes_nothing(steps in steps(), choices in prop::collection::vec(any::<Index>(), 24)) {
        let table = table(SCHEMA);
        let writes = some_order(&history(&table, &steps), &choices);
        let mut state = RowState::default();
        for write in &writes {
            let basis = write.basis();
            for time in 0..2 {
                let cells = write.group.row(0).filter(|(column, _)| time == 0 || column.mode != Mode::Delta);
                let cells = cells.map(|(column, value)| (column.id, column.mode, value));
                let before = state.clone();
                state.apply(write.group.action, cells, write.by(), &basis);
                prop_assert!(time == 0 || state == before);
            }
        }
    }

    /// Who writes knowing all ends all conflicts, whatever the clocks say.
    #[test]
    fn an_informed_write_ends_every_conflict_of_what_it_writes(steps in steps()) {
        let table = table(SCHEMA);
        let writes = history(&table, &steps);
        let mut site = Replica::of(&table, &writes);
        let mut last = header(9, 1, -1000);
        last.context = vector(writes.iter().map(|write| write.header.dot));
        let column = table.column("name").unwrap();
        let what = (Kind::Set, Writer::First, &Writer::First.value(column.kind));
        let last = write((&table, column), what, &site, last).unwrap();
        site.take(&table, &last);
        prop_assert!(site.state.life.is_just(&last.by()));
        prop_assert!(site.state.cells[&column.id()].set.is_just(&last.by()));
        prop_assert_eq!(site.shown(&table, column), Writer::First.value(column.kind));
        prop_assert!(site.conflicts(&table, true).iter().all(|one| one.columns != ["name"] && !one.columns.is_empty()));
    }
}
