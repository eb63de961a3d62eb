//! What a program may do: everything, with the token of the data folder; else what its own token says.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_store::Space;
use tokio::sync::watch;

use super::error::Result;
use super::error_kind;

/// What a token allows. Each right holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// To read rows, the log, conflicts, events.
    Read,
    /// To write rows and settle conflicts.
    Write,
    /// To change the tables, to let other sites in, to take in and give out bundles.
    Admin,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// As it is written.
    pub fn code(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    fn told(self) -> Cause {
        Cause::new(match self {
            Self::Read => "right_read",
            Self::Write => "right_write",
            Self::Admin => "right_admin",
        })
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What the sender of a request may do.
#[derive(Clone)]
pub struct Access(Option<Arc<Granted>>);

/// What a token grants.
pub(super) struct Granted {
    /// The space's id.
    pub space: String,
    pub right: Right,
    pub device: String,
    /// Turns true when the token is revoked.
    pub revoked: watch::Receiver<bool>,
}

impl Access {
    /// To everything: that of this account, which holds the data folder.
    pub fn whole() -> Self {
        Self(None)
    }

    pub(super) fn of(granted: Granted) -> Self {
        Self(Some(Arc::new(granted)))
    }

    /// Refuses what only this account may do.
    pub fn check_whole(&self) -> Result<()> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(error_kind::token_of_space.error()),
        }
    }

    /// Refuses what goes beyond the right. `space` is the one that is asked about, by its name; whether
    /// there is one of that name is told to those only whose it is.
    pub fn check(&self, needed: Right, space: &str, found: &Result<Space>) -> Result<()> {
        let Some(granted) = &self.0 else { return Ok(()) };
        if !found.as_ref().is_ok_and(|space| space.id().to_string() == granted.space) {
            return Err(error_kind::token_other_space.with("space", space));
        }
        if granted.right < needed {
            let error = error_kind::token_right.with("needed", needed.told());
            return Err(error.with("right", granted.right.told()));
        }
        Ok(())
    }

    /// Who wrote, as the log is to say: the device first, which the request cannot choose.
    pub fn sign(&self, by: Option<String>) -> Option<String> {
        match (&self.0, by.filter(|by| !by.is_empty())) {
            (None, by) => by,
            (Some(granted), None) => Some(granted.device.clone()),
            (Some(granted), Some(by)) => Some(format!("{}: {by}", granted.device)),
        }
    }

    /// Waits until the token is revoked; for ever, where it cannot be.
    pub async fn revoked(self) {
        match self.0 {
            None => std::future::pending().await,
            Some(granted) => {
                let mut revoked = granted.revoked.clone();
                // A sender that is gone means the same.
                let _revoked = revoked.wait_for(|revoked| *revoked).await;
            }
        }
    }

    /// Whether it can be revoked while a request runs.
    pub fn is_revocable(&self) -> bool {
        self.0.is_some()
    }
}
