//! Foreign keys, put where tandem has them: at a column that holds the key of another table.

use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_protocol::schema::ColumnType;

use super::draft::Draft;
use crate::model::{OnDelete, Reference};
use crate::note::Notes;

/// Puts a foreign key of a table at its column, or tells why there is no place for it there.
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
    let mut left = |code: &'static str| notes.add(Cause::new(code), reference.line, place.clone());
    let [column] = reference.columns.as_slice() else { return left("dump_reference_wide") };
    let target = draft.tables.iter().find(|other| name::same(&other.source, &reference.table));
    let Some(target) = target else { return left("dump_reference_no_table") };
    let [key] = target.key.as_slice() else { return left("dump_reference_wide") };
    let key_source = target.column(key).map(|column| column.source.clone()).unwrap_or_default();
    let names_key = match reference.targets.as_slice() {
        [] => true,
        [named] => name::same(named, &key_source),
        _ => return left("dump_reference_wide"),
    };
    if !names_key {
        return left("dump_reference_unique");
    }
    let (name, kind) = (target.name.clone(), target.column(key).map(|column| column.kind));
    let Some(source) = table.of_source(column) else { return left("dump_reference_no_table") };
    if kind.is_some_and(|kind| !compare(kind, source.kind)) {
        return left("dump_reference_type");
    }
    if source.reference.is_some() {
        return left("dump_reference_second");
    }
    let is_kept = source.not_null || table.key.contains(&source.name);
    let on_delete = match reference.on_delete {
        OnDelete::SetDefault => {
            left("dump_set_default");
            OnDelete::Restrict
        }
        OnDelete::SetNull if is_kept => {
            left("dump_set_null");
            OnDelete::Restrict
        }
        other => other,
    };
    if reference.on_update {
        notes.add(Cause::new("dump_on_update"), reference.line, place);
    }
    let source = source.name.clone();
    let column = draft.tables[at].columns.iter_mut().find(|column| column.name == source);
    if let Some(column) = column {
        column.reference = Some((name, on_delete));
    }
}

/// Whether values of the two can ever be equal.
fn compare(one: ColumnType, other: ColumnType) -> bool {
    let of_one_sort = |kind| match kind {
        ColumnType::Decimal { .. } => ColumnType::Decimal { precision: 1, scale: 0 },
        other => other,
    };
    of_one_sort(one) == of_one_sort(other)
}
