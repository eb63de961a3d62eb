//! Blocks: transactions in a row, compressed together. The same bytes lie in the log, travel in a
//! frame and in a bundle, so serving a new site re-encodes nothing.
//!
//! ```text
//! block   = version (1) · codec (0 plain, 1 zstd) · raw length (u32 LE) · payload
//! payload = number of transactions · per transaction: length · bytes
//!           · number of signatures · per signature: index · 64 bytes
//!           · nothing, where all are on trunks; else number of branches · per branch: name (16)
//!             · parent (0, or 1 · name) · number and hash (16) of the last transaction before it
//!             · number of its transactions in the block · per transaction: index
//! ```
//!
//! A transaction's own bytes do not say on which branch it is, so the block says it.
//!
//! A signature covers its whole chain before it, so a block carries only the last
//! signature of each chain in it, and in each [`CUT_BYTES`] of it, so that it can be taken in part by
//! part; and those of membership changes, which are shown to sites that do not have the log yet.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use zstd::bulk::{Compressor, Decompressor};

use crate::bounds;
use crate::chain::{Branch, Chain, Head, Origin};
use crate::codec::{DecodeError, Reader, put_varint};
use crate::identity::{Author, Signature};
use crate::transaction::changes_membership;

const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// zstd's own default: a good ratio at a speed the disk and the network do not outrun.
const ZSTD_LEVEL: i32 = 3;
/// Of what was gathered to be sent, which repeats itself much: 3 % fewer bytes. Levels that find more take
/// longer than the line saves (`docs/performance.md`).
const ZSTD_LEVEL_TO_SEND: i32 = 9;
/// Above this, a better search takes longer than a line.
const SEARCHED_BYTES: usize = 64 << 10;
/// Below this, zstd's own header eats the gain.
const COMPRESS_FROM: usize = 128;
/// Each thread keeps what it needs to compress so much (about 300 KB); for more it pays each time.
const KEPT_CONTEXT_BYTES: usize = 16 << 10;
/// Bytes of transactions after which the last signatures so far are kept: some milliseconds of merging.
const CUT_BYTES: usize = 32 << 10;
const WHAT: &str = "block";
const HEADER_BYTES: usize = 6;

const _: () = assert!(CUT_BYTES < bounds::BLOCK_TARGET_BYTES, "a full block can be taken in part by part");

/// Gathers transactions into a block.
#[derive(Default, Debug, Clone)]
pub struct BlockBuilder {
    count: usize,
    transactions: Vec<u8>,
    signatures: BTreeMap<usize, Signature>,
    /// Each chain's last signature, which its next one makes superfluous.
    last: BTreeMap<Chain, usize>,
    branches: BTreeMap<Branch, OnBranch>,
    /// Bytes of transactions up to where all signatures are kept.
    cut: usize,
}

impl BlockBuilder {
    /// Adds the next transaction, of an author's trunk. `signature` may be absent where a later one of
    /// the same chain in this block has one.
    pub fn push(&mut self, author: Author, bytes: &[u8], signature: Option<Signature>) {
        self.push_on(author.into(), bytes, signature);
    }

    /// The same of a branch, which begins there.
    pub fn push_branch(&mut self, chain: Chain, origin: Origin, bytes: &[u8], signature: Option<Signature>) {
        assert!(!chain.branch.is_trunk(), "a trunk begins nowhere");
        let on_branch = self.branches.entry(chain.branch);
        on_branch.or_insert_with(|| OnBranch { origin, indices: Vec::new() }).indices.push(self.count);
        self.push_on(chain, bytes, signature);
    }

    fn push_on(&mut self, chain: Chain, bytes: &[u8], signature: Option<Signature>) {
        put_varint(&mut self.transactions, bytes.len() as u64);
        self.transactions.extend_from_slice(bytes);
        if let Some(signature) = signature {
            if let Some(superfluous) = self.last.remove(&chain) {
                self.signatures.remove(&superfluous);
            }
            self.signatures.insert(self.count, signature);
            if !changes_membership(bytes) {
                self.last.insert(chain, self.count);
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

    /// Whether so many more transactions fit, of so many bytes, where it is to have at most `most` bytes.
    /// Into an empty one whatever is one block already fits.
    pub fn has_room(&self, transactions: usize, bytes: usize, most: usize) -> bool {
        self.is_empty()
            || (self.raw_len() + bytes <= most && self.count + transactions <= bounds::BLOCK_TRANSACTIONS)
    }

    /// Whether it has reached the size or number at which a block is closed.
    pub fn is_full(&self) -> bool {
        self.raw_len() >= bounds::BLOCK_TARGET_BYTES || self.count >= bounds::BLOCK_TRANSACTIONS
    }

    /// The block's bytes.
    pub fn finish(self) -> Vec<u8> {
        self.finish_with(compress)
    }

    /// The bytes of a block that was gathered for somebody who lacks these transactions. They are as few
    /// as can be: nobody waits for them at a disk.
    pub fn finish_to_send(self) -> Vec<u8> {
        let is_searched = self.count > 1 && self.raw_len() <= SEARCHED_BYTES;
        self.finish_with(if is_searched { compress_to_send } else { compress })
    }

    fn finish_with(self, compress: fn(&[u8]) -> io::Result<Vec<u8>>) -> Vec<u8> {
        assert!(self.count <= bounds::BLOCK_TRANSACTIONS, "nobody reads a block of more");
        let mut raw = Vec::with_capacity(self.raw_len() + 16);
        put_varint(&mut raw, self.count as u64);
        raw.extend_from_slice(&self.transactions);
        assert!(
            self.signatures.last_key_value().is_none_or(|(at, _)| *at < self.count),
            "a signature is of a transaction of the block"
        );
        put_varint(&mut raw, self.signatures.len() as u64);
        for (at, signature) in self.signatures {
            put_varint(&mut raw, at as u64);
            raw.extend_from_slice(&signature.0);
        }
        put_branches(&mut raw, &self.branches);
        let compressed = (raw.len() >= COMPRESS_FROM)
            .then(|| compress(&raw).ok())
            .flatten()
            .filter(|compressed| compressed.len() < raw.len());
        let (codec, payload) = compressed.map_or((PLAIN, None), |bytes| (ZSTD, Some(bytes)));
        let payload = payload.as_deref().unwrap_or(&raw);
        assert!(u32::try_from(raw.len()).is_ok(), "a block says in four bytes how long it is");
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
    /// The branches of those that are not on a trunk.
    branches: BTreeMap<usize, (Branch, Origin)>,
}

/// What a block says of one branch.
#[derive(Debug, Clone)]
struct OnBranch {
    origin: Origin,
    /// Which of the block's transactions are on it.
    indices: Vec<usize>,
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
        let (transactions, signatures, branches) = split(&raw)?;
        Ok(Self { raw, transactions, signatures, branches })
    }

    /// What it unpacks to.
    #[cfg(test)]
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
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

    /// On which branch transaction `at` is, and where that begins; none where it is on the trunk.
    /// Nothing of it is verified.
    pub fn branch(&self, at: usize) -> Option<(Branch, Origin)> {
        self.branches.get(&at).copied()
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

fn compress_to_send(raw: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(raw, ZSTD_LEVEL_TO_SEND)
}

fn decompress(payload: &[u8], raw_len: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(decompressor) => decompressor.decompress(payload, raw_len),
        None => kept.insert(Decompressor::new()?).decompress(payload, raw_len),
    })
}

/// Where a block's transactions lie, its signatures, and the branches of those that are on one.
type Parts = (Vec<Range<usize>>, BTreeMap<usize, Signature>, BTreeMap<usize, (Branch, Origin)>);

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
    debug_assert!(
        transactions.windows(2).all(|pair| pair[0].end < pair[1].start),
        "transactions lie in a row, each behind its length"
    );
    let branches = if reader.is_empty() { BTreeMap::new() } else { read_branches(&mut reader, count)? };
    reader.end()?;
    Ok((transactions, signatures, branches))
}

fn put_branches(raw: &mut Vec<u8>, branches: &BTreeMap<Branch, OnBranch>) {
    if branches.is_empty() {
        return;
    }
    put_varint(raw, branches.len() as u64);
    for (branch, OnBranch { origin, indices }) in branches {
        assert!(!indices.is_empty(), "a block speaks of no branch that has nothing in it");
        raw.extend_from_slice(&branch.name().unwrap_or_default());
        raw.push(u8::from(!origin.parent.is_trunk()));
        raw.extend(origin.parent.name().into_iter().flatten());
        put_varint(raw, origin.last.seq);
        raw.extend_from_slice(&origin.last.prefix);
        put_varint(raw, indices.len() as u64);
        indices.iter().for_each(|at| put_varint(raw, *at as u64));
    }
}

/// A number of things of which there is at least one.
fn some(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let number = reader.length()?;
    if number > 0 { Ok(number) } else { Err(reader.malformed()) }
}

fn read_branches(
    reader: &mut Reader<'_>,
    count: usize,
) -> Result<BTreeMap<usize, (Branch, Origin)>, DecodeError> {
    let mut branches = BTreeMap::new();
    let mut before = None;
    for _ in 0..some(reader)? {
        let branch = Branch::from(reader.array::<16>()?);
        // Each once, in one order.
        if before.replace(branch) >= Some(branch) {
            return Err(reader.malformed());
        }
        let parent = match reader.byte()? {
            0 => Branch::TRUNK,
            1 => Branch::from(reader.array::<16>()?),
            _ => return Err(reader.malformed()),
        };
        let last = Head { seq: reader.varint()?, prefix: reader.array()? };
        for _ in 0..some(reader)? {
            let at = usize::try_from(reader.varint()?).map_err(|_| reader.malformed())?;
            let place = (branch, Origin { parent, last });
            if at >= count || branches.insert(at, place).is_some() {
                return Err(reader.malformed());
            }
        }
    }
    Ok(branches)
}
