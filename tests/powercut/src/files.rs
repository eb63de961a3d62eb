//! Which open files belong to the folder: opening, copying and closing of file descriptors.

use std::ffi::{c_char, c_int, c_uint};
use std::sync::atomic::{AtomicU32, Ordering};

use libc::mode_t;

use crate::fate::goes_well;
use crate::record::{Kind, Record, variable};
use crate::{bytes, keeping_errno, small, system};

/// The most file descriptors followed; a higher one makes the record void.
const MOST: usize = 4096;

/// The handle of each file descriptor; 0: not of the folder. A handle is one opening of a file.
static HANDLES: [AtomicU32; MOST] = [const { AtomicU32::new(0) }; MOST];
static OPENED: AtomicU32 = AtomicU32::new(0);

/// The handle through which the program says what is acknowledged.
const MARKS: u32 = u32::MAX;

/// What a file descriptor stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Handle {
    /// Nothing of the folder.
    Other,
    /// The program's own messages.
    Marks,
    /// A file or folder.
    Ours(u32),
}

/// What a file descriptor stands for.
pub fn handle(fd: c_int) -> Handle {
    let slot = usize::try_from(fd).ok().and_then(|fd| HANDLES.get(fd));
    match slot.map_or(0, |slot| slot.load(Ordering::Acquire)) {
        0 => Handle::Other,
        MARKS => Handle::Marks,
        handle => Handle::Ours(handle),
    }
}

/// Whether a path is the folder or in it.
pub fn is_ours(path: &[u8]) -> bool {
    let Some(folder) = variable(c"TANDEM_POWERCUT_FOLDER") else { return false };
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

fn is_marks(path: &[u8]) -> bool {
    let Some(folder) = variable(c"TANDEM_POWERCUT_FOLDER") else { return false };
    path.strip_prefix(folder) == Some(b".marks")
}

fn set(fd: c_int, handle: u32, record: &Record) {
    match usize::try_from(fd).ok().and_then(|fd| HANDLES.get(fd)) {
        Some(slot) => slot.store(handle, Ordering::Release),
        None if handle != 0 => record.add(Kind::Unsupported, 0, 0, b"a high file descriptor", b""),
        None => {}
    }
}

/// Opens a file, and follows it if it is of the folder.
fn open_at(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let name = bytes(path);
    let marks = is_marks(name);
    if !marks && !is_ours(name) {
        let opened = small(system!(libc::SYS_openat, folder, path, flags, mode));
        if let Handle::Ours(_) = handle(folder) {
            keeping_errno(|| Record::hold().add(Kind::Unsupported, 0, 0, b"openat in a folder", name));
        }
        return opened;
    }
    // Only what may make a file needs room.
    if !marks && flags & libc::O_CREAT != 0 && !goes_well() {
        return -1;
    }
    let record = Record::hold();
    let opened = small(system!(libc::SYS_openat, folder, path, flags, mode));
    if opened >= 0 {
        if marks {
            set(opened, MARKS, &record);
        } else {
            let handle = OPENED.fetch_add(1, Ordering::Relaxed) + 1;
            set(opened, handle, &record);
            record.add(Kind::Open, handle, u64::from(flags as c_uint), name, b"");
        }
    }
    opened
}

macro_rules! opening {
    ($($name:ident $at:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
            open_at(libc::AT_FDCWD, path, flags, mode)
        }

        #[unsafe(no_mangle)]
        unsafe extern "C" fn $at(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
            open_at(folder, path, flags, mode)
        }
    )*};
}
opening!(open openat, open64 openat64);

macro_rules! creating {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: *const c_char, mode: mode_t) -> c_int {
            open_at(libc::AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode)
        }
    )*};
}
creating!(creat, creat64);

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    // Forgotten first: the number may be given out again at once.
    if handle(fd) != Handle::Other {
        let record = Record::hold();
        set(fd, 0, &record);
    }
    small(system!(libc::SYS_close, fd))
}

/// A copy of a file descriptor stands for the same.
fn copied(from: c_int, to: c_int) -> c_int {
    if to >= 0 {
        let handle = match handle(from) {
            Handle::Other => 0,
            Handle::Marks => MARKS,
            Handle::Ours(handle) => handle,
        };
        keeping_errno(|| set(to, handle, &Record::hold()));
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup(fd: c_int) -> c_int {
    copied(fd, small(system!(libc::SYS_dup, fd)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup2(fd: c_int, to: c_int) -> c_int {
    if fd == to { to } else { copied(fd, small(system!(libc::SYS_dup3, fd, to, 0))) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup3(fd: c_int, to: c_int, flags: c_int) -> c_int {
    copied(fd, small(system!(libc::SYS_dup3, fd, to, flags)))
}

macro_rules! controlling {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, command: c_int, argument: usize) -> c_int {
            let result = small(system!(libc::SYS_fcntl, fd, command, argument));
            if command == libc::F_DUPFD || command == libc::F_DUPFD_CLOEXEC { copied(fd, result) } else { result }
        }
    )*};
}
controlling!(fcntl, fcntl64);
