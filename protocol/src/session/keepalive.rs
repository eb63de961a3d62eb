//! Whether the other side is still there.
//!
//! A side that has said nothing for a while says PING. Each side judges by what it *hears*, so a
//! slow link full of data in one direction is not mistaken for a dead one.

use super::limits;

/// When each side was last heard.
#[derive(Default)]
pub(super) struct Keepalive {
    sent_ms: u64,
    heard_ms: u64,
    asked_ms: Option<u64>,
}

impl Keepalive {
    pub fn start(&mut self, now_ms: u64) {
        (self.sent_ms, self.heard_ms) = (now_ms, now_ms);
    }

    pub fn sent(&mut self, now_ms: u64) {
        self.sent_ms = now_ms;
    }

    pub fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
        self.asked_ms = None;
    }

    /// An answer was asked for.
    pub fn asked(&mut self, now_ms: u64) {
        self.asked_ms.get_or_insert(now_ms);
    }

    pub fn ping_is_due(&self, now_ms: u64) -> bool {
        now_ms >= self.sent_ms + limits::PING_EVERY_MS
    }

    pub fn is_silent(&self, now_ms: u64) -> bool {
        now_ms >= self.silent_ms()
    }

    /// When one of the two above will be true.
    pub fn wake_ms(&self) -> u64 {
        (self.sent_ms + limits::PING_EVERY_MS).min(self.silent_ms())
    }

    fn silent_ms(&self) -> u64 {
        let silent = self.heard_ms + limits::SILENT_AFTER_MS;
        self.asked_ms.map_or(silent, |asked| silent.min(asked + limits::ANSWER_WITHIN_MS))
    }
}
