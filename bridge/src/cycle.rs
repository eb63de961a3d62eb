//! One cycle: what the application changed goes into the log, and what the view shows goes into the
//! database, in one transaction of the database.
//!
//! The order is what makes it safe. The rows that are to change are locked first, then the outbox is taken
//! into the log, and only then is the view asked what they are to be: whatever the application did to them
//! before the lock is in it, and it can do nothing to them after. What ends a cycle before its commit leaves
//! the database as it was; what is in the log by then is found there by its key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tandem_protocol::cause::Cause;
use tandem_protocol::value::Key;
use tandem_protocol::version::VersionVector;
use tandem_store::Space;

use crate::dirty::{Dirty, Place, Taken};
use crate::engine::{Engine, Outcome};
use crate::error::BridgeError;
use crate::held::{Held, Row, agree};
use crate::intake::{Change, Intake};
use crate::mirror::Mirror;
use crate::paired::PairedTable;
use crate::status::SharedStatus;
use crate::view_rows;

/// Rows that are looked at in one cycle.
const ROWS: usize = 1_000;
/// How many sites' ids there are.
const ORDINALS: i64 = 1024;
/// Rows found by reading a whole table that are taken in together.
const REPAIRED: usize = 1_000;
/// Entries of the outbox that are taken in in one cycle.
const ENTRIES: usize = 10_000;

/// What a cycle works with.
pub(crate) struct Cycle<'a> {
    pub space: &'a Space,
    pub engine: &'a mut dyn Engine,
    pub tables: &'a [PairedTable],
    pub incarnation: &'a str,
    /// What the database's tables looked like when they were paired.
    pub layout: &'a str,
    pub mirror: &'a Mirror,
    pub dirty: &'a Dirty,
    pub status: &'a SharedStatus,
    /// The number of what was last applied, and the vector that it stands for.
    pub applied: &'a mut i64,
    pub vector: &'a mut Arc<VersionVector>,
    /// By which this site's ids are told from those of others.
    pub ordinal: u16,
}

/// A row that is to become another.
struct Target {
    table: usize,
    key: Key,
    /// As it is in the database, under lock.
    there: Option<Row>,
    /// As it is to be.
    wanted: Option<Row>,
}

impl<'a> Cycle<'a> {
    /// Runs one cycle; whether there was something to do.
    pub fn run(&mut self) -> Outcome<bool> {
        let Taken { rows, whole, vector } = self.dirty.take(ROWS);
        let found = self.look_through(&whole).and_then(|()| self.differing(&rows));
        let differing = match found {
            Ok(differing) => differing,
            Err(error) => {
                self.put_back(&rows, &whole);
                return Err(error);
            }
        };
        if differing.is_empty() && !self.is_behind(&vector) && !self.engine.has_pending()? {
            return Ok(!whole.is_empty());
        }
        let ran = self.in_transaction(|cycle| cycle.exchange(&differing, &vector));
        ran.inspect_err(|_| self.put_back(&rows, &whole))
    }

    /// Does something in one transaction of the database, and of the mirror behind it.
    pub fn in_transaction<T>(&mut self, run: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        let begun = self.mirror.begin().and_then(|()| self.engine.begin());
        let ran = begun.and_then(|()| run(self)).and_then(|came_to| {
            self.engine.commit()?;
            self.mirror.commit()?;
            Ok(came_to)
        });
        ran.inspect_err(|_| {
            self.mirror.rollback();
            // A connection that is gone has taken it back by itself.
            let _taken_back_either_way = self.engine.rollback();
        })
    }

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
            let pending = self.engine.pending(ENTRIES)?;
            if pending.is_empty() {
                return Ok(());
            }
            self.intake().take(self.engine, &pending)?;
            pending.iter().try_for_each(|one| self.engine.forget(&one.entries))?;
        }
    }

    pub fn intake(&self) -> Intake<'a> {
        let place = (self.space, self.tables, self.incarnation);
        Intake::new(place, self.mirror, self.dirty, self.status)
    }

    fn put_back(&self, rows: &[Place], whole: &BTreeSet<usize>) {
        self.dirty.put_back(rows.iter().cloned());
        whole.iter().for_each(|table| self.dirty.put_whole(*table));
    }

    /// Finds the rows of whole tables in which the view and the mirror differ.
    fn look_through(&self, whole: &BTreeSet<usize>) -> Outcome {
        for at in whole {
            let table = &self.tables[*at];
            let mut shown: BTreeSet<Vec<u8>> = BTreeSet::new();
            view_rows::all(self.space, table, &mut |row| {
                if let Some(key) = table.key_of(&row) {
                    if !agree(self.mirror.row(*at, &key)?.as_ref(), Some(&row)) {
                        self.dirty.put(*at, &key);
                    }
                    shown.insert(key.to_bytes());
                }
                Ok(())
            })?;
            self.mirror.keys(*at, &mut |key| {
                if !shown.contains(&key.to_bytes()) {
                    self.dirty.put(*at, &key);
                }
            })?;
        }
        Ok(())
    }

    /// Of these rows those in which the view and the mirror differ.
    fn differing(&self, rows: &[Place]) -> Outcome<Vec<(usize, Key)>> {
        let mut differing = Vec::new();
        for (table, bytes) in rows {
            let Ok(key) = Key::from_bytes(bytes) else { continue };
            let shown = view_rows::row(self.space, &self.tables[*table], &key)?;
            if !agree(self.mirror.row(*table, &key)?.as_ref(), shown.as_ref()) {
                differing.push((*table, key));
            }
        }
        Ok(differing)
    }

    /// What happens between the beginning and the commit; whether anything did.
    fn exchange(&mut self, differing: &[(usize, Key)], vector: &Arc<VersionVector>) -> Outcome<bool> {
        if self.engine.layout()? != self.layout {
            return Err(BridgeError::Waits(Cause::new("bridge_migrated")));
        }
        let there = self.locked(differing)?;
        let pending = self.engine.pending(ENTRIES)?;
        let numbers: Vec<i64> = pending.iter().flat_map(|one| one.entries.iter().copied()).collect();
        let mut intake = self.intake();
        intake.take(self.engine, &pending)?;
        if !numbers.is_empty() {
            self.engine.forget(&numbers)?;
        }
        let missed = self.missed(&there)?;
        if !missed.is_empty() {
            self.status.change(|status| status.missed += missed.len() as u64);
            intake.take_missed(missed, *self.applied)?;
        }
        let targets = self.targets(there)?;
        self.apply(&targets)?;
        self.advance(vector, !targets.is_empty())?;
        Ok(!numbers.is_empty() || !targets.is_empty())
    }

    /// The rows as they are in the database, locked.
    fn locked(&mut self, rows: &[(usize, Key)]) -> Outcome<BTreeMap<Place, (Key, Option<Row>)>> {
        let mut there: BTreeMap<Place, (Key, Option<Row>)> = BTreeMap::new();
        for (at, table) in self.tables.iter().enumerate() {
            let mut keys: Vec<Key> =
                rows.iter().filter(|(of, _)| *of == at).map(|(_, key)| key.clone()).collect();
            if keys.is_empty() {
                continue;
            }
            keys.sort_by_key(Key::to_bytes);
            let found = self.engine.lock(table, &keys)?;
            there.extend(keys.into_iter().map(|key| ((at, key.to_bytes()), (key, None))));
            assert!(found.len() <= rows.len(), "a key names one row");
            for row in found {
                if let Some(key) = table.key_of(&row) {
                    there.insert((at, key.to_bytes()), (key, Some(row)));
                }
            }
        }
        Ok(there)
    }

    /// Rows that are neither what the mirror says nor what the view shows: they were changed, and nobody
    /// told. One that is gone so is not taken for deleted, but put back.
    fn missed(&self, there: &BTreeMap<Place, (Key, Option<Row>)>) -> Outcome<Vec<Change>> {
        let mut missed = Vec::new();
        for ((table, _), (key, row)) in there {
            let known = self.mirror.row(*table, key)?;
            if *row == known {
                continue;
            }
            let shown = view_rows::row(self.space, &self.tables[*table], key)?;
            if agree(row.as_ref(), shown.as_ref()) {
                continue;
            }
            match row {
                Some(_) => {
                    missed.push(Change { table: *table, key: key.clone(), old: known, new: row.clone() })
                }
                None => self.status.change(|status| status.put_back += 1),
            }
        }
        Ok(missed)
    }

    /// What the locked rows are to become; those that are so already are noted.
    fn targets(&self, there: BTreeMap<Place, (Key, Option<Row>)>) -> Outcome<Vec<Target>> {
        let mut targets = Vec::new();
        for ((table, _), (key, there)) in there {
            let wanted = view_rows::row(self.space, &self.tables[table], &key)?;
            if agree(there.as_ref(), wanted.as_ref()) {
                self.mirror.put(table, &key, there.as_ref())?;
                self.mirror.unpark(table, &key)?;
            } else {
                targets.push(Target { table, key, there, wanted });
            }
        }
        // Deletions first, from the last table to the first; then the others, so that each finds what it
        // refers to.
        targets.sort_by_key(|target| match target.wanted {
            None => (false, self.tables.len() - target.table),
            Some(_) => (true, target.table),
        });
        Ok(targets)
    }

    /// Writes the rows: all together, or, where a rule of the database stands in the way, one by one.
    fn apply(&mut self, targets: &[Target]) -> Outcome {
        if targets.is_empty() {
            return Ok(());
        }
        self.engine.save()?;
        let written = targets.iter().map(|target| self.write(target)).collect::<Outcome<Vec<_>>>();
        match written.and_then(|written| self.engine.keep().map(|()| written)) {
            Ok(written) => {
                targets.iter().zip(written).try_for_each(|(target, row)| self.applied(target, row))?;
            }
            Err(BridgeError::Refused(_)) => {
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
                && id.rem_euclid(ORDINALS) == i64::from(self.ordinal)
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
                    Err(error) => return Err(error),
                }
            }
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

    /// Writes one row; how it stands there then.
    fn write(&mut self, target: &Target) -> Outcome<Option<Row>> {
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
                Err(BridgeError::Refused(_)) => {
                    self.engine.undo()?;
                    self.mirror.put(target.table, &target.key, target.there.as_ref())?;
                    self.status.change(|status| status.altered += 1);
                }
                Err(error) => return Err(error),
            }
        }
        self.engine.touched(self.tables).map(|_| ())
    }

    /// Whether others wrote something since what was last applied.
    fn is_behind(&self, vector: &VersionVector) -> bool {
        let me = self.space.me();
        vector.without(&me) != self.vector.without(&me)
    }

    /// Notes how far the database has come, if it has all up to there.
    fn advance(&mut self, vector: &Arc<VersionVector>, has_changed: bool) -> Outcome {
        if !self.dirty.is_clean() || !(self.is_behind(vector) || has_changed) {
            return Ok(());
        }
        let next = *self.applied + 1;
        debug_assert!(
            vector.covers_all(&self.vector.without(&self.space.me())),
            "what others wrote stays written"
        );
        self.mirror.note_basis(next, vector)?;
        self.engine.advance(next)?;
        (*self.applied, *self.vector) = (next, Arc::clone(vector));
        Ok(())
    }
}
