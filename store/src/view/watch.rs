//! What watches over users' statements: rights, deadlines, capture, ids that they are given, the form
//! of their values.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::capture::Capture;
use super::forms::Forms;
use super::functions::{self, SharedIds};
use super::guard::{self, Guard};
use super::preupdate::Attached;
use super::tables::Tables;
use super::{ViewResult, access};

/// What the hooks of the writer's connection call while a user's statement runs. Dropped after the
/// connection.
pub(super) struct Watch {
    capture: Attached<Capture>,
    pub ids: SharedIds,
    pub forms: Forms,
    /// On while a user's statement is prepared or runs.
    is_user: Arc<AtomicBool>,
    /// Ends a user's statements.
    pub guard: Guard,
    /// Bytes of what the statements at hand are answered with.
    pub answered: Cell<usize>,
    /// Whether the statement at hand called `exactly()`.
    exactly: Arc<AtomicBool>,
}

impl Watch {
    pub fn over(connection: &mut Connection) -> ViewResult<Self> {
        let is_user = Arc::new(AtomicBool::new(false));
        let ids = SharedIds::default();
        access::restrict(connection, Arc::clone(&is_user))?;
        let exactly = Arc::new(AtomicBool::new(false));
        functions::install(connection, Arc::clone(&ids), Arc::clone(&exactly))?;
        let guard = Guard::of(connection)?;
        let capture = Capture::new(Arc::clone(&ids), guard.clone());
        let capture = Attached::new(connection, Rc::new(RefCell::new(capture)));
        let (forms, answered) = (Forms::default(), Cell::new(0));
        Ok(Self { capture, ids, forms, is_user, guard, answered, exactly })
    }

    pub fn capture(&self) -> RefMut<'_, Capture> {
        self.capture.watcher().borrow_mut()
    }

    /// Runs something with a user's rights and bounds.
    pub fn as_user<T>(&self, connection: &Connection, run: impl FnOnce() -> T) -> T {
        let was_user = self.is_user.swap(true, Ordering::Relaxed);
        assert!(!was_user, "a user's rights end before they begin again");
        // A limit that cannot be set is one that SQLite does not have: nothing then depends on it.
        let _set = guard::limit(connection);
        let result = run();
        let _unset = guard::unlimit(connection);
        self.is_user.store(false, Ordering::Relaxed);
        result
    }

    /// From now on, whether `exactly()` is called.
    pub fn forget_exactly(&self) {
        self.exactly.store(false, Ordering::Relaxed);
    }

    pub fn has_called_exactly(&self) -> bool {
        self.exactly.load(Ordering::Relaxed)
    }

    /// Follows the tables, and what this site's ids are to carry.
    pub fn follow(&mut self, tables: &Tables, ordinal: Option<u16>) {
        let mut capture = self.capture.watcher().borrow_mut();
        let by_name = tables.all().map(|table| (table.def.name.clone(), Arc::clone(table)));
        capture.tables = by_name.collect();
        capture.follow_deletions_of(tables.all());
        if !self.forms.is_of(&tables.schema) {
            self.forms = Forms::new(Arc::clone(&tables.schema));
        }
        functions::locked(&self.ids).set_ordinal(ordinal);
    }
}
