//! SQLite's pre-update hook: the only unsafe code of the project, because rusqlite's own wrapper
//! of it would need libclang on every machine that builds tandem.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::rc::Rc;

use rusqlite::Connection;
use rusqlite::ffi;
use tandem_protocol::value::Value;

unsafe extern "C" {
    fn sqlite3_preupdate_hook(db: *mut ffi::sqlite3, hook: Option<Hook>, context: *mut c_void)
    -> *mut c_void;
    fn sqlite3_preupdate_old(db: *mut ffi::sqlite3, at: c_int, value: *mut *mut ffi::sqlite3_value) -> c_int;
    fn sqlite3_preupdate_new(db: *mut ffi::sqlite3, at: c_int, value: *mut *mut ffi::sqlite3_value) -> c_int;
}

/// The function that SQLite calls before each change.
type Hook = unsafe extern "C" fn(
    *mut c_void,
    *mut ffi::sqlite3,
    c_int,
    *const c_char,
    *const c_char,
    ffi::sqlite3_int64,
    ffi::sqlite3_int64,
);

/// A change of one row that SQLite is about to make.
pub(crate) struct PreUpdate<'a> {
    /// The table's name.
    pub table: &'a str,
    /// Rowid before the change (update, delete).
    pub old_rowid: i64,
    /// Rowid after the change (insert, update).
    pub new_rowid: i64,
    /// Whether there is a row before.
    pub has_old: bool,
    /// Whether there is a row after.
    pub has_new: bool,
    db: *mut ffi::sqlite3,
}

impl PreUpdate<'_> {
    /// The row's values before the change, `None` if SQLite could not give one.
    pub(crate) fn row_before(&self, columns: usize) -> Option<Vec<Value>> {
        self.values(columns, sqlite3_preupdate_old)
    }

    /// The row's values after the change.
    pub(crate) fn row_after(&self, columns: usize) -> Option<Vec<Value>> {
        self.values(columns, sqlite3_preupdate_new)
    }

    fn values(
        &self,
        columns: usize,
        read: unsafe extern "C" fn(*mut ffi::sqlite3, c_int, *mut *mut ffi::sqlite3_value) -> c_int,
    ) -> Option<Vec<Value>> {
        (0..columns)
            .map(|at| {
                let mut value = std::ptr::null_mut();
                // SAFETY: called from within the hook, as SQLite requires; `value` is only
                // read before the next call into SQLite.
                unsafe {
                    let result = read(self.db, at as c_int, &mut value);
                    (result == ffi::SQLITE_OK && !value.is_null()).then(|| to_value(value)).flatten()
                }
            })
            .collect()
    }
}

/// # Safety
/// `value` must be a live value that SQLite protects for the duration of the call.
unsafe fn to_value(value: *mut ffi::sqlite3_value) -> Option<Value> {
    // SAFETY: per the contract above; text and blob pointers are read before anything else
    // could invalidate them.
    unsafe {
        let bytes = |pointer: *const u8, len: c_int| match usize::try_from(len) {
            Ok(len) if !pointer.is_null() => std::slice::from_raw_parts(pointer, len).to_vec(),
            _ => Vec::new(),
        };
        match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => Some(Value::Integer(ffi::sqlite3_value_int64(value))),
            ffi::SQLITE_FLOAT => Some(Value::Real(ffi::sqlite3_value_double(value))),
            ffi::SQLITE_TEXT => {
                let text = ffi::sqlite3_value_text(value);
                String::from_utf8(bytes(text, ffi::sqlite3_value_bytes(value))).ok().map(Value::Text)
            }
            ffi::SQLITE_BLOB => {
                let blob = ffi::sqlite3_value_blob(value).cast();
                Some(Value::Blob(bytes(blob, ffi::sqlite3_value_bytes(value))))
            }
            _ => Some(Value::Null),
        }
    }
}

/// Receives changes.
pub(crate) trait Watcher {
    /// Called before each change of a row, from within the statement that makes it.
    fn changing(&mut self, change: &PreUpdate<'_>);
}

/// Keeps a watcher attached to a connection.
pub(crate) struct Attached<W: Watcher> {
    watcher: Rc<RefCell<W>>,
}

impl<W: Watcher + 'static> Attached<W> {
    /// Attaches `watcher` for the rest of the connection's life.
    pub(crate) fn new(connection: &Connection, watcher: Rc<RefCell<W>>) -> Self {
        let context = Rc::as_ptr(&watcher).cast_mut().cast::<c_void>();
        // SAFETY: `watcher` lives as long as `self`, whose owner drops it after the connection.
        unsafe {
            sqlite3_preupdate_hook(connection.handle(), Some(trampoline::<W>), context);
        }
        Self { watcher }
    }

    pub(crate) fn watcher(&self) -> &Rc<RefCell<W>> {
        &self.watcher
    }
}

unsafe extern "C" fn trampoline<W: Watcher>(
    context: *mut c_void,
    db: *mut ffi::sqlite3,
    op: c_int,
    database: *const c_char,
    table: *const c_char,
    old_rowid: ffi::sqlite3_int64,
    new_rowid: ffi::sqlite3_int64,
) {
    // SAFETY: `context` is the cell attached above, alive while the connection is; SQLite passes
    // NUL-terminated names.
    unsafe {
        if CStr::from_ptr(database).to_bytes() != b"main" {
            return;
        }
        let Ok(table) = CStr::from_ptr(table).to_str() else { return };
        let watcher = &*context.cast::<RefCell<W>>();
        // Never borrowed while a statement runs; and unwinding through C is not allowed.
        if let Ok(mut watcher) = watcher.try_borrow_mut() {
            watcher.changing(&PreUpdate {
                table,
                old_rowid,
                new_rowid,
                has_old: op != ffi::SQLITE_INSERT,
                has_new: op != ffi::SQLITE_DELETE,
                db,
            });
        }
    }
}
