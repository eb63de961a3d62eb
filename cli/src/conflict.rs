//! A conflict in words: what happened, what is shown, and the commands that settle it.

use serde_json::{Map, Value};
use tandem_node::api::conflict::{Conflict, Conflicts, Held, Version};
use tandem_protocol::value::Value as Typed;

use crate::moment;
use crate::parameter;
use crate::table::Table;
use crate::verb::log::{pairs, told_value};
use crate::visible::value;

/// Characters of an id in a list, if they tell all of its ids apart.
const SHORT: usize = 6;

/// Characters of a value where it only serves to tell one from another.
const LONG: usize = 40;

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
        (shown.into_owned(), format!("{}  ({})", told_version(conflict, version), whence(version)))
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
    text += &aligned(ways(conflict).into_iter());
    text
}

/// What can be done, and the command that does it.
fn ways(conflict: &Conflict) -> Vec<(String, String)> {
    let resolve = |choice: &str| format!("tandem conflicts resolve {} {choice}", conflict.id);
    let using = |version: &Version| resolve(&format!("--use {}", short_dot(version)));
    let versions = conflict.versions.iter();
    match &*conflict.kind {
        "register" | "schema" => {
            let way = |version: &Version| {
                let (what, site) = (cut(told_version(conflict, version)), &version.site_name);
                let way = if version.shown {
                    t!("conflict.keep_shown", what = what, site = site)
                } else {
                    t!("conflict.take_hidden", what = what, site = site)
                };
                (way.into_owned(), using(version))
            };
            let mut ways: Vec<_> = versions.map(way).collect();
            if conflict.kind == "register" {
                ways.push((t!("conflict.set_other").into_owned(), resolve("--value VALUE")));
            }
            ways
        }
        "deleted" => {
            // Several sites may have changed it: any of them brings it back.
            let first = |deleted: bool| versions.clone().find(|one| one.held == Held::Deleted(deleted));
            let keep = first(false).map(|one| (t!("conflict.keep_row").into_owned(), using(one)));
            let delete = first(true).map(|one| (t!("conflict.delete_row").into_owned(), using(one)));
            keep.into_iter().chain(delete).collect()
        }
        "reference" => {
            let mut ways = vec![(t!("conflict.keep_row").into_owned(), resolve("--keep-all"))];
            ways.extend(conflict.referrers.iter().map(|referrer| {
                let row = format!("{} {}", referrer.table, pairs(&referrer.key));
                let delete = sql("DELETE FROM", &referrer.table, "", &[], &referrer.key);
                (t!("conflict.delete_referrer", row = row).into_owned(), delete)
            }));
            ways
        }
        "unique" => {
            let rows = versions.filter_map(|version| match &version.held {
                Held::Row(key) => Some((version, key)),
                _ => None,
            });
            let keep = |(version, key): (&Version, &Map<String, Value>)| {
                (t!("conflict.keep_holder", row = pairs(key)).into_owned(), using(version))
            };
            let change = |(_, key): (&Version, &Map<String, Value>)| {
                let way = t!("conflict.change_row", row = pairs(key)).into_owned();
                (way, sql("UPDATE", &conflict.table, "SET", &conflict.columns, key))
            };
            rows.clone().map(keep).chain(rows.map(change)).collect()
        }
        "check" => {
            let mut columns: Vec<_> = versions.filter_map(|version| version.column.clone()).collect();
            // Of a counter, several have written it.
            columns.dedup();
            let key = conflict.key.clone().unwrap_or_default();
            // The rule is a column's name where the column must not be empty.
            let command = if conflict.columns == columns {
                resolve("--value VALUE")
            } else {
                sql("UPDATE", &conflict.table, "SET", &columns, &key)
            };
            vec![(t!("conflict.correct_row").into_owned(), command)]
        }
        "duplicate" => {
            let one = |version: &Version| {
                (t!("conflict.keep_one", site = version.site_name).into_owned(), using(version))
            };
            let all = (t!("conflict.keep_all").into_owned(), resolve("--keep-all"));
            versions.map(one).chain([all]).collect()
        }
        _ => Vec::new(),
    }
}

/// `tandem sql "UPDATE t SET a = ?, b = ? WHERE id = ?" VALUE VALUE 7`
fn sql(action: &str, table: &str, set: &str, columns: &[String], key: &Map<String, Value>) -> String {
    let bound = |name: &String| format!("{} = ?", quoted(name));
    let assigned = columns.iter().map(bound).collect::<Vec<_>>().join(", ");
    let wanted = key.keys().map(bound).collect::<Vec<_>>().join(" AND ");
    let words = [action, &quoted(table), set, &assigned, "WHERE", &wanted];
    let statement = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let values = columns.iter().map(|_| "VALUE".to_owned()).chain(key.values().map(argument));
    format!("tandem sql \"{statement}\" {}", values.collect::<Vec<_>>().join(" "))
}

/// A name as SQL takes it inside of a shell's double quotes.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { format!("[{name}]") }
}

/// A value as `tandem sql` takes it back.
fn argument(held: &Value) -> String {
    match held {
        Value::String(text) => {
            let as_it_is = parameter::parse(text).0 == Typed::Text(text.clone());
            let quotes_doubled = || format!("'{}'", text.replace('\'', "''"));
            let text = if as_it_is { text.clone() } else { quotes_doubled() };
            let plain = text.chars().all(|c| c.is_alphanumeric() || "-_.:@".contains(c)) && !text.is_empty();
            if plain { text } else { value(format!("\"{}\"", text.replace('"', "\\\""))) }
        }
        other => value(other),
    }
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
    let told: Vec<_> = versions.iter().map(|version| told_version(conflict, version)).collect();
    told.join(" | ")
}

/// What a version is, in a word or two.
fn told_version(conflict: &Conflict, version: &Version) -> String {
    match &version.held {
        Held::Value(cell) => {
            let told = told_value(&serde_json::to_value(cell).unwrap_or_default());
            match &version.column {
                Some(column) if conflict.kind == "check" => format!("{column}={told}"),
                _ => told,
            }
        }
        Held::Row(key) => pairs(key),
        Held::Deleted(true) => t!("conflict.deleted").into_owned(),
        Held::Deleted(false) => t!("conflict.alive").into_owned(),
        Held::Definition(sql) => value(sql),
        Held::Transaction(_) => {
            let change = |change: &tandem_node::api::transaction::TableChange| {
                let counts = [("+", change.inserted), ("~", change.updated), ("-", change.deleted)];
                let counts = counts.iter().filter(|(_, count)| *count > 0);
                let counts: Vec<_> = counts.map(|(sign, count)| format!("{sign}{count}")).collect();
                format!("{} {}", change.table, counts.join(" "))
            };
            let changes: Vec<_> = version.changes.iter().map(change).collect();
            [vec![short_dot(version)], changes].concat().join(", ")
        }
    }
}

/// The beginning of what may be long.
fn cut(text: String) -> String {
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
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

fn short_dot(version: &Version) -> String {
    let (author, seq) = version.dot.split_once(':').unwrap_or((&version.dot, ""));
    format!("{}:{seq}", author.get(..7).unwrap_or(author))
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
    use serde_json::json;

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
