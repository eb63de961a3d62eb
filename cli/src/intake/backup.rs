//! Everything saved before an import changes rows that are there: a bundle in the data folder, from which
//! any site can get it back.

use std::fs;
use std::path::{Path, PathBuf};

use tandem_node::api::{error_kind, now_ms};
use tandem_protocol::cause::Cause;

use crate::client::Client;
use crate::command::bundle;
use crate::failure::Failure;
use crate::moment;

/// The folder, in the data folder.
const FOLDER: &str = "backups";

/// How its files begin.
const NAME: &str = "before-import-";

/// How they end.
const ENDING: &str = ".tandem";

/// How many are kept.
const KEPT: usize = 10;

/// Saves a whole space, and says where. The oldest of more than a few goes.
pub fn made((client, space): (&Client, &str), data: &Path) -> Result<PathBuf, Failure> {
    let folder = data.join(FOLDER);
    let failed =
        |error| error_kind::file_failed.with("path", folder.display()).with("detail", Cause::from(error));
    fs::create_dir_all(&folder).map_err(failed)?;
    let path = folder.join(format!("{NAME}{}{ENDING}", moment::in_name(now_ms()).0));
    bundle::made(client, space, None, &path)?;
    let entries = fs::read_dir(&folder).map_err(failed)?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with(NAME) && name.ends_with(ENDING)
    };
    let mut ours: Vec<PathBuf> = entries.filter(is_ours).collect();
    ours.sort();
    for old in ours.iter().rev().skip(KEPT) {
        fs::remove_file(old).map_err(failed)?;
    }
    Ok(path)
}
