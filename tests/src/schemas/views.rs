//! Views that sites declare apart, and what they must come to, by brute force.

use std::collections::{BTreeMap, BTreeSet};

use tandem_protocol::bounds;
use tandem_protocol::schema::{NamedQuery, Schema, SchemaOp};
use tandem_protocol::transaction::Transaction;

use super::declared;
use super::names::{name, one_spelling};
use crate::random::Random;
use crate::reference::history::History;

/// A view that is declared, put in another's place, or taken away. What it reads may be a table, another
/// view, or not there.
pub fn change(random: &mut Random) -> String {
    let own = name(random);
    if random.one_in(6) {
        return format!("DROP VIEW IF EXISTS {own}");
    }
    let or_replace = if random.one_in(2) { "OR REPLACE " } else { "" };
    let from = if random.one_in(2) { "base".to_owned() } else { name(random) };
    let query = match random.below(5) {
        0 => format!("SELECT * FROM {from}"),
        1 => format!("SELECT count(*) AS n FROM {from}"),
        2 => format!("SELECT a.n, {} AS own FROM base a, {from}", name(random)),
        3 => format!("WITH base AS (SELECT {} AS n) SELECT n FROM base", random.below(3)),
        _ => "SELECT date('now') AS today".to_owned(),
    };
    let columns = if random.one_in(5) { format!(" ({})", name(random)) } else { String::new() };
    format!("CREATE {or_replace}VIEW {own}{columns} AS {query}")
}

/// As many views as there may be, but one.
pub fn many() -> String {
    (1..bounds::QUERIES).map(|at| format!("CREATE VIEW v{at} AS SELECT {at} AS n;")).collect()
}

/// In what the views of a site are not what the set of all transactions says, if in anything.
pub fn difference(transactions: &[Transaction], schema: &Schema) -> Option<String> {
    let tables: BTreeSet<String> = schema.tables().map(|table| one_spelling(&table.shown.name)).collect();
    let history = History::of(transactions);
    let mut said: Vec<(String, Vec<NamedQuery>)> = Vec::new();
    for declared in declared::ops(&history) {
        let SchemaOp::SetQuery(query) = declared.op else { continue };
        let name = one_spelling(&query.name);
        match said.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.push(query.clone()),
            None => said.push((name, vec![query.clone()])),
        }
    }
    let last = said.into_iter().filter_map(|(name, all)| Some((name, all.last()?.clone())));
    let there = last.filter(|(name, query)| query.sql.is_some() && !tables.contains(name));
    let expected: BTreeMap<String, NamedQuery> = there.take(bounds::QUERIES).collect();
    let shown: BTreeMap<String, NamedQuery> =
        schema.queries().map(|query| (one_spelling(&query.name), query.clone())).collect();
    (expected != shown).then(|| format!("views must be {expected:?}\nand are        {shown:?}"))
}
