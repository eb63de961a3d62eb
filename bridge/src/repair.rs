//! What somebody did to a database from outside, set right: triggers that are gone or off, sequences that were
//! set, a backup that was put back.

use std::collections::BTreeSet;

use crate::cycle::Cycle;
use crate::engine::Outcome;
use crate::intake::Change;

/// Puts triggers that are gone or off there again; what was changed meanwhile is found by reading their
/// tables, while nobody can write to them, and taken in.
pub(crate) fn triggers(cycle: &mut Cycle<'_>) -> Outcome {
    cycle.in_transaction(|cycle| {
        let lacking = cycle.engine.reinstall(cycle.tables)?;
        if lacking.is_empty() {
            return Ok(());
        }
        cycle.drain()?;
        let mut intake = cycle.intake();
        for at in lacking {
            let table = &cycle.tables[at];
            tracing::warn!(table = table.here.as_str(), "a trigger was gone or off, and is there again");
            let (mut changes, mut there) = (Vec::new(), BTreeSet::new());
            cycle.engine.rows(table, &mut |row| {
                let Some(key) = table.key_of(&row) else { return Ok(()) };
                there.insert(key.to_bytes());
                let old = cycle.mirror.row(at, &key)?;
                if old.as_ref() != Some(&row) {
                    changes.push(Change { table: at, key, old, new: Some(row) });
                }
                Ok(())
            })?;
            let mut gone = Vec::new();
            cycle
                .mirror
                .keys(at, &mut |key| gone.extend((!there.contains(&key.to_bytes())).then_some(key)))?;
            for key in &gone {
                cycle.mirror.put(at, key, None)?;
                cycle.dirty.put(at, key);
            }
            cycle.status.change(|status| {
                status.reinstalled += 1;
                status.missed += changes.len() as u64;
                status.put_back += gone.len() as u64;
            });
            intake.take_missed(&changes, *cycle.applied)?;
        }
        Ok(())
    })
}

/// Sequences that a restored backup or the database's own administrator set back give ids of this site's
/// again.
pub(crate) fn ids(cycle: &mut Cycle<'_>) -> Outcome {
    cycle.in_transaction(|cycle| {
        let ordinal = cycle.ordinal;
        cycle.tables.iter().try_for_each(|table| cycle.engine.own_ids(table, ordinal, 0))
    })
}

/// The mirror holds what the database holds, which has counted so many cycles: an older state, which is
/// made what the view shows.
pub(crate) fn mirror(cycle: &mut Cycle<'_>, cycles: i64) -> Outcome {
    cycle.in_transaction(|cycle| {
        let mirror = cycle.mirror;
        for (at, table) in cycle.tables.iter().enumerate() {
            mirror.clear(at)?;
            cycle.engine.rows(table, &mut |row| match table.key_of(&row) {
                Some(key) => mirror.put(at, &key, Some(&row)),
                None => Ok(()),
            })?;
        }
        mirror.note_cycles(cycles)
    })
}
