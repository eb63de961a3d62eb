//! What PostgreSQL says when something fails, told by its SQLSTATE alone.

use std::io;

use postgres::Error;
use postgres::error::SqlState;
use tandem_protocol::cause::Cause;

use crate::error::BridgeError;

/// What a failure means for the attachment.
pub(crate) fn failed(error: Error) -> BridgeError {
    let Some(state) = error.code() else {
        return BridgeError::Waits(Cause::new("bridge_unreachable").with("detail", of_system(&error)));
    };
    let (said, class) = (message(&error), &state.code()[..2]);
    let cause = |code: &'static str| Cause::new(code).with("said", said.clone()).with("state", state.code());
    match class {
        _ if *state == SqlState::INVALID_PASSWORD
            || *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
        {
            BridgeError::Waits(cause("bridge_password"))
        }
        _ if *state == SqlState::UNDEFINED_DATABASE => BridgeError::Waits(cause("bridge_no_database")),
        _ if *state == SqlState::INSUFFICIENT_PRIVILEGE => BridgeError::Stopped(cause("bridge_rights")),
        // Tables or columns that are not as they were.
        "42" => BridgeError::Stopped(cause("bridge_schema_changed")),
        // Somebody else has the row, or waits for one that this side has.
        "40" => BridgeError::Busy(cause("bridge_busy")),
        _ if *state == SqlState::LOCK_NOT_AVAILABLE => BridgeError::Busy(cause("bridge_busy")),
        // Connections, room, the end of the server, and plans that are out of date.
        "08" | "0A" | "25" | "53" | "55" | "57" | "58" => BridgeError::Waits(cause("bridge_failed")),
        // Constraints, values, and whatever triggers and limits of the database say.
        _ => BridgeError::Refused(cause("bridge_refused")),
    }
}

fn message(error: &Error) -> String {
    match error.as_db_error() {
        Some(said) => match said.detail() {
            Some(detail) => format!("{} ({detail})", said.message()),
            None => said.message().to_owned(),
        },
        None => error.to_string(),
    }
}

/// The cause behind the causes: what the system says.
fn of_system(error: &Error) -> Cause {
    let mut behind = std::error::Error::source(error);
    while let Some(cause) = behind {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            let same = io.raw_os_error().map_or_else(|| io.kind().into(), io::Error::from_raw_os_error);
            return Cause::from(same);
        }
        behind = cause.source();
    }
    Cause::new("bridge_no_answer")
}
