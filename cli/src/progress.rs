//! What is under way, on one line that rewrites itself; on a terminal only.

use std::io::{self, IsTerminal};

use crate::terminal;

/// A line on stderr that is rewritten. Erased when dropped.
pub struct Progress {
    shown: bool,
    on_terminal: bool,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new() -> Self {
        Self { shown: false, on_terminal: io::stderr().is_terminal() }
    }

    /// Shows how things stand.
    pub fn show(&mut self, text: &str) {
        if self.on_terminal {
            self.shown = true;
            terminal::rewrite(text);
        }
    }

    /// A bar of how much is done.
    pub fn bar(&mut self, text: &str, done: u64, of: u64) {
        const WIDTH: u64 = 24;
        let filled = done.min(of) * WIDTH / of.max(1);
        let bar: String = (0..WIDTH).map(|at| if at < filled { '█' } else { '░' }).collect();
        self.show(&format!("{text} {bar} {done}/{of}"));
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            terminal::rewrite("");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
