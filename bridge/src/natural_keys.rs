//! Rows that each PC's program makes by itself, alike but for their ids: Django's content types and
//! permissions, numbered in the order in which its migrations happened to run. On the first day those of the
//! database get the ids that the space has for them, and what refers to them follows: they are one.

use std::collections::{BTreeMap, BTreeSet};

use tandem_protocol::name;
use tandem_store::Space;

use crate::engine::{Engine, Outcome};
use crate::held::{self, Row};
use crate::ids::next_id;
use crate::paired::PairedTable;
use crate::view_rows;

/// The tables, and the columns by which their rows are known: first those to which others refer.
const TABLES: [(&str, &[&str]); 2] =
    [("django_content_type", &["app_label", "model"]), ("auth_permission", &["content_type_id", "codename"])];

/// Gives such rows of the database the ids of the space's. Its tables are locked.
pub(crate) fn align(space: &Space, engine: &mut dyn Engine, tables: &[PairedTable], ordinal: u16) -> Outcome {
    for (name, columns) in TABLES {
        let Some(table) = tables.iter().find(|table| table.there == name) else { continue };
        let Some(places) = places(table, columns) else { continue };
        let (mut here, mut there) = (BTreeMap::new(), BTreeMap::new());
        view_rows::all(space, table, &mut |row| note(table, &places, &row, &mut here))?;
        engine.rows(table, &mut |row| note(table, &places, &row, &mut there))?;
        let renumbered = renumbered(&here, &there, ordinal);
        if !renumbered.is_empty() {
            tracing::info!(
                table = name,
                rows = renumbered.len(),
                "rows that each PC makes get the space's ids"
            );
            engine.renumber(table, &renumbered)?;
        }
    }
    Ok(())
}

fn places(table: &PairedTable, columns: &[&str]) -> Option<Vec<usize>> {
    let place = |name: &&str| table.columns.iter().position(|column| name::same(&column.there, name));
    columns.iter().map(place).collect()
}

fn note(table: &PairedTable, places: &[usize], row: &Row, ids: &mut BTreeMap<Vec<u8>, i64>) -> Outcome {
    let known_by: Row = places.iter().map(|at| row[*at].clone()).collect();
    let id = table.key_of(row).and_then(|key| table.id_of(&key));
    if let Some(id) = id {
        // Two PCs that migrated apart may have made it twice: everybody takes the same.
        ids.entry(held::to_bytes(&known_by)).and_modify(|known| *known = id.min(*known)).or_insert(id);
    }
    Ok(())
}

/// The ids in the database that become others, with what they become. What only the database has makes room
/// where its id means another row in the space: it gets one of this site's own.
fn renumbered(
    here: &BTreeMap<Vec<u8>, i64>,
    there: &BTreeMap<Vec<u8>, i64>,
    ordinal: u16,
) -> Vec<(i64, i64)> {
    let taken: BTreeSet<i64> = here.values().copied().collect();
    let mut greatest = here.values().chain(there.values()).copied().max().unwrap_or(0);
    let mut becomes = |known_by: &Vec<u8>, id: i64| match here.get(known_by) {
        Some(of_space) => *of_space,
        None if taken.contains(&id) => {
            greatest = next_id(greatest, ordinal);
            greatest
        }
        None => id,
    };
    let all = there.iter().map(|(known_by, id)| (*id, becomes(known_by, *id)));
    let renumbered: Vec<(i64, i64)> = all.filter(|(id, new)| id != new).collect();
    let new: BTreeSet<i64> = renumbered.iter().map(|(_, new)| *new).collect();
    assert_eq!(new.len(), renumbered.len(), "no two rows get one id");
    renumbered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_get_the_ids_of_the_space_and_others_make_room() {
        let known = |rows: &[(&str, i64)]| -> BTreeMap<Vec<u8>, i64> {
            rows.iter().map(|(known_by, id)| (known_by.as_bytes().to_vec(), *id)).collect()
        };
        let here = known(&[("payment", 1), ("student", 2), ("discount", 3)]);
        let there = known(&[("student", 1), ("payment", 2), ("module", 3), ("room", 7)]);
        let renumbered: BTreeMap<i64, i64> = renumbered(&here, &there, 5).into_iter().collect();
        assert_eq!(renumbered, BTreeMap::from([(1, 2), (2, 1), (3, 1029)]));
    }
}
