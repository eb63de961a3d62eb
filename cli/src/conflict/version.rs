//! One of the things that cannot all be had, in words.

use tandem_node::api::conflict::{Conflict, Version, VersionContent};
use tandem_node::api::transaction::TableChange;

use crate::pairs::{pairs, told_value};
use crate::visible::value;

/// What a version is, in a word or two.
pub fn told(conflict: &Conflict, version: &Version) -> String {
    match &version.held {
        VersionContent::Value(cell) => {
            let told = told_value(&serde_json::to_value(cell).unwrap_or_default());
            match &version.column {
                Some(column) if conflict.kind == "check" => format!("{column}={told}"),
                _ => told,
            }
        }
        VersionContent::Row(key) => pairs(key),
        VersionContent::Deleted(true) => t!("conflict.deleted").into_owned(),
        VersionContent::Deleted(false) => t!("conflict.alive").into_owned(),
        VersionContent::Definition(sql) => value(sql),
        VersionContent::Transaction(_) => {
            let change = |change: &TableChange| {
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

/// The name of its transaction, short enough to be typed.
pub fn short_dot(version: &Version) -> String {
    let (author, seq) = version.dot.split_once(':').unwrap_or((&version.dot, ""));
    format!("{}:{seq}", author.get(..7).unwrap_or(author))
}
