//! One reading of a block from its beginning to its end.

use std::collections::{BTreeMap, HashMap};

use super::fault::BlockFault;
use super::receiver::{ChainHead, Chains, Receiver};
use super::verified::{Incoming, Verified};
use crate::chain::{Branch, BranchFault, Branches, Chain, Head, Origin};
use crate::fork::{Fork, Withheld};
use crate::identity::{Prefix, Signature, SpaceId, TxHash};
use crate::membership::{MemberOp, Membership};
use crate::op::Op;
use crate::transaction::{self, Header, Previous, Transaction};
use crate::version::{Dot, VersionVector};

/// One reading of a block: what it came to so far, and what it is held to.
pub(super) struct Pass<'a> {
    receiver: Receiver<'a>,
    chains: Chains,
    branches: Branches,
    membership: Membership,
    /// Hashes of this block's transactions.
    fresh: HashMap<Dot, TxHash>,
    /// The last transaction of each chain that was seen to be the one held.
    same: BTreeMap<Chain, ChainHead>,
    pub barred: Withheld,
    pub unproven: Withheld,
    /// Where what does not go with what is held has come to, and the fork that its next signature proves.
    strays: BTreeMap<Chain, (TxHash, Option<Fork>)>,
    /// The first transaction of each chain that no signature covers yet.
    pub unsigned: BTreeMap<Chain, Dot>,
    pub done: Verified,
}

/// What something that a transaction names comes to.
enum Found {
    Here,
    /// It is of another fork of the chain.
    Barred(Option<Fork>),
    /// It was left out of this block.
    Unproven,
    Missing,
}

impl<'a> Pass<'a> {
    pub fn new(receiver: Receiver<'a>, unproven: Withheld) -> Self {
        Self {
            receiver,
            chains: receiver.chains.clone(),
            branches: receiver.branches.cloned().unwrap_or_default(),
            membership: receiver.membership.clone(),
            fresh: HashMap::new(),
            same: BTreeMap::new(),
            barred: receiver.withheld.clone(),
            unproven,
            strays: BTreeMap::new(),
            unsigned: BTreeMap::new(),
            done: Verified::default(),
        }
    }

    /// Looks at the transaction at one place of the block, which is on a branch where it is placed on one.
    pub fn look_at(
        &mut self,
        at: usize,
        bytes: &[u8],
        placed: Option<(Branch, Origin)>,
        signature: Option<Signature>,
    ) -> Result<(), BlockFault> {
        let mut header = transaction::decode_header(bytes)?;
        let mut first = 1;
        if let Some((branch, origin)) = placed {
            header.dot.branch = branch;
            first = origin.first();
            if !self.place(header.dot, origin)? {
                return Ok(());
            }
        }
        let (dot, chain) = (header.dot, header.dot.chain());
        let held = self.chains.get(&chain).map_or(first - 1, |chain| chain.seq);
        if dot.seq <= held {
            self.compare(dot, bytes, signature);
            return Ok(());
        }
        if self.barred.reaches(chain, dot.seq) {
            self.follow(chain, bytes, signature);
            self.done.left_out = true;
            return Ok(());
        }
        if self.unproven.reaches(chain, dot.seq) {
            self.done.left_out = true;
            return Ok(());
        }
        if dot.seq != held + 1 {
            return Err(BlockFault::Gap { dot, expected: held + 1 });
        }
        let begins = placed.map(|(_, origin)| origin).filter(|_| dot.seq == first);
        if let Some(origin) = begins
            && !self.leaves(dot, &origin)?
        {
            return Ok(());
        }
        let hash = transaction::hash(self.previous(dot)?, bytes);
        if begins.is_some() {
            self.check_name(dot, &hash)?;
        }
        match self.context(&header)? {
            Found::Here => {}
            Found::Barred(fork) => {
                self.stray(dot, hash, fork, signature);
                return Ok(());
            }
            Found::Unproven | Found::Missing => {
                self.leave_unproven(dot);
                return Ok(());
            }
        }
        self.accept((at, dot, bytes, hash), signature)?;
        self.done.branches.extend(begins.map(|origin| (chain, origin)));
        Ok(())
    }

    /// Takes in a transaction that goes on where its chain is, and knew what is here.
    fn accept(
        &mut self,
        (at, dot, bytes, hash): (usize, Dot, &[u8], TxHash),
        signature: Option<Signature>,
    ) -> Result<(), BlockFault> {
        let mut transaction = Transaction::decode(bytes)?;
        transaction.header.dot = dot;
        admit_ops(&transaction, hash, &mut self.membership, self.receiver.space)?;
        if !self.membership.may_write(&dot.author) {
            return Err(BlockFault::NotAMember { dot });
        }
        match signature {
            Some(signature) if dot.author.verifies(&hash, &signature) => {
                self.unsigned.remove(&dot.chain());
            }
            Some(_) => return Err(BlockFault::BadSignature { dot }),
            None => {
                self.unsigned.entry(dot.chain()).or_insert(dot);
            }
        }
        let before = self.chains.insert(dot.chain(), ChainHead { seq: dot.seq, hash });
        assert!(before.is_none_or(|before| before.seq + 1 == dot.seq), "a chain goes on by one");
        assert!(
            self.done.incoming.last().is_none_or(|last| last.at < at),
            "what came stays in the block's order"
        );
        self.fresh.insert(dot, hash);
        self.done.incoming.push(Incoming { at, transaction, hash });
        Ok(())
    }

    /// Takes in what the block says of the branch of a transaction. Whether that counts.
    fn place(&mut self, dot: Dot, origin: Origin) -> Result<bool, BlockFault> {
        if self.receiver.branches.is_none() {
            return Err(BlockFault::NoBranches { dot });
        }
        let fault = match self.branches.begin(dot.chain(), origin) {
            Ok(()) if dot.seq >= origin.first() => return Ok(true),
            Ok(()) => BranchFault::Place,
            Err(BranchFault::TooMany) => {
                self.done.beyond.insert(dot.chain());
                self.bar(dot.chain(), origin.first());
                return Ok(false);
            }
            Err(BranchFault::UnknownParent) => {
                let missing = Box::new(Dot::new(dot.chain().beside(origin.parent), origin.last.seq));
                return Err(BlockFault::MissingContext { dot, missing });
            }
            Err(fault) => fault,
        };
        Err(BlockFault::Branch { dot, fault })
    }

    /// Whether the transaction that the first one of a branch follows is held, and is the one meant.
    fn leaves(&mut self, dot: Dot, origin: &Origin) -> Result<bool, BlockFault> {
        let parent = dot.chain().beside(origin.parent);
        if origin.last.seq == 0 {
            return Ok(true);
        }
        match self.look_up(&parent, &origin.last) {
            Found::Here => return Ok(true),
            Found::Barred(_) => self.bar(dot.chain(), dot.seq),
            Found::Unproven => self.leave_unproven(dot),
            Found::Missing => {
                let missing = Box::new(Dot::new(parent, origin.last.seq));
                return Err(BlockFault::MissingContext { dot, missing });
            }
        }
        Ok(false)
    }

    /// A branch is called by its first transaction, and that is not its parent's next one.
    fn check_name(&self, dot: Dot, hash: &TxHash) -> Result<(), BlockFault> {
        let parent = self.branches.origin(&dot.chain()).map(|origin| dot.chain().beside(origin.parent));
        let of_parent = parent.and_then(|parent| self.prefix(&Dot::new(parent, dot.seq)));
        let fault = if dot.branch != Branch::named(hash) {
            BranchFault::Name
        } else if of_parent == Some(hash.prefix()) {
            BranchFault::Place
        } else {
            return Ok(());
        };
        Err(BlockFault::Branch { dot, fault })
    }

    /// A transaction whose name is held: is it the one that is held?
    fn compare(&mut self, dot: Dot, bytes: &[u8], signature: Option<Signature>) {
        let chain = dot.chain();
        if self.strays.contains_key(&chain) {
            return self.follow(chain, bytes, signature);
        }
        let before = match self.before(dot) {
            before if before.seq > 0 => self.hash(&before).map(|hash| Previous(hash.0)),
            _ => {
                let founds = transaction::hash(Previous::GENESIS, bytes).0 == self.receiver.space.0;
                Some(if founds { Previous::GENESIS } else { Previous(self.receiver.space.0) })
            }
        };
        let Some(before) = before else { return };
        let hash = transaction::hash(before, bytes);
        match self.prefix(&dot) {
            Some(held) if held != hash.prefix() => {
                self.stray(dot, hash, Some(Fork::new(dot, held, hash.prefix())), signature);
            }
            _ => drop(self.same.insert(chain, ChainHead { seq: dot.seq, hash })),
        }
    }

    /// The transaction before one, on its chain or on the one that this leaves; of number 0 where it is
    /// the first of all.
    fn before(&self, dot: Dot) -> Dot {
        match self.branches.origin(&dot.chain()) {
            Some(origin) if dot.seq == origin.first() => {
                Dot::new(dot.chain().beside(origin.parent), origin.last.seq)
            }
            _ => Dot { seq: dot.seq - 1, ..dot },
        }
    }

    /// What the hash of a transaction covers before its own bytes, where all before it is here.
    fn previous(&self, dot: Dot) -> Result<Previous, BlockFault> {
        let before = self.before(dot);
        if before.seq > 0 {
            let hash = self.hash(&before);
            return hash
                .map(|hash| Previous(hash.0))
                .ok_or_else(|| BlockFault::MissingContext { dot, missing: before.into() });
        }
        let founded = self.membership.is_founded();
        Ok(if founded { Previous(self.receiver.space.0) } else { Previous::GENESIS })
    }

    fn hash(&self, dot: &Dot) -> Option<TxHash> {
        let in_step = |chains: &Chains| {
            chains.get(&dot.chain()).filter(|chain| chain.seq == dot.seq).map(|chain| chain.hash)
        };
        let seen = in_step(&self.same).or_else(|| in_step(&self.chains));
        seen.or_else(|| self.fresh.get(dot).copied()).or_else(|| self.receiver.held.hash(dot))
    }

    fn prefix(&self, dot: &Dot) -> Option<Prefix> {
        match self.chains.get(&dot.chain()) {
            Some(chain) if chain.seq == dot.seq => Some(chain.hash.prefix()),
            _ => self.fresh.get(dot).map(TxHash::prefix).or_else(|| self.receiver.held.prefix(dot)),
        }
    }

    /// Nothing of a chain passes from there on.
    fn bar(&mut self, chain: Chain, seq: u64) {
        self.done.left_out = true;
        if self.barred.add(chain, seq) {
            self.done.withheld.add(chain, seq);
        }
    }

    fn leave_unproven(&mut self, dot: Dot) {
        self.unproven.add(dot.chain(), dot.seq);
        self.done.left_out = true;
    }

    /// What does not go with what is held begins, or what was written knowing such.
    fn stray(&mut self, dot: Dot, hash: TxHash, fork: Option<Fork>, signature: Option<Signature>) {
        self.bar(dot.chain(), dot.seq);
        self.strays.insert(dot.chain(), (hash, fork));
        self.prove(dot.chain(), signature);
    }

    fn follow(&mut self, chain: Chain, bytes: &[u8], signature: Option<Signature>) {
        if let Some((hash, _)) = self.strays.get_mut(&chain) {
            *hash = transaction::hash(Previous(hash.0), bytes);
            self.prove(chain, signature);
        }
    }

    /// Nobody but its author can make a chain fork: it is told once a signature says so.
    fn prove(&mut self, chain: Chain, signature: Option<Signature>) {
        let Some((hash, fork)) = self.strays.get_mut(&chain) else { return };
        if signature.is_some_and(|signature| chain.author.verifies(hash, &signature)) {
            self.done.forks.extend(fork.take());
        }
    }

    /// What all that a transaction's author and writer knew comes to.
    fn context(&self, header: &Header) -> Result<Found, BlockFault> {
        let (mut comes_to, mut missing) = (Found::Here, None);
        for vector in std::iter::once(&header.context).chain(&header.basis) {
            if self.barred.reaches_into(vector) {
                return Ok(Found::Barred(None));
            }
            self.check_origins(header.dot, vector)?;
            for (chain, head) in vector.heads() {
                match self.look_up(chain, head) {
                    Found::Here => {}
                    Found::Barred(fork) => return Ok(Found::Barred(fork)),
                    Found::Unproven => comes_to = Found::Unproven,
                    Found::Missing => missing = missing.or(Some(Dot::new(*chain, head.seq))),
                }
            }
        }
        match missing {
            Some(missing) => Err(BlockFault::MissingContext { dot: header.dot, missing: Box::new(missing) }),
            None => Ok(comes_to),
        }
    }

    /// Where branches begin is known of all that are here; who says otherwise does not say the truth.
    fn check_origins(&self, dot: Dot, vector: &VersionVector) -> Result<(), BlockFault> {
        let is_other = |(chain, origin): (&Chain, &Origin)| {
            self.branches.origin(chain).is_some_and(|known| known != origin)
        };
        match vector.branches().iter().any(is_other) {
            true => Err(BlockFault::Branch { dot, fault: BranchFault::OtherOrigin }),
            false => Ok(()),
        }
    }

    /// Whether a transaction that is named is here, and is the one meant.
    fn look_up(&self, chain: &Chain, head: &Head) -> Found {
        let dot = Dot::new(chain, head.seq);
        if self.barred.reaches(chain, head.seq) {
            Found::Barred(None)
        } else if self.chains.get(chain).is_some_and(|chain| chain.seq >= head.seq) {
            match self.prefix(&dot).filter(|held| *held != head.prefix) {
                Some(held) => Found::Barred(Some(Fork::new(dot, held, head.prefix))),
                None => Found::Here,
            }
        } else if self.unproven.reaches(chain, head.seq) {
            Found::Unproven
        } else {
            Found::Missing
        }
    }
}

/// Follows the membership ops of a transaction, so that a member admitted in this very block may
/// write later in it.
fn admit_ops(
    transaction: &Transaction,
    hash: TxHash,
    membership: &mut Membership,
    space: SpaceId,
) -> Result<(), BlockFault> {
    if !membership.is_founded() {
        let founds = matches!(transaction.ops.first(), Some(Op::Member(MemberOp::Found(_))));
        if !founds || hash.0 != space.0 {
            return Err(BlockFault::OtherSpace);
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
