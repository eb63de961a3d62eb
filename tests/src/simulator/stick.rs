//! Transactions on a USB stick: blocks carried by hand, in any order, late, and more than once.

use tandem_protocol::version::VersionVector;
use tandem_store::simulated::Request;

use super::site::Asker;
use super::world::World;

/// Blocks on it at most; the oldest are overwritten.
const BLOCKS: usize = 40;

impl World {
    /// Somebody plugs the stick into a PC: takes blocks off it, and puts blocks onto it.
    pub fn plug_in_stick(&mut self, at: usize) {
        let Some(space) = self.sites[at].space() else { return };
        let end = space.end();
        let have = match self.random.below(3) {
            0 => VersionVector::default(),
            1 => self.sites[self.random.below(self.sites.len() as u64) as usize].vector(),
            _ => self.sites[at].seen.first().map(|one| one.version.clone()).unwrap_or_default(),
        };
        let mut from = if self.random.one_in(3) { self.random.below(end + 1) } else { 0 };
        let bytes = [400, 4_000, 1 << 20][self.below(3)];
        for _ in 0..8 {
            let Some(space) = self.sites[at].space() else { return };
            match space.chunks().read(from, &have, bytes) {
                Ok(chunk) => {
                    self.stick.extend(chunk.block);
                    if chunk.next >= end {
                        break;
                    }
                    from = chunk.next;
                }
                Err(error) => return self.fail(format!("{} cannot be read: {error}", self.sites[at].name)),
            }
        }
        let excess = self.stick.len().saturating_sub(BLOCKS);
        self.stick.drain(..excess);
        for _ in 0..4 {
            if self.stick.is_empty() {
                return;
            }
            let to = self.below(self.sites.len());
            let block = self.stick[self.random.below(self.stick.len() as u64) as usize].clone();
            self.ask(to, Asker::Stick, Request::Receive(block));
        }
    }
}
