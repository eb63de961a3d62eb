//! What a statement takes of SQLite's memory: counted where SQLite asks the system for it, thread by
//! thread, and refused beyond a bound. SQLite's own bounds are those of the whole process, where
//! one statement's hunger would be another's refusal.
//!
//! A statement runs on one thread from its beginning to its end, so what that thread takes and does
//! not give back meanwhile is the statement's. What is refused ends it with `SQLITE_NOMEM`, which
//! SQLite is built to bear at any point.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use rusqlite::ffi;

/// SQLite's own way to the system's memory.
struct System {
    malloc: unsafe extern "C" fn(c_int) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    realloc: unsafe extern "C" fn(*mut c_void, c_int) -> *mut c_void,
    size: unsafe extern "C" fn(*mut c_void) -> c_int,
}

static SYSTEM: OnceLock<System> = OnceLock::new();

thread_local! {
    /// Bytes this thread holds, less those it gave back for others.
    static HELD: Cell<i64> = const { Cell::new(0) };
    /// Up to where it may go.
    static MOST: Cell<i64> = const { Cell::new(i64::MAX) };
    /// Whether it was refused some since the bound was set.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Begins to count. To be called before SQLite is used for the first time in the process; later it
/// changes nothing, and statements are bound by their deadline alone.
pub(crate) fn count() {
    static BEGUN: OnceLock<()> = OnceLock::new();
    BEGUN.get_or_init(|| {
        // SAFETY: configuring is allowed before SQLite is initialised; afterwards it answers
        // SQLITE_MISUSE and changes nothing. Both calls take a pointer to the methods, which the
        // first fills and the second copies; all are null before.
        let set = unsafe {
            let mut methods: ffi::sqlite3_mem_methods = std::mem::zeroed();
            let known = ffi::sqlite3_config(ffi::SQLITE_CONFIG_GETMALLOC, &raw mut methods);
            match (methods.xMalloc, methods.xFree, methods.xRealloc, methods.xSize) {
                (Some(malloc), Some(free), Some(realloc), Some(size)) if known == ffi::SQLITE_OK => {
                    SYSTEM.get_or_init(|| System { malloc, free, realloc, size });
                    methods.xMalloc = Some(take);
                    methods.xFree = Some(give_back);
                    methods.xRealloc = Some(take_again);
                    ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const methods) == ffi::SQLITE_OK
                }
                _ => false,
            }
        };
        if !set {
            tracing::debug!("the memory of statements is not counted: SQLite was in use before");
        }
    });
}

/// Bounds what this thread may take from now on, beyond what it holds, until it is dropped.
pub(crate) struct Bound {
    /// Up to where it might go before, and whether it was refused some.
    before: (i64, bool),
}

impl Bound {
    pub(crate) fn new(bytes: usize) -> Self {
        assert_eq!(MOST.get(), i64::MAX, "one thing is bounded at a time");
        Self::within(bytes)
    }

    /// The same for a part of what may be bounded already.
    pub(crate) fn within(bytes: usize) -> Self {
        let before = (MOST.get(), REFUSED.replace(false));
        MOST.set(before.0.min(HELD.get().saturating_add(bytes as i64)));
        Self { before }
    }

    /// Whether some was refused.
    pub(crate) fn was_met(&self) -> bool {
        REFUSED.get()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        MOST.set(self.before.0);
        REFUSED.set(self.before.1);
    }
}

/// Whether there is room for so many more.
fn has_room(bytes: i64) -> bool {
    let fits = HELD.get().saturating_add(bytes) <= MOST.get();
    if !fits {
        REFUSED.set(true);
    }
    fits
}

fn add(bytes: i64) {
    HELD.set(HELD.get().saturating_add(bytes));
}

unsafe extern "C" fn take(bytes: c_int) -> *mut c_void {
    let Some(system) = SYSTEM.get().filter(|_| has_room(i64::from(bytes))) else {
        return std::ptr::null_mut();
    };
    // SAFETY: SQLite's own functions, with what SQLite gave.
    unsafe {
        let block = (system.malloc)(bytes);
        if !block.is_null() {
            add(i64::from((system.size)(block)));
        }
        block
    }
}

unsafe extern "C" fn give_back(block: *mut c_void) {
    let Some(system) = SYSTEM.get() else { return };
    // SAFETY: SQLite's own functions, with a block that came from `take` or `take_again`.
    unsafe {
        add(-i64::from((system.size)(block)));
        (system.free)(block);
    }
}

unsafe extern "C" fn take_again(block: *mut c_void, bytes: c_int) -> *mut c_void {
    let Some(system) = SYSTEM.get() else { return std::ptr::null_mut() };
    // SAFETY: SQLite's own functions, with a block that came from `take` or `take_again`.
    unsafe {
        let before = i64::from((system.size)(block));
        if !has_room(i64::from(bytes) - before) {
            return std::ptr::null_mut();
        }
        let moved = (system.realloc)(block, bytes);
        if !moved.is_null() {
            add(i64::from((system.size)(moved)) - before);
        }
        moved
    }
}
