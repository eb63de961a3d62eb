//! The line between two sites, as streams over it see it: bytes arrive late, in pieces, in order;
//! or not at all, until somebody gives up.

use std::collections::VecDeque;

/// What travels.
#[derive(Debug)]
pub struct Parcel {
    /// The stream it belongs to. What arrives after the stream has ended is dropped.
    pub stream: u64,
    /// The bytes; none: the other side has closed the stream.
    pub bytes: Option<Vec<u8>>,
}

/// One direction of a line.
#[derive(Debug)]
pub struct Line {
    /// Milliseconds that everything takes.
    pub latency_ms: u64,
    /// Milliseconds more that something may take.
    pub jitter_ms: u64,
    /// Bytes that pass in a millisecond.
    pub bytes_per_ms: u64,
    /// How many reasons there are why nothing passes.
    pub cuts: u32,
    /// What waits for the line to be mended.
    pub held: VecDeque<Parcel>,
    /// When the last parcel arrives: none overtakes another.
    arrives_ms: u64,
}

impl Line {
    /// A line of the local network.
    pub fn new(latency_ms: u64) -> Self {
        let held = VecDeque::new();
        Self { latency_ms, jitter_ms: 2, bytes_per_ms: 10_000, cuts: 0, held, arrives_ms: 0 }
    }

    /// Whether nothing passes.
    pub fn is_cut(&self) -> bool {
        self.cuts > 0
    }

    /// When something sent now arrives; `chance` draws the jitter.
    pub fn arrival(&mut self, now_ms: u64, bytes: usize, chance: u64) -> u64 {
        let jitter = chance % (self.jitter_ms + 1);
        let travel = self.latency_ms + jitter + bytes as u64 / self.bytes_per_ms.max(1);
        self.arrives_ms = self.arrives_ms.max(now_ms + travel);
        self.arrives_ms
    }
}
