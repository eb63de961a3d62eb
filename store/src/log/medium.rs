//! What the log is kept on: a disk, or the memory of a simulation.

use std::path::Path;

use tandem_protocol::identity::SpaceId;

use super::engine::{self, Engine, Entry, LogError};
#[cfg(feature = "simulation")]
use super::memory;

/// Keeps bytes under ascending keys.
pub(crate) enum Medium {
    /// Files, by sled.
    Disk(Engine),
    #[cfg(feature = "simulation")]
    Memory(memory::Disk),
}

/// The bytes of one space.
#[derive(Clone)]
pub(crate) enum Shelf {
    Disk(engine::Shelf),
    #[cfg(feature = "simulation")]
    Memory(memory::Shelf),
}

impl Medium {
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
            Self::Disk(engine) => engine.shelves(),
            #[cfg(feature = "simulation")]
            Self::Memory(_) => Vec::new(),
        };
        names.iter().filter_map(|name| name.strip_prefix("log/")?.parse().ok()).collect()
    }

    /// See [`Engine::shelf`].
    pub(crate) fn shelf(&self, name: &str) -> Result<Shelf, LogError> {
        match self {
            Self::Disk(engine) => engine.shelf(name).map(Shelf::Disk),
            #[cfg(feature = "simulation")]
            Self::Memory(disk) => Ok(Shelf::Memory(disk.shelf(name))),
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

impl Shelf {
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        match self {
            Self::Disk(shelf) => shelf.put(key, value),
            #[cfg(feature = "simulation")]
            Self::Memory(shelf) => shelf.put(key, value),
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        match self {
            Self::Disk(shelf) => shelf.get(key),
            #[cfg(feature = "simulation")]
            Self::Memory(shelf) => Ok(shelf.get(key)),
        }
    }

    pub(crate) fn remove(&self, key: &[u8]) -> Result<(), LogError> {
        match self {
            Self::Disk(shelf) => shelf.remove(key),
            #[cfg(feature = "simulation")]
            Self::Memory(shelf) => shelf.remove(key),
        }
    }

    /// The entry with the greatest key that is at most `key`.
    pub(crate) fn at_or_before(&self, key: &[u8]) -> Result<Option<Entry>, LogError> {
        match self {
            Self::Disk(shelf) => shelf.at_or_before(key),
            #[cfg(feature = "simulation")]
            Self::Memory(shelf) => Ok(shelf.at_or_before(key)),
        }
    }

    /// Entries from `key` on, ascending.
    pub(crate) fn from(&self, key: &[u8]) -> Box<dyn Iterator<Item = Result<Entry, LogError>>> {
        match self {
            Self::Disk(shelf) => Box::new(shelf.from(key)),
            #[cfg(feature = "simulation")]
            Self::Memory(shelf) => Box::new(shelf.from(key).into_iter().map(Ok)),
        }
    }

    /// The entry with the greatest key.
    pub(crate) fn last(&self) -> Result<Option<Entry>, LogError> {
        match self {
            Self::Disk(shelf) => shelf.last(),
            #[cfg(feature = "simulation")]
            Self::Memory(shelf) => Ok(shelf.last()),
        }
    }
}
