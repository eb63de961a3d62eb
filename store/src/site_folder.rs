//! Where the files of a site are: in its folder, or in a copy of it where nothing can be written.

use std::io;
use std::path::Path;

use tandem_protocol::identity::AuthorKey;

use crate::copy::Copy;
use crate::folder::Folder;
use crate::log::Storage;
use crate::open_error::OpenError;
use crate::site_check;

/// The folder with the files of a site.
pub(crate) enum SiteFolder {
    /// Its own, held.
    Own(Folder),
    /// A copy, for nothing can be written into its own.
    Copy(Copy),
}

impl SiteFolder {
    /// Holds the folder, creating it if there is none; of one that cannot be written it makes a copy.
    pub(crate) fn hold(folder: &Path, holder: &str) -> Result<Self, OpenError> {
        match Folder::hold(folder, holder) {
            Ok(held) => Ok(Self::Own(held)),
            Err(OpenError::Io { error, .. }) if cannot_write(&error) && site_check::is_site(folder) => {
                Ok(Self::Copy(Copy::of(folder)?))
            }
            Err(error) => Err(error),
        }
    }

    /// Where its files are.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Copy(copy) => copy.path(),
        }
    }

    /// What people call it.
    pub(crate) fn named(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Copy(copy) => copy.original(),
        }
    }

    /// The site's key.
    pub(crate) fn key(&self) -> Result<AuthorKey, OpenError> {
        match self {
            Self::Own(folder) => folder.key(),
            Self::Copy(copy) => copy.key().map_err(|error| error.of(self.named())),
        }
    }

    /// What its log is kept on.
    pub(crate) fn storage(&self) -> Result<Storage, OpenError> {
        let log = self.path().join("log");
        Ok(match self {
            Self::Own(_) => Storage::on_disk(&log)?,
            Self::Copy(_) => Storage::on_copy(&log)?,
        })
    }
}

/// Whether it is the disk, or the rights on it, that let nothing be written.
fn cannot_write(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}
