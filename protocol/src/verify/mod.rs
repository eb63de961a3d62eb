//! A received block is verified whole before anything of it is used: every transaction follows
//! its chain's last one, everything in its context is there, its author may write, and each
//! chain's run ends in a valid signature (which covers all before it). Where a number is held
//! already, or named in a context, the hash under it is compared: see [`crate::fork`].

mod receiver;
mod verified;
mod fault;
mod pass;
mod signed;

#[cfg(test)]
mod tests;

pub use fault::BlockFault;
pub use receiver::{ChainHead, Chains, HeldTransactions, Receiver};
pub use signed::SignedTransaction;
pub use verified::{Incoming, Verified};

use crate::block::Block;
use crate::fork::{Fork, Withheld};
use crate::version::Dot;
use pass::Pass;

/// Verifies all of `block`. Transactions already held are passed over, once they are seen to be
/// the same; those that do not pass because a chain forked are left out, and so is what was written
/// knowing them. On any fault nothing of the block may be used.
pub fn verify(block: &Block, receiver: Receiver<'_>) -> Result<Verified, BlockFault> {
    let mut unproven = Withheld::default();
    let mut found = Verified::default();
    loop {
        let mut pass = Pass::new(receiver, unproven.clone());
        for (at, (bytes, signature)) in block.iter().enumerate() {
            pass.look_at(at, bytes, block.branch(at), signature)?;
        }
        // What precedes the first one left out of a chain has lost the signature that proved it:
        // it is left out too, until it comes with one of its own.
        let tails: Vec<Dot> = pass.unsigned.values().copied().collect();
        for dot in &tails {
            if !pass.barred.is_about(dot.chain()) && !pass.unproven.is_about(dot.chain()) {
                return Err(BlockFault::BadSignature { dot: *dot });
            }
        }
        // A second reading does not come as far as what the first one found.
        found.withheld.join(&pass.done.withheld);
        let forks = pass.done.forks.iter().filter(|fork| !found.forks.contains(fork));
        let forks: Vec<Fork> = forks.copied().collect();
        found.forks.extend(forks);
        let Some(first) = tails.first().copied() else {
            return Ok(Verified { forks: found.forks, withheld: found.withheld, ..pass.done });
        };
        let before = std::mem::replace(&mut unproven, pass.unproven);
        for dot in tails {
            unproven.add(dot.chain(), dot.seq);
        }
        if unproven == before {
            // Another reading would find the same, for ever.
            return Err(BlockFault::BadSignature { dot: first });
        }
    }
}
