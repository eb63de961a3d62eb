//! Comparing what others say they hold with what is held here.

use std::collections::BTreeMap;

use tandem_protocol::block::Block;
use tandem_protocol::chain::{Chain, Head};
use tandem_protocol::fork::{Fork, Withheld};
use tandem_protocol::identity::{Prefix, TxHash};
use tandem_protocol::transaction::{self, Previous};
use tandem_protocol::verify::Held;
use tandem_protocol::version::{Dot, VersionVector};

use super::Space;
use crate::view::PREFIX_SQL;

impl Space {
    /// The chains known to have forked.
    pub fn forks(&self) -> Vec<Fork> {
        self.0.shared.forks.all()
    }

    /// Notes where somebody holds something else under a number that is held here. Whether that is
    /// so.
    pub fn compare(&self, chain: impl Into<Chain>, theirs: Head) -> bool {
        let known = self.vector();
        let theirs = VersionVector::of([(chain.into(), theirs)], known.branches());
        let forks = self.forks_from(&theirs, &Withheld::default());
        forks.iter().for_each(|fork| self.note_fork(*fork));
        !forks.is_empty()
    }

    /// The same for all that a vector names.
    pub fn compare_all(&self, theirs: &VersionVector) -> Vec<Fork> {
        let forks = self.forks_from(theirs, &Withheld::default());
        forks.iter().for_each(|fork| self.note_fork(*fork));
        forks
    }

    pub(super) fn note_fork(&self, fork: Fork) {
        match self.0.log.forks(self.0.id) {
            Ok(shelf) => self.0.shared.forks.note(&self.0.log, &shelf, fork),
            Err(error) => tracing::warn!(%error, "a fork could not be noted"),
        }
    }

    /// Where what somebody holds is not what is held here, but for what is known not to pass.
    pub(super) fn forks_from(&self, theirs: &VersionVector, withheld: &Withheld) -> Vec<Fork> {
        let own = self.vector();
        let differs = |(chain, head): (&Chain, &Head)| {
            if withheld.reaches(chain, head.seq) {
                return None;
            }
            let dot = Dot::new(chain, head.seq);
            let held = match own.get(chain)? {
                own if own.seq == head.seq => own.prefix,
                own if own.seq < head.seq => return None,
                _ => self.prefix_of(&dot)?,
            };
            (held != head.prefix).then(|| Fork::new(dot, held, head.prefix))
        };
        theirs.heads().filter_map(differs).collect()
    }

    /// Where a block holds something else under a number that is held here. Nothing is verified: a
    /// look before an import.
    pub fn differences(&self, block: &Block) -> Vec<Fork> {
        let mut forks = Vec::new();
        let mut chains: BTreeMap<Chain, (u64, TxHash)> = BTreeMap::new();
        for (bytes, _) in block.iter() {
            let Ok(header) = transaction::decode_header(bytes) else { continue };
            let (chain, seq) = (header.dot.chain(), header.dot.seq);
            let before = match chains.get(&chain) {
                Some((last, hash)) if last + 1 == seq => Some(Previous(hash.0)),
                _ if seq == 1 => {
                    let founds = transaction::hash(Previous::GENESIS, bytes).0 == self.0.id.0;
                    Some(if founds { Previous::GENESIS } else { Previous(self.0.id.0) })
                }
                _ => self.hash(&Dot::new(chain, seq - 1)).map(|hash| Previous(hash.0)),
            };
            let (Some(before), Some(held)) = (before, self.prefix_of(&header.dot)) else { continue };
            let hash = transaction::hash(before, bytes);
            chains.insert(chain, (seq, hash));
            if held != hash.prefix() && forks.iter().all(|fork: &Fork| fork.chain() != chain) {
                forks.push(Fork::new(header.dot, held, hash.prefix()));
            }
        }
        forks
    }

    fn prefix_of(&self, dot: &Dot) -> Option<Prefix> {
        let number = self.0.shared.snapshot().authors.number_of_trunk(&dot.chain())?;
        let prefix = self.0.readers.read(|connection| {
            let mut statement = connection.prepare_cached(PREFIX_SQL)?;
            Ok(statement.query_row((number, dot.seq as i64), |row| row.get(0))?)
        });
        prefix.ok()
    }
}

impl Held for Space {
    fn prefix(&self, dot: &Dot) -> Option<Prefix> {
        self.prefix_of(dot)
    }

    fn hash(&self, dot: &Dot) -> Option<TxHash> {
        self.log().transaction(dot).ok().flatten().map(|entry| entry.hash)
    }
}
