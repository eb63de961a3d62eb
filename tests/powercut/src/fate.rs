//! What becomes of the program at one of its operations on the folder: a disk that is full there, or
//! a program that ends there.
//!
//! `TANDEM_POWERCUT_FULL=n` lets the n-th operation fail for want of room, and every one after it too if
//! `n` is followed by `+`; `TANDEM_POWERCUT_DIE=n` ends the program before it. They are counted from 1:
//! openings that may make a file, writes, changes of a length, renamings, new folders, removals and
//! syncs.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::{Kind, Record, variable};

static DONE: AtomicU64 = AtomicU64::new(0);

/// Counts an operation; gives false if it is to fail, with the error code set.
pub fn goes_well() -> bool {
    let number = DONE.fetch_add(1, Ordering::Relaxed) + 1;
    let (die, _) = wanted(c"TANDEM_POWERCUT_DIE");
    if die == number {
        Record::hold().add(Kind::Mark, 0, 0, b"died", b"");
        // SAFETY: ends this very process, at once and without a word.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
    let (full, for_good) = wanted(c"TANDEM_POWERCUT_FULL");
    if full != 0 && (number == full || for_good && number > full) {
        Record::hold().add(Kind::Mark, 0, 0, b"full", b"");
        // SAFETY: always a valid place of this thread.
        unsafe { *libc::__errno_location() = libc::ENOSPC };
        return false;
    }
    true
}

/// The number a variable holds, 0 if none, and whether a `+` follows it.
fn wanted(name: &std::ffi::CStr) -> (u64, bool) {
    let text = variable(name).unwrap_or_default();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
    (number, text.last() == Some(&b'+'))
}
