//! What the schema ops of a log come to, said by brute force over the set of all transactions: who
//! knew what is looked up pair by pair, names are compared by a rule of their own, and nothing is kept
//! between two looks. It shares the types of the ops with the schema, and none of its judgement.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use tandem_protocol::bounds;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{
    ColumnDef, ColumnId, ColumnType, DefaultValue, OnDelete, ReferenceDeclaration, Schema, SchemaOp,
    TableDeclaration, TableDef, TableId,
};
use tandem_protocol::transaction::Transaction;

use super::names::one_spelling;
use crate::reference::history::{Entry, History};

/// A table as it must be shown.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Told {
    /// Its name, if it is called as it was declared; one of several of a name is.
    plain: Option<String>,
    key: Vec<String>,
    columns: Vec<String>,
    checks: BTreeSet<String>,
    uniques: BTreeSet<Vec<String>>,
    references: BTreeSet<String>,
    indices: BTreeSet<Vec<String>>,
}

impl Told {
    /// How many of its rules hold these words.
    pub fn checks_with(&self, words: &str) -> usize {
        self.checks.iter().filter(|check| check.contains(words)).count()
    }
}

/// Where an op stands: longest chain of changes known to each other, time, author and number, place.
type At = (usize, i64, [u8; 32], u64, usize);

/// A schema op, and where it stands.
pub(super) struct Declared<'a> {
    at: At,
    entry: &'a Entry<'a>,
    pub op: &'a SchemaOp,
}

/// One definition of a column, by all who declare it.
struct Definition<'a> {
    /// The first place at which it stands, and where in its op.
    first: (At, usize),
    by: Vec<&'a Entry<'a>>,
    def: ColumnDef,
}

/// What each table must be.
pub fn expected(transactions: &[Transaction]) -> BTreeMap<TableId, Told> {
    let history = History::of(transactions);
    let ops = ops(&history);
    let tables = tables(&ops, &history);
    let mut shown_columns: BTreeMap<TableId, BTreeMap<String, ColumnType>> = BTreeMap::new();
    let mut all: BTreeMap<TableId, Told> = BTreeMap::new();
    for table in &tables {
        // Called by its name is the one that most wrote by who knew no other; then the first.
        let rivals = || tables.iter().filter(|other| other.name == table.name);
        let rank = |one: &Table<'_>| {
            let others: Vec<&Entry<'_>> = rivals()
                .filter(|other| other.id != one.id)
                .flat_map(|other| other.by.iter().copied())
                .collect();
            (Reverse(writers(&history, one.id.0, &others)), one.first)
        };
        let is_first = rivals().map(rank).min() == Some(rank(table));
        let mut told = Told {
            plain: is_first.then(|| table.name.clone()),
            key: table.key.iter().map(|(name, kind)| format!("{name} {kind}")).collect(),
            ..Told::default()
        };
        let columns = columns(table, &ops, &history);
        told.columns = columns.iter().map(column_told).collect();
        rules(table.id, &columns, &ops, &mut told);
        all.insert(table.id, told);
        let kinds = columns.iter().map(|column| (one_spelling(&column.name), column.kind));
        shown_columns.insert(table.id, kinds.collect());
    }
    let unique: BTreeMap<TableId, BTreeSet<Vec<String>>> = tables
        .iter()
        .map(|table| {
            let key: Vec<String> = table.key.iter().map(|(name, _)| name.clone()).collect();
            (table.id, all[&table.id].uniques.iter().cloned().chain([set_of(&key)]).collect())
        })
        .collect();
    for (id, told) in &mut all {
        told.references = references(*id, &shown_columns, &unique, &ops);
    }
    all
}

/// What a site shows.
pub fn shown(schema: &Schema) -> BTreeMap<TableId, Told> {
    let told = |def: &TableDef| Told {
        plain: Some(one_spelling(&def.name)),
        key: def
            .key
            .iter()
            .filter_map(|name| Some(format!("{} {}", one_spelling(name), def.column(name)?.kind)))
            .collect(),
        columns: def.columns.iter().map(column_told).collect(),
        checks: def.checks.iter().map(|check| format!("{:?}", check.expression)).collect(),
        uniques: def.uniques.iter().map(|unique| set_of(&unique.columns)).collect(),
        references: def
            .references
            .iter()
            .map(|one| {
                let pairs = one.columns.iter().zip(&one.targets);
                reference_told(pairs.map(|(own, to)| (&**own, &**to)), one.table_id, one.on_delete)
            })
            .collect(),
        indices: schema
            .indices()
            .filter(|index| index.table_id == def.id)
            .map(|index| index.columns.iter().map(|name| one_spelling(name)).collect())
            .collect(),
    };
    schema.tables().map(|table| (table.id(), told(&table.shown))).collect()
}

/// In what the two differ, if in anything.
pub fn difference(expected: &BTreeMap<TableId, Told>, shown: &BTreeMap<TableId, Told>) -> Option<String> {
    let ids: BTreeSet<&TableId> = expected.keys().chain(shown.keys()).collect();
    for id in ids {
        let (Some(expected), Some(shown)) = (expected.get(id), shown.get(id)) else {
            return Some(format!("must be {:?}, is {:?}", expected.get(id), shown.get(id)));
        };
        // One that is not called as it was declared is called somehow.
        let plain = expected.plain.clone().or_else(|| shown.plain.clone());
        let expected = Told { plain, ..expected.clone() };
        if expected != *shown {
            return Some(format!("must be {expected:?}\nis      {shown:?}"));
        }
    }
    None
}

/// All schema ops, in order.
pub(super) fn ops<'a>(history: &'a History<'a>) -> Vec<Declared<'a>> {
    let changes: Vec<&Entry<'_>> = history
        .entries()
        .iter()
        .filter(|entry| entry.ops.iter().any(|op| matches!(op, Op::Schema(_))))
        .collect();
    let mut depths: Vec<usize> = Vec::new();
    let mut ops = Vec::new();
    for (number, entry) in changes.iter().enumerate() {
        let known = (0..number).filter(|before| entry.follows(changes[*before]));
        let depth = known.map(|before| depths[before] + 1).max().unwrap_or(0);
        depths.push(depth);
        let (dot, time) = (entry.header.dot, entry.header.time_ms);
        for (place, op) in entry.ops.iter().enumerate() {
            if let Op::Schema(op) = op {
                ops.push(Declared { at: (depth, time, dot.author.0, dot.seq, place), entry, op });
            }
        }
    }
    ops.sort_by_key(|declared| declared.at);
    ops
}

/// How many authors wrote by a definition when they knew none of these.
fn writers(history: &History<'_>, id: [u8; 16], rivals: &[&Entry<'_>]) -> usize {
    let mut first: BTreeMap<[u8; 32], &Entry<'_>> = BTreeMap::new();
    for entry in history.entries() {
        let by_it = entry.ops.iter().any(|op| match op {
            Op::Rows(group) => group.table_id.0 == id || group.columns.iter().any(|column| column.id.0 == id),
            _ => false,
        });
        let before = first.get(&entry.header.dot.author.0).map_or(u64::MAX, |entry| entry.header.dot.seq);
        if by_it && entry.header.dot.seq < before {
            first.insert(entry.header.dot.author.0, entry);
        }
    }
    first.values().filter(|entry| !rivals.iter().any(|rival| entry.follows(rival))).count()
}

struct Table<'a> {
    id: TableId,
    first: At,
    by: Vec<&'a Entry<'a>>,
    name: String,
    key: Vec<(String, ColumnType)>,
}

fn tables<'a>(ops: &[Declared<'a>], history: &History<'_>) -> Vec<Table<'a>> {
    let mut tables: Vec<Table<'_>> = Vec::new();
    for declared in ops {
        let SchemaOp::CreateTable(table) = declared.op else { continue };
        let kind = |name: &String| Some((one_spelling(name), table.column(name)?.kind));
        let key: Vec<_> = table.key.iter().filter_map(kind).collect();
        let name = one_spelling(&table.name);
        match tables.iter_mut().find(|known| known.name == name && known.key == key) {
            Some(known) => known.by.push(declared.entry),
            None => {
                tables.push(Table {
                    id: table.id(),
                    first: declared.at,
                    by: vec![declared.entry],
                    name,
                    key,
                });
            }
        }
    }
    tables.sort_by_key(|table| (Reverse(writers(history, table.id.0, &[])), table.first));
    tables.truncate(bounds::TABLES);
    tables
}

/// The columns a table shows, in order.
fn columns(table: &Table<'_>, ops: &[Declared<'_>], history: &History<'_>) -> Vec<ColumnDef> {
    let mut definitions: BTreeMap<String, Vec<Definition<'_>>> = BTreeMap::new();
    for declared in ops {
        let columns: Vec<&ColumnDef> = match declared.op {
            SchemaOp::CreateTable(own) if own.id() == table.id => own.columns.iter().collect(),
            SchemaOp::AddColumn { table_id, column, .. } if *table_id == table.id => vec![column],
            _ => continue,
        };
        for (index, column) in columns.into_iter().enumerate() {
            let known = definitions.entry(one_spelling(&column.name)).or_default();
            let same = |other: &&mut Definition<'_>| {
                other.def.kind == column.kind && other.def.default == column.default
            };
            match known.iter_mut().find(same) {
                // What any of them demands is demanded.
                Some(same) => {
                    same.by.push(declared.entry);
                    same.def.not_null |= column.not_null;
                }
                None => known.push(Definition {
                    first: (declared.at, index),
                    by: vec![declared.entry],
                    def: column.clone(),
                }),
            }
        }
    }
    let mut shown = Vec::new();
    for (name, definitions) in &definitions {
        let key = table.key.iter().find(|(key, _)| key == name);
        let fit = || definitions.iter().filter(|one| key.is_none_or(|(_, kind)| *kind == one.def.kind));
        let rank = |one: &&Definition<'_>| {
            let others = definitions.iter().filter(|other| other.first != one.first);
            let rivals: Vec<&Entry<'_>> = others.flat_map(|other| other.by.iter().copied()).collect();
            (Reverse(writers(history, one.def.id().0, &rivals)), one.first)
        };
        if let (Some(picked), Some(first)) = (fit().min_by_key(rank), fit().min_by_key(|one| one.first)) {
            let written = if key.is_some() { usize::MAX } else { writers(history, picked.def.id().0, &[]) };
            shown.push((Reverse(written), first.first, &picked.def));
        }
    }
    shown.sort_by_key(|(written, first, _)| (*written, *first));
    shown.truncate(bounds::COLUMNS);
    shown.sort_by_key(|(_, first, _)| *first);
    let is_key = |column: &ColumnDef| table.key.iter().any(|(key, _)| *key == one_spelling(&column.name));
    let demanded = |column: &ColumnDef| is_key(column) || may_be_demanded(table.id, column, ops);
    let judged =
        |column: &ColumnDef| ColumnDef { not_null: column.not_null && demanded(column), ..column.clone() };
    shown.into_iter().map(|(.., column)| judged(column)).collect()
}

/// Whether a column may be `NOT NULL`: who leaves it out gets something else, or nobody knows the table
/// without it.
fn may_be_demanded(table: TableId, column: &ColumnDef, ops: &[Declared<'_>]) -> bool {
    let fills_itself =
        column.default != DefaultValue::None || matches!(column.kind, ColumnType::Counter { .. });
    let has_it = |own: &TableDeclaration| {
        own.columns.iter().any(|other| one_spelling(&other.name) == one_spelling(&column.name))
    };
    fills_itself
        || ops.iter().all(|declared| match declared.op {
            SchemaOp::CreateTable(own) => own.id() != table || has_it(own),
            _ => true,
        })
}

/// What its rules and indices must be: of each kind the first ones that its columns allow.
fn rules(table: TableId, columns: &[ColumnDef], ops: &[Declared<'_>], told: &mut Told) {
    let ids: BTreeSet<ColumnId> = columns.iter().map(ColumnDef::id).collect();
    let names: BTreeSet<String> = columns.iter().map(|column| one_spelling(&column.name)).collect();
    let there = |listed: &[String]| listed.iter().all(|name| names.contains(&one_spelling(name)));
    for declared in ops {
        let (checks, uniques) = match declared.op {
            SchemaOp::CreateTable(own) if own.id() == table => (own.checks.clone(), own.uniques.clone()),
            SchemaOp::AddCheck { table_id, check, .. } if *table_id == table => (vec![check.clone()], vec![]),
            SchemaOp::AddUnique { table_id, columns, .. } if *table_id == table => {
                (vec![], vec![columns.clone()])
            }
            SchemaOp::CreateIndex(index) if index.table_id == table && there(&index.columns) => {
                let listed = index.columns.iter().map(|name| one_spelling(name)).collect();
                if told.indices.len() < bounds::RULES {
                    told.indices.insert(listed);
                }
                continue;
            }
            _ => continue,
        };
        for check in checks.iter().filter(|check| check.columns().all(|id| ids.contains(&id))) {
            if told.checks.len() < bounds::RULES {
                told.checks.insert(format!("{check:?}"));
            }
        }
        for unique in uniques.iter().filter(|unique| there(unique)) {
            if told.uniques.len() < bounds::RULES {
                told.uniques.insert(set_of(unique));
            }
        }
    }
}

fn set_of(columns: &[String]) -> Vec<String> {
    columns.iter().map(|name| one_spelling(name)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the rows of a table must refer to: of each pair of lists of columns the first that both tables have,
/// so typed, and by which the other tells its rows.
fn references(
    table: TableId,
    columns: &BTreeMap<TableId, BTreeMap<String, ColumnType>>,
    unique: &BTreeMap<TableId, BTreeSet<Vec<String>>>,
    ops: &[Declared<'_>],
) -> BTreeSet<String> {
    let has = |table: TableId, name: &str, kind: ColumnType| {
        columns.get(&table).and_then(|columns| columns.get(&one_spelling(name))) == Some(&kind)
    };
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for declared in ops {
        let all: Vec<&ReferenceDeclaration> = match declared.op {
            SchemaOp::CreateTable(own) if own.id() == table => own.references.iter().collect(),
            SchemaOp::AddReference { of_id, reference, .. } if *of_id == table => vec![reference],
            _ => continue,
        };
        for one in all {
            let targets: Vec<String> = one.columns.iter().map(|column| column.target.clone()).collect();
            let counts = unique.get(&one.table_id).is_some_and(|sets| sets.contains(&set_of(&targets)))
                && one.columns.iter().all(|column| {
                    has(table, &column.name, column.kind)
                        && has(one.table_id, &column.target, column.target_kind)
                });
            let pairs = || one.columns.iter().map(|column| (&*column.name, &*column.target));
            let same = reference_told(pairs(), one.table_id, OnDelete::Restrict);
            if counts && known.len() < bounds::RULES {
                known.entry(same).or_insert_with(|| reference_told(pairs(), one.table_id, one.on_delete));
            }
        }
    }
    known.into_values().collect()
}

fn reference_told<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    table: TableId,
    on_delete: OnDelete,
) -> String {
    let mut pairs: Vec<String> =
        pairs.map(|(own, to)| format!("{} to {}", one_spelling(own), one_spelling(to))).collect();
    pairs.sort();
    format!("{} of {table} {on_delete:?}", pairs.join(", "))
}

fn column_told(column: &ColumnDef) -> String {
    format!("{} {:?} {:?} {}", one_spelling(&column.name), column.kind, column.default, column.not_null)
}
