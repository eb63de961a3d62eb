//! Which chains are known to have forked between two sites, and from where on nothing of them passes.

use crate::chain::{Chain, Head};
use crate::fork::{Fork, Withheld};
use crate::version::{Dot, VersionVector};

/// What does not pass between the two, for a chain forked.
#[derive(Default)]
pub(super) struct KnownForks {
    withheld: Withheld,
}

/// What was not known of forks before.
pub(super) struct ForkNews {
    /// Chains found to have forked, or to have done so earlier than was known.
    pub forks: Vec<Fork>,
    /// What does not pass for that reason.
    pub withheld: Withheld,
}

impl KnownForks {
    /// Where what the peer says to hold is not what is held here.
    pub fn between(local: &VersionVector, theirs: &VersionVector) -> Vec<Fork> {
        let differ = |(chain, head): (&Chain, &Head)| {
            let own = local.get(chain).filter(|own| own.seq == head.seq && own.prefix != head.prefix)?;
            Some(Fork::new(Dot::new(chain, head.seq), own.prefix, head.prefix))
        };
        theirs.heads().filter_map(differ).collect()
    }

    /// What does not pass.
    pub fn withheld(&self) -> &Withheld {
        &self.withheld
    }

    /// Nothing of a chain passes from that number on, as the peer says. Whether that is news.
    pub fn hear(&mut self, chain: Chain, seq: u64) -> bool {
        self.withheld.add(chain, seq)
    }

    /// Remembers what does not pass. Gives what is new of it.
    pub fn add(&mut self, withheld: &Withheld, forks: &[Fork]) -> ForkNews {
        let mut news = ForkNews { forks: Vec::new(), withheld: self.withheld.join(withheld) };
        for fork in forks {
            let chain = fork.chain();
            let known = self.withheld.reaches(chain, fork.seq) && !news.withheld.is_about(chain);
            if known {
                continue;
            }
            if self.withheld.add(chain, fork.seq) {
                news.withheld.add(chain, fork.seq);
            }
            news.forks.push(*fork);
        }
        news
    }
}
