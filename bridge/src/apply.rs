//! Makes rows of the database what the view shows, as far as the database lets it.

use std::collections::{BTreeMap, BTreeSet};

use tandem_protocol::value::Key;

use crate::cycle::Cycle;
use crate::dirty::Place;
use crate::engine::Outcome;
use crate::error::BridgeError;
use crate::held::{Held, Row, agree};
use crate::ids;

/// A row that is to become another.
pub(crate) struct Target {
    pub table: usize,
    pub key: Key,
    /// As it is in the database, under lock.
    pub there: Option<Row>,
    /// As it is to be.
    pub wanted: Option<Row>,
}

impl Cycle<'_> {
    /// Writes the rows: all together, or, where a rule of the database stands in the way, one by one.
    pub fn apply(&mut self, targets: &[Target]) -> Outcome {
        if targets.is_empty() {
            return Ok(());
        }
        self.engine.save()?;
        let written = targets.iter().map(|target| self.write(target)).collect::<Outcome<Vec<_>>>();
        match written.and_then(|written| self.engine.keep().map(|()| written)) {
            Ok(written) => {
                targets.iter().zip(written).try_for_each(|(target, row)| self.applied(target, row))?;
            }
            Err(BridgeError::Refused(_) | BridgeError::Busy(_)) => {
                self.engine.undo()?;
                self.apply_one_by_one(targets)?;
            }
            Err(error) => return Err(error),
        }
        self.keep_ids_apart(targets)?;
        self.look_after(targets)
    }

    /// Ids of others that this site could have made itself, from before there was a space: it makes greater
    /// ones.
    fn keep_ids_apart(&mut self, targets: &[Target]) -> Outcome {
        let mut floors: BTreeMap<usize, i64> = BTreeMap::new();
        for target in targets.iter().filter(|target| target.there.is_none() && target.wanted.is_some()) {
            if let Some(id) = self.tables[target.table].id_of(&target.key)
                && ids::is_own(id, self.ordinal)
            {
                let floor = floors.entry(target.table).or_default();
                *floor = id.max(*floor);
            }
        }
        floors
            .into_iter()
            .try_for_each(|(at, floor)| self.engine.own_ids(&self.tables[at], self.ordinal, floor))
    }

    /// Writes the rows that the database takes, as long as it takes one more; the others are parked.
    fn apply_one_by_one(&mut self, targets: &[Target]) -> Outcome {
        let mut left: Vec<&Target> = targets.iter().collect();
        loop {
            let (before, mut refused) = (left.len(), Vec::new());
            for target in left {
                self.engine.save()?;
                match self.write(target).and_then(|row| self.engine.keep().map(|()| row)) {
                    Ok(row) => self.applied(target, row)?,
                    Err(BridgeError::Refused(reason)) => {
                        self.engine.undo()?;
                        refused.push((target, reason));
                    }
                    Err(BridgeError::Busy(_)) => {
                        self.engine.undo()?;
                        self.dirty.put(target.table, &target.key);
                    }
                    Err(error) => return Err(error),
                }
            }
            debug_assert!(refused.len() <= before, "what is left was left before");
            if refused.is_empty() {
                return Ok(());
            }
            if refused.len() == before {
                for (target, reason) in refused {
                    let name = &self.tables[target.table].here;
                    self.mirror.park(target.table, &target.key, name, &reason)?;
                }
                return Ok(());
            }
            left = refused.into_iter().map(|(target, _)| target).collect();
        }
    }

    /// Writes one row; how it stands there then. A trigger of the database may have prevented it.
    fn write(&mut self, target: &Target) -> Outcome<Option<Row>> {
        // Whatever the database says of a statement that writes this row is said of this row.
        let written = self.written(target).map_err(BridgeError::of_row)?;
        match (&written, &target.wanted) {
            (Some(_), _) => Ok(written),
            (None, _) => {
                Ok(self.engine.lock(&self.tables[target.table], std::slice::from_ref(&target.key))?.0.pop())
            }
        }
    }

    fn written(&mut self, target: &Target) -> Outcome<Option<Row>> {
        let table = &self.tables[target.table];
        match (&target.there, &target.wanted) {
            (_, None) => self.engine.delete(table, &target.key).map(|()| None),
            (None, Some(wanted)) => self.engine.insert(table, wanted),
            (Some(there), Some(wanted)) => {
                // What the database holds and tandem cannot, stays.
                let differs = |at: &usize| {
                    there[*at] != wanted[*at]
                        && matches!(there[*at], Held::Value(_))
                        && !table.key.contains(at)
                };
                let columns: Vec<usize> = (0..table.columns.len()).filter(differs).collect();
                match columns.is_empty() {
                    true => Ok(Some(there.clone())),
                    false => self.engine.update(table, &target.key, &columns, wanted),
                }
            }
        }
    }

    fn applied(&self, target: &Target, row: Option<Row>) -> Outcome {
        if let (Some(before), Some(after)) = (&target.there, &row) {
            let columns: Vec<usize> = (0..after.len()).filter(|at| before[*at] != after[*at]).collect();
            self.mirror.note_replaced((target.table, &target.key), before, &columns, *self.applied)?;
        }
        self.mirror.put(target.table, &target.key, row.as_ref())?;
        self.mirror.unpark(target.table, &target.key)?;
        let is_altered = !agree(row.as_ref(), target.wanted.as_ref());
        self.status.change(|status| {
            status.applied += 1;
            status.altered += u64::from(is_altered);
        });
        Ok(())
    }

    /// Rows that rules of the database changed because of those that were written: they are made what the
    /// view shows once more. What the database then makes of them stays.
    fn look_after(&mut self, targets: &[Target]) -> Outcome {
        let intended: BTreeSet<Place> =
            targets.iter().map(|target| (target.table, target.key.to_bytes())).collect();
        let touched = self.engine.touched(self.tables)?;
        let others: BTreeMap<Place, Key> = touched
            .into_iter()
            .map(|(table, key)| ((table, key.to_bytes()), key))
            .filter(|(place, _)| !intended.contains(place))
            .collect();
        let others: Vec<(usize, Key)> = others.into_iter().map(|((table, _), key)| (table, key)).collect();
        if others.is_empty() {
            return Ok(());
        }
        let there = self.locked(&others)?;
        let again = self.targets(there)?;
        for target in &again {
            self.engine.save()?;
            match self.write(target).and_then(|row| self.engine.keep().map(|()| row)) {
                Ok(row) => self.applied(target, row)?,
                Err(BridgeError::Refused(_) | BridgeError::Busy(_)) => {
                    self.engine.undo()?;
                    self.mirror.put(target.table, &target.key, target.there.as_ref())?;
                    self.status.change(|status| status.altered += 1);
                }
                Err(error) => return Err(error),
            }
        }
        self.engine.touched(self.tables).map(|_| ())
    }
}
