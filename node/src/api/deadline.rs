//! How long a statement may run.

use std::time::Duration;

use tandem_protocol::cause::Cause;
use tandem_store::{Owner, READ_DEADLINE, WRITE_DEADLINE};

use super::error::Result;
use super::error_kind;

/// Seconds that can be asked for: a millisecond to a day.
pub(crate) const SECONDS: std::ops::RangeInclusive<f64> = 0.001..=86_400.0;

/// Bytes of what an owner is called.
const NAME_BYTES: usize = 160;

/// How long statements may run unless their request says otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deadlines {
    /// One that reads.
    pub read: Duration,
    /// A transaction of those that write.
    pub write: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { read: READ_DEADLINE, write: WRITE_DEADLINE }
    }
}

/// A time that is a deadline.
pub fn of_seconds(seconds: f64) -> Option<Duration> {
    SECONDS.contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

impl Deadlines {
    /// Whoever asks for something, called so, and waits so many seconds.
    pub(super) fn owner(&self, name: &str, deadline: Option<f64>, writes: bool) -> Result<Owner> {
        let deadline = match deadline {
            None if writes => self.write,
            None => self.read,
            Some(seconds) => of_seconds(seconds).ok_or_else(|| {
                error_kind::request_malformed.with("detail", Cause::new("request_deadline"))
            })?,
        };
        let mut length = name.len().min(NAME_BYTES);
        while !name.is_char_boundary(length) {
            length -= 1;
        }
        Ok(Owner::new(&name[..length], Some(deadline)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_time_that_can_be_waited_for() {
        assert_eq!(of_seconds(0.5), Some(Duration::from_millis(500)));
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(of_seconds(wrong), None, "{wrong}");
        }
    }
}
