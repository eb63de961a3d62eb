//! The only file that names sled. Keeps bytes under ascending keys, and makes them survive a
//! power cut, which sled 0.34 alone does not:
//!
//! * On Linux its `flush` calls `sync_file_range`, which leaves a disk's write cache alone. We
//!   hold a second handle on its data file and `fdatasync` that after every flush.
//! * A message over a quarter of its segment size goes to a file of its own that is never
//!   synced. A page is rewritten with all its entries (at most 16 and one being split) in one
//!   message, so values are kept so small that even a full page stays inline.
//! * It never syncs its `conf` file nor its folders. We do, at every opening: one that was
//!   interrupted may have made them.
//! * What an interrupted opening leaves behind it takes for something whole; see `leftovers`.
//! * After a failed flush it is unknown what reached the disk: the engine refuses all further
//!   writes until it has been opened, and so read back, again. A full disk would be the usual
//!   reason, so writing stops while there is still some room, and goes on by itself.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::leftovers;
use crate::private;

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

/// How long the file may still be held by a process that is about to end: the system frees a process's
/// files one after the other, the folder's lock perhaps before this one.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

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
    /// sled cannot open its file.
    #[error("the file log/db cannot be read: {0}")]
    Unreadable(String),
    /// What it lies on lets nothing be written.
    #[error("nothing can be written where the data folder lies")]
    ReadOnly,
    /// Another program keeps the file to itself.
    #[error("another program keeps {} to itself", .0.display())]
    Held(PathBuf),
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
    db: Arc<Opened>,
    file: File,
    folder: PathBuf,
    poisoned: AtomicBool,
    read_only: bool,
}

/// sled, closed without a panic.
struct Opened(Option<sled::Db>);

impl Opened {
    fn db(&self) -> Result<&sled::Db, LogError> {
        self.0.as_ref().ok_or(LogError::Poisoned)
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let db = self.0.take();
        // On a disk that fails it panics where it syncs for the last time. What was acknowledged has
        // been synced before.
        if catch_unwind(AssertUnwindSafe(|| drop(db))).is_err() {
            tracing::error!("the log's file could not be synced when it was closed");
        }
    }
}

impl Engine {
    /// Opens the database in `folder`, creating it if needed.
    pub(crate) fn open(folder: &Path) -> Result<Self, LogError> {
        Self::open_as(folder, false)
    }

    /// Opens a copy of a database that must not be changed.
    pub(crate) fn open_copy(folder: &Path) -> Result<Self, LogError> {
        Self::open_as(folder, true)
    }

    fn open_as(folder: &Path, read_only: bool) -> Result<Self, LogError> {
        let (data, blobs) = (folder.join("db"), folder.join("blobs"));
        private::make_folder(&blobs)?;
        leftovers::clear(folder)?;
        // Made here, for sled would let everybody read them.
        for path in [&data, &folder.join("conf")] {
            private::options().open(path)?;
        }
        wait_until_free(&data)?;
        let db = match open_db(folder) {
            // A snapshot repeats what the log says, and is all that can be wrong beside it.
            Err(LogError::Engine(error)) => {
                tracing::warn!(%error, "the log is opened without the snapshots of its index");
                leftovers::forget_snapshots(folder)?;
                open_db(folder).map_err(|error| match error {
                    LogError::Engine(error) => LogError::Unreadable(error.to_string()),
                    other => other,
                })?
            }
            opened => opened?,
        };
        let db = Arc::new(Opened(Some(db)));
        private::mend_all(folder);
        // Opened before the first write: a write error that the kernel reports once is then
        // reported to this handle too.
        let file = OpenOptions::new().read(true).write(true).open(&data)?;
        let engine =
            Self { db, file, folder: folder.to_owned(), poisoned: AtomicBool::new(false), read_only };
        engine.flush()?;
        sync_file(&folder.join("conf"))?;
        sync_folder(&blobs)?;
        sync_folder(folder)?;
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
        Ok(engine)
    }

    /// The ordered map of that name, created if needed.
    pub(crate) fn tree(&self, name: &str) -> Result<Tree, LogError> {
        Ok(Tree { tree: self.db.db()?.open_tree(name)?, _db: Arc::clone(&self.db) })
    }

    /// The names of all maps.
    pub(crate) fn trees(&self) -> Vec<String> {
        let names = self.db.db().map(|db| db.tree_names()).unwrap_or_default();
        names.iter().filter_map(|name| std::str::from_utf8(name).ok().map(str::to_owned)).collect()
    }

    /// Returns once everything put so far survives a power cut.
    pub(crate) fn flush(&self) -> Result<(), LogError> {
        self.writable()?;
        let flushed =
            self.db.db()?.flush().map_err(LogError::from).and_then(|_| Ok(self.file.sync_data()?));
        if flushed.is_err() {
            self.poisoned.store(true, Ordering::Release);
        }
        flushed
    }

    /// Refuses when the disk is almost full. Nothing has been written then, and nothing is unknown.
    pub(crate) fn has_room(&self) -> Result<(), LogError> {
        if self.read_only {
            return Err(LogError::ReadOnly);
        }
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
        self.db.db().map_or(0, |db| db.size_on_disk().unwrap_or(0))
    }
}

/// Bytes under keys in ascending order.
#[derive(Clone)]
pub(crate) struct Tree {
    tree: sled::Tree,
    /// Dropped after the map: the last to let go of sled is the one that knows how.
    _db: Arc<Opened>,
}

/// A key and its value.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

impl Tree {
    pub(crate) fn put(&self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        debug_assert!(value.len() <= VALUE_BYTES, "what is larger is cut into pieces");
        self.tree.insert(key, value)?;
        Ok(())
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.tree.get(key)?.map(|value| value.to_vec()))
    }

    pub(crate) fn remove(&self, key: &[u8]) -> Result<(), LogError> {
        self.tree.remove(key)?;
        Ok(())
    }

    /// The entry with the greatest key that is at most `key`.
    pub(crate) fn at_or_before(&self, key: &[u8]) -> Result<Option<Entry>, LogError> {
        let mut range = self.tree.range(..=key).rev();
        range.next().transpose()?.map(to_vecs).map_or(Ok(None), |entry| Ok(Some(entry)))
    }

    /// Entries from `key` on, ascending.
    pub(crate) fn from(&self, key: &[u8]) -> impl Iterator<Item = Result<Entry, LogError>> + use<> {
        self.tree.range(key.to_vec()..).map(|entry| Ok(to_vecs(entry?)))
    }

    /// The entry with the greatest key.
    pub(crate) fn last(&self) -> Result<Option<Entry>, LogError> {
        Ok(self.tree.last()?.map(to_vecs))
    }
}

/// Waits until no process holds the file.
fn wait_until_free(data: &Path) -> Result<(), LogError> {
    let deadline = Instant::now() + PATIENCE;
    let file = OpenOptions::new().read(true).write(true).open(data)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file.unlock()?),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(LogError::Held(data.to_owned())),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

fn open_db(folder: &Path) -> Result<sled::Db, LogError> {
    let open = || {
        sled::Config::new()
            .path(folder)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .open()
    };
    // What it cannot explain it meets with a panic.
    catch_unwind(open)
        .unwrap_or_else(|_| Err(sled::Error::ReportableBug("a panic".to_owned())))
        .map_err(LogError::from)
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
        let tree = engine.tree("log").unwrap();
        let mut noise = 1u64;
        for number in 0u64..300 {
            let value: Vec<u8> = std::iter::repeat_with(|| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (noise >> 56) as u8
            })
            .take(VALUE_BYTES)
            .collect();
            tree.put(&number.to_be_bytes(), &value).unwrap();
            if number % 3 == 0 {
                tree.remove(&(number / 2).to_be_bytes()).unwrap();
            }
            if number % 16 == 0 {
                engine.flush().unwrap();
            }
        }
        engine.flush().unwrap();
        let blobs = std::fs::read_dir(folder.path().join("blobs")).unwrap().count();
        assert_eq!(blobs, 0, "sled keeps such files without ever syncing them");
    }

    #[cfg(unix)]
    #[test]
    fn after_a_failed_flush_nothing_more_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = Engine::open(folder.path()).unwrap();
        let tree = engine.tree("log").unwrap();
        tree.put(b"key", b"value").unwrap();
        engine.flush().unwrap();
        // A file that cannot be synced, as a disk that fails.
        let good = std::mem::replace(&mut engine.file, File::open("/dev/null").unwrap());
        assert!(matches!(engine.flush(), Err(LogError::Io(_))));
        // What reached the disk is unknown, also once syncing works again.
        engine.file = good;
        assert!(matches!(engine.flush(), Err(LogError::Poisoned)));
        assert!(matches!(engine.writable(), Err(LogError::Poisoned)));
        drop((tree, engine));
        let engine = Engine::open(folder.path()).unwrap();
        engine.flush().unwrap();
        assert_eq!(engine.tree("log").unwrap().get(b"key").unwrap().unwrap(), b"value");
    }
}
