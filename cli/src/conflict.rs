//! A conflict in words: what happened, what is shown, and the commands that settle it.

mod version;
mod ways;

use tandem_node::api::conflict::{Conflict, Conflicts, Version};

use crate::moment;
use crate::pairs::pairs;
use crate::table::Table;
use crate::visible::value;

/// Characters of an id in a list, if they tell all of its ids apart.
const SHORT: usize = 6;

/// All conflicts in a table, one line each, and what their kinds mean.
pub fn list(found: &Conflicts) -> String {
    let conflicts = &found.conflicts;
    if conflicts.is_empty() {
        return t!("conflict.none").into_owned();
    }
    let heads = ["id", "kind", "table", "key", "column", "shown", "hidden", "site", "time"];
    let mut table = Table::new(heads.map(|head| t!(format!("conflict.head_{head}")).into_owned())).narrow();
    let length = telling_length(conflicts);
    for conflict in conflicts {
        let (shown, hidden) = sides(conflict);
        let newest = hidden.iter().map(|version| &version.time).max();
        let mut sites: Vec<&str> = hidden.iter().map(|version| &*version.site_name).collect();
        sites.dedup();
        table.row([
            conflict.id.get(..length).unwrap_or(&conflict.id).to_owned(),
            kind(conflict),
            conflict.table.clone(),
            conflict.key.as_ref().map(pairs).unwrap_or_default(),
            conflict.columns.join(", "),
            told_side(conflict, &shown),
            told_side(conflict, &hidden),
            sites.join(", "),
            newest.map(|time| moment::local(time)).unwrap_or_default(),
        ]);
    }
    let mut text = table.render();
    let mut kinds: Vec<&str> = conflicts.iter().map(|conflict| &*conflict.kind).collect();
    kinds.dedup();
    for name in kinds {
        let known = crate::speech::text(&format!("conflict.why_{name}"));
        text += &format!("\n{}{} {}", kind_name(name), t!("conflict.colon"), known.unwrap_or_default());
    }
    text += "\n\n";
    if (conflicts.len() as u64) < found.open {
        text += &t!("conflict.more", shown = conflicts.len(), open = found.open);
        text.push('\n');
    }
    text + &t!("conflict.next")
}

/// One conflict in full.
pub fn show(conflict: &Conflict) -> String {
    let place = [
        conflict.table.clone(),
        conflict.key.as_ref().map(pairs).unwrap_or_default(),
        conflict.columns.join(", "),
    ];
    let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let mut text = format!("{}  {}  {}\n\n", conflict.id, kind(conflict), place.join("  "));
    text += crate::speech::text(&format!("conflict.why_{}", conflict.kind)).unwrap_or_default();
    text += "\n\n";
    text += &aligned(conflict.versions.iter().map(|version| {
        let shown = if version.shown { t!("conflict.shown") } else { t!("conflict.hidden") };
        (shown.into_owned(), format!("{}  ({})", version::told(conflict, version), whence(version)))
    }));
    for referrer in &conflict.referrers {
        let row = format!("{} {}", referrer.table, pairs(&referrer.key));
        text += &format!("  {}\n", t!("conflict.referrer", row = row, column = referrer.column));
    }
    let more = conflict.referrer_count.saturating_sub(conflict.referrers.len() as u64);
    if more > 0 {
        text += &format!("  {}\n", t!("conflict.more_referrers", count = more));
    }
    text += &format!("\n{}\n", t!("conflict.settle"));
    text += &aligned(ways::of(conflict).into_iter());
    text
}

/// What is shown and what is not; of several that are all shown, the first and the rest.
fn sides(conflict: &Conflict) -> (Vec<&Version>, Vec<&Version>) {
    let (shown, hidden): (Vec<_>, Vec<_>) = conflict.versions.iter().partition(|version| version.shown);
    if hidden.is_empty() && !shown.is_empty() {
        let (first, rest) = shown.split_at(1);
        return (first.to_vec(), rest.to_vec());
    }
    (shown, hidden)
}

fn told_side(conflict: &Conflict, versions: &[&Version]) -> String {
    // A deleted row that others refer to is there, though no version says so.
    if versions.is_empty() && conflict.kind == "reference" {
        return t!("conflict.alive").into_owned();
    }
    let told: Vec<_> = versions.iter().map(|version| version::told(conflict, version)).collect();
    told.join(" | ")
}

/// By whom and when.
fn whence(version: &Version) -> String {
    let time = moment::local(&version.time);
    let mut text = match &version.by {
        Some(by) => t!("conflict.by_whom", site = version.site_name, who = by, time = time),
        None => t!("conflict.by_site", site = version.site_name, time = time),
    }
    .into_owned();
    if let Some(message) = &version.message {
        text += &format!(" “{}”", value(message));
    }
    text
}

fn kind(conflict: &Conflict) -> String {
    kind_name(&conflict.kind)
}

/// A kind that this program does not know keeps its name.
fn kind_name(kind: &str) -> String {
    crate::speech::text(&format!("conflict.kind_{kind}")).unwrap_or(kind).to_owned()
}

/// Characters of the ids that tell all of them apart.
fn telling_length(conflicts: &[Conflict]) -> usize {
    let tells = |length: &usize| {
        let mut beginnings: Vec<_> =
            conflicts.iter().map(|one| one.id.get(..*length).unwrap_or(&one.id)).collect();
        beginnings.sort_unstable();
        beginnings.windows(2).all(|pair| pair[0] != pair[1])
    };
    let longest = conflicts.iter().map(|one| one.id.len()).max().unwrap_or(SHORT);
    (SHORT..longest).find(tells).unwrap_or(longest)
}

/// `  what:  that`, the second parts under each other.
fn aligned(lines: impl Iterator<Item = (String, String)>) -> String {
    let lines: Vec<_> = lines.map(|(head, rest)| (head + &t!("conflict.colon"), rest)).collect();
    let width = lines.iter().map(|(head, _)| head.chars().count()).max().unwrap_or(0);
    lines.iter().map(|(head, rest)| format!("  {head:width$}  {rest}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn conflict(kind: &str, versions: Value) -> Conflict {
        let json = json!({
            "id": "aaaaaaaabbbbbbbb", "kind": kind, "table": "pupils", "key": { "id": 7 },
            "columns": ["name"], "seen": "1", "versions": versions,
            "referrers": [{ "table": "visits", "column": "pupil_id", "key": { "day": "2026-03-01", "code": "42" } }],
        });
        serde_json::from_value(json).unwrap()
    }

    fn version(shown: bool, held: Value) -> Value {
        let mut version = json!({
            "dot": "abcdefghijkl:9", "site": "abcdefghijkl", "site_name": if shown { "office" } else { "class" },
            "time": "2026-03-01T10:05:00.000Z", "shown": shown,
        });
        version.as_object_mut().unwrap().extend(held.as_object().unwrap().clone());
        version
    }

    fn both(a: Value, b: Value) -> Value {
        json!([version(true, a), version(false, b)])
    }

    #[test]
    fn each_kind_is_explained_and_says_how_it_is_settled() {
        for (kind, versions, commands) in [
            (
                "register",
                both(json!({ "value": "Zoé" }), json!({ "value": null })),
                vec!["resolve aaaaaaaabbbbbbbb --use abcdefg:9", "--value VALUE"],
            ),
            (
                "deleted",
                both(json!({ "deleted": true }), json!({ "deleted": false })),
                vec!["--use abcdefg:9"],
            ),
            (
                "unique",
                both(json!({ "row": { "id": 7 } }), json!({ "row": { "id": "x y" } })),
                vec![
                    "--use abcdefg:9",
                    r#""UPDATE pupils SET name = ? WHERE id = ?" VALUE 7"#,
                    r#"VALUE "x y""#,
                ],
            ),
            (
                "reference",
                json!([version(false, json!({ "deleted": true }))]),
                vec!["--keep-all", r#"DELETE FROM visits WHERE day = ? AND code = ?" 2026-03-01 "'42'""#],
            ),
            (
                "check",
                json!([version(true, json!({ "value": 3, "column": "a b" }))]),
                vec![r#"SET [a b] = ? WHERE id = ?" VALUE 7"#],
            ),
            (
                "check",
                json!([version(true, json!({ "value": null, "column": "name" }))]),
                vec!["resolve aaaaaaaabbbbbbbb --value VALUE"],
            ),
            (
                "schema",
                both(json!({ "definition": "TEXT" }), json!({ "definition": "INTEGER" })),
                vec!["--use"],
            ),
            (
                "duplicate",
                both(json!({ "transaction": true }), json!({ "transaction": true })),
                vec!["--use", "--keep-all"],
            ),
        ] {
            let conflict = conflict(kind, versions);
            let told = show(&conflict);
            for command in &commands {
                assert!(told.contains(command), "{kind}: {told}");
            }
            // No key stands where its text should be, and every kind has its own.
            assert!(!told.contains("conflict."), "{told}");
            assert_ne!(kind_name(kind), kind);
            let listed = list(&Conflicts { conflicts: vec![conflict.clone()], open: 1, next: None });
            assert!(!listed.contains("conflict.") && listed.contains("aaaaaa"), "{listed}");
        }
    }

    #[test]
    fn of_many_referring_rows_the_rest_is_counted() {
        let mut many = conflict("reference", json!([version(false, json!({ "deleted": true }))]));
        many.referrer_count = 1_206;
        assert!(show(&many).contains("rows that refer to it besides: 1205"), "{}", show(&many));
    }

    #[test]
    fn ids_are_as_short_as_they_may_be() {
        let mut two = vec![conflict("register", json!([])), conflict("register", json!([]))];
        two[1].id = "aaaaaaaabbcccccc".into();
        assert_eq!(telling_length(&two), 11);
        two[1].id = "aaaab".repeat(3);
        assert_eq!(telling_length(&two), SHORT);
    }
}
