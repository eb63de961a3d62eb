//! A log in memory, of real transactions in real blocks, without signatures.

use crate::block::{Block, BlockBuilder};
use crate::chain::{Branches, Chain, Head};
use crate::fork::{Fork, Withheld};
use crate::identity::{Author, Prefix, TxHash};
use crate::op::Op;
use crate::session::{NotStored, ReadDone, StoreDone};
use crate::transaction::{Header, Transaction, decode_header};
use crate::verify::BlockFault;
use crate::version::{Dot, VersionVector};

fn prefix(bytes: &[u8]) -> Prefix {
    TxHash(*blake3::hash(bytes).as_bytes()).prefix()
}

#[derive(Default, Clone)]
pub struct Log {
    /// What tells this log's transactions from those of a copy.
    pub salt: i64,
    entries: Vec<(Header, Vec<u8>)>,
    pub vector: VersionVector,
}

impl Log {
    pub fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Appends a transaction of `author`, with an op of so many bytes that do not compress.
    pub fn write(&mut self, author: Author, bytes: usize) {
        let context = self.vector.without(&author);
        let header = Header {
            dot: Dot::new(author, self.vector.seq(author) + 1),
            time_ms: 1_700_000_000_000 + self.salt,
            context,
            basis: None,
            key: None,
            by: None,
            message: None,
        };
        let mut body = vec![0; bytes];
        blake3::Hasher::new().update(&header.dot.seq.to_le_bytes()).finalize_xof().fill(&mut body);
        let op = Op::Unknown { kind: 999, body };
        let bytes = Transaction { header: header.clone(), ops: vec![op] }.encode();
        self.append(header, bytes);
    }

    fn append(&mut self, header: Header, bytes: Vec<u8>) {
        let head = Head { seq: header.dot.seq, prefix: prefix(&bytes) };
        self.vector.advance(header.dot.chain(), head, &Branches::NONE);
        self.entries.push((header, bytes));
    }

    /// All transactions, in order.
    pub fn entries(&self) -> &[(Header, Vec<u8>)] {
        &self.entries
    }

    /// Whether a transaction, or one it was written after, is of a branch that `other` does not
    /// hold: all that is before it, author by author, found the long way.
    pub fn knows_another(&self, header: &Header, other: &Self) -> bool {
        let mut past: Vec<Dot> = vec![header.dot];
        let mut at = 0;
        while let Some(dot) = past.get(at).copied() {
            at += 1;
            let Some((header, _)) = self.entries.iter().find(|(header, _)| header.dot == dot) else {
                continue;
            };
            if other.head(&dot).is_some_and(|theirs| Some(theirs) != self.head(&dot)) {
                return true;
            }
            let own = (dot.seq > 1).then(|| Dot { seq: dot.seq - 1, ..dot });
            let known = header.context.heads().map(|(chain, head)| Dot::new(chain, head.seq));
            for before in known.chain(own) {
                if !past.contains(&before) {
                    past.push(before);
                }
            }
        }
        false
    }

    /// What is held under a name.
    pub fn head(&self, dot: &Dot) -> Option<Head> {
        let (_, bytes) = self.entries.iter().find(|(header, _)| header.dot == *dot)?;
        Some(Head { seq: dot.seq, prefix: prefix(bytes) })
    }

    /// Where what somebody has is not what is held here.
    fn forks(&self, have: &VersionVector, withheld: &Withheld) -> Vec<Fork> {
        let differs = |(chain, head): (&Chain, &Head)| {
            let dot = Dot::new(chain, head.seq);
            let held = self.head(&dot)?;
            let differs = held != *head && !withheld.reaches(chain, head.seq);
            differs.then(|| Fork::new(dot, held.prefix, head.prefix))
        };
        have.heads().filter_map(differs).collect()
    }

    pub fn read(
        &self,
        from: u64,
        have: &VersionVector,
        mut withheld: Withheld,
        max_bytes: usize,
    ) -> ReadDone {
        let forks = self.forks(have, &withheld);
        for fork in &forks {
            withheld.add(fork.chain(), fork.seq);
        }
        let mut builder = BlockBuilder::default();
        let mut last = Self::default();
        let mut next = from;
        for (header, bytes) in self.entries.iter().skip(from as usize) {
            next += 1;
            if have.covers(&header.dot) || withheld.holds_back(header) {
                continue;
            }
            builder.push(header.dot.author, bytes, None);
            last.append(header.clone(), bytes.clone());
            if builder.raw_len() >= max_bytes {
                break;
            }
        }
        let block = (!builder.is_empty()).then(|| builder.finish());
        ReadDone { block, next, last: last.vector, withheld, forks }
    }

    /// Takes in a block whole or not at all. `twice` counts what was held already.
    pub fn receive(
        &mut self,
        block: &[u8],
        known: &Withheld,
        twice: &mut usize,
    ) -> Result<StoreDone, NotStored> {
        let block = Block::decode(block).map_err(|error| NotStored::Fault(BlockFault::Malformed(error)))?;
        let mut after = self.clone();
        let mut withheld = known.clone();
        let mut forks = Vec::new();
        let mut left_out = false;
        for (bytes, _) in block.iter() {
            let header =
                decode_header(bytes).map_err(|error| NotStored::Fault(BlockFault::Malformed(error)))?;
            let dot = header.dot;
            let expected = after.vector.seq(dot.chain()) + 1;
            if dot.seq < expected {
                let held = after.head(&dot).expect("what is held");
                let other = prefix(bytes);
                if held.prefix == other {
                    *twice += 1;
                } else {
                    left_out = true;
                    if withheld.add(dot.chain(), dot.seq) {
                        forks.push(Fork::new(dot, held.prefix, other));
                    }
                }
                continue;
            }
            let named = after.forks(&header.context, &withheld);
            for fork in &named {
                withheld.add(fork.chain(), fork.seq);
            }
            forks.extend(named);
            if withheld.holds_back(&header) {
                left_out = true;
                continue;
            }
            if dot.seq > expected {
                return Err(NotStored::Fault(BlockFault::Gap { dot, expected }));
            }
            if let Some((chain, head)) =
                header.context.heads().find(|(chain, head)| after.vector.seq(*chain) < head.seq)
            {
                let missing = Box::new(Dot::new(chain, head.seq));
                return Err(NotStored::Fault(BlockFault::MissingContext { dot, missing }));
            }
            after.append(header, bytes.to_vec());
        }
        *self = after;
        let news = withheld.0.into_iter().filter(|(chain, seq)| known.0.get(chain) != Some(seq));
        Ok(StoreDone { vector: self.vector.clone(), forks, withheld: Withheld(news.collect()), left_out })
    }
}
