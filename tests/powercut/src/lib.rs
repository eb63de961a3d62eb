//! Put in front of the C library with `LD_PRELOAD`, records what a program does to the files
//! under one folder, in the order in which it does it: names, writes with their bytes, and the
//! beginning and end of every sync. From that record `tandem-tests` works out what a disk may hold
//! after a power cut at any moment.
//!
//! `TANDEM_POWERCUT_FOLDER` is the folder (absolute, without links), `TANDEM_POWERCUT_TRACE` the
//! record. What the program writes to the file named as the folder with `.marks` behind it goes
//! into the record too: that is how it says "this is acknowledged".
//!
//! It can also let a chosen operation fail as on a full disk, or end the program there: see `fate`.
//!
//! Nothing here allocates, and the system is called directly, so that no function put in place of
//! another is ever entered from within.

#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "functions of the C library are replaced")]
#![allow(clippy::missing_safety_doc, reason = "they are as safe as what they replace")]

mod fate;
mod files;
mod names;
mod record;
mod syncs;
mod writes;

use std::ffi::{c_char, c_int};

/// Calls the system without the C library's functions, which are the ones replaced here.
macro_rules! system {
    ($number:expr $(, $argument:expr)*) => {
        // SAFETY: the caller of the replaced function answers for its arguments.
        unsafe { libc::syscall($number $(, $argument)*) }
    };
}
pub(crate) use system;

/// The bytes of a C string.
pub(crate) fn bytes<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: the program passed it to the C library as a string that ends.
    unsafe { std::ffi::CStr::from_ptr(text) }.to_bytes()
}

/// Runs something without disturbing the error code the program is going to look at.
pub(crate) fn keeping_errno(work: impl FnOnce()) {
    // SAFETY: always a valid place of this thread.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *place };
    work();
    // SAFETY: as above.
    unsafe { *place = before };
}

/// The result of a call as C functions give it.
pub(crate) fn small(result: i64) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}
