//! What each query's name stands for.

use std::collections::{BTreeMap, BTreeSet};

use crate::bounds;
use crate::name;
use crate::schema::judgement::Judgement;
use crate::schema::named_query::NamedQuery;
use crate::schema::op::SchemaOp;
use crate::schema::place::OpPlace;
use crate::schema::waiting::WaitReason;

/// What is said of a query's name: where it was first declared, and what was said last.
type Said<'a> = (OpPlace, OpPlace, &'a NamedQuery);

/// Shows the queries: of each name what was said last. A table of that name comes first, whoever
/// declared it; and those declared first have room.
pub(super) fn show(ops: &BTreeMap<OpPlace, SchemaOp>, judgement: &mut Judgement) {
    let mut said: BTreeMap<String, Said<'_>> = BTreeMap::new();
    for (at, op) in ops {
        let SchemaOp::SetQuery(query) = op else { continue };
        let (_, last, what) = said.entry(name::fold(&query.name)).or_insert((*at, *at, query));
        (*last, *what) = (*at, query);
    }
    let tables: BTreeSet<String> =
        judgement.tables.iter().map(|table| name::fold(&table.shown.name)).collect();
    let mut there: Vec<(String, Said<'_>)> =
        said.into_iter().filter(|(_, said)| said.2.sql.is_some()).collect();
    there.sort_by_key(|(_, (first, ..))| *first);
    let mut shown: BTreeMap<String, NamedQuery> = BTreeMap::new();
    for (folded, (_, last, query)) in there {
        let reason = if tables.contains(&folded) {
            WaitReason::NameTaken
        } else if shown.len() == bounds::QUERIES {
            WaitReason::TooMany(bounds::QUERIES)
        } else {
            shown.insert(folded, query.clone());
            continue;
        };
        judgement.wait(last, format!("view {}", query.name), reason);
    }
    judgement.queries = shown.into_values().collect();
}
