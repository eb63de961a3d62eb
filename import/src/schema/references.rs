//! Foreign keys: references to the key, or to a UNIQUE, of another table.

use tandem_protocol::bounds;
use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_protocol::schema::ColumnType;

use super::draft::{Draft, DraftReference, DraftTable};
use crate::model::{OnDelete, Reference};
use crate::note::Notes;

/// Gives a table one of its foreign keys, or tells why it cannot be watched.
pub fn put(draft: &mut Draft, at: usize, reference: &Reference, notes: &mut Notes) {
    let table = &draft.tables[at];
    let place = format!(
        "{} ({}) → {} ({})",
        table.source,
        reference.columns.join(", "),
        reference.table,
        reference.targets.join(", ")
    );
    let place = place.replace(" ()", "");
    let mut tell = |code: &'static str| notes.add(Cause::new(code), reference.line, place.clone());
    let found = match resolve(draft, table, reference) {
        Ok(found) => found,
        Err(code) => return tell(code),
    };
    let is_kept =
        |name: &String| table.key.contains(name) || table.column(name).is_some_and(|column| column.not_null);
    let on_delete = match reference.on_delete {
        OnDelete::SetDefault => {
            tell("dump_set_default");
            OnDelete::Restrict
        }
        OnDelete::SetNull if found.columns.iter().any(is_kept) => {
            tell("dump_set_null");
            OnDelete::Restrict
        }
        other => other,
    };
    let found = DraftReference { on_delete, ..found };
    let says_the_same = |known: &&DraftReference| known.says_the_same(&found);
    if let Some(known) = table.references.iter().find(says_the_same) {
        // Said twice, it is there once.
        if known.on_delete != found.on_delete {
            tell("dump_reference_second");
        }
        return;
    }
    if table.references.len() == bounds::RULES || found.columns.len() > bounds::RULE_COLUMNS {
        return tell("dump_many_rules");
    }
    if reference.on_update {
        tell(if found.is_to_key { "dump_on_update" } else { "dump_on_update_unique" });
    }
    draft.tables[at].references.push(found);
}

/// What it refers to, by tandem's names; or the code of why it cannot be had.
fn resolve(draft: &Draft, table: &DraftTable, reference: &Reference) -> Result<DraftReference, &'static str> {
    let target = draft.tables.iter().find(|other| name::same(&other.source, &reference.table));
    let target = target.ok_or("dump_reference_no_table")?;
    let columns = table.named(&reference.columns).ok_or("dump_reference_no_table")?;
    let targets = match reference.targets.as_slice() {
        [] => target.key.clone(),
        named => target.named(named).ok_or("dump_reference_no_table")?,
    };
    let is_it = |columns: &Vec<String>| {
        columns.len() == targets.len() && targets.iter().all(|name| columns.contains(name))
    };
    let is_to_key = is_it(&target.key);
    if columns.len() != targets.len() || !(is_to_key || target.uniques.iter().any(is_it)) {
        return Err("dump_reference_unique");
    }
    let kinds = |(own, to): (&String, &String)| Some((table.column(own)?.kind, target.column(to)?.kind));
    let fit = |pair| kinds(pair).is_some_and(|(own, to)| compare(own, to));
    if !columns.iter().zip(&targets).all(fit) {
        return Err("dump_reference_type");
    }
    let (table, on_delete) = (target.name.clone(), reference.on_delete);
    Ok(DraftReference { columns, table, targets, is_to_key, on_delete })
}

/// Whether values of the two can ever be equal.
fn compare(one: ColumnType, other: ColumnType) -> bool {
    let of_one_sort = |kind| match kind {
        ColumnType::Decimal { .. } => ColumnType::Decimal { precision: 1, scale: 0 },
        other => other,
    };
    of_one_sort(one) == of_one_sort(other)
}
