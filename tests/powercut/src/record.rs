//! The record: one entry after the other, appended under one lock.
//!
//! An entry is a kind (1 byte), a handle (u32), a number (u64), the lengths of two byte strings
//! (u32 each), and these strings; all numbers little-endian. What they mean is told at [`Kind`].

use std::ffi::CStr;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::system;

/// What happened.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Kind {
    /// Handle opened; number: flags of `open`; first string: path.
    Open = 1,
    /// Handle written; number: place; first string: the bytes.
    Write = 2,
    /// Handle cut or grown; number: length.
    Length = 3,
    /// A sync of the handle begins; number: its serial number.
    SyncBegins = 4,
    /// It has ended well; number: the same.
    SyncEnds = 5,
    /// Renamed; strings: from, to.
    Rename = 6,
    /// A file removed; first string: path.
    Unlink = 7,
    /// A folder made; first string: path.
    MakeFolder = 8,
    /// A folder removed; first string: path.
    RemoveFolder = 9,
    /// The program says something; first string: what.
    Mark = 10,
    /// Something is not understood here, and the record is worth nothing; first string: what.
    Unsupported = 11,
}

static LOCK: Mutex<()> = Mutex::new(());
static TRACE: AtomicI32 = AtomicI32::new(-1);
static SYNCS: AtomicU32 = AtomicU32::new(0);

/// The record, held by one thread.
pub struct Record(#[allow(dead_code, reason = "held, not read")] MutexGuard<'static, ()>);

impl Record {
    /// Nothing else is recorded while this is held. Threads that write under it are in the
    /// record in the order in which their writes took place.
    pub fn hold() -> Self {
        Self(LOCK.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Appends an entry.
    pub fn add(&self, kind: Kind, handle: u32, number: u64, first: &[u8], second: &[u8]) {
        let mut head = [0; 21];
        head[0] = kind as u8;
        head[1..5].copy_from_slice(&handle.to_le_bytes());
        head[5..13].copy_from_slice(&number.to_le_bytes());
        head[13..17].copy_from_slice(&u32::try_from(first.len()).unwrap_or(u32::MAX).to_le_bytes());
        head[17..21].copy_from_slice(&u32::try_from(second.len()).unwrap_or(u32::MAX).to_le_bytes());
        let trace = trace();
        put(trace, &head);
        put(trace, first);
        put(trace, second);
    }

    /// A serial number for a sync.
    pub fn next_sync(&self) -> u64 {
        u64::from(SYNCS.fetch_add(1, Ordering::Relaxed))
    }
}

/// A variable of the environment, as it was when the program started.
pub fn variable(name: &CStr) -> Option<&'static [u8]> {
    // SAFETY: the tests' programs do not change their environment.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    (!value.is_null()).then(|| crate::bytes(value))
}

fn trace() -> i32 {
    let opened = TRACE.load(Ordering::Relaxed);
    if opened >= 0 {
        return opened;
    }
    let Some(path) = variable(c"TANDEM_POWERCUT_TRACE") else { die() };
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND | libc::O_CLOEXEC;
    let opened = system!(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600);
    if opened < 0 {
        die();
    }
    let opened = crate::small(opened);
    TRACE.store(opened, Ordering::Relaxed);
    opened
}

fn put(trace: i32, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let written = system!(libc::SYS_write, trace, bytes.as_ptr(), bytes.len());
        match usize::try_from(written) {
            Ok(written) if written > 0 => bytes = &bytes[written..],
            // A record with a gap would prove nothing.
            _ => die(),
        }
    }
}

fn die() -> ! {
    // SAFETY: always allowed.
    unsafe { libc::abort() }
}
