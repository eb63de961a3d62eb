//! What taking in one block costs: the processor's time and memory, as the system counts them. (On a
//! machine that is busy with others, time by the clock says nothing of the work.)

use std::time::Duration;

/// No op may take longer.
const TIME: Duration = Duration::from_secs(2);

/// No op may take more memory, in KiB.
const MEMORY: u64 = 256 << 10;

/// Watches what is taken in, or does not.
#[derive(Default)]
pub struct Cost {
    measured: bool,
    /// The longest.
    pub time: Duration,
    /// The most, in KiB.
    pub memory: u64,
}

/// How much time had been spent when something began, and how much memory was in use.
pub struct Begun(Option<(Duration, u64)>);

impl Cost {
    /// Watches. (Tests of every run do not: their machine is busy with others.)
    pub fn measured() -> Self {
        Self { measured: true, ..Self::default() }
    }

    /// Before something is taken in.
    pub fn begin(&self) -> Begun {
        Begun(self.measured.then(|| {
            // The peak is counted from here on.
            let _is_told_by_the_figures = std::fs::write("/proc/self/clear_refs", "5");
            (spent(), in_kib("VmRSS:"))
        }))
    }

    /// After it.
    pub fn end(&mut self, begun: Begun) -> Result<(), String> {
        let Some((time, memory)) = begun.0 else { return Ok(()) };
        let (time, memory) = (spent().saturating_sub(time), in_kib("VmHWM:").saturating_sub(memory));
        (self.time, self.memory) = (self.time.max(time), self.memory.max(memory));
        if time > TIME || memory > MEMORY {
            return Err(format!("took {} ms and {} MiB", time.as_millis(), memory >> 10));
        }
        Ok(())
    }
}

/// What the processor has spent on this thread, which does all of a site's work here.
fn spent() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = counted.split_whitespace().next().and_then(|spent| spent.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

fn in_kib(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
