//! What of the rules of a table counts.

use std::collections::BTreeMap;

use super::declarations::unique_told;
use super::draft::Draft;
use crate::bounds;
use crate::schema::definition::{Check, DefaultValue, Unique};
use crate::schema::expression::{Judge, Style, quoted, spelled};
use crate::schema::id::ColumnId;
use crate::schema::judgement::Judgement;
use crate::schema::table::Table;
use crate::schema::waiting::WaitReason;

/// A NOT NULL that only naming its column satisfies counts while every declaration of the table has the
/// column: else two declared apart would end entering rows by either.
pub(super) fn show_not_nulls(draft: &mut Draft, judgement: &mut Judgement) {
    let known: Vec<bool> =
        draft.table.shown.columns.iter().map(|column| draft.all_have(&column.name)).collect();
    let Table { shown, columns: declarations, .. } = &mut draft.table;
    let demanding = shown.columns.iter_mut().zip(known).filter(|(column, _)| column.is_to_be_given());
    for (column, _) in demanding.filter(|(_, is_known)| !is_known) {
        column.not_null = false;
        let declared = declarations.iter().find(|declared| declared.what.name == column.name);
        let what = format!("NOT NULL of {}.{}", shown.name, column.name);
        judgement.wait(declared.map_or(draft.at, |declared| declared.at), what, WaitReason::NotInAll);
    }
}

/// A CHECK counts once all columns that it reads are shown, and this program knows all that it calls.
pub(super) fn show_checks(draft: &mut Draft, judge: Judge, judgement: &mut Judgement) {
    let shown = &mut draft.table.shown;
    let ids: BTreeMap<ColumnId, String> =
        shown.columns.iter().map(|column| (column.id(), column.name.clone())).collect();
    draft.checks.sort_by_key(|(at, _)| *at);
    for (at, expression) in std::mem::take(&mut draft.checks) {
        if shown.checks.iter().any(|check| check.expression == expression) {
            continue;
        }
        let missing = expression.columns().find(|id| !ids.contains_key(id));
        let reason = match (expression.unknown_function(judge), missing) {
            (Some(function), _) => Some(WaitReason::NoFunction(function.to_owned())),
            (None, Some(id)) => Some(WaitReason::NoColumn(id.to_string())),
            (None, None) if shown.checks.len() == bounds::RULES => Some(WaitReason::TooMany(bounds::RULES)),
            (None, None) => None,
        };
        let sql = expression.render(Style::Sql, &|id| ids.get(&id).map(|name| quoted(name)));
        let told = expression.render(Style::People, &|id| ids.get(&id).map(|name| spelled(name)));
        match (reason, sql, told) {
            (None, Some(sql), Some(name)) => shown.checks.push(Check { expression, name, sql }),
            (reason, ..) => {
                let reason = reason.unwrap_or_else(|| WaitReason::NoColumn(String::new()));
                judgement.wait(at, format!("a CHECK of {}", shown.name), reason);
            }
        }
    }
}

/// A UNIQUE counts once all its columns are shown.
pub(super) fn show_uniques(draft: &mut Draft, judgement: &mut Judgement) {
    let shown = &mut draft.table.shown;
    draft.uniques.sort_by_key(|(at, _)| *at);
    for (at, columns) in std::mem::take(&mut draft.uniques) {
        let id = Unique::id_of(shown.id, &columns);
        if shown.uniques.iter().any(|unique| unique.id == id) {
            continue;
        }
        let spelled: Result<Vec<String>, &String> = columns
            .iter()
            .map(|column| shown.column(column).map(|column| column.name.clone()).ok_or(column))
            .collect();
        let reason = match spelled {
            Ok(_) if shown.uniques.len() == bounds::RULES => WaitReason::TooMany(bounds::RULES),
            Ok(columns) => {
                shown.uniques.push(Unique { id, columns });
                continue;
            }
            Err(missing) => WaitReason::NoColumn(missing.clone()),
        };
        judgement.wait(at, unique_told(&shown.name, &columns), reason);
    }
}

/// A DEFAULT that calls what only a newer program knows waits for that one; its column is shown.
pub(super) fn list_unknown_defaults(draft: &Draft, judge: Judge, judgement: &mut Judgement) {
    let shown = &draft.table.shown;
    let unknown = shown.columns.iter().filter_map(|column| match &column.default {
        DefaultValue::Expression(expression) => Some((column, expression.unknown_function(judge)?)),
        _ => None,
    });
    for (column, function) in unknown {
        let declared = draft.table.columns.iter().find(|declared| declared.what == *column);
        let at = declared.map_or(draft.at, |declared| declared.at);
        let what = format!("DEFAULT of {}.{}", shown.name, column.name);
        judgement.wait(at, what, WaitReason::NoFunction(function.to_owned()));
    }
}
