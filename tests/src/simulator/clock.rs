//! The clock on a PC's wall: right, wrong, or moved while nobody looked.

/// What all clocks would show at the beginning if they were right: June 2025.
pub const BEGINNING_MS: i64 = 1_750_000_000_000;

/// 2009-01-01, what many a PC shows whose battery is empty.
pub const YEAR_2009_MS: i64 = 1_230_768_000_000;
/// 2099-01-01.
pub const YEAR_2099_MS: i64 = 4_070_908_800_000;

const HOUR_MS: i64 = 3_600_000;

/// One PC's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {
    /// How much it is ahead.
    pub offset_ms: i64,
    /// How much it gains, in millionths.
    pub drift_ppm: i64,
}

impl WallClock {
    /// What it shows at a time of the simulation.
    pub fn at(&self, now_ms: u64) -> i64 {
        let now = now_ms as i64;
        BEGINNING_MS + now + self.offset_ms + now * self.drift_ppm / 1_000_000
    }

    /// Another time on the wall, as people and empty batteries set it.
    pub fn set(&mut self, choice: u64) {
        self.offset_ms = match choice % 8 {
            0 => YEAR_2009_MS - BEGINNING_MS,
            1 => YEAR_2099_MS - BEGINNING_MS,
            2 => HOUR_MS,
            3 => -HOUR_MS,
            4 => self.offset_ms - 5_000,
            5 => self.offset_ms + 59_000,
            _ => 0,
        };
    }
}
