//! A member with a true key who signs whatever it likes.

use tandem_protocol::block::BlockBuilder;
use tandem_protocol::identity::{Author, AuthorKey, Signature, SpaceId, TxHash};
use tandem_protocol::op::Op;
use tandem_protocol::request::RequestKey;
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::version::{Dot, Head, VersionVector};
use tandem_store::Space;

use super::bytes::broken;
use super::text::{number, text};
use crate::random::Random;

/// A hostile member.
pub struct Hostile {
    key: AuthorKey,
    space: SpaceId,
    /// Number and hash of its last transaction that somebody took in.
    last: Option<(u64, TxHash)>,
    /// What of others its transactions said that it knew.
    known: VersionVector,
}

/// A transaction, signed.
#[derive(Clone)]
pub struct Forged {
    author: Author,
    bytes: Vec<u8>,
    signature: Signature,
    hash: TxHash,
    says: Header,
    /// What it is, for people.
    pub told: String,
}

impl Hostile {
    /// The member with that key.
    pub fn new(key: AuthorKey, space: SpaceId) -> Self {
        Self { key, space, last: None, known: VersionVector::default() }
    }

    /// The member with that key, as its own log has it.
    pub fn of_log(key: AuthorKey, space: &Space) -> Result<Self, String> {
        let mut hostile = Self::new(key, space.id());
        for entry in space.log().entries_from(0) {
            let entry = entry.map_err(|error| error.to_string())?;
            let header = &entry.transaction.header;
            if header.dot.author == hostile.author() {
                hostile.last = Some((header.dot.seq, entry.hash));
                hostile.known.join(&header.context);
            }
        }
        Ok(hostile)
    }

    /// Its name in the log.
    pub fn author(&self) -> Author {
        self.key.author()
    }

    /// Signs a transaction of these ops, which knows some of what is `held`; now and then one that is
    /// broken after it was written down.
    pub fn forge(&self, ops: Vec<Op>, held: &VersionVector, now_ms: i64, random: &mut Random) -> Forged {
        let says = self.header(held, now_ms, random);
        let mut bytes = Transaction { header: says.clone(), ops: ops.clone() }.encode();
        if random.one_in(12) {
            bytes = broken(&bytes, random);
        }
        self.signed(says, bytes, &ops)
    }

    /// Signs a transaction of these ops as an honest site would.
    pub fn sign(&self, ops: Vec<Op>, held: &VersionVector, now_ms: i64) -> Forged {
        let says = self.plain(held, now_ms);
        let bytes = Transaction { header: says.clone(), ops: ops.clone() }.encode();
        self.signed(says, bytes, &ops)
    }

    fn signed(&self, says: Header, bytes: Vec<u8>, ops: &[Op]) -> Forged {
        let previous = self.last.map_or(self.space.0, |(_, hash)| hash.0);
        let hash = transaction::hash(Previous(previous), &bytes);
        let mut told: String = format!("{says:?} {ops:?}").chars().take(3_000).collect();
        told.push_str(&format!("\n{} bytes of {:?}", bytes.len(), self.author()));
        Forged { author: self.author(), signature: self.key.sign(&hash), bytes, hash, says, told }
    }

    /// Somebody took it in.
    pub fn taken(&mut self, forged: &Forged) {
        let seq = transaction::decode_header(&forged.bytes).map_or(0, |header| header.dot.seq);
        self.last = Some((seq, forged.hash));
        self.known.join(&forged.says.context);
    }

    fn plain(&self, held: &VersionVector, time_ms: i64) -> Header {
        let seq = self.last.map_or(0, |(seq, _)| seq) + 1;
        let others = held.without(&self.author());
        Header {
            dot: Dot::new(self.author(), seq),
            time_ms,
            context: others.growth_since(&self.known),
            basis: None,
            key: None,
            by: None,
            message: None,
        }
    }

    fn header(&self, held: &VersionVector, now_ms: i64, random: &mut Random) -> Header {
        let others = held.without(&self.author());
        let mut header = Header {
            time_ms: if random.one_in(10) { number(random) } else { now_ms },
            key: random.one_in(10).then(|| RequestKey {
                key: [random.below(3) as u8; 32],
                request: [random.below(3) as u8; 32],
            }),
            by: random.one_in(10).then(|| text(random)),
            message: random.one_in(10).then(|| text(random)),
            ..self.plain(held, now_ms)
        };
        let seq = header.dot.seq;
        match random.below(24) {
            0 => header.context = VersionVector::default(),
            1 => header.context = nowhere(random),
            2 => header.basis = Some(nowhere(random)),
            3..6 => header.basis = Some(some_of(&others, random)),
            6 => header.basis = Some(held.clone()),
            7 => header.dot.seq = *random.pick(&[0, seq + 1, u64::MAX, i64::MAX as u64]),
            8 => header.context = some_of(&header.context, random),
            _ => {}
        }
        header
    }
}

/// What nobody holds.
fn nowhere(random: &mut Random) -> VersionVector {
    let head = Head { seq: *random.pick(&[0, 1, u64::MAX]), prefix: [3; 16] };
    VersionVector::from([(Author([random.any() as u8; 32]), head)])
}

/// Some entries, some of them lower.
fn some_of(vector: &VersionVector, random: &mut Random) -> VersionVector {
    let lowered = vector.heads().filter_map(|(chain, head)| {
        let seq = if random.one_in(2) { head.seq } else { random.below(head.seq + 1) };
        (!random.one_in(3)).then_some((*chain, Head { seq, ..*head }))
    });
    VersionVector::of(lowered, vector.branches())
}

/// A block of these.
pub fn block<'a>(forged: impl IntoIterator<Item = &'a Forged>) -> Vec<u8> {
    let mut builder = BlockBuilder::default();
    forged.into_iter().for_each(|one| builder.push(one.author, &one.bytes, Some(one.signature)));
    builder.finish()
}
