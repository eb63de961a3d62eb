//! What every handler can reach.

use std::sync::Arc;

use tokio::sync::watch;

use super::guard::Guard;
use crate::api::Api;

/// What every handler can reach.
#[derive(Clone)]
pub(super) struct Site {
    pub api: Api,
    pub guard: Arc<Guard>,
    /// Turns true when the node stops: streams without end then end.
    pub stop: watch::Receiver<bool>,
}
