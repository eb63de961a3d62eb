//! A data folder on a disk that cannot be written, opened to be read: in a copy, for to open a log
//! is to write to it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tandem_protocol::identity::AuthorKey;
use tempfile::TempDir;

use crate::folder::{Folder, key_in};
use crate::open_error::OpenError;
use crate::private;
use crate::view::file::VIEW_FILE;

/// A copy that goes with the value.
pub(crate) struct Copy {
    copy: TempDir,
    original: PathBuf,
    /// Whoever can write there after all is kept from it meanwhile.
    _shared: Option<File>,
}

impl Copy {
    /// Copies what a site is opened with.
    pub(crate) fn of(folder: &Path) -> Result<Self, OpenError> {
        let shared = match Folder::share(folder) {
            Ok(lock) => Some(lock),
            // A folder that came without its lock has no other user.
            Err(OpenError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let place = std::env::temp_dir();
        let copy = tempfile::Builder::new().prefix("tandem-read-").tempdir_in(&place);
        let copy = copy.map_err(|error| OpenError::io(&place, error))?;
        for name in ["site.key", "site.json"] {
            copy_file(&folder.join(name), &copy.path().join(name))?;
        }
        for entry in entries(&folder.join("log"))? {
            copy_file(&folder.join("log").join(&entry), &copy.path().join("log").join(&entry))?;
        }
        for space in entries(&folder.join("spaces"))? {
            let (from, to) = (folder.join("spaces").join(&space), copy.path().join("spaces").join(&space));
            for name in [VIEW_FILE.to_owned(), format!("{VIEW_FILE}-wal")] {
                copy_file(&from.join(&name), &to.join(&name))?;
            }
        }
        Ok(Self { copy, original: folder.to_owned(), _shared: shared })
    }

    pub(crate) fn path(&self) -> &Path {
        self.copy.path()
    }

    /// The folder that was copied.
    pub(crate) fn original(&self) -> &Path {
        &self.original
    }

    /// The key of the site that it is a copy of.
    pub(crate) fn key(&self) -> Result<AuthorKey, OpenError> {
        key_in(self.path())
    }
}

/// What is in a folder; nothing if it is not there.
fn entries(folder: &Path) -> Result<Vec<std::ffi::OsString>, OpenError> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.file_name()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(OpenError::io(folder, error)),
    }
}

/// Copies a file, if it is one and there.
fn copy_file(from: &Path, to: &Path) -> Result<(), OpenError> {
    if !from.is_file() {
        return Ok(());
    }
    let copied = (|| {
        to.parent().map_or(Ok(()), private::make_folder)?;
        let mut out = private::options().open(to)?;
        io::copy(&mut File::open(from)?, &mut out)
    })();
    copied.map(|_| ()).map_err(|error| OpenError::io(from, error))
}
