//! The data folder: who holds it, and the key of the site it belongs to.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tandem_protocol::identity::AuthorKey;

use crate::damage::Damage;
use crate::log::sync_folder;
use crate::open_error::OpenError;
use crate::private;

/// A data folder held by this process alone.
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Folder {
    /// Takes hold of the folder, creating it if needed. `holder` says who holds it, for others.
    pub(crate) fn hold(path: &Path, holder: &str) -> Result<Self, OpenError> {
        if !path.is_dir() {
            private::make_folder(path).map_err(|error| OpenError::io(path, error))?;
            // Else its name is not on the disk when the first write is.
            path.parent().map_or(Ok(()), sync_folder).map_err(|error| OpenError::io(path, error))?;
        }
        let lock_path = path.join("lock");
        let lock = private::options().open(&lock_path).map_err(|error| OpenError::io(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(path)),
            Err(TryLockError::Error(error)) => return Err(OpenError::io(&lock_path, error)),
        }
        private::mend(path);
        let note = note(path);
        let noted = private::options().truncate(true).open(&note);
        // It is for people. Whatever keeps it from being written, a full disk or a scanner that looks
        // at it, keeps no one from their data.
        if let Err(error) = noted.and_then(|mut file| file.write_all(holder.as_bytes())) {
            tracing::warn!(path = %note.display(), %error, "others are not told who holds the folder");
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Takes hold of a folder in which nothing can be written, together with others who read it.
    pub(crate) fn share(path: &Path) -> Result<File, OpenError> {
        let lock_path = path.join("lock");
        let lock = File::open(&lock_path).map_err(|error| OpenError::io(&lock_path, error))?;
        match lock.try_lock_shared() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(held(path)),
            Err(TryLockError::Error(error)) => Err(OpenError::io(&lock_path, error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the site another key, also should the power fail right afterwards.
    pub(crate) fn set_key(&self, key: &AuthorKey) -> io::Result<()> {
        let text = data_encoding::HEXLOWER.encode(&key.secret());
        write_private(&self.path.join(KEY_FILE), text.as_bytes())
    }

    /// The site's key; a fresh one if there is none yet.
    pub(crate) fn key(&self) -> Result<AuthorKey, OpenError> {
        let path = self.path.join(KEY_FILE);
        match key_in(&self.path) {
            Err(OpenError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                let io = |error| OpenError::io(&path, error);
                let mut secret = [0; 32];
                getrandom::fill(&mut secret).map_err(|error| io(io::Error::other(error.to_string())))?;
                let key = AuthorKey::from_secret(&secret);
                self.set_key(&key).map_err(io)?;
                Ok(key)
            }
            key => key,
        }
    }
}

const KEY_FILE: &str = "site.key";

/// Bytes of `site.key` that are read: more is no key.
const KEY_BYTES: u64 = 1024;

/// The key in a folder.
pub(crate) fn key_in(folder: &Path) -> Result<AuthorKey, OpenError> {
    let path = folder.join(KEY_FILE);
    let mut text = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(KEY_BYTES).read_to_end(&mut text));
    read.map_err(|error| OpenError::io(&path, error))?;
    let secret = data_encoding::HEXLOWER.decode(text.trim_ascii()).ok();
    let secret: Option<[u8; 32]> = secret.and_then(|bytes| bytes.try_into().ok());
    let unreadable = || OpenError::damaged(folder, Damage::KeyUnreadable);
    secret.map(|secret| AuthorKey::from_secret(&secret)).ok_or_else(unreadable)
}

fn note(path: &Path) -> PathBuf {
    path.join("lock.holder")
}

fn held(path: &Path) -> OpenError {
    let holder = fs::read_to_string(note(path)).ok().filter(|holder| !holder.is_empty());
    OpenError::Held { folder: path.to_owned(), holder: holder.unwrap_or_else(|| "tandem (PID ?)".to_owned()) }
}

/// Writes a small file that only its owner may read: whole or not at all, also in a power cut.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    // One that is there may have been made by someone else, with other rights.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private::options().create_new(true).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}
