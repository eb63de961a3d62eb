//! The only file that names sled. Keeps bytes under ascending keys, and makes them survive a
//! power cut, which sled 0.34 alone does not:
//!
//! * On Linux its `flush` calls `sync_file_range`, which leaves a disk's write cache alone. We
//!   hold a second handle on its data file and `fdatasync` that after every flush.
//! * A message over a quarter of its segment size goes to a file of its own that is never
//!   synced. A page is rewritten with all its entries (at most 16 and one being split) in one
//!   message, so values are kept so small that even a full page stays inline.
//! * It never syncs its `conf` file nor its folders. We do, once, after creation.
//! * After a failed flush it is unknown what reached the disk: the engine refuses all further
//!   writes until it has been opened, and so read back, again. A full disk would be the usual
//!   reason, so writing stops while there is still some room, and goes on by itself.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of a segment, the unit in which sled's file grows and is reclaimed.
const SEGMENT_BYTES: usize = 1 << 20;

/// Bytes of the largest value: a page of 17 such values and their keys is below a quarter of a
/// segment.
pub(crate) const VALUE_BYTES: usize = 12 << 10;

/// Bytes sled may keep of pages read. The log is read in order, hardly ever twice.
const CACHE_BYTES: u64 = 8 << 20;

/// Free bytes below which nothing more is written: enough for the segments and the view's pages of
/// a usual group of transactions. One that needs more may still meet the end of the disk.
const RESERVE_BYTES: u64 = 8 << 20;

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The operating system said no.
    #[error("the log could not be read or written: {0}")]
    Io(#[from] io::Error),
    /// sled said no.
    #[error("the log could not be read or written: {0}")]
    Engine(sled::Error),
    /// An earlier flush failed, so what is on disk is unknown.
    #[error("the log refuses writes since an earlier one could not be made durable")]
    Poisoned,
    /// A record's checksum or shape is wrong.
    #[error("the log is damaged at transaction {arrival}")]
    Damaged {
        /// Arrival number of the first transaction that cannot be read.
        arrival: u64,
    },
    /// The log was written by a newer program.
    #[error("the log has format version {0}, newer than this program understands")]
    Newer(u8),
}

impl From<sled::Error> for LogError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => Self::Io(error),
            other => Self::Engine(other),
        }
    }
}

/// Bytes that may still be written on that folder's disk before writing stops.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    Ok(fs4::available_space(folder)?.saturating_sub(RESERVE_BYTES))
}

/// One sled database, for all spaces of a data folder.
pub(crate) struct Engine {
    db: sled::Db,
    file: File,
    folder: PathBuf,
    poisoned: AtomicBool,
}

impl Engine {
    /// Opens the database in `folder`, creating it if needed.
    pub(crate) fn open(folder: &Path) -> Result<Self, LogError> {
        let data = folder.join("db");
        let fresh = !data.exists();
        fs::create_dir_all(folder)?;
        let db = sled::Config::new()
            .path(folder)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open()?;
        // Opened before the first write: a write error that the kernel reports once is then
        // reported to this handle too.
        let file = OpenOptions::new().read(true).write(true).open(&data)?;
        let engine = Self { db, file, folder: folder.to_owned(), poisoned: AtomicBool::new(false) };
        if fresh {
            engine.flush()?;
            sync_file(&folder.join("conf"))?;
            sync_folder(&folder.join("blobs"))?;
            sync_folder(folder)?;
            if let Some(parent) = folder.parent() {
                sync_folder(parent)?;
            }
        }
        Ok(engine)
    }

    /// The ordered map of that name, created if needed.
    pub(crate) fn shelf(&self, name: &str) -> Result<Shelf, LogError> {
        Ok(Shelf(self.db.open_tree(name)?))
    }

    /// Returns once everything put so far survives a power cut.
    pub(crate) fn flush(&self) -> Result<(), LogError> {
        self.writable()?;
        let flushed = self.db.flush().map_err(LogError::from).and_then(|_| Ok(self.file.sync_data()?));
        if flushed.is_err() {
            self.poisoned.store(true, Ordering::Release);
        }
        flushed
    }

    /// Refuses when the disk is almost full. Nothing has been written then, and nothing is unknown.
    pub(crate) fn has_room(&self) -> Result<(), LogError> {
        if free_bytes(&self.folder)? == 0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull).into());
        }
        Ok(())
    }

    /// Refuses once a flush or a put has failed.
    pub(crate) fn writable(&self) -> Result<(), LogError> {
        if self.poisoned.load(Ordering::Acquire) { Err(LogError::Poisoned) } else { Ok(()) }
    }

    /// Marks the outcome of a write as unknown.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    /// Bytes on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.db.size_on_disk().unwrap_or(0)
    }
}

/// Bytes under keys in ascending order.
#[derive(Clone)]
pub(crate) struct Shelf(sled::Tree);

pub(crate) type Entry = (Vec<u8>, Vec<u8>);

impl Shelf {
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        debug_assert!(value.len() <= VALUE_BYTES);
        self.0.insert(key, value)?;
        Ok(())
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.0.get(key)?.map(|value| value.to_vec()))
    }

    pub(crate) fn remove(&self, key: &[u8]) -> Result<(), LogError> {
        self.0.remove(key)?;
        Ok(())
    }

    /// The entry with the greatest key that is at most `key`.
    pub(crate) fn at_or_before(&self, key: &[u8]) -> Result<Option<Entry>, LogError> {
        let mut range = self.0.range(..=key).rev();
        range.next().transpose()?.map(to_vecs).map_or(Ok(None), |entry| Ok(Some(entry)))
    }

    /// Entries from `key` on, ascending.
    pub(crate) fn from(&self, key: &[u8]) -> impl Iterator<Item = Result<Entry, LogError>> + use<> {
        self.0.range(key.to_vec()..).map(|entry| Ok(to_vecs(entry?)))
    }

    /// The entry with the greatest key.
    pub(crate) fn last(&self) -> Result<Option<Entry>, LogError> {
        Ok(self.0.last()?.map(to_vecs))
    }
}

fn to_vecs((key, value): (sled::IVec, sled::IVec)) -> Entry {
    (key.to_vec(), value.to_vec())
}

fn sync_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).write(true).open(path)?.sync_all()
}

/// Makes the names in a folder survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // Windows has no such call and needs none: NTFS journals names.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_values_never_leave_the_data_file() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(folder.path()).unwrap();
        let shelf = engine.shelf("log").unwrap();
        let mut noise = 1u64;
        for number in 0u64..300 {
            let value: Vec<u8> = std::iter::repeat_with(|| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (noise >> 56) as u8
            })
            .take(VALUE_BYTES)
            .collect();
            shelf.put(&number.to_be_bytes(), &value).unwrap();
            if number % 3 == 0 {
                shelf.remove(&(number / 2).to_be_bytes()).unwrap();
            }
            if number % 16 == 0 {
                engine.flush().unwrap();
            }
        }
        engine.flush().unwrap();
        let blobs = fs::read_dir(folder.path().join("blobs")).unwrap().count();
        assert_eq!(blobs, 0, "sled keeps such files without ever syncing them");
    }

    #[cfg(unix)]
    #[test]
    fn after_a_failed_flush_nothing_more_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = Engine::open(folder.path()).unwrap();
        let shelf = engine.shelf("log").unwrap();
        shelf.put(b"key", b"value").unwrap();
        engine.flush().unwrap();
        // A file that cannot be synced, as a disk that fails.
        let good = std::mem::replace(&mut engine.file, File::open("/dev/null").unwrap());
        assert!(matches!(engine.flush(), Err(LogError::Io(_))));
        // What reached the disk is unknown, also once syncing works again.
        engine.file = good;
        assert!(matches!(engine.flush(), Err(LogError::Poisoned)));
        assert!(matches!(engine.writable(), Err(LogError::Poisoned)));
        drop((shelf, engine));
        let engine = Engine::open(folder.path()).unwrap();
        engine.flush().unwrap();
        assert_eq!(engine.shelf("log").unwrap().get(b"key").unwrap().unwrap(), b"value");
    }
}
