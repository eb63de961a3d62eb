//! One end of a stream, and the session at it.

use tandem_protocol::session::SessionDriver;

/// See the module.
pub struct Link {
    /// The stream it is an end of.
    pub stream: u64,
    /// Not here while it runs.
    pub driver: Option<SessionDriver>,
    /// The alarm that was set for it.
    pub alarm_ms: Option<u64>,
}

/// Which end of which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The site.
    pub at: usize,
    /// The site at the other end.
    pub peer: usize,
    /// The stream.
    pub stream: u64,
}
