//! Syncs: what was written before one began is on the disk once it has ended.

use std::ffi::{c_int, c_long, c_uint};

use crate::fate::goes_well;
use crate::files::{Handle, handle};
use crate::record::{Kind, Record};
use crate::{keeping_errno, small, system};

fn synced(fd: c_int, number: c_long) -> c_int {
    let Handle::Ours(of) = handle(fd) else { return small(system!(number, fd)) };
    if !goes_well() {
        return -1;
    }
    let record = Record::hold();
    let serial = record.next_sync();
    record.add(Kind::SyncBegins, of, serial, b"", b"");
    // Others may write while the disk works.
    drop(record);
    let result = small(system!(number, fd));
    if result == 0 {
        keeping_errno(|| Record::hold().add(Kind::SyncEnds, of, serial, b"", b""));
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    synced(fd, libc::SYS_fsync)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    synced(fd, libc::SYS_fdatasync)
}

/// Leaves a disk's own cache alone, and so guarantees nothing: not recorded.
#[unsafe(no_mangle)]
unsafe extern "C" fn sync_file_range(fd: c_int, from: i64, bytes: i64, flags: c_uint) -> c_int {
    small(system!(libc::SYS_sync_file_range, fd, from, bytes, flags))
}
