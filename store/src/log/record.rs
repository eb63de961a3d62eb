//! What lies under one key of the log: a block of transactions, and what is needed to read it on
//! its own.
//!
//! ```text
//! record = version (1) · checksum (8) · content
//! content = number of transactions (u32 LE) · number of chains (u16 LE)
//!           · per chain (bincode): chain · seq · hash (32) of its last transaction before
//!           · offsets of sources (bincode): name and bytes of each
//!           · block
//! ```
//!
//! The checksum is the first 8 bytes of the BLAKE3 hash of the content. A record larger than the
//! engine's largest value is cut into pieces under consecutive keys:
//! `arrival (u64 BE) · piece (u16 BE)`; the first piece is preceded by the record's length
//! (u32 LE).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use tandem_protocol::block::{Block, BlockBuilder};
use tandem_protocol::chain::Chain;
use tandem_protocol::codec;
use tandem_protocol::identity::TxHash;
use tandem_protocol::transaction::{self, Header, Previous};
use tandem_protocol::verify::{ChainHead, Chains};

use super::engine::LogError;

const VERSION: u8 = 2;
const CHECKSUM_BYTES: usize = 8;
/// Of a trunk, at most.
const CHAIN_BYTES: usize = 32 + 1 + 9 + 32;

/// A block in the log.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Arrival number of its first transaction.
    pub arrival: u64,
    /// The block's bytes, fit to be sent as they are.
    pub block: Vec<u8>,
    /// How many transactions are in it.
    pub count: u32,
    /// The last transaction before it of each chain in it; number 0 before an author's first,
    /// with what that one's hash covers.
    pub before: Chains,
    /// How far the sources of its transactions' edits have come with it: this site's own affair.
    pub offsets: Offsets,
}

/// Offsets of sources of edits, by their names.
pub(crate) type Offsets = BTreeMap<String, Vec<u8>>;

impl Record {
    pub(crate) fn encode(&self) -> Vec<u8> {
        assert!(self.before.len() <= usize::from(u16::MAX), "a record counts its chains in 16 bits");
        let mut content = Vec::with_capacity(self.block.len() + 16 + self.before.len() * CHAIN_BYTES);
        content.extend_from_slice(&self.count.to_le_bytes());
        content.extend_from_slice(&(self.before.len() as u16).to_le_bytes());
        for (chain, last) in &self.before {
            content.extend_from_slice(&codec::encode(&(chain, last.seq, last.hash)));
        }
        content.extend_from_slice(&codec::encode(&self.offsets));
        content.extend_from_slice(&self.block);
        let mut bytes = Vec::with_capacity(content.len() + 1 + CHECKSUM_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&blake3::hash(&content).as_bytes()[..CHECKSUM_BYTES]);
        bytes.extend_from_slice(&content);
        debug_assert!(
            Self::decode(self.arrival, &bytes).is_ok_and(|read| read.end() == self.end()),
            "what is stored can be loaded"
        );
        bytes
    }

    pub(crate) fn decode(arrival: u64, bytes: &[u8]) -> Result<Self, LogError> {
        let damaged = || LogError::Damaged { arrival };
        let (version, rest) = bytes.split_first().ok_or_else(damaged)?;
        match (*version).cmp(&VERSION) {
            Ordering::Greater => return Err(LogError::Newer(*version)),
            Ordering::Less => return Err(LogError::Unreadable(format!("a record of version {version}"))),
            Ordering::Equal => {}
        }
        let (checksum, content) = rest.split_at_checked(CHECKSUM_BYTES).ok_or_else(damaged)?;
        if checksum != &blake3::hash(content).as_bytes()[..CHECKSUM_BYTES] {
            return Err(damaged());
        }
        let (count, rest) = content.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (chains, mut rest) = rest.split_first_chunk::<2>().ok_or_else(damaged)?;
        let mut before = Chains::new();
        for _ in 0..u16::from_le_bytes(*chains) {
            let ((chain, seq, hash), read): ((Chain, u64, TxHash), usize) =
                codec::decode_prefix(rest, "record").map_err(|_| damaged())?;
            before.insert(chain, ChainHead { seq, hash });
            rest = &rest[read..];
        }
        let (offsets, read): (Offsets, usize) =
            codec::decode_prefix(rest, "record").map_err(|_| damaged())?;
        let block = rest[read..].to_vec();
        Ok(Self { arrival, block, count: u32::from_le_bytes(*count), before, offsets })
    }

    /// Arrival number after its last transaction.
    pub(crate) fn end(&self) -> u64 {
        self.arrival + u64::from(self.count)
    }

    /// Its transactions with their headers and hashes, in order.
    pub(crate) fn open(&self) -> Result<Opened, LogError> {
        let damaged = |_| LogError::Damaged { arrival: self.arrival };
        let block = Block::decode(&self.block).map_err(damaged)?;
        let mut chains = self.before.clone();
        let mut entries = Vec::with_capacity(block.len());
        for (bytes, _) in block.iter() {
            let header = transaction::decode_header(bytes).map_err(damaged)?;
            let chain = header.dot.chain();
            let before = chains.get(&chain).ok_or(LogError::Damaged { arrival: self.arrival })?;
            let previous = Previous(before.hash.0);
            let hash = transaction::hash(previous, bytes);
            chains.insert(chain, ChainHead { seq: header.dot.seq, hash });
            entries.push((header, previous, hash));
        }
        Ok(Opened { block, entries })
    }

    /// What it holds from that arrival on, as a record.
    pub(crate) fn rest_from(&self, arrival: u64) -> Result<Self, LogError> {
        assert!((self.arrival..self.end()).contains(&arrival), "a record has a rest from within it");
        let opened = self.open()?;
        let (mut builder, mut before) = (BlockBuilder::default(), Chains::new());
        let rest = opened.entries.iter().zip(opened.block.iter()).skip((arrival - self.arrival) as usize);
        for ((header, previous, _), (bytes, signature)) in rest {
            let last = ChainHead { seq: header.dot.seq.saturating_sub(1), hash: TxHash(previous.0) };
            before.entry(header.dot.chain()).or_insert(last);
            builder.push(header.dot.author, bytes, signature);
        }
        let count = builder.len() as u32;
        if arrival + u64::from(count) != self.end() {
            return Err(LogError::Damaged { arrival: self.arrival });
        }
        Ok(Self { arrival, block: builder.finish(), count, before, offsets: self.offsets.clone() })
    }
}

impl Opened {
    /// Bytes of its transactions.
    pub(crate) fn raw_len(&self) -> usize {
        self.block.iter().map(|(bytes, _)| bytes.len()).sum()
    }
}

/// A record, read.
pub(crate) struct Opened {
    /// The transactions' bytes and signatures.
    pub block: Block,
    /// Per transaction: its header, what its hash covers before it, and its hash.
    pub entries: Vec<(Header, Previous, TxHash)>,
}
