//! What the local clock says.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch by the local clock.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}
