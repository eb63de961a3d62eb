//! Why a database beside cannot be used, or not now.

use tandem_protocol::cause::{Cause, Param};
use tandem_store::{ViewError, WriteError};

/// Why a step with the database beside came to nothing.
#[derive(Debug)]
pub enum BridgeError {
    /// It cannot be reached, or has too much to do: the same may do later.
    Waits(Cause),
    /// What has to be written is held by somebody else: later it is not.
    Busy(Cause),
    /// One row was refused by a rule of the database.
    Refused(Cause),
    /// It goes on only when somebody has done something.
    Stopped(Cause),
}

impl BridgeError {
    /// Something that somebody must do something about.
    pub fn stopped(code: &'static str) -> Self {
        Self::Stopped(Cause::new(code))
    }

    /// The same, of a statement that writes one row: whatever is not for the whole database is of that row.
    /// A trigger of the application may say anything.
    pub(crate) fn of_row(self) -> Self {
        match self {
            Self::Stopped(cause) => Self::Refused(cause),
            other => other,
        }
    }

    /// What is told of it.
    pub fn cause(&self) -> &Cause {
        match self {
            Self::Waits(cause) | Self::Busy(cause) | Self::Refused(cause) | Self::Stopped(cause) => cause,
        }
    }
}

impl std::fmt::Display for BridgeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.cause().fmt(f)
    }
}

impl std::error::Error for BridgeError {}

impl From<std::io::Error> for BridgeError {
    fn from(error: std::io::Error) -> Self {
        Self::Waits(Cause::from(error))
    }
}

/// Of the mirror.
impl From<rusqlite::Error> for BridgeError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Waits(Cause::new("bridge_mirror").with("detail", Cause::from(&ViewError::from(error))))
    }
}

impl From<ViewError> for BridgeError {
    fn from(error: ViewError) -> Self {
        Self::Waits(Cause::from(&error))
    }
}

impl From<tandem_store::Refusal> for BridgeError {
    fn from(refusal: tandem_store::Refusal) -> Self {
        Self::Stopped(Cause::new("bridge_space_refused").with("detail", told(refusal)))
    }
}

impl From<WriteError> for BridgeError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(refusal) => refusal.into(),
            WriteError::Log(error) => Self::Waits(Cause::from(&error)),
            WriteError::View(error) => error.into(),
            WriteError::Closed => Self::Waits(Cause::new("store_closing")),
        }
    }
}

impl From<tandem_store::Closed> for BridgeError {
    fn from(_: tandem_store::Closed) -> Self {
        Self::Waits(Cause::new("store_closing"))
    }
}

/// What is told of a refusal of the space: its cause, which has words of its own.
pub(crate) fn told(refusal: tandem_store::Refusal) -> Cause {
    match refusal.params.get("detail") {
        Some(Param::Cause(cause)) => cause.clone(),
        _ => Cause::new("bridge_code").with("code", refusal.code),
    }
}
