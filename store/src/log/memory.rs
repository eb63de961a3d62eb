//! A disk in memory, for simulated sites. What was put is there at once, and is gone again after a
//! crash unless a flush came in between: all of it, its end, or its last put half written. What a
//! flush does can be arranged beforehand.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::{Entry, LogError, VALUE_BYTES};

/// What survives of the changes since the last flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survival {
    /// So many of them, the oldest.
    pub changes: usize,
    /// The last of these, where it is new, lost its second half.
    pub torn: bool,
}

/// What the next flush does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushFault {
    /// The power goes before it is done.
    PowerCut(Survival),
    /// The power goes right after it was done, before anybody hears of it.
    PowerCutAfter,
    /// It fails, and nobody knows what survived.
    Fails(Survival),
}

/// What one tree holds.
type Content = BTreeMap<Vec<u8>, Vec<u8>>;

/// A change not yet flushed: where, and what was there before.
struct Unflushed {
    tree: String,
    key: Vec<u8>,
    before: Option<Vec<u8>>,
}

#[derive(Default)]
struct State {
    trees: BTreeMap<String, Content>,
    unflushed: Vec<Unflushed>,
    fault: Option<FlushFault>,
    off: bool,
    poisoned: bool,
    full: bool,
    flushes: u64,
}

/// A disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// Another disk that holds the same, also what was not flushed.
    #[must_use]
    pub fn copy(&self) -> Self {
        let trees = self.state().trees.clone();
        Self(Arc::new(Mutex::new(State { trees, ..State::default() })))
    }

    /// Arranges what the next flush does.
    pub fn fail_next_flush(&self, fault: FlushFault) {
        self.state().fault = Some(fault);
    }

    /// Forgets what was arranged.
    pub fn mend(&self) {
        self.state().fault = None;
    }

    /// Whether the power went.
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Whether writes are refused since a flush failed.
    pub fn is_poisoned(&self) -> bool {
        self.state().poisoned
    }

    /// Cuts the power now.
    pub fn power_cut(&self, survival: Survival) {
        self.state().power_cut(survival);
    }

    /// Changes that a power cut would take back.
    pub fn unflushed(&self) -> usize {
        self.state().unflushed.len()
    }

    /// Ready to be opened again.
    pub fn power_on(&self) {
        let mut state = self.state();
        state.off = false;
        state.poisoned = false;
        state.fault = None;
    }

    /// Whether there is no room left.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Flushes that succeeded.
    pub fn flushes(&self) -> u64 {
        self.state().flushes
    }

    pub(super) fn tree(&self, name: &str) -> Tree {
        Tree { disk: self.clone(), name: name.to_owned() }
    }

    pub(super) fn flush(&self) -> Result<(), LogError> {
        self.writable()?;
        let mut state = self.state();
        match state.fault.take() {
            None => {
                state.unflushed.clear();
                state.flushes += 1;
                Ok(())
            }
            Some(FlushFault::PowerCut(survival)) => {
                state.power_cut(survival);
                Err(gone())
            }
            Some(FlushFault::PowerCutAfter) => {
                state.unflushed.clear();
                state.off = true;
                Err(gone())
            }
            Some(FlushFault::Fails(survival)) => {
                state.take_back(survival);
                state.poisoned = true;
                Err(io::Error::other("the disk does not answer").into())
            }
        }
    }

    pub(super) fn has_room(&self) -> Result<(), LogError> {
        let state = self.state();
        if state.full { Err(io::Error::from(io::ErrorKind::StorageFull).into()) } else { Ok(()) }
    }

    pub(super) fn writable(&self) -> Result<(), LogError> {
        let state = self.state();
        if state.off {
            return Err(gone());
        }
        if state.poisoned { Err(LogError::Poisoned) } else { Ok(()) }
    }

    pub(super) fn poison(&self) {
        self.state().poisoned = true;
    }

    pub(super) fn bytes(&self) -> u64 {
        let state = self.state();
        state.trees.values().flat_map(Content::values).map(|value| value.len() as u64).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone() -> LogError {
    io::Error::other("the power is off").into()
}

impl State {
    fn power_cut(&mut self, survival: Survival) {
        self.take_back(survival);
        self.off = true;
    }

    fn take_back(&mut self, survival: Survival) {
        while self.unflushed.len() > survival.changes {
            let Some(change) = self.unflushed.pop() else { break };
            let tree = self.trees.entry(change.tree).or_default();
            match change.before {
                Some(value) => tree.insert(change.key, value),
                None => tree.remove(&change.key),
            };
        }
        if survival.torn
            && let Some(change) = self.unflushed.last()
            && change.before.is_none()
            && let Some(value) = self.trees.get_mut(&change.tree).and_then(|tree| tree.get_mut(&change.key))
        {
            value.truncate(value.len() / 2);
        }
        self.unflushed.clear();
    }
}

/// The bytes of one space on such a disk.
#[derive(Clone)]
pub(crate) struct Tree {
    disk: Disk,
    name: String,
}

impl Tree {
    pub(super) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        debug_assert!(value.len() <= VALUE_BYTES, "what is larger is cut into pieces");
        self.change(key, Some(value.to_vec()))
    }

    pub(super) fn remove(&self, key: &[u8]) -> Result<(), LogError> {
        self.change(key, None)
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.read(|content| content.get(key).cloned())
    }

    pub(super) fn at_or_before(&self, key: &[u8]) -> Option<Entry> {
        self.read(|content| content.range(..=key.to_vec()).next_back().map(owned))
    }

    pub(super) fn from(&self, key: &[u8]) -> Vec<Entry> {
        self.read(|content| content.range(key.to_vec()..).map(owned).collect())
    }

    pub(super) fn last(&self) -> Option<Entry> {
        self.read(|content| content.last_key_value().map(owned))
    }

    fn change(&self, key: &[u8], value: Option<Vec<u8>>) -> Result<(), LogError> {
        let mut state = self.disk.state();
        if state.off {
            return Err(gone());
        }
        let tree = state.trees.entry(self.name.clone()).or_default();
        let before = match value {
            Some(value) => tree.insert(key.to_vec(), value),
            None => tree.remove(key),
        };
        state.unflushed.push(Unflushed { tree: self.name.clone(), key: key.to_vec(), before });
        Ok(())
    }

    fn read<T: Default>(&self, read: impl FnOnce(&Content) -> T) -> T {
        self.disk.state().trees.get(&self.name).map(read).unwrap_or_default()
    }
}

fn owned((key, value): (&Vec<u8>, &Vec<u8>)) -> Entry {
    (key.clone(), value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(tree: &Tree) -> Vec<Entry> {
        tree.from(b"")
    }

    #[test]
    fn a_power_cut_takes_back_what_was_not_flushed_from_its_end() {
        let disk = Disk::default();
        let tree = disk.tree("log");
        tree.put(b"a", b"1111").unwrap();
        disk.flush().unwrap();
        tree.put(b"a", b"2222").unwrap();
        tree.put(b"b", b"3333").unwrap();
        tree.remove(b"a").unwrap();
        disk.power_cut(Survival { changes: 2, torn: true });
        assert!(tree.put(b"c", b"4").is_err());
        disk.power_on();
        let kept = [(b"a".to_vec(), b"2222".to_vec()), (b"b".to_vec(), b"33".to_vec())];
        assert_eq!(content(&tree), kept);
        tree.put(b"c", b"4").unwrap();
        disk.power_cut(Survival { changes: 0, torn: false });
        assert_eq!(content(&tree), kept);
    }

    #[test]
    fn a_flush_does_what_was_arranged() {
        let disk = Disk::default();
        let tree = disk.tree("log");
        tree.put(b"a", b"1").unwrap();
        disk.fail_next_flush(FlushFault::PowerCutAfter);
        assert!(disk.flush().is_err());
        assert!(disk.is_off());
        disk.power_on();
        assert_eq!(tree.get(b"a").unwrap(), b"1");
        tree.put(b"b", b"2").unwrap();
        disk.fail_next_flush(FlushFault::Fails(Survival { changes: 0, torn: false }));
        assert!(disk.flush().is_err());
        assert!(matches!(disk.flush(), Err(LogError::Poisoned)));
        disk.power_on();
        assert_eq!(tree.get(b"b"), None);
        disk.flush().unwrap();
    }
}
