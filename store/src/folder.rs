//! The data folder: who holds it, and the key of the site it belongs to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tandem_protocol::identity::AuthorKey;

use crate::log::sync_folder;
use crate::store::OpenError;

/// A data folder held by this process alone.
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Folder {
    /// Takes hold of the folder, creating it if needed. `holder` says who holds it, for others.
    pub(crate) fn hold(path: &Path, holder: &str) -> Result<Self, OpenError> {
        fs::create_dir_all(path).map_err(|error| OpenError::io(path, error))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| OpenError::io(&lock_path, error))?;
        let note = path.join("lock.holder");
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&note).unwrap_or_else(|_| "another process".into());
                return Err(OpenError::Held { folder: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(OpenError::io(&lock_path, error)),
        }
        fs::write(&note, holder).map_err(|error| OpenError::io(&note, error))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The site's key; a fresh one if there is none yet.
    pub(crate) fn key(&self) -> Result<AuthorKey, OpenError> {
        let path = self.path.join("site.key");
        let io = |error| OpenError::io(&path, error);
        match File::open(&path) {
            Ok(mut file) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(io)?;
                let secret = data_encoding::HEXLOWER.decode(text.trim().as_bytes()).ok();
                let secret: Option<[u8; 32]> = secret.and_then(|bytes| bytes.try_into().ok());
                secret.map(|secret| AuthorKey::from_secret(&secret)).ok_or(OpenError::Key(path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut secret = [0; 32];
                getrandom::fill(&mut secret).map_err(|error| io(io::Error::other(error.to_string())))?;
                let text = data_encoding::HEXLOWER.encode(&secret);
                write_private(&path, text.as_bytes()).map_err(io)?;
                Ok(AuthorKey::from_secret(&secret))
            }
            Err(error) => Err(io(error)),
        }
    }
}

/// Writes a small file that only its owner may read: whole or not at all, also in a power cut.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}
