//! What lies in the log's folder beside the log: steps of the engine that were interrupted, and what
//! other programs left there.
//!
//! sled 0.34 takes whatever is called `snap.…` for a snapshot of its page table and reads the one
//! whose name sorts last, a half-written `snap.….generating` or a copy made by a program that keeps
//! folders in step among them; and it expects numbers in `blobs`, where we let it write nothing.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

const SNAPSHOT: &str = "snap.";
const UNFINISHED: &str = ".generating";

/// What is no part of the log gets this before its name. It is kept: it is not ours.
const ASIDE: &str = "aside.";

/// Puts out of the engine's sight what it would stumble over.
pub(super) fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_file = entry.file_type()?.is_file();
        match Snapshot::of(&name) {
            Snapshot::None => {}
            Snapshot::Whole if is_file => {}
            Snapshot::Unfinished if is_file => fs::remove_file(entry.path())?,
            _ => put_aside(folder, &entry.path(), &name)?,
        }
    }
    for entry in fs::read_dir(folder.join("blobs"))? {
        let entry = entry?;
        put_aside(folder, &entry.path(), &entry.file_name())?;
    }
    // A settings file cut off by a power cut is written anew by the engine; so is one that holds no
    // settings, for there was never but one choice of them.
    let conf = folder.join("conf");
    match fs::read(&conf) {
        Ok(text) if is_settings(&text) => Ok(()),
        Ok(_) => fs::remove_file(&conf),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) if conf.is_dir() => put_aside(folder, &conf, OsStr::new("conf")),
        Err(error) => Err(error),
    }
}

/// Removes the snapshots, which the log can do without.
pub(super) fn forget_snapshots(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Snapshot::Whole | Snapshot::Unfinished = Snapshot::of(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What a name says of a snapshot.
enum Snapshot {
    None,
    Whole,
    Unfinished,
    /// The engine would take it for one, and is wrong.
    Foreign,
}

impl Snapshot {
    fn of(name: &OsStr) -> Self {
        // Bytes that are no text are no name of the engine's, but begin like one all the same.
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(SNAPSHOT) else { return Self::None };
        let (number, unfinished) = match rest.strip_suffix(UNFINISHED) {
            Some(number) => (number, true),
            None => (rest, false),
        };
        let is_number = number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (is_number, unfinished) {
            (true, false) => Self::Whole,
            (true, true) => Self::Unfinished,
            (false, _) => Self::Foreign,
        }
    }
}

fn put_aside(folder: &Path, path: &Path, name: &OsStr) -> io::Result<()> {
    for number in 0.. {
        let mut aside = std::ffi::OsString::from(ASIDE);
        if number > 0 {
            aside.push(format!("{number}."));
        }
        aside.push(name);
        let aside = folder.join(aside);
        if fs::symlink_metadata(&aside).is_err() {
            tracing::warn!(from = %path.display(), to = %aside.display(), "put aside: it is no part of the log");
            return fs::rename(path, aside);
        }
    }
    Ok(())
}

/// Whether this is what the engine writes into its settings file: lines of a name and a value, and a
/// checksum of four bytes behind them.
fn is_settings(text: &[u8]) -> bool {
    let lines = text.len().checked_sub(4).and_then(|end| std::str::from_utf8(&text[..end]).ok());
    lines.is_some_and(|lines| {
        ["segment_size: ", "use_compression: ", "version: "].iter().all(|name| {
            let value = lines.lines().find_map(|line| line.strip_prefix(name));
            value.is_some_and(|value| !value.is_empty())
        }) && lines.lines().all(|line| line.contains(": "))
    })
}
