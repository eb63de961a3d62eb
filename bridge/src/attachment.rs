//! Which database a space is attached to, as it is kept in the space's folder.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;

use crate::error::BridgeError;

/// Its file in the folder of the space.
const FILE: &str = "attachment.json";
/// The mirror's.
const MIRROR: &str = "mirror.sqlite";

/// A database, and which of its tables are which here. It may hold a password: only the account that the
/// node runs under can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Where the database is.
    pub url: String,
    /// Which attachment this is: drawn by chance.
    pub incarnation: String,
    /// The tables.
    pub tables: Vec<AttachedTable>,
    /// Tables of the database that stay out, by their names there.
    pub left_out: Vec<String>,
    /// Whether somebody named the tables: what the database gets later stays out then.
    #[serde(default)]
    pub is_chosen: bool,
}

/// A table, here and there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedTable {
    /// Its name here.
    pub here: String,
    /// Its schema in the database.
    pub schema: String,
    /// Its name in the database.
    pub there: String,
}

impl Attachment {
    /// That of the space whose folder this is, if there is one.
    pub fn of_folder(folder: &Path) -> Result<Option<Self>, BridgeError> {
        let bytes = match std::fs::read(folder.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let unread = |error: serde_json::Error| {
            let cause = Cause::new("bridge_file").with("path", folder.join(FILE).display().to_string());
            BridgeError::Stopped(cause.with("line", error.line()).with("column", error.column()))
        };
        serde_json::from_slice(&bytes).map(Some).map_err(unread)
    }

    /// Where the database is, for people: without the password.
    pub fn shown(&self) -> String {
        crate::postgres::shown(&self.url).unwrap_or_default()
    }

    /// Keeps it in that folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), BridgeError> {
        let bytes = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        Ok(tandem_store::write_private(&folder.join(FILE), &bytes)?)
    }

    /// Removes it from that folder, with its mirror.
    pub(crate) fn remove(folder: &Path) -> Result<(), BridgeError> {
        for name in [FILE.to_owned(), MIRROR.to_owned(), format!("{MIRROR}-wal"), format!("{MIRROR}-shm")] {
            match std::fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Where its mirror is.
    pub(crate) fn mirror(folder: &Path) -> PathBuf {
        folder.join(MIRROR)
    }
}
