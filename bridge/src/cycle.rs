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

use crate::apply::Target;
use crate::dirty::{Dirty, Place, Taken};
use crate::engine::{Engine, Outcome};
use crate::error::BridgeError;
use crate::held::{Row, agree};
use crate::ids;
use crate::intake::{Change, Intake};
use crate::mirror::Mirror;
use crate::paired::PairedTable;
use crate::status::SharedStatus;
use crate::view_rows;

/// Rows that are looked at in one cycle.
const ROWS: usize = 1_000;
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

/// Rows under lock, each as it is in the database.
pub(crate) type Locked = BTreeMap<Place, (Key, Option<Row>)>;

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
        let begun = self.mirror.begin().and_then(|()| self.engine.begin()).and_then(|()| self.engine.mark());
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

    /// What takes changes into the log.
    pub fn intake(&self) -> Intake<'a> {
        let place = (self.space, self.tables, self.incarnation);
        Intake::new(place, self.mirror, self.dirty, self.status)
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
            match agree(self.mirror.row(*table, &key)?.as_ref(), shown.as_ref()) {
                true => self.mirror.unpark(*table, &key)?,
                false => differing.push((*table, key)),
            }
        }
        Ok(differing)
    }

    /// What happens between the beginning and the commit; whether anything did.
    fn exchange(&mut self, differing: &[(usize, Key)], vector: &Arc<VersionVector>) -> Outcome<bool> {
        if self.engine.layout()? != self.layout {
            return Err(BridgeError::Waits(Cause::new("bridge_migrated")));
        }
        let cycles = self.engine.count_cycle()?;
        if cycles < self.mirror.cycles()? {
            return Err(BridgeError::Waits(Cause::new("bridge_restored")));
        }
        assert!(cycles > 0, "this cycle is one");
        self.mirror.note_cycles(cycles)?;
        let there = self.locked(differing)?;
        let (pending, are_all) = self.engine.pending(ENTRIES)?;
        let numbers: Vec<i64> = pending.iter().flat_map(|one| one.entries.iter().copied()).collect();
        let mut intake = self.intake();
        intake.take(self.engine, &pending)?;
        if !numbers.is_empty() {
            self.engine.forget(&numbers)?;
        }
        // What counts ids was set by somebody: a fixture that was loaded, a backup.
        for (at, id) in std::mem::take(&mut intake.entered) {
            if !ids::is_own(id, self.ordinal) {
                self.engine.own_ids(&self.tables[at], self.ordinal, id)?;
            }
        }
        if !are_all {
            // What is left may be of these rows: they are looked at when nothing is.
            self.dirty.put_back(there.into_keys());
            return Ok(true);
        }
        let missed = self.missed(&there)?;
        if !missed.is_empty() {
            self.status.change(|status| status.missed += missed.len() as u64);
            intake.take_missed(&missed, *self.applied)?;
        }
        let targets = self.targets(there)?;
        self.apply(&targets)?;
        self.advance(vector, !targets.is_empty())?;
        Ok(!numbers.is_empty() || !targets.is_empty())
    }

    /// The rows as they are in the database, locked. Those that somebody else holds are looked at later.
    pub fn locked(&mut self, rows: &[(usize, Key)]) -> Outcome<Locked> {
        let mut there = Locked::new();
        for (at, table) in self.tables.iter().enumerate() {
            let mut keys: Vec<Key> =
                rows.iter().filter(|(of, _)| *of == at).map(|(_, key)| key.clone()).collect();
            if keys.is_empty() {
                continue;
            }
            keys.sort_by_key(Key::to_bytes);
            let (found, held) = self.engine.lock(table, &keys)?;
            there.extend(keys.into_iter().map(|key| ((at, key.to_bytes()), (key, None))));
            assert!(found.len() + held.len() <= rows.len(), "a key names one row");
            for row in found {
                if let Some(key) = table.key_of(&row) {
                    there.insert((at, key.to_bytes()), (key, Some(row)));
                }
            }
            for key in held {
                there.remove(&(at, key.to_bytes()));
                self.dirty.put(at, &key);
            }
        }
        Ok(there)
    }

    /// Rows that are neither what the mirror says nor what the view shows: they were changed, and nobody
    /// told. One that is gone so is not taken for deleted, but put back.
    fn missed(&self, there: &Locked) -> Outcome<Vec<Change>> {
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
    pub fn targets(&self, there: Locked) -> Outcome<Vec<Target>> {
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
