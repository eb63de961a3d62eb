//! Reading the log for peers: as blocks of what they lack.

use std::collections::BTreeMap;

use tandem_protocol::block::BlockBuilder;
use tandem_protocol::bounds;
use tandem_protocol::chain::{Branches, Head};
use tandem_protocol::fork::{Fork, Withheld};
use tandem_protocol::identity::Author;
use tandem_protocol::session::ReadDone;
use tandem_protocol::transaction::Header;
use tandem_protocol::version::{Dot, VersionVector};

use super::forks::ForkReader;
use super::parts::Parts;
use crate::log::LogError;
use crate::recent::Recent;

/// Transactions for a peer.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// A block of those the peer lacks; none if it lacks none of those looked at.
    pub block: Option<Vec<u8>>,
    /// Arrival number to go on from.
    pub next: u64,
    /// The heads of what is in the block.
    pub heads: VersionVector,
    /// What was left out because it does not pass, with what was known not to.
    pub withheld: Withheld,
    /// Where what the reader is said to have is not what is held here.
    pub forks: Vec<Fork>,
}

impl From<Chunk> for ReadDone {
    fn from(chunk: Chunk) -> Self {
        let Chunk { block, next, heads: last, withheld, forks } = chunk;
        Self { block, next, last, withheld, forks }
    }
}

/// What reads the log of a space for peers.
pub struct ChunkReader<'s> {
    pub(super) parts: &'s Parts,
}

impl ChunkReader<'_> {
    /// Transactions from arrival number `from` on that `have` does not cover: one block of at
    /// least one transaction and about `max_bytes` before compression.
    pub fn read(&self, from: u64, have: &VersionVector, max_bytes: usize) -> Result<Chunk, LogError> {
        self.read_without(from, have, Withheld::default(), max_bytes)
    }

    /// As [`ChunkReader::read`], leaving out what does not pass because a chain forked: what is known, and
    /// what is found by comparing `have` with what is held. And what was written knowing any of it.
    pub fn read_without(
        &self,
        from: u64,
        have: &VersionVector,
        mut withheld: Withheld,
        max_bytes: usize,
    ) -> Result<Chunk, LogError> {
        let forks = ForkReader { parts: self.parts }.between(have, &withheld);
        for fork in &forks {
            withheld.add(fork.chain(), fork.seq);
        }
        let chunk = if withheld.is_empty() {
            self.read_all(from, have, max_bytes)?
        } else {
            self.read_passing(from, have, withheld, max_bytes)?
        };
        assert!(chunk.next >= from, "a reader of the log never goes back");
        assert_eq!(chunk.block.is_none(), chunk.heads.is_empty(), "the heads are those of the block");
        Ok(Chunk { forks, ..chunk })
    }

    /// What passes, where not all does.
    fn read_passing(
        &self,
        from: u64,
        have: &VersionVector,
        mut withheld: Withheld,
        max_bytes: usize,
    ) -> Result<Chunk, LogError> {
        let end = self.parts.end();
        if from >= end {
            return Ok(Chunk { next: end.max(from), withheld, ..Chunk::default() });
        }
        let from = if from == 0 { self.first_lacking(have, &withheld) } else { from };
        let limit = max_bytes.min(bounds::BLOCK_TARGET_BYTES);
        loop {
            let mut chunk = Chunk { next: from, withheld: withheld.clone(), ..Chunk::default() };
            let mut builder = BlockBuilder::default();
            let mut unsigned: BTreeMap<Author, u64> = BTreeMap::new();
            for record in self.parts.log.records(from, end) {
                let record = record?;
                let opened = record.open()?;
                if !builder.has_room(opened.block.len(), opened.raw_len(), limit) {
                    break;
                }
                chunk.next = record.end();
                for ((header, _, hash), (bytes, signature)) in opened.entries.iter().zip(opened.block.iter())
                {
                    let Dot { author, seq, .. } = header.dot;
                    if have.covers(&header.dot) || chunk.withheld.holds_back(header) {
                        continue;
                    }
                    builder.push(author, bytes, signature);
                    chunk.heads.advance(author, Head::new(seq, hash), &Branches::NONE);
                    match signature {
                        Some(_) => drop(unsigned.remove(&author)),
                        None => drop(unsigned.entry(author).or_insert(seq)),
                    }
                }
            }
            if unsigned.is_empty() {
                chunk.block = (!builder.is_empty()).then(|| builder.finish_to_send());
                return Ok(chunk);
            }
            // What precedes something left out may have no signature of its own any more: nobody
            // could verify it.
            for (author, seq) in unsigned {
                withheld.add(author, seq);
            }
        }
    }

    fn read_all(&self, from: u64, have: &VersionVector, max_bytes: usize) -> Result<Chunk, LogError> {
        let end = self.parts.end();
        if from >= end {
            return Ok(Chunk { next: end.max(from), ..Chunk::default() });
        }
        let from = if from == 0 { self.first_lacking(have, &Withheld::default()) } else { from };
        let recent = {
            let newest = self.parts.published.newest();
            newest.from(from).map(|recent| recent_chunk(recent, from, have, max_bytes))
        };
        if let Some((chunk, builder)) = recent {
            // Compressing takes longer than the writer should wait for the newest transactions.
            return Ok(Chunk { block: block_of(builder), ..chunk });
        }
        let limit = max_bytes.min(bounds::BLOCK_TARGET_BYTES);
        let mut chunk = Chunk { next: from, ..Chunk::default() };
        let mut builder = BlockBuilder::default();
        for record in self.parts.log.records(from, end) {
            let record = record?;
            let opened = record.open()?;
            let lacking = |(header, ..): &&(Header, _, _)| !have.covers(&header.dot);
            let raw = opened.raw_len();
            if !builder.has_room(opened.block.len(), raw, limit) {
                break;
            }
            chunk.next = record.end();
            for (header, _, hash) in opened.entries.iter().filter(lacking) {
                let head = Head::new(header.dot.seq, hash);
                chunk.heads.advance(header.dot.author, head, &Branches::NONE);
            }
            if builder.is_empty() && raw >= limit / 2 && opened.entries.iter().all(|entry| lacking(&entry)) {
                // As large as a frame should be, and all of it wanted: served as it lies there.
                chunk.block = Some(record.block);
                return Ok(chunk);
            }
            for ((header, ..), (bytes, signature)) in opened.entries.iter().zip(opened.block.iter()) {
                if !have.covers(&header.dot) {
                    builder.push(header.dot.author, bytes, signature);
                }
            }
        }
        chunk.block = block_of(builder);
        Ok(chunk)
    }

    /// Arrival number of the first transaction that `have` does not cover, found by index: a peer
    /// that lacks little costs little, however much is held.
    fn first_lacking(&self, have: &VersionVector, withheld: &Withheld) -> u64 {
        let snapshot = self.parts.snapshot();
        let sql = "SELECT arrival FROM _tandem_transactions WHERE author = ?1 AND seq = ?2";
        let first = self.parts.readers.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut first = snapshot.end;
            for (chain, head) in snapshot.vector.heads() {
                let seq = have.seq(chain);
                if seq < head.seq && !withheld.reaches(chain, seq + 1) {
                    let number = snapshot.authors.number(&chain.author);
                    let arrival: i64 = statement.query_row((number, seq as i64 + 1), |row| row.get(0))?;
                    first = first.min(arrival as u64);
                }
            }
            Ok(first)
        });
        // Without the index nothing is left out, only the search takes longer.
        first.unwrap_or(0)
    }
}

fn block_of(builder: BlockBuilder) -> Option<Vec<u8>> {
    (!builder.is_empty()).then(|| builder.finish_to_send())
}

/// A chunk without its block, and what is to be its block.
fn recent_chunk<'r>(
    recent: impl Iterator<Item = &'r Recent>,
    from: u64,
    have: &VersionVector,
    max_bytes: usize,
) -> (Chunk, BlockBuilder) {
    let mut builder = BlockBuilder::default();
    let mut chunk = Chunk { next: from, ..Chunk::default() };
    let limit = max_bytes.min(bounds::BLOCK_TARGET_BYTES);
    // Record by record: only where one ends does every author's run end in a signature.
    let mut record: Vec<&Recent> = Vec::new();
    for transaction in recent {
        debug_assert_eq!(
            transaction.arrival,
            chunk.next + record.len() as u64,
            "recent transactions have no gaps"
        );
        record.push(transaction);
        if !transaction.ends_record {
            continue;
        }
        let raw: usize = record.iter().map(|one| one.bytes.len()).sum();
        if !builder.has_room(record.len(), raw, limit) {
            break;
        }
        chunk.next = transaction.arrival + 1;
        for one in record.drain(..).filter(|one| !have.covers(&one.header.dot)) {
            let author = one.header.dot.author;
            builder.push(author, &one.bytes, one.signature);
            chunk.heads.advance(author, Head::new(one.header.dot.seq, &one.hash), &Branches::NONE);
        }
    }
    (chunk, builder)
}
