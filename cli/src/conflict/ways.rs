//! What can be done about a conflict, and the commands that do it.

use serde_json::{Map, Value};
use tandem_node::api::conflict::{Conflict, Version, VersionContent};
use tandem_protocol::value::Value as Typed;

use super::version;
use crate::pairs::pairs;
use crate::parameter;
use crate::visible::value;

/// What can be done, in words, and the command that does it.
type Way = (String, String);

/// Characters of a value where it only serves to tell one from another.
const LONG: usize = 40;

/// All ways to settle a conflict.
pub fn of(conflict: &Conflict) -> Vec<Way> {
    match &*conflict.kind {
        "register" | "schema" => to_choose_a_value(conflict),
        "deleted" => to_keep_or_delete(conflict),
        "reference" => to_part_with_referrers(conflict),
        "unique" => to_give_each_its_own(conflict),
        "check" => vec![to_correct_the_row(conflict)],
        "duplicate" => to_keep_one_request(conflict),
        _ => Vec::new(),
    }
}

fn resolve(conflict: &Conflict, choice: &str) -> String {
    format!("tandem conflicts resolve {} {choice}", conflict.id)
}

fn using(conflict: &Conflict, chosen: &Version) -> String {
    resolve(conflict, &format!("--use {}", version::short_dot(chosen)))
}

fn to_choose_a_value(conflict: &Conflict) -> Vec<Way> {
    let way = |one: &Version| {
        let (what, site) = (cut(version::told(conflict, one)), &one.site_name);
        let way = if one.shown {
            t!("conflict.keep_shown", what = what, site = site)
        } else {
            t!("conflict.take_hidden", what = what, site = site)
        };
        (way.into_owned(), using(conflict, one))
    };
    let mut ways: Vec<_> = conflict.versions.iter().map(way).collect();
    if conflict.kind == "register" {
        ways.push((t!("conflict.set_other").into_owned(), resolve(conflict, "--value VALUE")));
    }
    ways
}

fn to_keep_or_delete(conflict: &Conflict) -> Vec<Way> {
    // Several sites may have changed it: any of them brings it back.
    let first =
        |deleted: bool| conflict.versions.iter().find(|one| one.held == VersionContent::Deleted(deleted));
    let keep = first(false).map(|one| (t!("conflict.keep_row").into_owned(), using(conflict, one)));
    let delete = first(true).map(|one| (t!("conflict.delete_row").into_owned(), using(conflict, one)));
    keep.into_iter().chain(delete).collect()
}

fn to_part_with_referrers(conflict: &Conflict) -> Vec<Way> {
    let mut ways = vec![(t!("conflict.keep_row").into_owned(), resolve(conflict, "--keep-all"))];
    ways.extend(conflict.referrers.iter().map(|referrer| {
        let row = format!("{} {}", referrer.table, pairs(&referrer.key));
        let delete = sql("DELETE FROM", &referrer.table, "", &[], &referrer.key);
        (t!("conflict.delete_referrer", row = row).into_owned(), delete)
    }));
    ways
}

fn to_give_each_its_own(conflict: &Conflict) -> Vec<Way> {
    let rows = conflict.versions.iter().filter_map(|one| match &one.held {
        VersionContent::Row(key) => Some((one, key)),
        _ => None,
    });
    let keep = |(one, key): (&Version, &Map<String, Value>)| {
        (t!("conflict.keep_holder", row = pairs(key)).into_owned(), using(conflict, one))
    };
    let change = |(_, key): (&Version, &Map<String, Value>)| {
        let way = t!("conflict.change_row", row = pairs(key)).into_owned();
        (way, sql("UPDATE", &conflict.table, "SET", &conflict.columns, key))
    };
    rows.clone().map(keep).chain(rows.map(change)).collect()
}

fn to_correct_the_row(conflict: &Conflict) -> Way {
    let mut columns: Vec<_> = conflict.versions.iter().filter_map(|one| one.column.clone()).collect();
    // Of a counter, several have written it.
    columns.dedup();
    let key = conflict.key.clone().unwrap_or_default();
    // The rule is a column's name where the column must not be empty.
    let command = if conflict.columns == columns {
        resolve(conflict, "--value VALUE")
    } else {
        sql("UPDATE", &conflict.table, "SET", &columns, &key)
    };
    (t!("conflict.correct_row").into_owned(), command)
}

fn to_keep_one_request(conflict: &Conflict) -> Vec<Way> {
    let one =
        |one: &Version| (t!("conflict.keep_one", site = one.site_name).into_owned(), using(conflict, one));
    let all = (t!("conflict.keep_all").into_owned(), resolve(conflict, "--keep-all"));
    conflict.versions.iter().map(one).chain([all]).collect()
}

/// The beginning of what may be long.
fn cut(text: String) -> String {
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
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
