//! The time a transaction carries: the local clock, kept moving forward, never led astray.

use crate::bounds::CLOCK_LEAD_MS;

/// Hands out ascending times. The local clock is passed in at each call.
///
/// A time is `max(local clock, last counted + 1)`, where the author's own last time and received
/// times count only while they are less than [`CLOCK_LEAD_MS`] ahead of the local clock: a PC
/// with a wrong clock can then neither pull the others along nor stay wrong once it is mended.
/// (The idea is that of hybrid logical clocks, Kulkarni et al. 2014, with a bound on the lead.)
#[derive(Debug, Clone, Default)]
pub struct Clock {
    last_ms: i64,
    /// Times remembered from before a restart, to be judged by the local clock when it is next
    /// looked at.
    remembered: Vec<i64>,
}

impl Clock {
    /// Goes on after a restart: `times_ms` are those of each author's newest transaction held.
    pub fn resume(times_ms: Vec<i64>) -> Self {
        Self { last_ms: 0, remembered: times_ms }
    }

    /// Takes note of a time seen on a received or own earlier transaction.
    pub fn observe(&mut self, time_ms: i64, local_ms: i64) {
        if counts(time_ms, local_ms) {
            self.last_ms = self.last_ms.max(time_ms);
        }
    }

    /// The time of the next transaction, in milliseconds since the Unix epoch.
    pub fn next(&mut self, local_ms: i64) -> i64 {
        for time_ms in std::mem::take(&mut self.remembered) {
            self.observe(time_ms, local_ms);
        }
        let time = if counts(self.last_ms, local_ms) {
            local_ms.max(self.last_ms.saturating_add(1))
        } else {
            local_ms
        };
        assert!(
            (local_ms..=local_ms.saturating_add(CLOCK_LEAD_MS)).contains(&time),
            "no time lies behind the local clock, nor further ahead of it than is followed"
        );
        self.last_ms = time;
        time
    }
}

fn counts(time_ms: i64, local_ms: i64) -> bool {
    time_ms < local_ms.saturating_add(CLOCK_LEAD_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_ascend_while_the_clock_stands_still_or_steps_back_a_little() {
        let mut clock = Clock::default();
        assert_eq!(clock.next(1_000_000), 1_000_000);
        assert_eq!(clock.next(1_000_000), 1_000_001);
        assert_eq!(clock.next(999_000), 1_000_002);
    }

    #[test]
    fn a_time_far_ahead_is_not_followed() {
        let mut clock = Clock::default();
        clock.observe(i64::MAX, 1_000_000);
        assert_eq!(clock.next(1_000_000), 1_000_000);
        clock.observe(1_000_000 + CLOCK_LEAD_MS - 1, 1_000_000);
        assert_eq!(clock.next(1_000_000), 1_000_000 + CLOCK_LEAD_MS);
    }

    #[test]
    fn a_restart_forgets_no_time_that_counts_and_follows_none_that_does_not() {
        let local = 1_700_000_000_000;
        let mut clock = Clock::resume(vec![local + 30_000, 4_070_908_800_000, local - 5]);
        assert_eq!(clock.next(local), local + 30_001);
        let mut mended = Clock::resume(vec![4_070_908_800_000]);
        assert_eq!(mended.next(local), local);
    }

    #[test]
    fn a_mended_clock_leaves_nothing_behind() {
        let mut clock = Clock::default();
        assert_eq!(clock.next(4_070_908_800_000), 4_070_908_800_000); // 2099
        assert_eq!(clock.next(1_700_000_000_000), 1_700_000_000_000); // mended
    }
}
