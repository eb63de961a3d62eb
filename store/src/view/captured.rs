//! What a local transaction did, captured and put in words, before it has a name.

use std::sync::Arc;

use tandem_protocol::op::Op;
use tandem_protocol::value::{Key, Value};

use super::row_op::RowOp;
use super::rows::Loaded;
use super::table::ViewTable;
use crate::write::StatementResult;

/// A local transaction whose statements have run.
pub(crate) struct LocalWrite {
    /// What each statement did or returned.
    pub results: Vec<StatementResult>,
    /// What changed, for the log. Empty: nothing.
    pub ops: Vec<Op>,
    pub(super) captured: Vec<Captured>,
}

/// A row's net change in canonical values.
pub(super) struct Captured {
    pub table: Arc<ViewTable>,
    pub key: Key,
    pub old: Option<(i64, Vec<Value>)>,
    pub new: Option<(i64, Vec<Value>)>,
    /// The row's state before, where it has one.
    pub state: Option<Loaded>,
    pub op: RowOp,
}

impl Captured {
    /// Whether nobody wrote the row before.
    pub(super) fn is_new(&self) -> bool {
        self.state.is_none()
    }

    /// The row's values before.
    pub(super) fn before(&self) -> Option<&[Value]> {
        self.old.as_ref().map(|(_, row)| row.as_slice())
    }

    /// The row's values after.
    pub(super) fn after(&self) -> Option<&[Value]> {
        self.new.as_ref().map(|(_, row)| row.as_slice())
    }
}
