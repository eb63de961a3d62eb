//! Whether a data folder is whole, looked at before it is opened: a damaged one is told from a new one,
//! for a site that is taken for new loses its rows.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::damage::Damage;
use crate::open_error::OpenError;
use crate::site_file::SiteFile;
use crate::view::file::VIEW_FILE;

/// What is there of a site.
struct Found {
    key: bool,
    list: bool,
    /// The log's file, with something in it.
    log: bool,
    /// Views: only a space has one.
    views: bool,
}

impl Found {
    fn of(folder: &Path) -> io::Result<Self> {
        let there = |name: &str| folder.join(name).try_exists();
        let log = match fs::metadata(folder.join("log").join("db")) {
            Ok(found) => found.len() > 0,
            Err(error) if absent(&error) => false,
            Err(error) => return Err(error),
        };
        let spaces = match fs::read_dir(folder.join("spaces")) {
            Ok(entries) => entries.flatten().any(|entry| entry.path().join(VIEW_FILE).exists()),
            Err(error) if absent(&error) => false,
            Err(error) => return Err(error),
        };
        Ok(Self { key: there("site.key")?, list: there("site.json")?, log, views: spaces })
    }
}

/// Whether the error says that something is not there; a file where a folder should be leaves as
/// little.
fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether the folder is that of a site, whole or damaged.
pub(crate) fn is_site(folder: &Path) -> bool {
    // What cannot be looked at is told when it is opened.
    Found::of(folder).map_or(true, |found| found.key || found.list || found.log || found.views)
}

/// Refuses a folder that was a site's and lacks what makes it one.
pub(crate) fn look(folder: &Path) -> Result<(), OpenError> {
    let found = Found::of(folder).map_err(|error| OpenError::io(folder, error))?;
    if !found.key && (found.list || found.log || found.views) {
        return Err(OpenError::damaged(folder, Damage::KeyMissing));
    }
    Ok(())
}

/// Refuses a folder whose spaces are known and whose log is not there. Before the log is opened, which
/// makes one.
pub(crate) fn look_for_log(folder: &Path, site: Option<&SiteFile>) -> Result<(), OpenError> {
    let found = Found::of(folder).map_err(|error| OpenError::io(folder, error))?;
    if !found.log && (found.views || site.is_some_and(|site| !site.spaces.is_empty())) {
        return Err(OpenError::damaged(folder, Damage::LogMissing));
    }
    Ok(())
}

/// Whether a view shows transactions: what an empty log beside it cannot be.
pub(crate) fn was_filled(view: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let position = Connection::open_with_flags(view, flags).and_then(|view| {
        view.query_row("SELECT value FROM _tandem_state WHERE name = 'position'", [], |row| row.get(0))
    });
    // One that cannot be read says nothing; it is made anew.
    position.is_ok_and(|position: i64| position > 0)
}
