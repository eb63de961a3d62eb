//! Rights: what a site keeps is read and changed by the account that runs it, and by no other.
//!
//! Files and folders are made so, and mended whenever the data folder is opened: programs that copy
//! or restore a folder, and engines that make files of their own, know nothing of it. On Windows a
//! profile's own folders are private already.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// Files of a data folder, beside what is in [`FOLDERS`]. Others that lie there are not ours.
const FILES: [&str; 11] = [
    "lock",
    "lock.holder",
    "site.key",
    "site.json",
    "node.json",
    "http.token",
    "tokens.json",
    "https.pem",
    "invitations.json",
    "peers.json",
    "tandem.toml",
];

/// Folders of a data folder, those that only the command line uses among them.
pub(crate) const FOLDERS: [&str; 5] = ["log", "spaces", "backups", "exchanges", "unpacked"];

/// Opens files that only their owner may read, and makes them so.
pub(crate) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder, and those above it, for their owner alone.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Takes from others what rights they have on a data folder and on all that is ours in it.
pub(crate) fn mend(folder: &Path) {
    mend_one(folder);
    FILES.iter().for_each(|name| mend_one(&folder.join(name)));
    FOLDERS.iter().for_each(|name| mend_all(&folder.join(name)));
}

/// The same for a folder of which everything is ours.
pub(crate) fn mend_all(path: &Path) {
    mend_one(path);
    // What cannot be listed is not there, or is told by whoever needs it.
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => mend_all(&entry.path()),
            _ => mend_one(&entry.path()),
        }
    }
}

#[cfg(unix)]
fn mend_one(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    const OTHERS: u32 = 0o077;
    /// Of a folder in which every account keeps its own, as `/tmp`: it is not ours to close.
    const SHARED: u32 = 0o1000;
    // Not through a link: what it leads to is not ours.
    let Ok(found) = fs::symlink_metadata(path) else { return };
    let mode = found.permissions().mode();
    if found.is_symlink() || mode & OTHERS == 0 || (found.is_dir() && mode & SHARED != 0) {
        return;
    }
    if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o777 & !OTHERS)) {
        // Of another account, or on a file system without rights, such as a stick.
        tracing::warn!(path = %path.display(), %error, "others on this PC may read this");
    }
}

#[cfg(not(unix))]
fn mend_one(_path: &Path) {}
