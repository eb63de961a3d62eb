//! What the log is kept on: a disk, or the memory of a simulation.

use std::path::Path;

use tandem_protocol::identity::SpaceId;

use super::engine::{self, Engine, Entry, LogError};
#[cfg(feature = "simulation")]
use super::memory;

/// Keeps bytes under ascending keys.
pub(crate) enum Storage {
    /// Files, by sled.
    Disk(Engine),
    #[cfg(feature = "simulation")]
    Memory(memory::Disk),
}

/// The bytes of one space.
#[derive(Clone)]
pub(crate) enum Tree {
    Disk(engine::Tree),
    #[cfg(feature = "simulation")]
    Memory(memory::Tree),
}

impl Storage {
    /// Opens the database in `folder`, creating it if needed.
    pub(crate) fn on_disk(folder: &Path) -> Result<Self, LogError> {
        Engine::open(folder).map(Self::Disk)
    }

    /// Opens a copy of a database that must not be changed.
    pub(crate) fn on_copy(folder: &Path) -> Result<Self, LogError> {
        Engine::open_copy(folder).map(Self::Disk)
    }

    /// The spaces that have a log here.
    pub(crate) fn spaces(&self) -> Vec<SpaceId> {
        let names = match self {
            Self::Disk(engine) => engine.trees(),
            #[cfg(feature = "simulation")]
            Self::Memory(_) => Vec::new(),
        };
        names.iter().filter_map(|name| name.strip_prefix("log/")?.parse().ok()).collect()
    }

    /// See [`Engine::tree`].
    pub(crate) fn tree(&self, name: &str) -> Result<Tree, LogError> {
        match self {
            Self::Disk(engine) => engine.tree(name).map(Tree::Disk),
            #[cfg(feature = "simulation")]
            Self::Memory(disk) => Ok(Tree::Memory(disk.tree(name))),
        }
    }

    /// See [`Engine::flush`].
    pub(crate) fn flush(&self) -> Result<(), LogError> {
        match self {
            Self::Disk(engine) => engine.flush(),
            #[cfg(feature = "simulation")]
            Self::Memory(disk) => disk.flush(),
        }
    }

    /// See [`Engine::has_room`].
    pub(crate) fn has_room(&self) -> Result<(), LogError> {
        match self {
            Self::Disk(engine) => engine.has_room(),
            #[cfg(feature = "simulation")]
            Self::Memory(disk) => disk.has_room(),
        }
    }

    /// See [`Engine::writable`].
    pub(crate) fn writable(&self) -> Result<(), LogError> {
        match self {
            Self::Disk(engine) => engine.writable(),
            #[cfg(feature = "simulation")]
            Self::Memory(disk) => disk.writable(),
        }
    }

    /// See [`Engine::poison`].
    pub(crate) fn poison(&self) {
        match self {
            Self::Disk(engine) => engine.poison(),
            #[cfg(feature = "simulation")]
            Self::Memory(disk) => disk.poison(),
        }
    }

    /// See [`Engine::disk_bytes`].
    pub(crate) fn disk_bytes(&self) -> u64 {
        match self {
            Self::Disk(engine) => engine.disk_bytes(),
            #[cfg(feature = "simulation")]
            Self::Memory(disk) => disk.bytes(),
        }
    }
}

impl Tree {
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        match self {
            Self::Disk(tree) => tree.put(key, value),
            #[cfg(feature = "simulation")]
            Self::Memory(tree) => tree.put(key, value),
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        match self {
            Self::Disk(tree) => tree.get(key),
            #[cfg(feature = "simulation")]
            Self::Memory(tree) => Ok(tree.get(key)),
        }
    }

    pub(crate) fn remove(&self, key: &[u8]) -> Result<(), LogError> {
        match self {
            Self::Disk(tree) => tree.remove(key),
            #[cfg(feature = "simulation")]
            Self::Memory(tree) => tree.remove(key),
        }
    }

    /// The entry with the greatest key that is at most `key`.
    pub(crate) fn at_or_before(&self, key: &[u8]) -> Result<Option<Entry>, LogError> {
        match self {
            Self::Disk(tree) => tree.at_or_before(key),
            #[cfg(feature = "simulation")]
            Self::Memory(tree) => Ok(tree.at_or_before(key)),
        }
    }

    /// Entries from `key` on, ascending.
    pub(crate) fn from(&self, key: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, LogError>>> {
        match self {
            Self::Disk(tree) => Box::new(tree.from(key)),
            #[cfg(feature = "simulation")]
            Self::Memory(tree) => Box::new(tree.from(key).into_iter().map(Ok)),
        }
    }

    /// The entry with the greatest key.
    pub(crate) fn last(&self) -> Result<Option<Entry>, LogError> {
        match self {
            Self::Disk(tree) => tree.last(),
            #[cfg(feature = "simulation")]
            Self::Memory(tree) => Ok(tree.last()),
        }
    }
}
