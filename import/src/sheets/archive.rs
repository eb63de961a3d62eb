//! A ZIP archive, looked at whole before any of it is used, and unpacked under names of our own. What
//! would write elsewhere, hide something or fill the disk is refused with all that is beside it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tandem_protocol::cause::Cause;
use zip::ZipArchive;
use zip::result::ZipError;

use super::error::SheetError;

/// Entries of an archive, at most.
const ENTRIES: usize = 1000;

/// Bytes of an archive's list of entries, at most.
const DIRECTORY_BYTES: u64 = 4 << 20;

/// Bytes that one archive may become, at most.
const UNPACKED_BYTES: u64 = 4 << 30;

/// How many times its size an archive may become, once it is more than [`SMALL_BYTES`]: no list that
/// anybody wrote is pressed so much.
const RATIO: u64 = 250;

/// What is not more than this fills nothing.
const SMALL_BYTES: u64 = 16 << 20;

/// Bytes of the end of an archive in which its last record lies.
const END_BYTES: u64 = 22 + (64 << 10);

/// An archive of which every entry may be read.
pub struct Archive {
    zip: ZipArchive<BufReader<File>>,
    shown: String,
    /// Bytes that may still come out of it.
    left: u64,
}

/// A file of an archive.
pub struct Entry {
    /// Its number.
    pub at: usize,
    /// Its name, as people see it.
    pub name: String,
}

impl Archive {
    /// Opens one, if all of it is as it should be.
    pub fn open(path: &Path, shown: &str) -> Result<Self, SheetError> {
        let failed = |error: io::Error| SheetError::Io { path: shown.into(), error };
        let mut file = File::open(path).map_err(failed)?;
        let packed = file.metadata().map_err(failed)?.len();
        check_end(&mut file, packed).map_err(failed)?.map_err(|cause| SheetError::of_file(shown, cause))?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|error| refused(shown, "", error))?;
        let left = UNPACKED_BYTES.min((packed.saturating_mul(RATIO)).max(SMALL_BYTES));
        let mut archive = Self { zip, shown: shown.to_owned(), left };
        archive.check()?;
        Ok(archive)
    }

    /// Nothing is read of an archive in which anything is as it should not be.
    fn check(&mut self) -> Result<(), SheetError> {
        let wrong = |code: &'static str, name: &str| {
            SheetError::of_file(&self.shown, Cause::new(code).with("entry", name))
        };
        if self.zip.len() > ENTRIES {
            return Err(wrong("zip_many", ""));
        }
        let (mut names, mut declared) = (HashSet::new(), 0u64);
        for at in 0..self.zip.len() {
            let entry = self.zip.by_index_raw(at).map_err(|error| refused(&self.shown, "", error))?;
            let entry = entry.entry();
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if leads_elsewhere(&name) {
                return Err(wrong("zip_path", &name));
            }
            if entry.encrypted() {
                return Err(wrong("zip_encrypted", &name));
            }
            if entry.is_symlink() {
                return Err(wrong("zip_link", &name));
            }
            if !names.insert(name.to_lowercase()) {
                return Err(wrong("zip_twice", &name));
            }
            declared = declared.saturating_add(entry.size());
        }
        if names.len() < self.zip.len() || self.zip.has_duplicate_names() {
            return Err(wrong("zip_twice", ""));
        }
        match declared > self.left {
            true => Err(SheetError::of_file(&self.shown, too_large())),
            false => Ok(()),
        }
    }

    /// Its files, but for those that a system puts beside them for itself.
    pub fn entries(&mut self) -> Result<Vec<Entry>, SheetError> {
        let mut entries = Vec::new();
        for at in 0..self.zip.len() {
            let entry = self.zip.by_index_raw(at).map_err(|error| refused(&self.shown, "", error))?;
            let name = entry.entry().name().map(std::borrow::Cow::into_owned);
            let name = name.map_err(|error| refused(&self.shown, "", error))?;
            if !entry.entry().is_dir() && !is_of_the_system(&name) {
                entries.push(Entry { at, name });
            }
        }
        Ok(entries)
    }

    /// Gives the bytes of an entry piece by piece, as many as there really are.
    pub fn read(
        &mut self,
        entry: &Entry,
        take: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), SheetError> {
        let failed = |error: io::Error| SheetError::Io { path: self.shown.clone().into(), error };
        let mut file =
            self.zip.by_index(entry.at).map_err(|error| refused(&self.shown, &entry.name, error))?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let damaged = |_| {
                let cause = Cause::new("zip_damaged").with("entry", entry.name.as_str());
                SheetError::of_file(&self.shown, cause)
            };
            let read = match file.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(damaged)?,
            };
            if read == 0 {
                return Ok(());
            }
            self.left = self
                .left
                .checked_sub(read as u64)
                .ok_or_else(|| SheetError::of_file(&self.shown, too_large()))?;
            take(&buffer[..read]).map_err(failed)?;
        }
    }

    /// Writes an entry into a folder, under its number.
    pub fn unpack(&mut self, entry: &Entry, folder: &Path) -> Result<PathBuf, SheetError> {
        let path = folder.join(entry.at.to_string());
        let failed = |error: io::Error| SheetError::Io { path: self.shown.clone().into(), error };
        let mut file = BufWriter::new(File::create_new(&path).map_err(failed)?);
        self.read(entry, &mut |piece| file.write_all(piece))?;
        let failed = |error: io::Error| SheetError::Io { path: self.shown.clone().into(), error };
        file.flush().map_err(failed)?;
        Ok(path)
    }
}

fn too_large() -> Cause {
    Cause::new("zip_large").with("most", UNPACKED_BYTES >> 30).with("ratio", RATIO)
}

/// What the end of an archive says of its list of entries, before anybody reads that list. Every end that
/// could be meant is looked at.
fn check_end(file: &mut File, length: u64) -> io::Result<Result<(), Cause>> {
    let tail = length.min(END_BYTES);
    file.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    file.take(tail).read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(0))?;
    let ends = bytes.windows(22).filter(|bytes| bytes.starts_with(b"PK\x05\x06"));
    let mut found = 0;
    for end in ends {
        let number = |at: usize| u64::from(u16::from_le_bytes([end[at], end[at + 1]]));
        let bytes = number(12) | number(14) << 16;
        if number(10) > ENTRIES as u64 || bytes > DIRECTORY_BYTES {
            return Ok(Err(Cause::new("zip_many").with("most", ENTRIES)));
        }
        found += 1;
    }
    Ok(if found > 0 { Ok(()) } else { Err(Cause::new("zip_none")) })
}

/// Whether a name means a place outside of the folder that an archive is unpacked into, on any system.
fn leads_elsewhere(name: &str) -> bool {
    let has_drive = name.as_bytes().get(1) == Some(&b':');
    let is_hidden = name.is_empty() || name.chars().any(char::is_control);
    let mut parts = name.split(['/', '\\']);
    has_drive || is_hidden || name.starts_with(['/', '\\']) || parts.any(|part| part == "..")
}

/// What macOS, Windows and editors leave in an archive.
fn is_of_the_system(name: &str) -> bool {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    name.starts_with("__MACOSX/") || file.starts_with('.') || file.starts_with("~$") || file == "Thumbs.db"
}

fn refused(shown: &str, entry: &str, error: ZipError) -> SheetError {
    let cause = match error {
        ZipError::Io(error) if error.kind() != io::ErrorKind::InvalidData => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => Cause::new("zip_damaged"),
            _ => return SheetError::Io { path: shown.into(), error },
        },
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            Cause::new("zip_method")
        }
        ZipError::InvalidPassword => Cause::new("zip_encrypted"),
        _ => Cause::new("zip_damaged"),
    };
    SheetError::of_file(shown, cause.with("entry", entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_means_another_place_is_told_from_one_that_does_not() {
        for name in [
            "../a.csv",
            "a/../../b.csv",
            "/etc/a.csv",
            "\\a.csv",
            "C:\\a.csv",
            "c:a.csv",
            "..\\a",
            "",
            "a\0b",
        ] {
            assert!(leads_elsewhere(name), "{name:?}");
        }
        for name in ["a.csv", "école/élèves.csv", "a..b.csv", "...csv"] {
            assert!(!leads_elsewhere(name), "{name:?}");
        }
        assert!(is_of_the_system("__MACOSX/._a.csv") && is_of_the_system("x/.DS_Store"));
        assert!(!is_of_the_system("_metadata.csv"));
    }
}
