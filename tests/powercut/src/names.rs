//! Names: renaming, removing, making folders. All of it is on the disk only once the folder that
//! holds the name has been synced.

use std::ffi::{c_char, c_int, c_uint};

use libc::mode_t;

use crate::fate::goes_well;
use crate::files::{Handle, handle, is_ours};
use crate::record::{Kind, Record};
use crate::{bytes, small, system};

/// Does something to names, and records it if it succeeded and is of the folder.
fn named(kind: Kind, first: &[u8], second: &[u8], act: impl FnOnce() -> i64) -> c_int {
    if !is_ours(first) && !is_ours(second) {
        return small(act());
    }
    if !goes_well() {
        return -1;
    }
    let record = Record::hold();
    let result = small(act());
    if result == 0 {
        record.add(kind, 0, 0, first, second);
    }
    result
}

/// The same in a folder given as a file descriptor, which is not followed.
fn named_at(folder: c_int, kind: Kind, first: &[u8], second: &[u8], act: impl FnOnce() -> i64) -> c_int {
    if folder != libc::AT_FDCWD && handle(folder) != Handle::Other {
        Record::hold().add(Kind::Unsupported, 0, 0, b"a name relative to a folder", first);
    }
    named(kind, first, second, act)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    named(Kind::Rename, bytes(from), bytes(to), || {
        system!(libc::SYS_renameat2, libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn renameat(old: c_int, from: *const c_char, new: c_int, to: *const c_char) -> c_int {
    named_at(old, Kind::Rename, bytes(from), bytes(to), || {
        system!(libc::SYS_renameat2, old, from, new, to, 0)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn renameat2(
    old: c_int,
    from: *const c_char,
    new: c_int,
    to: *const c_char,
    flags: c_uint,
) -> c_int {
    named_at(old, Kind::Rename, bytes(from), bytes(to), || {
        system!(libc::SYS_renameat2, old, from, new, to, flags)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    named(Kind::Unlink, bytes(path), b"", || system!(libc::SYS_unlinkat, libc::AT_FDCWD, path, 0))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    named(Kind::RemoveFolder, bytes(path), b"", || {
        system!(libc::SYS_unlinkat, libc::AT_FDCWD, path, libc::AT_REMOVEDIR)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    let kind = if flags & libc::AT_REMOVEDIR == 0 { Kind::Unlink } else { Kind::RemoveFolder };
    named_at(folder, kind, bytes(path), b"", || system!(libc::SYS_unlinkat, folder, path, flags))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    named(Kind::MakeFolder, bytes(path), b"", || system!(libc::SYS_mkdirat, libc::AT_FDCWD, path, mode))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdirat(folder: c_int, path: *const c_char, mode: mode_t) -> c_int {
    named_at(folder, Kind::MakeFolder, bytes(path), b"", || system!(libc::SYS_mkdirat, folder, path, mode))
}

/// A second name for a file is nothing the store makes.
#[unsafe(no_mangle)]
unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    named(Kind::Unsupported, b"link", bytes(to), || {
        system!(libc::SYS_linkat, libc::AT_FDCWD, from, libc::AT_FDCWD, to, 0)
    })
}
