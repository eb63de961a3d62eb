//! How it goes with the database beside, for people.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;

/// Whether changes go to and fro.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum BridgeState {
    /// Nothing was done yet.
    #[default]
    Starting,
    /// They do.
    Running,
    /// Not at the moment; it is tried again.
    Waiting {
        /// Why.
        reason: Cause,
    },
    /// Not before somebody has done something.
    Stopped {
        /// Why.
        reason: Cause,
    },
}

/// A row that one side does not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedRow {
    /// Its table, here.
    pub table: String,
    /// Its key, as people write it.
    pub key: String,
    /// Why.
    pub reason: Cause,
}

/// What happened since the node was started, and what is left to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeStatus {
    /// Whether changes go to and fro.
    #[serde(flatten)]
    pub state: BridgeState,
    /// Rows that the application changed.
    pub taken_in: u64,
    /// Rows that were changed in the database because of other sites.
    pub applied: u64,
    /// Rows that had been changed behind the triggers, and were taken in when that was found.
    pub missed: u64,
    /// Rows that were gone without having been seen to be deleted, and were put back.
    pub put_back: u64,
    /// Rows of which a rule of the database itself makes something else.
    pub altered: u64,
    /// Values that no column here can hold: they stay in the database.
    pub unread: u64,
    /// Counters that a form set back to what it had shown: what was counted meanwhile was put back.
    pub uncounted: u64,
    /// Triggers that had been removed or switched off, and were put there again.
    pub reinstalled: u64,
    /// Rows that one side does not take.
    pub parked: Vec<ParkedRow>,
}

/// The status that the bridge writes and others read.
#[derive(Default)]
pub(crate) struct SharedStatus(Mutex<BridgeStatus>);

impl SharedStatus {
    /// As it is now.
    pub fn get(&self) -> BridgeStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it.
    pub fn change(&self, change: impl FnOnce(&mut BridgeStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
