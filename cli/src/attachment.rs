//! The database beside a space, in words.

use tandem_bridge::BridgeState;

use crate::speech::told;

/// Whether changes go to and fro, and why not.
pub fn state(state: &BridgeState) -> String {
    match state {
        BridgeState::Starting => t!("attach.starting").into_owned(),
        BridgeState::Running => t!("attach.running").into_owned(),
        BridgeState::Waiting { reason } => t!("attach.waiting", reason = told(reason)).into_owned(),
        BridgeState::Stopped { reason } => t!("attach.stopped", reason = told(reason)).into_owned(),
    }
}
