//! The log: the only truth. Transactions in order of arrival (a causal order), in records that
//! only ever grow at the end, or are joined into larger ones with the same content.

pub(crate) mod engine;
mod leftovers;
#[cfg(feature = "simulation")]
pub(crate) mod memory;
mod record;
mod storage;

use std::sync::Arc;

use tandem_protocol::block::{Block, BlockBuilder};
use tandem_protocol::bounds;
use tandem_protocol::identity::{SpaceId, TxHash};
use tandem_protocol::verify::Chains;

pub use engine::LogError;
pub(crate) use engine::sync_folder;
pub(crate) use record::{Offsets, Opened, Record};
pub(crate) use storage::{Storage, Tree};

use crate::answers::Answers;
use engine::VALUE_BYTES;

/// Records smaller than this are joined with their neighbours. Joining writes them a second time:
/// worth it where a record is mostly overhead, not where it is mostly data.
const SMALL_BYTES: usize = 1024;

/// Bytes of transactions that are joined, at most: a block's, and as much again for its last record.
const JOINED_BYTES: usize = 2 * bounds::BLOCK_TARGET_BYTES;

const _: () = assert!(JOINED_BYTES <= bounds::BLOCK_RAW_BYTES, "a joined record can be read");

/// The log of one space.
#[derive(Clone)]
pub(crate) struct SpaceLog {
    storage: Arc<Storage>,
    tree: Tree,
}

fn key(arrival: u64, piece: u16) -> [u8; 10] {
    let mut key = [0; 10];
    key[..8].copy_from_slice(&arrival.to_be_bytes());
    key[8..].copy_from_slice(&piece.to_be_bytes());
    debug_assert_eq!(arrival_of(&key), arrival, "a record's key is read as its arrival number");
    key
}

fn arrival_of(key: &[u8]) -> u64 {
    key.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

impl Record {
    /// Whether it is worth joining with its neighbours.
    pub(crate) fn is_small(&self) -> bool {
        self.block.len() < SMALL_BYTES
    }
}

impl SpaceLog {
    pub(crate) fn open(storage: Arc<Storage>, space: SpaceId) -> Result<Self, LogError> {
        let tree = storage.tree(&format!("log/{space}"))?;
        Ok(Self { storage, tree })
    }

    /// What lies beside the log of that space and becomes durable with it.
    pub(crate) fn answers(&self, space: SpaceId) -> Result<Answers, LogError> {
        let tree = self.storage.tree(&format!("answers/{space}"))?;
        Ok(Answers::new(Arc::clone(&self.storage), tree))
    }

    /// Where it is noted what other sites of that space said to hold.
    pub(crate) fn acknowledged(&self, space: SpaceId) -> Result<Tree, LogError> {
        self.storage.tree(&format!("acknowledged/{space}"))
    }

    /// Where forks of chains of that space are noted.
    pub(crate) fn forks(&self, space: SpaceId) -> Result<Tree, LogError> {
        self.storage.tree(&format!("forks/{space}"))
    }

    /// Arrival number after the last transaction. Records at the end that cannot be read (a write
    /// cut off by a power failure) are cut off and counted.
    pub(crate) fn end(&self) -> Result<(u64, usize), LogError> {
        let mut cut = 0;
        while let Some((last, _)) = self.tree.last()? {
            match self.record(arrival_of(&last)) {
                Ok(Some(record)) => return Ok((record.end(), cut)),
                Ok(None) | Err(LogError::Damaged { .. }) => {
                    self.remove(arrival_of(&last))?;
                    cut += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok((0, cut))
    }

    /// Refuses when the disk is almost full, before anything is written.
    pub(crate) fn has_room(&self) -> Result<(), LogError> {
        self.storage.has_room()
    }

    /// Adds a record at the end. Durable only after [`SpaceLog::flush`].
    pub(crate) fn append(&self, record: &Record) -> Result<(), LogError> {
        self.storage.writable()?;
        debug_assert!(
            Block::decode(&record.block).is_ok_and(|block| block.len() == record.count as usize),
            "a record counts the transactions of its block"
        );
        let put = self.put(record);
        if put.is_err() {
            self.storage.poison();
        }
        put
    }

    /// Returns once everything appended survives a power cut.
    pub(crate) fn flush(&self) -> Result<(), LogError> {
        self.storage.flush()
    }

    /// Bytes the log of all spaces takes on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.storage.disk_bytes()
    }

    /// Later pieces first: once the first piece is there, all are.
    fn put(&self, record: &Record) -> Result<(), LogError> {
        let bytes = record.encode();
        assert!(bytes.len() / VALUE_BYTES < usize::from(u16::MAX), "a record counts its pieces in 16 bits");
        let mut framed = Vec::with_capacity(bytes.len() + 4);
        framed.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        framed.extend_from_slice(&bytes);
        for (piece, value) in framed.chunks(VALUE_BYTES).enumerate().rev() {
            self.tree.put(&key(record.arrival, piece as u16), value)?;
        }
        Ok(())
    }

    /// The record that begins at `arrival`.
    fn record(&self, arrival: u64) -> Result<Option<Record>, LogError> {
        let damaged = || LogError::Damaged { arrival };
        let Some(first) = self.tree.get(&key(arrival, 0))? else { return Ok(None) };
        let (len, bytes) = first.split_first_chunk::<4>().ok_or_else(damaged)?;
        let len = u32::from_le_bytes(*len) as usize;
        if len > bounds::FRAME_BYTES * 2 {
            return Err(damaged());
        }
        let mut bytes = bytes.to_vec();
        for piece in 1..(len + 4).div_ceil(VALUE_BYTES) {
            let more = self.tree.get(&key(arrival, piece as u16))?.ok_or_else(damaged)?;
            bytes.extend_from_slice(&more);
        }
        if bytes.len() != len {
            return Err(damaged());
        }
        Record::decode(arrival, &bytes).map(Some)
    }

    /// The record that holds the transaction of that arrival number.
    pub(crate) fn holding(&self, arrival: u64) -> Result<Option<Record>, LogError> {
        let mut at = arrival;
        while let Some((found, _)) = self.tree.at_or_before(&key(at, u16::MAX))? {
            let begins = arrival_of(&found);
            assert!(begins <= at, "what is looked for backwards is found before");
            match self.record(begins)? {
                Some(record) => return Ok((record.end() > arrival).then_some(record)),
                // Joined into one that begins before it, just now.
                None if begins > 0 => at = begins - 1,
                None => break,
            }
        }
        Ok(None)
    }

    /// The hash of the transaction of that arrival number.
    pub(crate) fn hash_at(&self, arrival: u64) -> Result<Option<TxHash>, LogError> {
        let Some(record) = self.holding(arrival)? else { return Ok(None) };
        let opened = record.open()?;
        Ok(opened.entries.get((arrival - record.arrival) as usize).map(|(_, _, hash)| *hash))
    }

    /// All records from the one that holds `arrival` to the end. They hold each transaction once, also
    /// where records are joined meanwhile.
    pub(crate) fn records(&self, arrival: u64, end: u64) -> impl Iterator<Item = Result<Record, LogError>> {
        let (mut at, mut is_first) = (arrival, true);
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let record = self.holding(at).and_then(|found| match found {
                Some(joined) if joined.arrival < at && !is_first => joined.rest_from(at),
                found => found.ok_or(LogError::Damaged { arrival: at }),
            });
            is_first = false;
            at = record.as_ref().map_or(end, Record::end);
            Some(record)
        })
    }

    /// Joins small records from `from` on into one, if together they make a full block. Returns
    /// where to go on; `from` itself when there is nothing to join yet.
    pub(crate) fn seal(&self, from: u64, end: u64) -> Result<u64, LogError> {
        let mut builder = BlockBuilder::default();
        let mut joined: Vec<Record> = Vec::new();
        for record in self.records(from, end) {
            let record = record?;
            if !record.is_small() {
                // A large record ends the run before it, even if that is not full.
                let next = record.end();
                self.join(joined, builder)?;
                return Ok(next);
            }
            let damaged = |_| LogError::Damaged { arrival: record.arrival };
            let block = Block::decode(&record.block).map_err(damaged)?;
            let raw = block.iter().map(|(bytes, _)| bytes.len()).sum();
            if !builder.has_room(block.len(), raw, JOINED_BYTES) {
                let next = record.arrival;
                self.join(joined, builder)?;
                return Ok(next);
            }
            for (bytes, signature) in block.iter() {
                let header = tandem_protocol::transaction::decode_header(bytes).map_err(damaged)?;
                builder.push(header.dot.author, bytes, signature);
            }
            joined.push(record);
            if builder.is_full() {
                let next = joined.last().map_or(from, Record::end);
                self.join(joined, builder)?;
                return Ok(next);
            }
        }
        Ok(from)
    }

    fn join(&self, records: Vec<Record>, builder: BlockBuilder) -> Result<(), LogError> {
        if records.len() < 2 {
            return Ok(());
        }
        let (mut before, mut offsets) = (Chains::new(), Offsets::new());
        for record in &records {
            offsets.extend(record.offsets.clone());
            for (author, chain) in &record.before {
                before.entry(*author).or_insert(*chain);
            }
        }
        let count = builder.len() as u32;
        let record = Record { arrival: records[0].arrival, block: builder.finish(), count, before, offsets };
        self.append(&record)?;
        // The joined record must be on disk before what it replaces is removed. What a crash
        // leaves behind repeats it, and does no harm.
        self.flush()?;
        for old in &records[1..] {
            self.remove(old.arrival)?;
        }
        Ok(())
    }

    fn remove(&self, arrival: u64) -> Result<(), LogError> {
        let keys: Vec<Vec<u8>> = self
            .tree
            .from(&key(arrival, 0))
            .map_while(|entry| entry.ok().map(|(key, _)| key))
            .take_while(|key| arrival_of(key) == arrival)
            .collect();
        // The first piece goes first: without it the others are nothing.
        keys.iter().try_for_each(|key| self.tree.remove(key))
    }
}
