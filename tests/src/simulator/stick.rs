//! Transactions on a USB stick: blocks carried by hand, in any order, late, and more than once.

use tandem_protocol::version::VersionVector;
use tandem_store::simulated::Request;

use super::site::{Asker, Site};
use super::story::Story;

/// Blocks on it at most; the oldest are overwritten.
const BLOCKS: usize = 40;

/// See the module.
#[derive(Default)]
pub struct Stick {
    blocks: Vec<Vec<u8>>,
}

impl Stick {
    /// Somebody plugs the stick into a PC: takes blocks off it, and puts blocks onto it.
    pub fn plug_in(&mut self, story: &mut Story, sites: &mut [Site], at: usize) {
        let Some(space) = sites[at].space() else { return };
        let end = space.end();
        let have = match story.random.below(3) {
            0 => VersionVector::default(),
            1 => sites[story.random.below(sites.len() as u64) as usize].vector(),
            _ => sites[at].seen.first().map(|one| one.version.clone()).unwrap_or_default(),
        };
        let mut from = if story.random.one_in(3) { story.random.below(end + 1) } else { 0 };
        let bytes = [400, 4_000, 1 << 20][story.below(3)];
        for _ in 0..8 {
            let Some(space) = sites[at].space() else { return };
            match space.chunks().read(from, &have, bytes) {
                Ok(chunk) => {
                    self.blocks.extend(chunk.block);
                    if chunk.next >= end {
                        break;
                    }
                    from = chunk.next;
                }
                Err(error) => return story.fail(format!("{} cannot be read: {error}", sites[at].name)),
            }
        }
        let excess = self.blocks.len().saturating_sub(BLOCKS);
        self.blocks.drain(..excess);
        for _ in 0..4 {
            if self.blocks.is_empty() {
                return;
            }
            let to = story.below(sites.len());
            let block = self.blocks[story.random.below(self.blocks.len() as u64) as usize].clone();
            let _asked = sites[to].ask(story, Asker::Stick, Request::Receive(block));
        }
    }
}
