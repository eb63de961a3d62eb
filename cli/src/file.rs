//! Files named on the command line, on this PC or on a stick: what went wrong with one, and how one
//! is written so that what bears its name is always whole, and never somebody else's work.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use tandem_node::api::error_kind;
use tandem_node::api::error_kind::ErrorKind as ApiErrorKind;
use tandem_protocol::cause::Cause;

use crate::failure::Failure;

/// What went wrong with a file.
pub fn failed(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            of_kind(&error_kind::file_no_room, path)
        }
        _ => error_kind::file_failed.with("path", path.display()).with("detail", Cause::from(error)).into(),
    }
}

/// A text file named on the command line, of at most so many MiB.
pub fn read_text(path: &Path, most: usize) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let limit = most << 20;
    let read = File::open(path).and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|error| failed(path, &error))?;
    if bytes.len() > limit {
        let detail = Cause::new("file_large").with("most", most);
        return Err(error_kind::file_failed.with("path", path.display()).with("detail", detail).into());
    }
    String::from_utf8(bytes).map_err(|_| failed(path, &ErrorKind::InvalidData.into()))
}

fn of_kind(kind: &'static ApiErrorKind, path: &Path) -> Failure {
    kind.with("path", path.display()).into()
}

/// A file that is being written: under a name of its own until it is whole and on the disk. Its name
/// is the same every time, so that what an export that was killed left behind is replaced by the
/// next one; and it is locked, so that two at once do not mix.
pub struct Draft {
    path: PathBuf,
    target: PathBuf,
    file: File,
    done: bool,
}

impl Draft {
    /// Refuses to take the place of a file that is not `ours`.
    pub fn begin(target: &Path, ours: impl FnOnce(File) -> io::Result<bool>) -> Result<Self, Failure> {
        let failed = |error: io::Error| failed(target, &error);
        match fs::metadata(target) {
            Ok(found) if !found.is_file() => return Err(of_kind(&error_kind::file_kept, target)),
            Ok(found) if found.len() > 0 => {
                if !File::open(target).and_then(ours).map_err(failed)? {
                    return Err(of_kind(&error_kind::file_kept, target));
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let mut path = target.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        assert_ne!(path, target, "what is written takes its name only once it is whole");
        clear(&path, target)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => of_kind(&error_kind::file_busy, target),
            _ => failed(error),
        })?;
        // Where there are no locks, as on some network drives, there is nobody to tell.
        let _locked_if_possible = file.try_lock();
        Ok(Self { path, target: target.to_owned(), file, done: false })
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The name that was asked for.
    pub fn shown(&self) -> std::path::Display<'_> {
        self.target.display()
    }

    /// What went wrong, told by the name that was asked for.
    pub fn failed(&self, error: &io::Error) -> Failure {
        failed(&self.target, error)
    }

    /// Gives it its name.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| self.failed(&error))?;
        fs::rename(&self.path, &self.target).map_err(|error| self.failed(&error))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.done {
            // What is left of it is of no use to anyone; the next one would remove it too.
            let _gone_already = fs::remove_file(&self.path);
        }
    }
}

/// Removes what was left behind under a draft's name, unless somebody writes it now.
fn clear(draft: &Path, target: &Path) -> Result<(), Failure> {
    let left = match File::open(draft) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(|error| failed(target, &error))?,
    };
    if let Err(TryLockError::WouldBlock) = left.try_lock() {
        return Err(of_kind(&error_kind::file_busy, target));
    }
    // Windows removes nothing that is open.
    drop(left);
    match fs::remove_file(draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(target, &error)),
        _ => Ok(()),
    }
}

/// Copies everything; which side was at fault, the two functions tell.
pub fn copy(
    mut from: impl Read,
    mut to: impl Write,
    unread: impl FnOnce(io::Error) -> Failure,
    unwritten: impl FnOnce(io::Error) -> Failure,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                if let Err(error) = to.write_all(&buffer[..read]) {
                    return Err(unwritten(error));
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(failure: &Failure) -> &str {
        match failure {
            Failure::Refused(error) => &error.code,
            other => panic!("{other:?}"),
        }
    }

    fn begin(target: &Path) -> Result<Draft, Failure> {
        Draft::begin(target, |mut file| {
            let mut text = String::new();
            file.read_to_string(&mut text).map(|_| text.starts_with("ours"))
        })
    }

    #[test]
    fn what_is_left_of_a_draft_is_replaced_and_one_that_is_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("monday.tandem");
        let names = || {
            let mut names: Vec<_> =
                fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        // As a killed export leaves it.
        fs::write(folder.path().join("monday.tandem.part"), "half").unwrap();
        let draft = begin(&target).unwrap();
        draft.file().write_all(b"ours 1").unwrap();
        assert_eq!(code(&begin(&target).err().unwrap()), "file_busy");
        draft.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"ours 1");
        begin(&target).unwrap().file().write_all(b"given up").unwrap();
        assert_eq!(names(), ["monday.tandem"]);
        assert_eq!(fs::read(&target).unwrap(), b"ours 1");
        let draft = begin(&target).unwrap();
        draft.file().write_all(b"ours 2").unwrap();
        draft.finish().unwrap();
        assert_eq!((fs::read(&target).unwrap(), names().len()), (b"ours 2".to_vec(), 1));
    }

    #[test]
    fn somebody_elses_work_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("important.doc");
        fs::write(&target, "a letter").unwrap();
        assert_eq!(code(&begin(&target).err().unwrap()), "file_kept");
        assert_eq!(code(&begin(folder.path()).err().unwrap()), "file_kept");
        assert_eq!(fs::read(&target).unwrap(), b"a letter");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::write(&target, "").unwrap();
        begin(&target).unwrap().finish().unwrap();
    }

    #[test]
    fn whose_room_is_missing_is_told() {
        let full = failed(Path::new("E:"), &ErrorKind::StorageFull.into());
        assert_eq!(code(&full), "file_no_room");
        let broken = |_: io::Error| Failure::usage("read");
        let unwritten = |error: io::Error| failed(Path::new("E:"), &error);
        assert_eq!(code(&copy(&b"abc"[..], Full, broken, unwritten).err().unwrap()), "file_no_room");
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
