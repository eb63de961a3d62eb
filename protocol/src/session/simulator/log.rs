//! A log in memory, of real transactions in real blocks, without signatures.

use crate::block::{Block, BlockBuilder};
use crate::identity::Author;
use crate::op::Op;
use crate::session::Refusal;
use crate::transaction::{Header, Transaction, decode_header};
use crate::verify::Fault;
use crate::version::{Dot, Head, VersionVector};

#[derive(Default, Clone)]
pub struct Log {
    entries: Vec<(Header, Vec<u8>)>,
    pub vector: VersionVector,
}

impl Log {
    pub fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Appends a transaction of `author`, with an op of so many bytes that do not compress.
    pub fn write(&mut self, author: Author, bytes: usize) {
        let mut context = self.vector.clone();
        context.0.remove(&author);
        let header = Header {
            dot: Dot { author, seq: self.vector.seq(&author) + 1 },
            time_ms: 1_700_000_000_000,
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
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..16]);
        self.vector.advance(header.dot.author, Head { seq: header.dot.seq, prefix });
        self.entries.push((header, bytes));
    }

    pub fn read(
        &self,
        from: u64,
        have: &VersionVector,
        max_bytes: usize,
    ) -> (Option<Vec<u8>>, u64, VersionVector) {
        let mut builder = BlockBuilder::default();
        let mut last = Self::default();
        let mut next = from;
        for (header, bytes) in self.entries.iter().skip(from as usize) {
            next += 1;
            if have.covers(&header.dot) {
                continue;
            }
            builder.push(header.dot.author, bytes, None);
            last.append(header.clone(), bytes.clone());
            if builder.raw_len() >= max_bytes {
                break;
            }
        }
        ((!builder.is_empty()).then(|| builder.finish()), next, last.vector)
    }

    /// Takes in a block whole or not at all. `twice` counts what was held already.
    pub fn receive(&mut self, block: &[u8], twice: &mut usize) -> Result<VersionVector, Refusal> {
        let block = Block::decode(block).map_err(|error| Refusal::Fault(Fault::Malformed(error)))?;
        let mut after = self.clone();
        for (bytes, _) in block.iter() {
            let header = decode_header(bytes).map_err(|error| Refusal::Fault(Fault::Malformed(error)))?;
            let dot = header.dot;
            let expected = after.vector.seq(&dot.author) + 1;
            if dot.seq < expected {
                *twice += 1;
                continue;
            }
            if dot.seq > expected {
                return Err(Refusal::Fault(Fault::Gap { dot, expected }));
            }
            if let Some((author, head)) =
                header.context.0.iter().find(|(author, head)| after.vector.seq(author) < head.seq)
            {
                let missing = Dot { author: *author, seq: head.seq };
                return Err(Refusal::Fault(Fault::MissingContext { dot, missing }));
            }
            after.append(header, bytes.to_vec());
        }
        *self = after;
        Ok(self.vector.clone())
    }
}
