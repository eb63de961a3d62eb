//! Which indices count, and what each is called.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::definition::IndexDef;
use crate::schema::id::{RuleId, TableId};
use crate::schema::judgement::Judgement;
use crate::schema::place::OpPlace;
use crate::schema::waiting::WaitReason;
use crate::{bounds, name};

/// Shows the indices of the tables shown, each once and under a name of its own.
pub(super) fn show(mut indices: Vec<(OpPlace, IndexDef)>, judgement: &mut Judgement) {
    indices.sort_by_key(|(at, _)| *at);
    let mut known: BTreeSet<RuleId> = BTreeSet::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut counts: BTreeMap<TableId, usize> = BTreeMap::new();
    for (at, mut index) in indices {
        if known.contains(&index.id()) {
            continue;
        }
        let what = format!("index {}", index.name);
        let place = judgement.by_id.get(&index.table_id);
        let Some(table) = place.map(|place| &judgement.tables[*place].shown) else {
            judgement.wait(at, what, WaitReason::NoTable);
            continue;
        };
        let missing = index.columns.iter().find(|column| table.column(column).is_none());
        if let Some(missing) = missing {
            let reason = WaitReason::NoColumn(missing.clone());
            judgement.wait(at, what, reason);
            continue;
        }
        let count = counts.entry(index.table_id).or_default();
        if *count == bounds::RULES {
            judgement.wait(at, what, WaitReason::TooMany(bounds::RULES));
            continue;
        }
        *count += 1;
        known.insert(index.id());
        index.table.clone_from(&table.name);
        let mut names_of = std::iter::once(index.name.clone())
            .chain((2..).map(|number| format!("{} ({number})", index.name)));
        let free = names_of.find(|name| names.insert(name::fold(name)));
        index.name = free.unwrap_or_default();
        judgement.indices.push(index);
    }
    assert_eq!(known.len(), judgement.indices.len(), "each index is shown once");
    judgement.indices.sort_by(|one, other| one.name.cmp(&other.name));
}
