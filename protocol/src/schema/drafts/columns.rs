//! Which definition of each column is shown.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::choice::Choices;
use super::draft::Draft;
use crate::merge::WriteId;
use crate::schema::definition::ColumnDef;
use crate::schema::judgement::Judgement;
use crate::schema::place::OpPlace;
use crate::schema::table::{Declared, Table};
use crate::schema::waiting::WaitReason;
use crate::schema::writers::Writers;
use crate::{bounds, name};

/// A column that is to be shown, and what decides whether there is room for it, and where.
struct ShownColumn<'a> {
    /// How many authors wrote by it; beyond all number in the key, without which there is no row.
    writers: usize,
    /// Where the first definition of its name that can be shown stands.
    at: OpPlace,
    index: usize,
    column: &'a ColumnDef,
}

/// Shows one definition of each column's name.
pub(super) fn show(draft: &mut Draft, choices: &Choices, writers: &Writers, judgement: &mut Judgement) {
    draft.table.declare(std::mem::take(&mut draft.columns));
    let table = &draft.table;
    let mut named: BTreeMap<String, Vec<&Declared>> = BTreeMap::new();
    for declared in &table.columns {
        named.entry(name::fold(&declared.what.name)).or_default().push(declared);
    }
    let mut shown: Vec<ShownColumn<'_>> = Vec::new();
    for (folded, definitions) in &named {
        shown.extend(pick(table, folded, definitions, choices, writers));
        if definitions.len() > 1 {
            judgement.contended = true;
            let chosen = choices.of_column(table.id(), folded);
            let ids = || definitions.iter().map(|declared| declared.id);
            if !chosen.is_some_and(|chosen| chosen.settles(ids())) {
                let versions =
                    definitions.iter().map(|declared| (declared.at.by, declared.what.definition()));
                judgement.list(&table.shown.name, vec![folded.clone()], versions);
            }
        }
    }
    if shown.len() > bounds::COLUMNS {
        judgement.contended = true;
        shown.sort_by_key(|one| (Reverse(one.writers), one.at, one.index));
        for ShownColumn { at, column, .. } in shown.split_off(bounds::COLUMNS) {
            let what = format!("column {}.{}", table.shown.name, column.name);
            judgement.wait(at, what, WaitReason::TooMany(bounds::COLUMNS));
        }
    }
    shown.sort_by_key(|one| (one.at, one.index));
    let columns: Vec<ColumnDef> = shown.into_iter().map(|one| one.column.clone()).collect();
    let spelled = |key: &String| columns.iter().find(|column| name::same(&column.name, key));
    let key: Vec<String> = draft.key.iter().filter_map(spelled).map(|column| column.name.clone()).collect();
    assert_eq!(key.len(), draft.key.len(), "every column of the key is shown");
    (draft.table.shown.key, draft.table.shown.columns) = (key, columns);
}

/// The definition of a name that is shown: the one chosen, or the one by which most authors wrote, not
/// knowing the others; the first of those. None where none can be.
fn pick<'a>(
    table: &Table,
    folded: &str,
    definitions: &[&'a Declared],
    choices: &Choices,
    writers: &Writers,
) -> Option<ShownColumn<'a>> {
    let rank = |declared: &&Declared| {
        let others = definitions.iter().filter(|other| other.id != declared.id);
        let rivals: Vec<WriteId> = others.flat_map(|other| other.by.iter().copied()).collect();
        (Reverse(writers.of(&declared.id.0, &rivals)), declared.at, declared.index)
    };
    let chosen = choices.of_column(table.id(), folded);
    let is_chosen = |declared: &&Declared| chosen.is_some_and(|chosen| chosen.shown == declared.id);
    let may_show = || definitions.iter().copied().filter(|declared| table.may_show(&declared.what));
    let picked = may_show().find(is_chosen).or_else(|| may_show().min_by_key(rank))?;
    let first = may_show().next()?;
    let is_key = table.key.iter().any(|(key, _)| key == folded);
    let writers = if is_key { usize::MAX } else { writers.of(&picked.id.0, &[]) };
    Some(ShownColumn { writers, at: first.at, index: first.index, column: &picked.what })
}
