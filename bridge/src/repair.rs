//! Triggers that are gone or off: put there again, and what was changed meanwhile taken in.

use std::collections::BTreeSet;

use crate::cycle::{Cycle, ENTRIES};
use crate::engine::Outcome;
use crate::intake::Change;

/// Rows found by reading a whole table that are taken in together.
const REPAIRED: usize = 1_000;

impl Cycle<'_> {
    /// Puts triggers that are gone or off there again; what was changed meanwhile is found by reading their
    /// tables, while nobody can write to them, and taken in.
    pub fn repair(&mut self) -> Outcome {
        self.in_transaction(|cycle| {
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
                for part in changes.chunks(REPAIRED) {
                    intake.take_missed(part.to_vec(), *cycle.applied)?;
                }
            }
            Ok(())
        })
    }

    /// Takes all in that the outbox holds.
    pub fn drain(&mut self) -> Outcome {
        loop {
            let (pending, _) = self.engine.pending(ENTRIES)?;
            if pending.is_empty() {
                return Ok(());
            }
            self.intake().take(self.engine, &pending)?;
            pending.iter().try_for_each(|one| self.engine.forget(&one.entries))?;
        }
    }
}
