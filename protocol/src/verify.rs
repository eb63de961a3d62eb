//! A received block is verified whole before anything of it is used: every transaction follows
//! its author's last one, everything in its context is there, its author may write, and each
//! author's run ends in a valid signature (which covers all before it).

use std::collections::BTreeMap;

use crate::block::Block;
use crate::codec::DecodeError;
use crate::identity::{Author, Signature, SpaceId, TxHash};
use crate::membership::{MemberOp, Membership};
use crate::op::Op;
use crate::transaction::{self, Header, Previous, Transaction};
use crate::version::{Dot, Head};

/// The newest transaction held of one author.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainHead {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: TxHash,
}

impl ChainHead {
    /// As version vectors carry it.
    pub fn head(&self) -> Head {
        Head::new(self.seq, &self.hash)
    }
}

/// The newest transaction held of every author.
pub type Chains = BTreeMap<Author, ChainHead>;

/// What the receiver knows.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The space.
    pub space: SpaceId,
    /// What it holds.
    pub chains: &'a Chains,
    /// Who may write.
    pub membership: &'a Membership,
}

/// A verified transaction that was not held before.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Where in the block its bytes are.
    pub at: usize,
    /// What it says.
    pub transaction: Transaction,
    /// Its hash.
    pub hash: TxHash,
}

/// What is wrong with a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not a block, or not transactions in it.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A transaction is missing before one of these.
    #[error("transaction {dot:?} came before number {expected} of its author")]
    Gap {
        /// The one that came.
        dot: Dot,
        /// The one that should have.
        expected: u64,
    },
    /// A transaction's context is not held.
    #[error("transaction {dot:?} was made knowing {missing:?}, which is not here yet")]
    MissingContext {
        /// The one that came.
        dot: Dot,
        /// What it knew.
        missing: Dot,
    },
    /// Two different transactions go by one name.
    #[error("two different transactions are named {dot:?}")]
    Forked {
        /// The name.
        dot: Dot,
    },
    /// A signature is wrong, or missing at the end of an author's run.
    #[error("transaction {dot:?} is not signed by its author")]
    BadSignature {
        /// The unsigned one.
        dot: Dot,
    },
    /// The author is not a member with the right to write.
    #[error("the author of transaction {dot:?} may not write here")]
    NotAMember {
        /// The one that came.
        dot: Dot,
    },
    /// The space's first transaction is another one.
    #[error("the transactions belong to another space")]
    OtherSpace,
}

/// Verifies all of `block`. Transactions already held are passed over. What is returned is in
/// the order to apply it; on any fault nothing of the block may be used.
pub fn verify(block: &Block, known: Known<'_>) -> Result<Vec<Incoming>, Fault> {
    let mut chains = known.chains.clone();
    let mut membership = known.membership.clone();
    let mut unsigned: BTreeMap<Author, Dot> = BTreeMap::new();
    let mut incoming = Vec::with_capacity(block.len());
    for (at, (bytes, signature)) in block.iter().enumerate() {
        let header = transaction::decode_header(bytes)?;
        let held = chains.get(&header.dot.author).map_or(0, |chain| chain.seq);
        if header.dot.seq <= held {
            continue;
        }
        if header.dot.seq != held + 1 {
            return Err(Fault::Gap { dot: header.dot, expected: held + 1 });
        }
        check_context(&header, &chains)?;
        let transaction = Transaction::decode(bytes)?;
        let hash = transaction::hash(previous(&header, &chains, &membership, known.space), bytes);
        admit_ops(&transaction, hash, &mut membership, known.space)?;
        if !membership.may_write(&header.dot.author) {
            return Err(Fault::NotAMember { dot: header.dot });
        }
        match signature {
            Some(signature) if signs(&header, &hash, &signature) => {
                unsigned.remove(&header.dot.author);
            }
            Some(_) => return Err(Fault::BadSignature { dot: header.dot }),
            None => {
                unsigned.insert(header.dot.author, header.dot);
            }
        }
        chains.insert(header.dot.author, ChainHead { seq: header.dot.seq, hash });
        incoming.push(Incoming { at, transaction, hash });
    }
    match unsigned.into_values().next() {
        Some(dot) => Err(Fault::BadSignature { dot }),
        None => Ok(incoming),
    }
}

fn signs(header: &Header, hash: &TxHash, signature: &Signature) -> bool {
    header.dot.author.verifies(hash, signature)
}

/// What the hash of a transaction covers before its own bytes.
fn previous(header: &Header, chains: &Chains, membership: &Membership, space: SpaceId) -> Previous {
    match chains.get(&header.dot.author) {
        Some(chain) => Previous(chain.hash.0),
        None if membership.is_founded() => Previous(space.0),
        None => Previous::GENESIS,
    }
}

fn check_context(header: &Header, chains: &Chains) -> Result<(), Fault> {
    let basis = header.basis.iter().flat_map(|basis| basis.0.iter());
    for (author, head) in header.context.0.iter().chain(basis) {
        let missing = Dot { author: *author, seq: head.seq };
        match chains.get(author) {
            Some(chain) if chain.seq > head.seq => {}
            Some(chain) if chain.seq == head.seq => {
                if chain.hash.prefix() != head.prefix {
                    return Err(Fault::Forked { dot: missing });
                }
            }
            _ if head.seq == 0 => {}
            _ => return Err(Fault::MissingContext { dot: header.dot, missing }),
        }
    }
    Ok(())
}

/// Follows the membership ops of a transaction, so that a member admitted in this very block may
/// write later in it.
fn admit_ops(
    transaction: &Transaction,
    hash: TxHash,
    membership: &mut Membership,
    space: SpaceId,
) -> Result<(), Fault> {
    if !membership.is_founded() {
        let founds = matches!(transaction.ops.first(), Some(Op::Member(MemberOp::Found { .. })));
        if !founds || hash.0 != space.0 {
            return Err(Fault::OtherSpace);
        }
    }
    for op in &transaction.ops {
        if let Op::Member(op) = op {
            // A void op is no fault: it stays in the log without effect, everywhere alike.
            let _void = membership.apply(transaction.header.write_id(), op);
        }
    }
    Ok(())
}

/// A transaction on its own, verifiable without the log: what a new member shows as its ticket.
#[derive(Clone, PartialEq, Eq, Debug, bincode::Encode, bincode::Decode)]
pub struct SignedTransaction {
    /// Hash of the author's previous transaction (or the space's id).
    pub previous: [u8; 32],
    /// The transaction.
    pub bytes: Vec<u8>,
    /// Its author's signature.
    pub signature: Signature,
}

impl SignedTransaction {
    /// Whether this is the admission of `author` to the space, signed by an admin in
    /// `membership`, or its founding by `author`.
    pub fn admits(&self, author: &Author, space: SpaceId, membership: &Membership) -> bool {
        let Ok(transaction) = Transaction::decode(&self.bytes) else { return false };
        let by = transaction.header.dot.author;
        let hash = transaction::hash(Previous(self.previous), &self.bytes);
        let mut after = membership.clone();
        let grants = |op: &Op| match op {
            Op::Member(MemberOp::Admit(admission)) => admission.author == *author && admission.space == space,
            Op::Member(MemberOp::Found { .. }) => by == *author && hash.0 == space.0,
            _ => false,
        };
        by.verifies(&hash, &self.signature)
            && transaction.ops.iter().any(|op| {
                grants(op)
                    && matches!(op, Op::Member(member)
                        if after.member(author).is_some()
                            || after.apply(transaction.header.write_id(), member).is_ok())
            })
    }
}
