//! Chains known to have forked: two transactions of one name, held by different sites. Kept beside
//! the log, because the log of each site holds only one of the two; nothing is derived from it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tandem_protocol::chain::Chain;
use tandem_protocol::codec;
use tandem_protocol::fork::Fork;

use crate::log::{LogError, SpaceLog, Tree};

/// The forks known in one space, each under the smallest number that is known to differ.
#[derive(Default)]
pub(crate) struct Forks(Mutex<BTreeMap<Chain, Fork>>);

impl Forks {
    /// Reads back what was noted before.
    pub(crate) fn load(&self, tree: &Tree) -> Result<(), LogError> {
        let mut known = self.known();
        for entry in tree.from(b"") {
            if let Ok(fork) = codec::decode::<Fork>(&entry?.1, "fork") {
                known.insert(fork.chain(), fork);
            }
        }
        Ok(())
    }

    /// All of them, by chain.
    pub(crate) fn all(&self) -> Vec<Fork> {
        self.known().values().copied().collect()
    }

    /// Notes a fork, durably, and tells it in the program's log, if it was not known.
    pub(crate) fn note(&self, log: &SpaceLog, tree: &Tree, fork: Fork) {
        assert_ne!(fork.held, fork.other, "a fork is of two transactions");
        {
            let mut known = self.known();
            if known.get(&fork.chain()).is_some_and(|known| known.seq <= fork.seq) {
                return;
            }
            known.insert(fork.chain(), fork);
        }
        let (author, number) = (format!("{:?}", fork.chain()), fork.seq);
        let prefix = |bytes: [u8; 16]| format!("{:032x}", u128::from_be_bytes(bytes));
        let (here, elsewhere) = (prefix(fork.held), prefix(fork.other));
        tracing::warn!(
            author,
            number,
            here,
            elsewhere,
            "two different transactions go by one name: a copied or restored folder, or one who signs twice"
        );
        let put = tree.put(&codec::encode(&fork.chain()), &codec::encode(&fork)).and_then(|()| log.flush());
        if let Err(error) = put {
            tracing::warn!(%error, "a fork could not be noted; it is found again at the next contact");
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Chain, Fork>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
