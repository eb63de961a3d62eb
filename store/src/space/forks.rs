//! Comparing what others say they hold with what is held here.

use tandem_protocol::chain::{Chain, Head};
use tandem_protocol::fork::{Fork, Withheld};
use tandem_protocol::identity::{Prefix, TxHash};
use tandem_protocol::verify::HeldTransactions;
use tandem_protocol::version::{Dot, VersionVector};

use super::entries::LogReader;
use super::parts::Parts;
use crate::view::PREFIX_SQL;

/// What compares what others hold with what a space holds here.
pub struct ForkReader<'s> {
    pub(super) parts: &'s Parts,
}

impl ForkReader<'_> {
    /// The chains known to have forked.
    pub fn all(&self) -> Vec<Fork> {
        self.parts.published.forks.all()
    }

    /// Notes where somebody holds something else under a number that is held here. Whether that is
    /// so.
    pub fn compare(&self, chain: impl Into<Chain>, theirs: Head) -> bool {
        let known = self.parts.vector();
        let theirs = VersionVector::of([(chain.into(), theirs)], known.branches());
        let forks = self.between(&theirs, &Withheld::default());
        forks.iter().for_each(|fork| self.note(*fork));
        !forks.is_empty()
    }

    /// The same for all that a vector names.
    pub fn compare_all(&self, theirs: &VersionVector) -> Vec<Fork> {
        let forks = self.between(theirs, &Withheld::default());
        forks.iter().for_each(|fork| self.note(*fork));
        forks
    }

    fn note(&self, fork: Fork) {
        match self.parts.log.forks(self.parts.id) {
            Ok(tree) => self.parts.published.forks.note(&self.parts.log, &tree, fork),
            Err(error) => tracing::warn!(%error, "a fork could not be noted"),
        }
    }

    /// Where what somebody holds is not what is held here, but for what is known not to pass.
    pub(super) fn between(&self, theirs: &VersionVector, withheld: &Withheld) -> Vec<Fork> {
        let own = self.parts.vector();
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

    fn prefix_of(&self, dot: &Dot) -> Option<Prefix> {
        let recent = self.parts.published.newest().prefix(dot);
        if recent.is_some() {
            return recent;
        }
        let number = self.parts.snapshot().authors.number_of_trunk(&dot.chain())?;
        let prefix = self.parts.readers.read(|connection| {
            let mut statement = connection.prepare_cached(PREFIX_SQL)?;
            Ok(statement.query_row((number, dot.seq as i64), |row| row.get(0))?)
        });
        prefix.ok()
    }
}

impl HeldTransactions for ForkReader<'_> {
    fn prefix(&self, dot: &Dot) -> Option<Prefix> {
        self.prefix_of(dot)
    }

    fn hash(&self, dot: &Dot) -> Option<TxHash> {
        LogReader { parts: self.parts }.transaction(dot).ok().flatten().map(|entry| entry.hash)
    }
}
