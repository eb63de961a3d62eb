//! Where archives are unpacked: in the data folder, for what a system keeps for such may be its memory. What
//! an import leaves there that was killed goes with a later one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::failure::Failure;
use crate::file;

/// The folder, in the data folder.
const FOLDER: &str = "unpacked";

/// What has lain there for so long, nobody reads any more.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The folder, without what was left there.
pub fn folder(data: &Path) -> Result<PathBuf, Failure> {
    let folder = data.join(FOLDER);
    let failed = |error| file::failed(&folder, &error);
    fs::create_dir_all(&folder).map_err(failed)?;
    for entry in fs::read_dir(&folder).map_err(failed)?.flatten() {
        let age = entry.metadata().and_then(|found| found.modified()).map(|moment| moment.elapsed());
        if matches!(age, Ok(Ok(age)) if age > DAY) {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(folder)
}
