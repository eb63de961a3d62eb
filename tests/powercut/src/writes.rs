//! Writes, and changes of a file's length.

use std::ffi::{c_int, c_void};

use libc::{iovec, off_t, size_t, ssize_t};

use crate::fate::goes_well;
use crate::files::{Handle, handle};
use crate::record::{Kind, Record};
use crate::{keeping_errno, small, system};

/// How many bytes of what was to be written were written.
fn written<'a>(result: i64, data: *const c_void) -> &'a [u8] {
    let Ok(len) = usize::try_from(result) else { return &[] };
    // SAFETY: the system has just read that many bytes there.
    unsafe { std::slice::from_raw_parts(data.cast(), len) }
}

/// Writes at a place.
fn write_at(fd: c_int, data: *const c_void, len: size_t, place: off_t) -> ssize_t {
    let act = || system!(libc::SYS_pwrite64, fd, data, len, place);
    let Handle::Ours(of) = handle(fd) else { return act() as ssize_t };
    if !goes_well() {
        return -1;
    }
    let record = Record::hold();
    let result = act();
    if result > 0 {
        keeping_errno(|| record.add(Kind::Write, of, place as u64, written(result, data), b""));
    }
    result as ssize_t
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, data: *const c_void, len: size_t, place: off_t) -> ssize_t {
    write_at(fd, data, len, place)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, data: *const c_void, len: size_t, place: off_t) -> ssize_t {
    write_at(fd, data, len, place)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, data: *const c_void, len: size_t) -> ssize_t {
    let act = || system!(libc::SYS_write, fd, data, len);
    let of = handle(fd);
    if of == Handle::Other {
        return act() as ssize_t;
    }
    if of != Handle::Marks && !goes_well() {
        return -1;
    }
    let record = Record::hold();
    let result = act();
    if result > 0 {
        keeping_errno(|| match of {
            Handle::Ours(of) => {
                // Where it ended is known only afterwards, if the file is appended to.
                let end = system!(libc::SYS_lseek, fd, 0, libc::SEEK_CUR);
                record.add(Kind::Write, of, (end - result) as u64, written(result, data), b"");
            }
            _ => record.add(Kind::Mark, 0, 0, written(result, data), b""),
        });
    }
    result as ssize_t
}

/// One buffer after the other; a part may be written, as the system is allowed to do too.
fn write_each(count: c_int, parts: *const iovec, mut one: impl FnMut(&iovec) -> ssize_t) -> ssize_t {
    let mut total = 0;
    for at in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: the caller passed that many.
        let part = unsafe { &*parts.add(at) };
        let result = one(part);
        if result < 0 {
            return if total > 0 { total } else { result };
        }
        total += result;
        if result as size_t != part.iov_len {
            break;
        }
    }
    total
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    if handle(fd) == Handle::Other {
        return system!(libc::SYS_writev, fd, parts, count) as ssize_t;
    }
    // SAFETY: the same buffers, one by one.
    write_each(count, parts, |part| unsafe { write(fd, part.iov_base, part.iov_len) })
}

macro_rules! writing_parts_at {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, parts: *const iovec, count: c_int, place: off_t) -> ssize_t {
            let mut place = place;
            write_each(count, parts, |part| {
                let result = write_at(fd, part.iov_base, part.iov_len, place);
                place += result.max(0) as off_t;
                result
            })
        }
    )*};
}
writing_parts_at!(pwritev, pwritev64);

/// Changes the length.
fn set_length(fd: c_int, len: off_t) -> c_int {
    let act = || system!(libc::SYS_ftruncate, fd, len);
    let Handle::Ours(of) = handle(fd) else { return small(act()) };
    if !goes_well() {
        return -1;
    }
    let record = Record::hold();
    let result = small(act());
    if result == 0 {
        record.add(Kind::Length, of, len as u64, b"", b"");
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate(fd: c_int, len: off_t) -> c_int {
    set_length(fd, len)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(fd: c_int, len: off_t) -> c_int {
    set_length(fd, len)
}

/// What is not followed must not go unnoticed.
fn unsupported(fd: c_int, what: &[u8]) {
    if let Handle::Ours(of) = handle(fd) {
        keeping_errno(|| Record::hold().add(Kind::Unsupported, of, 0, what, b""));
    }
}

macro_rules! allocating {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, mode: c_int, place: off_t, len: off_t) -> c_int {
            unsupported(fd, b"fallocate");
            small(system!(libc::SYS_fallocate, fd, mode, place, len))
        }
    )*};
}
allocating!(fallocate, fallocate64);

macro_rules! allocating_portably {
    ($($name:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(fd: c_int, place: off_t, len: off_t) -> c_int {
            unsupported(fd, b"posix_fallocate");
            // This one gives the error code, and does not set it.
            if system!(libc::SYS_fallocate, fd, 0, place, len) == 0 { 0 } else { libc::EOPNOTSUPP }
        }
    )*};
}
allocating_portably!(posix_fallocate, posix_fallocate64);

macro_rules! copying {
    ($($name:ident $number:ident ($($argument:ident: $kind:ty),*) to $target:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $kind),*) -> ssize_t {
            unsupported($target, stringify!($name).as_bytes());
            system!(libc::$number $(, $argument)*) as ssize_t
        }
    )*};
}
copying!(
    copy_file_range SYS_copy_file_range
        (from: c_int, from_place: *mut off_t, to: c_int, to_place: *mut off_t, len: size_t, flags: u32) to to,
    sendfile SYS_sendfile (to: c_int, from: c_int, place: *mut off_t, len: size_t) to to,
    sendfile64 SYS_sendfile (to: c_int, from: c_int, place: *mut off_t, len: size_t) to to
);
