//! Works out what a set of schema ops comes to: which of them count, which wait and for what, and what
//! is shown under which name. A pure function of the set; no order of arrival, no answer of SQLite.
//!
//! ```text
//! ops ──► a draft of each table, choices, indices    declarations.rs, draft.rs, choice.rs
//!     ──► a name for each table                      names.rs
//!     ──► one definition for each column             columns.rs
//!     ──► rules                                      rules.rs
//!     ──► references, to keys and UNIQUEs in force   references.rs
//!     ──► indices                                    indices.rs
//!     ──► queries under a name                       queries.rs
//!     ──► Judgement
//! ```

mod draft;
mod choice;
mod declarations;
mod names;
mod columns;
mod rules;
mod references;
mod indices;
mod queries;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::expression::Judge;
use super::judgement::Judgement;
use super::op::SchemaOp;
use super::place::OpPlace;
use super::waiting::WaitReason;
use super::writers::Writers;
use crate::bounds;
use declarations::Declarations;
use draft::Draft;
use references::Targets;

/// Judges the set.
pub(super) fn judgement_of(ops: &BTreeMap<OpPlace, SchemaOp>, writers: &Writers, judge: Judge) -> Judgement {
    let mut judgement = Judgement::default();
    let Declarations { drafts, indices, choices } = Declarations::of(ops, &mut judgement);
    let mut drafts = within_bound(drafts.into_values().collect(), writers, &mut judgement);
    names::show(&mut drafts, &choices, writers, &mut judgement);
    for draft in &mut drafts {
        columns::show(draft, &choices, writers, &mut judgement);
    }
    for draft in &mut drafts {
        rules::show_not_nulls(draft, &mut judgement);
        rules::show_checks(draft, judge, &mut judgement);
        rules::show_uniques(draft, &mut judgement);
        rules::list_unknown_defaults(draft, judge, &mut judgement);
    }
    let targets = Targets::of(&drafts);
    for draft in &mut drafts {
        references::show(draft, &targets, &mut judgement);
    }
    drafts.sort_by(|one, other| one.table.shown.name.cmp(&other.table.shown.name));
    judgement.tables = drafts.into_iter().map(|draft| draft.table).collect();
    let places = judgement.tables.iter().enumerate();
    judgement.by_id = places.map(|(at, table)| (table.id(), at)).collect();
    assert_eq!(judgement.by_id.len(), judgement.tables.len(), "each table has an id of its own");
    indices::show(indices, &mut judgement);
    queries::show(ops, &mut judgement);
    judgement.waiting.sort_by(|one, other| (one.at, &one.what).cmp(&(other.at, &other.what)));
    judgement
}

/// The tables by which most authors wrote, then those declared first; the others wait for room.
fn within_bound(mut drafts: Vec<Draft>, writers: &Writers, judgement: &mut Judgement) -> Vec<Draft> {
    drafts.sort_by_key(|draft| (Reverse(writers.of(&draft.id().0, &[])), draft.at));
    if drafts.len() > bounds::TABLES {
        judgement.contended = true;
        for draft in drafts.split_off(bounds::TABLES) {
            let what = format!("table {}", draft.name);
            judgement.wait(draft.at, what, WaitReason::TooMany(bounds::TABLES));
        }
    }
    drafts
}
