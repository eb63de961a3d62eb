//! The set of all schema ops of a space, and what it comes to.

use std::collections::BTreeMap;

use super::definition::{IndexDef, TableDef};
use super::drafts;
use super::expression::Judge;
use super::id::TableId;
use super::judgement::Judgement;
use super::named_query::NamedQuery;
use super::op::{SchemaOp, VoidReason};
use super::place::{KnownSchema, OpPlace};
use super::table::Table;
use super::table_order::TableOrder;
use super::waiting::Waiting;
use super::writers::Writers;
use crate::bounds;
use crate::codec;
use crate::conflict::Conflict;
use crate::fingerprint::{Fingerprint, RowHash};
use crate::identity::Author;
use crate::merge::WriteId;
use crate::name;
use crate::op::Op;
use crate::version::Dot;

/// All schema ops of a space. [`Schema::add`] takes them in, in any order; [`Schema::rejudge`] says
/// what all of them come to, and everything else tells of that.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Schema {
    judge: Judge,
    ops: BTreeMap<OpPlace, SchemaOp>,
    void: BTreeMap<OpPlace, VoidReason>,
    writers: Writers,
    /// Whether ops or writers came since the last judgement.
    unjudged: bool,
    judgement: Judgement,
}

impl Schema {
    /// The empty schema of a program that knows so much.
    pub fn new(judge: Judge) -> Self {
        Self { judge, ..Self::default() }
    }

    /// Whether there is an op at that place, whatever its verdict.
    pub fn holds(&self, at: OpPlace) -> bool {
        self.ops.contains_key(&at) || self.void.contains_key(&at)
    }

    /// Takes in one op at its place; one that is there already changes nothing.
    pub fn add(&mut self, at: OpPlace, op: &SchemaOp) {
        if self.holds(at) {
            return;
        }
        let room = usize::try_from(at.place).is_ok_and(|place| place < bounds::SCHEMA_OPS);
        let verdict = if room { op.check(self.judge) } else { Err(VoidReason::TooMany) };
        match verdict {
            Ok(()) => {
                self.ops.insert(at, op.clone());
                self.unjudged = true;
            }
            Err(reason) => {
                self.void.insert(at, reason);
            }
        }
    }

    /// The ids of the tables and columns by whose definitions a transaction writes rows; of one that
    /// names more than a bound, the first.
    pub fn definitions_of(ops: &[Op]) -> impl Iterator<Item = [u8; 16]> {
        let of_group = |op: &Op| match op {
            Op::Rows(group) => {
                let columns: Vec<[u8; 16]> = group.columns.iter().map(|column| column.id.0).collect();
                Some(std::iter::once(group.table_id.0).chain(columns))
            }
            _ => None,
        };
        ops.iter().filter_map(of_group).flatten().take(bounds::SCHEMA_OPS)
    }

    /// Takes note of the rows that a transaction of `author` writes, who knew these schema changes.
    pub fn note_writes(&mut self, ops: &[Op], author: Author, known: &KnownSchema) {
        Self::definitions_of(ops).for_each(|id| self.note_writer(id, author, known));
    }

    /// Takes note that `author` wrote rows by a definition. Its first time counts.
    pub fn note_writer(&mut self, id: [u8; 16], author: Author, known: &KnownSchema) {
        if self.writers.note(id, author, known) {
            // What is not contended stays as it is, whoever writes by it.
            self.unjudged |= self.judgement.contended;
        }
    }

    /// All that is known of who wrote by which definitions.
    pub fn writers(&self) -> impl Iterator<Item = ([u8; 16], Author, &KnownSchema)> {
        self.writers.iter()
    }

    /// Whether `author` is known to have written rows by a definition.
    pub fn is_writer(&self, id: &[u8; 16], author: &Author) -> bool {
        self.writers.includes(id, author)
    }

    /// Says what all ops come to. Returns whether that changed.
    pub fn rejudge(&mut self) -> bool {
        if !std::mem::take(&mut self.unjudged) {
            return false;
        }
        let judgement = drafts::judgement_of(&self.ops, &self.writers, self.judge);
        let changed = judgement != self.judgement;
        self.judgement = judgement;
        changed
    }

    /// Takes in ops as if the next transaction of somebody who knows all held them.
    pub fn add_next(&mut self, ops: &[SchemaOp]) {
        let last = self.ops.keys().chain(self.void.keys()).max();
        let depth = last.map_or(0, |at| at.depth.saturating_add(1));
        let by = WriteId::new(i64::MAX, Dot::new(Author([0xff; 32]), u64::MAX));
        for (op, place) in ops.iter().zip(0..) {
            self.add(OpPlace { depth, by, place }, op);
        }
    }

    /// Whether something came in that [`Schema::rejudge`] has not looked at.
    pub fn is_unjudged(&self) -> bool {
        self.unjudged
    }

    /// The program that judges.
    pub fn judge(&self) -> Judge {
        self.judge
    }

    /// The tables shown, by ascending name.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.judgement.tables.iter()
    }

    /// The tables shown, by ascending name, but none before those that it refers to. Those that refer to each
    /// other in a circle stand together.
    pub fn parents_first(&self) -> Vec<&TableDef> {
        let tables: Vec<&TableDef> = self.tables().map(|table| &table.shown).collect();
        let order = TableOrder::of_tables(&tables);
        let mut placed: Vec<usize> = (0..tables.len()).collect();
        placed.sort_by_key(|table| order.place(*table));
        placed.into_iter().map(|table| tables[table]).collect()
    }

    /// Names declared in several ways that nobody has settled.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.judgement.conflicts
    }

    /// What needs something that is not there yet, in order of declaration.
    pub fn waiting(&self) -> &[Waiting] {
        &self.judgement.waiting
    }

    /// What has no effect for ever, and why.
    pub fn void(&self) -> impl Iterator<Item = (&OpPlace, &VoidReason)> {
        self.void.iter()
    }

    /// The ids of all tables declared under that name, in the order of the conflict's versions.
    pub fn tables_named(&self, name: &str) -> Vec<TableId> {
        let folded = name::fold(name);
        self.judgement.named.get(&folded).cloned().unwrap_or_default()
    }

    /// The table shown under that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables().find(|table| name::same(&table.shown.name, name))
    }

    /// The table of that id.
    pub fn table_by_id(&self, id: TableId) -> Option<&Table> {
        self.judgement.by_id.get(&id).map(|at| &self.judgement.tables[*at])
    }

    /// The indices shown, by ascending name.
    pub fn indices(&self) -> impl Iterator<Item = &IndexDef> {
        self.judgement.indices.iter()
    }

    /// The queries under a name, by ascending name.
    pub fn queries(&self) -> impl Iterator<Item = &NamedQuery> {
        self.judgement.queries.iter()
    }

    /// One number for all of it: what is shown, what waits and what is void. Equal on two sites of
    /// one version that hold the same.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut all = Fingerprint::default();
        let mut add = |what: &str, bytes: Vec<u8>| {
            all.add(RowHash::of_bytes(&[what.as_bytes(), &bytes].concat()));
        };
        self.void.values().for_each(|reason| add("void", codec::encode(&reason.to_string())));
        for waiting in self.waiting() {
            let op = self.ops.get(&waiting.at);
            add("waiting", codec::encode(&(op, &waiting.what, waiting.reason.to_string())));
        }
        for table in self.tables() {
            let def = &table.shown;
            let columns: Vec<_> = def.columns.iter().map(|column| (&column.name, column)).collect();
            let rules: Vec<_> = def.uniques.iter().map(|unique| (unique.id, &unique.columns)).collect();
            let checks: Vec<_> = def.checks.iter().map(|check| &check.sql).collect();
            add("table", codec::encode(&(table.id(), &def.name, columns, rules, checks, &def.references)));
        }
        self.indices().for_each(|index| add("index", codec::encode(index)));
        self.queries().for_each(|query| add("query", codec::encode(query)));
        all
    }
}
