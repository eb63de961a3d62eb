//! `site.json`: what a site is called and which spaces it has.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::folder::write_private;
use crate::open_error::OpenError;

const SITE_FILE: &str = "site.json";

/// What `site.json` says: the site's name and its spaces. It only repeats what the log says.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct SiteFile {
    pub name: String,
    /// The id of each space, by its name.
    pub spaces: BTreeMap<String, String>,
    /// The authors it was before its present one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<String>,
}

impl SiteFile {
    /// None if there is none that can be read.
    pub fn read(folder: &Path) -> Result<Option<Self>, OpenError> {
        let path = folder.join(SITE_FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::io(&path, error)),
        };
        serde_json::from_slice(&text).map(Some).or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "the list of spaces cannot be read");
            Ok(None)
        })
    }

    pub fn write(&self, folder: &Path) -> Result<(), OpenError> {
        let path = folder.join(SITE_FILE);
        let text =
            serde_json::to_vec_pretty(self).map_err(|error| OpenError::io(&path, io::Error::other(error)))?;
        write_private(&path, &text).map_err(|error| OpenError::io(&path, error))
    }
}
