//! Which references count: those whose columns, and what they refer to, are in force.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::bounds;
use crate::name;
use crate::schema::definition::TableDef;
use crate::schema::id::TableId;
use crate::schema::judgement::Judgement;
use crate::schema::reference::{Reference, ReferenceDeclaration, ReferringColumn};
use crate::schema::waiting::WaitReason;

/// What is referred to: by table, all of it that is shown and holds.
pub(super) struct Targets(BTreeMap<TableId, TableDef>);

impl Targets {
    /// Of tables whose keys and UNIQUEs are shown.
    pub fn of(drafts: &[Draft]) -> Self {
        let references = drafts.iter().flat_map(|draft| &draft.references);
        let referred: BTreeSet<TableId> = references.map(|(_, reference)| reference.table_id).collect();
        let targets = drafts.iter().filter(|draft| referred.contains(&draft.id()));
        Self(targets.map(|draft| (draft.id(), draft.table.shown.clone())).collect())
    }
}

/// Shows the references of a table: in order of declaration, each once.
pub(super) fn show(draft: &mut Draft, targets: &Targets, judgement: &mut Judgement) {
    let shown = &mut draft.table.shown;
    draft.references.sort_by_key(|(at, _)| *at);
    for (at, declared) in std::mem::take(&mut draft.references) {
        let id = declared.id(shown.id);
        let reason = match shown.references.iter().find(|known| known.id == id) {
            Some(known) if known.on_delete == declared.on_delete => continue,
            Some(_) => WaitReason::OtherAction,
            None => match resolve(shown, &declared, targets) {
                Ok(_) if shown.references.len() == bounds::RULES => WaitReason::TooMany(bounds::RULES),
                Ok(reference) => {
                    shown.references.push(reference);
                    continue;
                }
                Err(reason) => reason,
            },
        };
        judgement.wait(at, declared.told(&shown.name), reason);
    }
}

/// The reference as it is shown, or what is missing.
fn resolve(
    table: &TableDef,
    declared: &ReferenceDeclaration,
    targets: &Targets,
) -> Result<Reference, WaitReason> {
    let target = targets.0.get(&declared.table_id).ok_or(WaitReason::NoTable)?;
    for ReferringColumn { name, kind, target: to, target_kind } in &declared.columns {
        for (table, name, kind) in [(table, name, kind), (target, to, target_kind)] {
            if table.column(name).is_none_or(|column| column.kind != *kind) {
                return Err(WaitReason::NoColumn(format!("{}.{name}", table.name)));
            }
        }
    }
    let to: Vec<&String> = declared.columns.iter().map(|column| &column.target).collect();
    let is_it = |columns: &[String]| {
        columns.len() == to.len() && to.iter().all(|name| columns.iter().any(|one| name::same(one, name)))
    };
    let is_to_key = is_it(&target.key);
    let unique = || target.uniques.iter().map(|unique| &unique.columns).find(|columns| is_it(columns));
    let targets = if is_to_key { Some(&target.key) } else { unique() };
    let targets = targets.ok_or_else(|| {
        let names: Vec<&str> = to.iter().map(|name| name.as_str()).collect();
        WaitReason::NotUnique(names.join(", "))
    })?;
    let referring = |name: &String| {
        let column = declared.columns.iter().find(|column| name::same(&column.target, name))?;
        table.column(&column.name).map(|column| column.name.clone())
    };
    let columns: Vec<String> = targets.iter().filter_map(referring).collect();
    assert_eq!(columns.len(), targets.len(), "each column referred to has one that refers to it");
    Ok(Reference {
        id: declared.id(table.id),
        columns,
        table: target.name.clone(),
        table_id: target.id,
        targets: targets.clone(),
        is_to_key,
        on_delete: declared.on_delete,
    })
}
