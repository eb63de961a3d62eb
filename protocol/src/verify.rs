//! A received block is verified whole before anything of it is used: every transaction follows
//! its author's last one, everything in its context is there, its author may write, and each
//! author's run ends in a valid signature (which covers all before it). Where a number is held
//! already, or named in a context, the hash under it is compared: see [`crate::fork`].

use std::collections::{BTreeMap, HashMap};

use crate::block::Block;
use crate::codec::DecodeError;
use crate::fork::{Fork, Withheld};
use crate::identity::{Author, Prefix, Signature, SpaceId, TxHash};
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

/// What is held, transaction by transaction.
pub trait Held {
    /// The first half of the hash of a transaction that is held.
    fn prefix(&self, dot: &Dot) -> Option<Prefix>;
    /// The hash of a transaction that is held. May cost a look into the log.
    fn hash(&self, dot: &Dot) -> Option<TxHash>;
}

/// Knows no single one: nothing is compared with what came in earlier blocks.
impl Held for () {
    fn prefix(&self, _: &Dot) -> Option<Prefix> {
        None
    }

    fn hash(&self, _: &Dot) -> Option<TxHash> {
        None
    }
}

/// What the receiver knows.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The space.
    pub space: SpaceId,
    /// What it holds.
    pub chains: &'a Chains,
    /// The same, one by one.
    pub held: &'a dyn Held,
    /// Who may write.
    pub membership: &'a Membership,
    /// What does not pass between where the block comes from and here.
    pub withheld: &'a Withheld,
}

/// A block that was verified.
#[derive(Debug, Default)]
pub struct Verified {
    /// What was not held before, in the order to apply it.
    pub incoming: Vec<Incoming>,
    /// Chains found to have forked.
    pub forks: Vec<Fork>,
    /// What does not pass, besides what was known not to.
    pub withheld: Withheld,
    /// Whether something that is not held was left out.
    pub left_out: bool,
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

/// Verifies all of `block`. Transactions already held are passed over, once they are seen to be
/// the same; those that do not pass because a chain forked are left out, and so is what was written
/// knowing them. On any fault nothing of the block may be used.
pub fn verify(block: &Block, known: Known<'_>) -> Result<Verified, Fault> {
    let mut unproven = Withheld::default();
    let mut found = Verified::default();
    loop {
        let mut pass = Pass::new(known, unproven);
        for (at, (bytes, signature)) in block.iter().enumerate() {
            pass.take(at, bytes, signature)?;
        }
        // What precedes the first one left out of an author has lost the signature that proved it:
        // it is left out too, until it comes with one of its own.
        let tails: Vec<Dot> = pass.unsigned.values().copied().collect();
        for dot in &tails {
            if !pass.barred.0.contains_key(&dot.author) && !pass.unproven.0.contains_key(&dot.author) {
                return Err(Fault::BadSignature { dot: *dot });
            }
        }
        // A second reading does not come as far as what the first one found.
        found.withheld.join(&pass.done.withheld);
        let forks = pass.done.forks.iter().filter(|fork| !found.forks.contains(fork));
        let forks: Vec<Fork> = forks.copied().collect();
        found.forks.extend(forks);
        if tails.is_empty() {
            return Ok(Verified { forks: found.forks, withheld: found.withheld, ..pass.done });
        }
        unproven = pass.unproven;
        for dot in tails {
            unproven.add(dot.author, dot.seq);
        }
    }
}

/// One reading of a block from its beginning to its end.
struct Pass<'a> {
    known: Known<'a>,
    chains: Chains,
    membership: Membership,
    /// Hashes of this block's transactions.
    fresh: HashMap<Dot, TxHash>,
    /// The last transaction of each author that was seen to be the one held.
    same: BTreeMap<Author, ChainHead>,
    barred: Withheld,
    unproven: Withheld,
    /// Where another branch has come to, and the fork that its next signature proves.
    branches: BTreeMap<Author, (TxHash, Option<Fork>)>,
    /// The first transaction of each author that no signature covers yet.
    unsigned: BTreeMap<Author, Dot>,
    done: Verified,
}

/// What a transaction's context comes to.
enum Context {
    Here,
    /// It names another branch.
    Barred(Option<Fork>),
    /// It names what was left out of this block.
    Unproven,
}

impl<'a> Pass<'a> {
    fn new(known: Known<'a>, unproven: Withheld) -> Self {
        Self {
            known,
            chains: known.chains.clone(),
            membership: known.membership.clone(),
            fresh: HashMap::new(),
            same: BTreeMap::new(),
            barred: known.withheld.clone(),
            unproven,
            branches: BTreeMap::new(),
            unsigned: BTreeMap::new(),
            done: Verified::default(),
        }
    }

    fn take(&mut self, at: usize, bytes: &[u8], signature: Option<Signature>) -> Result<(), Fault> {
        let header = transaction::decode_header(bytes)?;
        let Dot { author, seq } = header.dot;
        let held = self.chains.get(&author).map_or(0, |chain| chain.seq);
        if seq <= held {
            self.compare(&header, bytes, signature);
            return Ok(());
        }
        if self.barred.reaches(&author, seq) {
            self.follow(author, bytes, signature);
            self.done.left_out = true;
            return Ok(());
        }
        if self.unproven.reaches(&author, seq) {
            self.done.left_out = true;
            return Ok(());
        }
        if seq != held + 1 {
            return Err(Fault::Gap { dot: header.dot, expected: held + 1 });
        }
        let before = previous(&header, &self.chains, &self.membership, self.known.space);
        let hash = transaction::hash(before, bytes);
        match self.context(&header)? {
            Context::Here => {}
            Context::Barred(fork) => {
                self.branch(author, seq, hash, fork, signature);
                return Ok(());
            }
            Context::Unproven => {
                self.unproven.add(author, seq);
                self.done.left_out = true;
                return Ok(());
            }
        }
        let transaction = Transaction::decode(bytes)?;
        admit_ops(&transaction, hash, &mut self.membership, self.known.space)?;
        if !self.membership.may_write(&author) {
            return Err(Fault::NotAMember { dot: header.dot });
        }
        match signature {
            Some(signature) if author.verifies(&hash, &signature) => {
                self.unsigned.remove(&author);
            }
            Some(_) => return Err(Fault::BadSignature { dot: header.dot }),
            None => {
                self.unsigned.entry(author).or_insert(header.dot);
            }
        }
        self.chains.insert(author, ChainHead { seq, hash });
        self.fresh.insert(header.dot, hash);
        self.done.incoming.push(Incoming { at, transaction, hash });
        Ok(())
    }

    /// A transaction whose name is held: is it the one that is held?
    fn compare(&mut self, header: &Header, bytes: &[u8], signature: Option<Signature>) {
        let Dot { author, seq } = header.dot;
        if self.branches.contains_key(&author) {
            return self.follow(author, bytes, signature);
        }
        let Some(before) = self.hash_before(header, bytes) else { return };
        let hash = transaction::hash(before, bytes);
        match self.prefix(&header.dot) {
            Some(held) if held != hash.prefix() => {
                let fork = Fork { author, seq, held, other: hash.prefix() };
                self.branch(author, seq, hash, Some(fork), signature);
            }
            _ => drop(self.same.insert(author, ChainHead { seq, hash })),
        }
    }

    fn hash_before(&self, header: &Header, bytes: &[u8]) -> Option<Previous> {
        let Dot { author, seq } = header.dot;
        if seq == 1 {
            let founds = transaction::hash(Previous::GENESIS, bytes).0 == self.known.space.0;
            return Some(if founds { Previous::GENESIS } else { Previous(self.known.space.0) });
        }
        let before = Dot { author, seq: seq - 1 };
        let same = self.same.get(&author).filter(|chain| chain.seq == before.seq).map(|chain| chain.hash);
        let hash = same.or_else(|| self.fresh.get(&before).copied());
        hash.or_else(|| self.known.held.hash(&before)).map(|hash| Previous(hash.0))
    }

    fn prefix(&self, dot: &Dot) -> Option<Prefix> {
        match self.chains.get(&dot.author) {
            Some(chain) if chain.seq == dot.seq => Some(chain.hash.prefix()),
            _ => self.fresh.get(dot).map(TxHash::prefix).or_else(|| self.known.held.prefix(dot)),
        }
    }

    /// Another branch of an author's chain begins, or what was written knowing one.
    fn branch(
        &mut self,
        author: Author,
        seq: u64,
        hash: TxHash,
        fork: Option<Fork>,
        signature: Option<Signature>,
    ) {
        self.done.left_out = true;
        if self.barred.add(author, seq) {
            self.done.withheld.add(author, seq);
        }
        self.branches.insert(author, (hash, fork));
        self.prove(author, signature);
    }

    fn follow(&mut self, author: Author, bytes: &[u8], signature: Option<Signature>) {
        if let Some((hash, _)) = self.branches.get_mut(&author) {
            *hash = transaction::hash(Previous(hash.0), bytes);
            self.prove(author, signature);
        }
    }

    /// Nobody but its author can make a chain fork: it is told once a signature says so.
    fn prove(&mut self, author: Author, signature: Option<Signature>) {
        let Some((hash, fork)) = self.branches.get_mut(&author) else { return };
        if signature.is_some_and(|signature| author.verifies(hash, &signature)) {
            self.done.forks.extend(fork.take());
        }
    }

    fn context(&self, header: &Header) -> Result<Context, Fault> {
        let mut comes_to = Context::Here;
        let mut missing = None;
        let basis = header.basis.iter().flat_map(|basis| basis.0.iter());
        for (author, head) in header.context.0.iter().chain(basis).filter(|(_, head)| head.seq > 0) {
            let dot = Dot { author: *author, seq: head.seq };
            if self.barred.reaches(author, head.seq) {
                return Ok(Context::Barred(None));
            }
            if self.chains.get(author).is_some_and(|chain| chain.seq >= head.seq) {
                if let Some(held) = self.prefix(&dot).filter(|held| *held != head.prefix) {
                    let (author, seq, other) = (*author, head.seq, head.prefix);
                    return Ok(Context::Barred(Some(Fork { author, seq, held, other })));
                }
            } else if self.unproven.reaches(author, head.seq) {
                comes_to = Context::Unproven;
            } else {
                missing.get_or_insert(dot);
            }
        }
        match missing {
            Some(missing) => Err(Fault::MissingContext { dot: header.dot, missing }),
            None => Ok(comes_to),
        }
    }
}

/// What the hash of a transaction covers before its own bytes.
fn previous(header: &Header, chains: &Chains, membership: &Membership, space: SpaceId) -> Previous {
    match chains.get(&header.dot.author) {
        Some(chain) => Previous(chain.hash.0),
        None if membership.is_founded() => Previous(space.0),
        None => Previous::GENESIS,
    }
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
        let founds = matches!(transaction.ops.first(), Some(Op::Member(MemberOp::Found(_))));
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
    /// `membership`, or its founding by `author` (or one that names it).
    pub fn admits(&self, author: &Author, space: SpaceId, membership: &Membership) -> bool {
        let Ok(transaction) = Transaction::decode(&self.bytes) else { return false };
        let by = transaction.header.dot.author;
        let hash = transaction::hash(Previous(self.previous), &self.bytes);
        let mut after = membership.clone();
        let grants = |op: &Op| match op {
            Op::Member(MemberOp::Admit(admission)) => admission.author == *author && admission.space == space,
            Op::Member(found @ MemberOp::Found(_)) => found.admits(&by, author) && hash.0 == space.0,
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
