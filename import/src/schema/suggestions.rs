//! What a column may be meant for, by its name: several sites add to a stock, and a time of last change
//! fills itself. A person decides; nothing is done.

use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_protocol::schema::ColumnType;

use super::draft::Draft;
use crate::model::Table;
use crate::note::Notes;

/// Parts of names of what is added to and taken from.
const COUNTED: &[&str] =
    &["stock", "on_hand", "onhand", "qty_available", "quantite_dispo", "solde", "balance"];

/// Names of a time of last change, without what stands between their words.
const CHANGED: &[&str] = &[
    "updatedat",
    "lastupdate",
    "lastupdated",
    "modifiedat",
    "datemodified",
    "modifieddate",
    "lastmodified",
    "datemaj",
    "misajourle",
    "datemodification",
    "writedate",
    "tms",
];

/// Tells what might be declared otherwise.
pub fn suggest(tables: &[Table], draft: &Draft, notes: &mut Notes) {
    for (table, drafted) in tables.iter().zip(&draft.tables) {
        for column in &table.columns {
            let Some(target) = drafted.of_source(&column.name) else { continue };
            let refers = drafted.references.iter().any(|reference| reference.columns.contains(&target.name));
            let is_plain = !refers && !drafted.key.contains(&target.name);
            let folded = name::fold(&column.name);
            let joined = folded.replace(['_', ' ', '-'], "");
            let place = format!("{}.{}", table.name, column.name);
            let is_number = matches!(target.kind, ColumnType::Integer | ColumnType::Decimal { .. });
            if is_plain && is_number && COUNTED.iter().any(|part| folded.contains(part)) {
                notes.add(Cause::new("dump_could_be_counter"), column.line, place);
            } else if target.kind == ColumnType::Timestamp && CHANGED.contains(&joined.as_str()) {
                notes.add(Cause::new("dump_could_be_stamp"), column.line, place);
            }
        }
    }
}
