//! What each table is called.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::choice::Choices;
use super::draft::Draft;
use crate::merge::WriteId;
use crate::name;
use crate::schema::judgement::Judgement;
use crate::schema::writers::Writers;

/// Gives each table a name of its own. The first of a name, or the one chosen, is called so; the
/// others are shown beside it.
pub(super) fn show(drafts: &mut [Draft], choices: &Choices, writers: &Writers, judgement: &mut Judgement) {
    let mut named: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        named.entry(name::fold(&draft.name)).or_default().push(at);
    }
    let mut taken: BTreeSet<String> = named.keys().cloned().collect();
    for (folded, mut places) in named {
        if places.len() > 1 {
            judgement.contended = true;
            places = ranked(places, drafts, writers);
        }
        let chosen = choices.of_table(&folded);
        let is_chosen = |at: &&usize| chosen.is_some_and(|chosen| chosen.shown == drafts[**at].id());
        let first = places.iter().find(is_chosen).or(places.first()).copied();
        list(&folded, &places, drafts, choices, judgement);
        for at in places.into_iter().filter(|at| Some(*at) != first) {
            let draft = &mut drafts[at];
            let mut free = (2..).map(|number| format!("{} ({number})", draft.name));
            let free = free.find(|name| taken.insert(name::fold(name)));
            draft.table.shown.name = free.unwrap_or_default();
        }
    }
    let shown: BTreeSet<String> = drafts.iter().map(|draft| name::fold(&draft.table.shown.name)).collect();
    assert_eq!(shown.len(), drafts.len(), "each table is shown under a name of its own");
}

/// Tables of one name: by which most authors wrote, not knowing the others, then in order of declaration.
fn ranked(places: Vec<usize>, drafts: &[Draft], writers: &Writers) -> Vec<usize> {
    let rivals = |at: usize| -> Vec<WriteId> {
        let others = places.iter().filter(|other| **other != at);
        others.flat_map(|other| drafts[*other].by.iter().copied()).collect()
    };
    let rank = |at: usize| (Reverse(writers.of(&drafts[at].id().0, &rivals(at))), drafts[at].at);
    let mut ranked: Vec<_> = places.iter().map(|at| (rank(*at), *at)).collect();
    ranked.sort();
    ranked.into_iter().map(|(_, at)| at).collect()
}

/// Notes which tables were declared under a name, and lists them where nobody has settled which of them
/// is called so.
fn list(folded: &str, places: &[usize], drafts: &[Draft], choices: &Choices, judgement: &mut Judgement) {
    let mut declared: Vec<&Draft> = places.iter().map(|at| &drafts[*at]).collect();
    declared.sort_by_key(|draft| (draft.at, draft.id()));
    let ids = || declared.iter().map(|draft| draft.id());
    judgement.named.insert(folded.to_owned(), ids().collect());
    let is_settled = || choices.of_table(folded).is_some_and(|chosen| chosen.settles(ids()));
    if declared.len() > 1 && !is_settled() {
        let definitions = declared.iter().map(|draft| (draft.at.by, draft.definition()));
        judgement.list(folded, Vec::new(), definitions);
    }
}
