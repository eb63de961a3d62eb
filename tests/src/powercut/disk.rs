//! A disk that promises nothing it need not.
//!
//! A file's bytes are safe once a sync of that file has ended that began after they were written;
//! a name is safe once its folder has been synced likewise. Of everything else a power cut may
//! leave nothing, all, or any part, down to single sectors.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::trace::Entry;
use crate::random::Random;

/// The unit that a disk writes whole.
const SECTOR: usize = 512;

const O_CREAT: u64 = 0o100;
const O_TRUNC: u64 = 0o1000;

/// What becomes of all that was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// It is gone.
    Nothing,
    /// It happened to be on the disk already.
    All,
    /// Any of it, writes torn at sectors.
    Some,
}

/// Names one file or folder for good.
type Id = usize;

/// A disk to which the entries of a record are applied one after the other.
pub struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    /// As the program sees it.
    paths: BTreeMap<PathBuf, Id>,
    handles: HashMap<u32, Id>,
    syncs: HashMap<u64, (Id, usize)>,
    applied: usize,
}

/// A file or folder. What is pending carries its number in the order of the record.
enum Node {
    File { safe: Vec<u8>, pending: Vec<(usize, Change)> },
    Folder { safe: BTreeMap<PathBuf, Id>, pending: Vec<(usize, Naming)> },
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// Names that change together.
#[derive(Clone)]
struct Naming(Vec<(PathBuf, Option<Id>)>);

impl Disk {
    /// A disk on which the folder `root` exists, empty.
    pub fn new(root: &Path) -> Self {
        let folder = Node::Folder { safe: BTreeMap::new(), pending: Vec::new() };
        Self {
            root: root.to_owned(),
            nodes: vec![folder],
            paths: BTreeMap::from([(root.to_owned(), 0)]),
            handles: HashMap::new(),
            syncs: HashMap::new(),
            applied: 0,
        }
    }

    /// A disk that holds safely what is in the folder `root` now.
    pub fn of(root: &Path) -> Self {
        let mut disk = Self::new(root);
        disk.take_in(root);
        disk
    }

    fn take_in(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let node = if path.is_dir() {
                Node::Folder { safe: BTreeMap::new(), pending: Vec::new() }
            } else {
                Node::File { safe: fs::read(&path).unwrap(), pending: Vec::new() }
            };
            let id = self.make(&path, node);
            let above = self.paths[folder];
            self.nodes[above].settle(usize::MAX);
            if path.is_dir() {
                self.take_in(&path);
            }
            debug_assert_eq!(self.paths[&path], id);
        }
    }

    /// The program did this.
    pub fn apply(&mut self, entry: &Entry) {
        self.applied += 1;
        match entry {
            Entry::Open { handle, flags, path } => self.open(*handle, *flags, path),
            Entry::Write { handle, place, bytes } => {
                self.change(self.handles[handle], Change::Write(to_usize(*place), bytes.clone()));
            }
            Entry::Length { handle, len } => {
                self.change(self.handles[handle], Change::Length(to_usize(*len)))
            }
            Entry::SyncBegins { handle, serial } => {
                self.syncs.insert(*serial, (self.handles[handle], self.applied));
            }
            Entry::SyncEnds { serial } => {
                let (id, began) = self.syncs.remove(serial).unwrap();
                self.nodes[id].settle(began);
            }
            Entry::Rename { from, to } => {
                let id = self.paths.remove(from).unwrap_or_else(|| panic!("{} is not there", from.display()));
                assert!(matches!(self.nodes[id], Node::File { .. }), "folders are not renamed");
                self.paths.insert(to.clone(), id);
                if from.parent() == to.parent() {
                    self.name(from, vec![(from.clone(), None), (to.clone(), Some(id))]);
                } else {
                    self.name(to, vec![(to.clone(), Some(id))]);
                    self.name(from, vec![(from.clone(), None)]);
                }
            }
            Entry::Remove(path) => {
                self.paths.remove(path);
                self.name(path, vec![(path.clone(), None)]);
            }
            Entry::MakeFolder(path) if *path != self.root => {
                self.make(path, Node::Folder { safe: BTreeMap::new(), pending: Vec::new() });
            }
            Entry::MakeFolder(_) | Entry::Mark(_) => {}
        }
    }

    /// Writes what is left after a power cut right now into the folder `target`.
    pub fn cut(&self, target: &Path, survival: Survival, random: &mut Random) {
        self.restore(0, target, survival, random);
    }

    fn open(&mut self, handle: u32, flags: u64, path: &Path) {
        let id = match self.paths.get(path) {
            Some(id) => *id,
            None if flags & O_CREAT != 0 => {
                self.make(path, Node::File { safe: Vec::new(), pending: Vec::new() })
            }
            None => panic!("{} was opened, but never made", path.display()),
        };
        if flags & O_TRUNC != 0 {
            self.change(id, Change::Length(0));
        }
        self.handles.insert(handle, id);
    }

    fn make(&mut self, path: &Path, node: Node) -> Id {
        let id = self.nodes.len();
        self.nodes.push(node);
        self.paths.insert(path.to_owned(), id);
        self.name(path, vec![(path.to_owned(), Some(id))]);
        id
    }

    fn change(&mut self, id: Id, change: Change) {
        let number = self.applied;
        let Node::File { pending, .. } = &mut self.nodes[id] else { panic!("a folder was written to") };
        pending.push((number, change));
    }

    /// Changes names in the folder that holds `path`.
    fn name(&mut self, path: &Path, naming: Vec<(PathBuf, Option<Id>)>) {
        let number = self.applied;
        let folder = self.paths[path.parent().unwrap()];
        let Node::Folder { pending, .. } = &mut self.nodes[folder] else { panic!("a file holds no names") };
        pending.push((number, Naming(naming)));
    }

    fn restore(&self, id: Id, target: &Path, survival: Survival, random: &mut Random) {
        match &self.nodes[id] {
            Node::File { safe, pending } => {
                let mut bytes = safe.clone();
                pending.iter().for_each(|(_, change)| survive(&mut bytes, change, survival, random));
                fs::write(target, bytes).unwrap();
            }
            Node::Folder { safe, pending } => {
                let mut names = safe.clone();
                // A folder's names reach the disk in order; how far they got is open.
                let reached = match survival {
                    Survival::Nothing => 0,
                    Survival::All => pending.len(),
                    Survival::Some => random.below(pending.len() as u64 + 1) as usize,
                };
                pending[..reached].iter().for_each(|(_, naming)| naming.settle(&mut names));
                fs::create_dir_all(target).unwrap();
                for (path, id) in names {
                    self.restore(id, &target.join(path.file_name().unwrap()), survival, random);
                }
            }
        }
    }
}

impl Node {
    /// What was pending before the entry of that number is safe now.
    fn settle(&mut self, before: usize) {
        match self {
            Self::File { safe, pending } => {
                let count = pending.partition_point(|(number, _)| *number < before);
                pending.drain(..count).for_each(|(_, change)| change.settle(safe));
            }
            Self::Folder { safe, pending } => {
                let count = pending.partition_point(|(number, _)| *number < before);
                pending.drain(..count).for_each(|(_, naming)| naming.settle(safe));
            }
        }
    }
}

impl Change {
    fn settle(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(place, written) => write(bytes, *place, written),
            Self::Length(len) => bytes.resize(*len, 0),
        }
    }
}

impl Naming {
    fn settle(&self, names: &mut BTreeMap<PathBuf, Id>) {
        for (path, id) in &self.0 {
            match id {
                Some(id) => names.insert(path.clone(), *id),
                None => names.remove(path),
            };
        }
    }
}

fn write(bytes: &mut Vec<u8>, place: usize, written: &[u8]) {
    let end = place + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[place..end].copy_from_slice(written);
}

fn survive(bytes: &mut Vec<u8>, change: &Change, survival: Survival, random: &mut Random) {
    match (survival, change) {
        (Survival::Nothing, _) => {}
        (Survival::All, _) => change.settle(bytes),
        (Survival::Some, Change::Length(_)) => {
            if random.one_in(2) {
                change.settle(bytes);
            }
        }
        (Survival::Some, Change::Write(place, written)) => match random.below(4) {
            0 => {}
            1 => change.settle(bytes),
            _ => {
                // Torn where sectors of the disk begin, not where the write does.
                let mut at = 0;
                while at < written.len() {
                    let len = (SECTOR - (place + at) % SECTOR).min(written.len() - at);
                    if random.one_in(2) {
                        write(bytes, place + at, &written[at..at + len]);
                    }
                    at += len;
                }
            }
        },
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(path: &str, serial: u64) -> Vec<Entry> {
        vec![
            Entry::Open { handle: 1, flags: O_CREAT, path: path.into() },
            Entry::Write { handle: 1, place: 0, bytes: b"old".to_vec() },
            Entry::SyncBegins { handle: 1, serial },
            Entry::Write { handle: 1, place: 3, bytes: b"new".to_vec() },
            Entry::SyncEnds { serial },
        ]
    }

    fn left(entries: &[Entry], survival: Survival) -> Option<String> {
        let mut disk = Disk::new(Path::new("/f"));
        entries.iter().for_each(|entry| disk.apply(entry));
        let target = tempfile::tempdir().unwrap();
        disk.cut(target.path(), survival, &mut Random::of_seed(1));
        fs::read_to_string(target.path().join("a")).ok()
    }

    #[test]
    fn a_file_is_safe_only_with_its_name() {
        let mut entries = written("/f/a", 0);
        assert_eq!(left(&entries, Survival::Nothing), None);
        assert_eq!(left(&entries, Survival::All).as_deref(), Some("oldnew"));
        entries.extend([
            Entry::Open { handle: 2, flags: 0, path: "/f".into() },
            Entry::SyncBegins { handle: 2, serial: 9 },
            Entry::SyncEnds { serial: 9 },
        ]);
        // What was written while the sync ran may be lost.
        assert_eq!(left(&entries, Survival::Nothing).as_deref(), Some("old"));
    }

    #[test]
    fn a_renamed_file_keeps_its_old_name_until_the_folder_is_synced() {
        let mut entries = written("/f/b", 0);
        entries.extend([
            Entry::Open { handle: 2, flags: 0, path: "/f".into() },
            Entry::SyncBegins { handle: 2, serial: 9 },
            Entry::SyncEnds { serial: 9 },
            Entry::Rename { from: "/f/b".into(), to: "/f/a".into() },
        ]);
        assert_eq!(left(&entries, Survival::Nothing), None);
        assert_eq!(left(&entries, Survival::All).as_deref(), Some("oldnew"));
    }
}
