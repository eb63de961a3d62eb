//! A copy of a view as it is at one moment, made while others read and write.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use tandem_protocol::cause::Cause;

use super::{ViewError, ViewResult, heap};

/// Pages copied between two looks whether it is still wanted.
const PAGES: i32 = 1024;

/// Copies the view at `from` to `to`, where none must be, unless `unwanted`.
pub(crate) fn copy(from: &Path, to: &Path, unwanted: impl Fn() -> bool) -> ViewResult<()> {
    heap::count();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(std::time::Duration::from_secs(5))?;
    // One moment for all pages.
    source.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1")?;
    let mut copy = Connection::open(to)?;
    // Nobody needs it after a crash.
    copy.pragma_update(None, "synchronous", "OFF")?;
    copy.pragma_update(None, "journal_mode", "OFF")?;
    let backup = Backup::new(&source, &mut copy)?;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::More if !unwanted() => {}
            StepResult::More => return Err(ViewError::Behind(Cause::new("copy_unwanted"))),
            _ => return Err(ViewError::Behind(Cause::new("view_in_use"))),
        }
    }
}
