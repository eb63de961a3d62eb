//! Transactions: ops one author recorded atomically, named by a dot, chained by hash, signed.
//!
//! The encoded bytes are what is hashed, stored, sent and put into bundles; nobody ever encodes a
//! received transaction again, so a hash never depends on how an encoder works.
//!
//! ```text
//! bytes = version (1) · header (bincode, without its branch) · number of ops · per op: kind · length · content
//! hash  = BLAKE3 keyed "tandem transaction", over: hash of the chain's previous transaction
//!         (for the author's first: the space's id; for a space's first: 32 zero bytes) · bytes
//! ```

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::EncodeError;
use bincode::{Decode, Encode};

use crate::bounds;
use crate::chain::Chain;
use crate::codec::{self, DecodeError, Reader, put_varint};
use crate::identity::{Author, TxHash};
use crate::merge::WriteId;
use crate::op::{Op, TooManyRows, Unfolded};
use crate::request::RequestKey;
use crate::version::{Dot, Head, VersionVector};

const VERSION: u8 = 1;
const WHAT: &str = "transaction";
const HASH_KEY: &[u8; 32] = b"tandem transaction, version one.";

/// What stands before the ops: enough to place a transaction without reading what it does.
///
/// Its bytes do not say on which branch it is: they were written before anybody knew of a fork, and
/// the hash before it tells. What carries a transaction says it ([`crate::block::Block::branch`]).
#[derive(Clone, PartialEq, Debug)]
pub struct Header {
    /// Its name.
    pub dot: Dot,
    /// Milliseconds since the Unix epoch, from [`crate::clock::Clock`]. Informative order.
    pub time_ms: i64,
    /// What the author held of *other chains*, as growth since its own previous transaction. Governs
    /// delivery: applied only after everything in it.
    pub context: VersionVector,
    /// What the *writer* had seen, where that is less than the context and the author's past.
    /// Governs meaning.
    pub basis: Option<VersionVector>,
    /// The client's request, where it named one by an idempotency key.
    pub key: Option<RequestKey>,
    /// Who did it: user or device.
    pub by: Option<String>,
    /// Why, or with what.
    pub message: Option<String>,
}

impl Encode for Header {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.dot.author, self.dot.seq, self.time_ms).encode(encoder)?;
        (&self.context, &self.basis, &self.key, &self.by, &self.message).encode(encoder)
    }
}

impl<Context> Decode<Context> for Header {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let (author, seq, time_ms) = <(Author, _, _)>::decode(decoder)?;
        let (context, basis, key, by, message) = Decode::decode(decoder)?;
        Ok(Self { dot: Dot::new(author, seq), time_ms, context, basis, key, by, message })
    }
}

/// A transaction.
#[derive(Clone, PartialEq, Debug)]
pub struct Transaction {
    /// Name, time, causality, labels.
    pub header: Header,
    /// What it does.
    pub ops: Vec<Op>,
}

impl Header {
    /// The identity of this transaction's writes in the order that decides between concurrent
    /// ones.
    pub fn write_id(&self) -> WriteId {
        WriteId::new(self.time_ms, self.dot)
    }

    /// A basis cut down to what its author held: `context`, and its own past. It never says more
    /// where sites are honest; where one is not, what it means must not depend on who holds what.
    pub fn within_context(&self, basis: &VersionVector, context: &VersionVector) -> VersionVector {
        basis.within(|chain| match *chain == self.dot.chain() {
            // Its hash is not known here, and of what it says nobody asks.
            true => Some(Head { seq: self.dot.seq - 1, prefix: [0; 16] }),
            false => context.get(chain),
        })
    }

    fn check(&self) -> Result<(), DecodeError> {
        let labels = [&self.by, &self.message];
        let too_long =
            labels.iter().any(|label| label.as_ref().is_some_and(|text| text.len() > bounds::LABEL_BYTES));
        if too_long {
            return Err(DecodeError::TooLarge(WHAT));
        }
        if self.dot.seq == 0 || self.dot.seq > i64::MAX as u64 {
            return Err(DecodeError::Malformed(WHAT));
        }
        Ok(())
    }
}

impl Transaction {
    /// The bytes that are hashed, stored and sent.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&codec::encode(&self.header));
        put_varint(&mut bytes, self.ops.len() as u64);
        for op in &self.ops {
            let (kind, body) = op.encode();
            put_varint(&mut bytes, u64::from(kind));
            put_varint(&mut bytes, body.len() as u64);
            bytes.extend_from_slice(&body);
        }
        bytes
    }

    /// Reads a transaction; every length in it is checked against what is there.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (header, ops_bytes) = split_header(bytes)?;
        let mut reader = Reader::new(ops_bytes, WHAT);
        let count = reader.length()?;
        let mut ops = Vec::with_capacity(count.min(1024));
        let (mut unfolded, mut too_much) = (Unfolded::default(), false);
        for _ in 0..count {
            let kind = u16::try_from(reader.varint()?).map_err(|_| reader.malformed())?;
            let len = reader.length()?;
            let body = reader.take(len)?;
            match Op::decode(kind, body, &mut unfolded) {
                _ if too_much => {}
                Ok(op) => ops.push(op),
                Err(TooManyRows) => {
                    too_much = true;
                    ops = vec![Op::Void];
                }
            }
        }
        reader.end()?;
        Ok(Self { header, ops })
    }

    /// Whether its rows, which take so many bytes when encoded, are beyond what one transaction may
    /// unfold to: nobody would take them in.
    pub fn is_too_much(&self, encoded: usize) -> bool {
        Op::unfolded(&self.ops, encoded).is_too_much()
    }

    /// How many rows, schema and membership items it changes.
    pub fn op_count(&self) -> usize {
        self.ops.iter().map(Op::count).sum()
    }
}

/// Reads only what stands before the ops.
pub fn decode_header(bytes: &[u8]) -> Result<Header, DecodeError> {
    split_header(bytes).map(|(header, _)| header)
}

/// Whether a transaction changes the membership, told without reading what its ops say.
pub fn changes_membership(bytes: &[u8]) -> bool {
    op_kinds(bytes).is_ok_and(|kinds| kinds.contains(&u64::from(crate::op::MEMBER)))
}

fn op_kinds(bytes: &[u8]) -> Result<Vec<u64>, DecodeError> {
    let (_, ops) = split_header(bytes)?;
    let mut reader = Reader::new(ops, WHAT);
    let mut kinds = Vec::new();
    for _ in 0..reader.length()? {
        kinds.push(reader.varint()?);
        let len = reader.length()?;
        reader.take(len)?;
    }
    Ok(kinds)
}

fn split_header(bytes: &[u8]) -> Result<(Header, &[u8]), DecodeError> {
    if bytes.len() > bounds::TRANSACTION_BYTES {
        return Err(DecodeError::TooLarge(WHAT));
    }
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            let (header, read): (Header, usize) = codec::decode_prefix(rest, WHAT)?;
            header.check()?;
            Ok((header, &rest[read..]))
        }
        Some((&version, _)) if version > VERSION => Err(DecodeError::Newer { what: WHAT, version }),
        _ => Err(DecodeError::Malformed(WHAT)),
    }
}

/// What a transaction's hash covers before its own bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Previous(pub [u8; 32]);

impl Previous {
    /// Before a space's first transaction.
    pub const GENESIS: Self = Self([0; 32]);
}

/// The hash of a transaction, given what came before it.
pub fn hash(previous: Previous, bytes: &[u8]) -> TxHash {
    let mut hasher = blake3::Hasher::new_keyed(HASH_KEY);
    hasher.update(&previous.0);
    hasher.update(bytes);
    TxHash(*hasher.finalize().as_bytes())
}

/// The basis of a write: what its writer had seen. Without an explicit basis that is the full
/// context and the author's own past.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// The vector seen.
    pub seen: &'a VersionVector,
    /// The chain and number of the author's transactions that count as seen whatever the vector says.
    pub own: Option<(Chain, u64)>,
}

impl Basis<'_> {
    /// Whether the writer had seen the transaction of that name.
    pub fn covers(&self, dot: &Dot) -> bool {
        self.own.is_some_and(|(own, last)| own == dot.chain() && dot.seq <= last) || self.seen.covers(dot)
    }
}
