//! Blocks: transactions in a row, compressed together. The same bytes lie in the log, travel in a
//! frame and in a bundle, so serving a new site re-encodes nothing.
//!
//! ```text
//! block   = version (1) · codec (0 plain, 1 zstd) · raw length (u32 LE) · payload
//! payload = number of transactions · per transaction: length · bytes
//!           · number of signatures · per signature: index · 64 bytes
//! ```
//!
//! A signature covers its author's whole chain before it, so a block carries only the last
//! signature of each author in it, and in each [`CUT_BYTES`] of it, so that it can be taken in part by
//! part; and those of membership changes, which are shown to sites that do not have the log yet.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use zstd::bulk::{Compressor, Decompressor};

use crate::bounds;
use crate::codec::{DecodeError, Reader, put_varint};
use crate::identity::{Author, Signature};
use crate::transaction::changes_membership;

const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// zstd's own default: a good ratio at a speed the disk and the network do not outrun.
const ZSTD_LEVEL: i32 = 3;
/// Below this, zstd's own header eats the gain.
const COMPRESS_FROM: usize = 128;
/// Each thread keeps what it needs to compress so much (about 300 KB); for more it pays each time.
const KEPT_CONTEXT_BYTES: usize = 16 << 10;
/// Bytes of transactions after which the last signatures so far are kept: some milliseconds of merging.
const CUT_BYTES: usize = 32 << 10;
const WHAT: &str = "block";
const HEADER_BYTES: usize = 6;

/// Gathers transactions into a block.
#[derive(Default, Debug, Clone)]
pub struct BlockBuilder {
    count: usize,
    transactions: Vec<u8>,
    signatures: BTreeMap<usize, Signature>,
    /// Each author's last signature, which its next one makes superfluous.
    last: BTreeMap<Author, usize>,
    /// Bytes of transactions up to where all signatures are kept.
    cut: usize,
}

impl BlockBuilder {
    /// Adds the next transaction. `signature` may be absent where a later one of the same author
    /// in this block has one.
    pub fn push(&mut self, author: Author, bytes: &[u8], signature: Option<Signature>) {
        put_varint(&mut self.transactions, bytes.len() as u64);
        self.transactions.extend_from_slice(bytes);
        if let Some(signature) = signature {
            if let Some(superfluous) = self.last.remove(&author) {
                self.signatures.remove(&superfluous);
            }
            self.signatures.insert(self.count, signature);
            if !changes_membership(bytes) {
                self.last.insert(author, self.count);
            }
        }
        self.count += 1;
        if self.transactions.len() - self.cut >= CUT_BYTES {
            self.cut = self.transactions.len();
            self.last.clear();
        }
    }

    /// How many transactions it holds.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Uncompressed bytes so far.
    pub fn raw_len(&self) -> usize {
        self.transactions.len() + self.signatures.len() * 66
    }

    /// Whether it has reached the size or number at which a block is closed.
    pub fn is_full(&self) -> bool {
        self.raw_len() >= bounds::BLOCK_TARGET_BYTES || self.count >= bounds::BLOCK_TRANSACTIONS
    }

    /// The block's bytes.
    pub fn finish(self) -> Vec<u8> {
        let mut raw = Vec::with_capacity(self.raw_len() + 16);
        put_varint(&mut raw, self.count as u64);
        raw.extend_from_slice(&self.transactions);
        put_varint(&mut raw, self.signatures.len() as u64);
        for (at, signature) in self.signatures {
            put_varint(&mut raw, at as u64);
            raw.extend_from_slice(&signature.0);
        }
        let compressed = (raw.len() >= COMPRESS_FROM)
            .then(|| compress(&raw).ok())
            .flatten()
            .filter(|compressed| compressed.len() < raw.len());
        let (codec, payload) = compressed.map_or((PLAIN, None), |bytes| (ZSTD, Some(bytes)));
        let payload = payload.as_deref().unwrap_or(&raw);
        let mut block = Vec::with_capacity(payload.len() + HEADER_BYTES);
        block.extend_from_slice(&[VERSION, codec]);
        block.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        block.extend_from_slice(payload);
        block
    }
}

/// A block, decompressed and split; the transactions in it are not yet read.
#[derive(Debug, Clone)]
pub struct Block {
    raw: Vec<u8>,
    transactions: Vec<Range<usize>>,
    signatures: BTreeMap<usize, Signature>,
}

impl Block {
    /// Splits a block's bytes. Never allocates more than [`bounds::BLOCK_RAW_BYTES`] and a bit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, WHAT);
        match reader.byte()? {
            VERSION => {}
            version if version > VERSION => return Err(DecodeError::Newer { what: WHAT, version }),
            _ => return Err(reader.malformed()),
        }
        let codec = reader.byte()?;
        let raw_len = u32::from_le_bytes(reader.array()?) as usize;
        if raw_len > bounds::BLOCK_RAW_BYTES {
            return Err(DecodeError::TooLarge(WHAT));
        }
        let payload = reader.rest();
        let raw = match codec {
            PLAIN => payload.to_vec(),
            ZSTD => decompress(payload, raw_len).map_err(|_| DecodeError::Malformed(WHAT))?,
            _ => return Err(DecodeError::Malformed(WHAT)),
        };
        if raw.len() != raw_len {
            return Err(DecodeError::Malformed(WHAT));
        }
        let (transactions, signatures) = split(&raw)?;
        Ok(Self { raw, transactions, signatures })
    }

    /// How many transactions it holds.
    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// The bytes of transaction `at`, and its signature if the block carries it.
    pub fn get(&self, at: usize) -> Option<(&[u8], Option<Signature>)> {
        let range = self.transactions.get(at)?.clone();
        Some((&self.raw[range], self.signatures.get(&at).copied()))
    }

    /// All transactions in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<Signature>)> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

thread_local! {
    /// Making a context costs more than compressing one transaction with it.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn compress(raw: &[u8]) -> io::Result<Vec<u8>> {
    if raw.len() > KEPT_CONTEXT_BYTES {
        return zstd::bulk::compress(raw, ZSTD_LEVEL);
    }
    COMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(compressor) => compressor.compress(raw),
        None => kept.insert(Compressor::new(ZSTD_LEVEL)?).compress(raw),
    })
}

fn decompress(payload: &[u8], raw_len: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(decompressor) => decompressor.decompress(payload, raw_len),
        None => kept.insert(Decompressor::new()?).decompress(payload, raw_len),
    })
}

type Parts = (Vec<Range<usize>>, BTreeMap<usize, Signature>);

fn split(raw: &[u8]) -> Result<Parts, DecodeError> {
    let mut reader = Reader::new(raw, WHAT);
    let count = reader.length()?;
    if count > bounds::BLOCK_TRANSACTIONS {
        return Err(DecodeError::TooLarge(WHAT));
    }
    let mut transactions = Vec::with_capacity(count);
    for _ in 0..count {
        let len = reader.length()?;
        let start = raw.len() - reader.left();
        reader.take(len)?;
        transactions.push(start..start + len);
    }
    let mut signatures = BTreeMap::new();
    for _ in 0..reader.length()? {
        let at = usize::try_from(reader.varint()?).map_err(|_| reader.malformed())?;
        let signature = Signature(reader.array()?);
        if at >= count || signatures.insert(at, signature).is_some() {
            return Err(reader.malformed());
        }
    }
    reader.end()?;
    Ok((transactions, signatures))
}
