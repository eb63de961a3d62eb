//! The newest transactions, kept at hand for peers that are connected.

use std::collections::VecDeque;

use tandem_protocol::chain::Head;
use tandem_protocol::identity::{Prefix, Signature, TxHash};
use tandem_protocol::transaction::Header;
use tandem_protocol::version::Dot;

/// Bytes of them that are kept.
const BYTES: usize = 1 << 20;

/// A transaction as the log holds it.
pub(crate) struct Recent {
    pub arrival: u64,
    pub header: Header,
    pub bytes: Vec<u8>,
    pub signature: Option<Signature>,
    pub hash: TxHash,
    /// Whether it is the last of its record.
    pub ends_record: bool,
}

/// The newest transactions, contiguous to the end.
#[derive(Default)]
pub(crate) struct Newest {
    transactions: VecDeque<Recent>,
    /// Bytes of all of them.
    bytes: usize,
}

impl Newest {
    /// Keeps those that were just recorded, and lets go of the oldest.
    pub fn extend(&mut self, transactions: Vec<Recent>) {
        let follows = |pair: &[Recent]| pair[0].arrival + 1 == pair[1].arrival;
        debug_assert!(transactions.windows(2).all(follows), "transactions are told in order of arrival");
        let last = transactions.last();
        assert!(last.is_none_or(|last| last.ends_record), "records are told whole");
        let next = self.transactions.back().map(|last| last.arrival + 1);
        if next != transactions.first().map(|first| first.arrival) {
            // Some came into the view another way (it had to catch up): what is kept has no gaps.
            (self.transactions, self.bytes) = (VecDeque::new(), 0);
        }
        self.bytes += transactions.iter().map(|one| one.bytes.len()).sum::<usize>();
        self.transactions.extend(transactions);
        while self.bytes > BYTES
            && let Some(oldest) = self.transactions.pop_front()
        {
            self.bytes -= oldest.bytes.len();
        }
        if self.transactions.capacity() > 4 * self.transactions.len() + 64 {
            self.transactions.shrink_to_fit();
        }
    }

    /// Those from that arrival on, if it is among them.
    pub fn from(&self, arrival: u64) -> Option<impl Iterator<Item = &Recent>> {
        let first = self.transactions.front()?.arrival;
        let skip = usize::try_from(arrival.checked_sub(first)?).ok()?;
        (skip < self.transactions.len()).then(|| self.transactions.iter().skip(skip))
    }

    /// What stands for a transaction, if it is one of the last few: who is told of each commit at once asks
    /// for no other.
    pub fn prefix(&self, dot: &Dot) -> Option<Prefix> {
        const FEW: usize = 64;
        let found = self.transactions.iter().rev().take(FEW).find(|one| one.header.dot == *dot);
        found.map(|one| Head::new(dot.seq, &one.hash).prefix)
    }
}

#[cfg(test)]
mod tests {
    use tandem_protocol::identity::Author;
    use tandem_protocol::version::VersionVector;

    use super::*;

    fn recent(arrival: u64) -> Recent {
        sized(arrival, 8)
    }

    fn sized(arrival: u64, bytes: usize) -> Recent {
        let header = Header {
            dot: Dot::new(Author([1; 32]), arrival + 1),
            time_ms: 0,
            context: VersionVector::default(),
            basis: None,
            key: None,
            by: None,
            message: None,
        };
        let hash = TxHash([arrival as u8; 32]);
        Recent { arrival, header, bytes: vec![0; bytes], signature: None, hash, ends_record: true }
    }

    fn from(newest: &Newest, arrival: u64) -> Option<Vec<u64>> {
        newest.from(arrival).map(|recent| recent.map(|one| one.arrival).collect())
    }

    #[test]
    fn the_newest_transactions_are_kept_without_gaps() {
        let mut newest = Newest::default();
        newest.extend(vec![recent(0), recent(1)]);
        newest.extend(vec![recent(2)]);
        assert_eq!(from(&newest, 1), Some(vec![1, 2]));
        assert_eq!(from(&newest, 3), None);
        newest.extend(vec![recent(5), recent(6)]);
        assert_eq!(from(&newest, 6), Some(vec![6]));
        assert_eq!(from(&newest, 5), Some(vec![5, 6]));
        assert_eq!(from(&newest, 3), None, "3 and 4 are to be read from the log");
    }

    #[test]
    fn as_many_are_kept_as_there_is_room_for() {
        let mut newest = Newest::default();
        newest.extend((0..4).map(|arrival| sized(arrival, BYTES / 4)).collect());
        assert_eq!(from(&newest, 0), Some(vec![0, 1, 2, 3]));
        newest.extend(vec![recent(4)]);
        assert_eq!((from(&newest, 0), from(&newest, 1)), (None, Some(vec![1, 2, 3, 4])));
        newest.extend(vec![sized(5, BYTES + 1)]);
        assert_eq!(from(&newest, 5), None, "one that is too large takes the room of all");
        newest.extend(vec![recent(6)]);
        assert_eq!(from(&newest, 6), Some(vec![6]));
    }

    #[test]
    fn the_last_few_are_told_by_their_names() {
        let mut newest = Newest::default();
        newest.extend((0..100).map(recent).collect());
        let told = |seq| newest.prefix(&Dot::new(Author([1; 32]), seq)).map(|prefix| prefix[0]);
        assert_eq!((told(100), told(99), told(37)), (Some(99), Some(98), Some(36)));
        assert_eq!((told(36), told(101)), (None, None), "asked for by the index");
        assert_eq!(newest.prefix(&Dot::new(Author([2; 32]), 100)), None);
    }
}
