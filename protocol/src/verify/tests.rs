//! Blocks that carry branches, and what is not so in them.

use std::collections::{BTreeSet, HashMap};

use super::*;
use crate::block::BlockBuilder;
use crate::bounds;
use crate::chain::{Branch, BranchFault, Branches, Chain, Head, Origin};
use crate::identity::{AuthorKey, Prefix, SpaceId, TxHash};
use crate::membership::{Founding, MemberOp, Membership};
use crate::op::Op;
use crate::transaction::{self, Header, Previous, Transaction};
use crate::version::VersionVector;

fn key() -> AuthorKey {
    AuthorKey::from_secret(&[7; 32])
}

fn trunk() -> Chain {
    key().author().into()
}

/// A transaction, signed, and where it is.
#[derive(Clone)]
struct Signed {
    dot: Dot,
    bytes: Vec<u8>,
    hash: TxHash,
    origin: Option<Origin>,
}

impl Signed {
    fn head(&self) -> Head {
        Head::new(self.dot.seq, &self.hash)
    }

    /// The origin of a branch that leaves after this.
    fn left(&self) -> Origin {
        Origin { parent: self.dot.branch, last: self.head() }
    }
}

/// A site that has taken in some of what one author wrote.
struct Site {
    space: SpaceId,
    chains: Chains,
    branches: Branches,
    membership: Membership,
    held: HashMap<Dot, TxHash>,
}

impl HeldTransactions for HashMap<Dot, TxHash> {
    fn prefix(&self, dot: &Dot) -> Option<Prefix> {
        self.get(dot).map(TxHash::prefix)
    }

    fn hash(&self, dot: &Dot) -> Option<TxHash> {
        self.get(dot).copied()
    }
}

fn bytes(seq: u64, ops: Vec<Op>, context: VersionVector, text: &str) -> Vec<u8> {
    let header = Header {
        dot: Dot::new(trunk(), seq),
        time_ms: 5,
        context,
        basis: None,
        key: None,
        by: None,
        message: Some(text.to_owned()),
    };
    Transaction { header, ops }.encode()
}

/// The next of the chain that `before` is on.
fn next(before: &Signed, text: &str) -> Signed {
    knowing(before, VersionVector::default(), text)
}

fn knowing(before: &Signed, context: VersionVector, text: &str) -> Signed {
    let dot = Dot { seq: before.dot.seq + 1, ..before.dot };
    let bytes = bytes(dot.seq, vec![], context, text);
    let hash = transaction::hash(Previous(before.hash.0), &bytes);
    Signed { dot, bytes, hash, origin: before.origin }
}

/// The first of a branch that leaves after `before`.
fn fork(before: &Signed, text: &str) -> Signed {
    let next = next(before, text);
    let dot = Dot { branch: Branch::named(&next.hash), ..next.dot };
    Signed { dot, origin: Some(before.left()), ..next }
}

fn founding() -> Signed {
    let found = Op::Member(MemberOp::Found(Founding::new("school", "office", [0; 16])));
    let bytes = bytes(1, vec![found], VersionVector::default(), "");
    let hash = transaction::hash(Previous::GENESIS, &bytes);
    Signed { dot: Dot::new(trunk(), 1), bytes, hash, origin: None }
}

/// So many of the trunk.
fn grown(count: usize) -> Vec<Signed> {
    let mut chain = vec![founding()];
    while chain.len() < count {
        chain.push(next(&chain[chain.len() - 1], "trunk"));
    }
    chain
}

fn block<'a>(transactions: impl IntoIterator<Item = &'a Signed>) -> Block {
    let mut builder = BlockBuilder::default();
    for one in transactions {
        let signature = Some(key().sign(&one.hash));
        match one.origin {
            None => builder.push(one.dot.author, &one.bytes, signature),
            Some(origin) => builder.push_branch(one.dot.chain(), origin, &one.bytes, signature),
        }
    }
    Block::decode(&builder.finish()).unwrap()
}

impl Site {
    fn new() -> Self {
        Self {
            space: SpaceId(founding().hash.0),
            chains: Chains::default(),
            branches: Branches::default(),
            membership: Membership::default(),
            held: HashMap::new(),
        }
    }

    fn holding(transactions: &[Signed]) -> Self {
        let mut site = Self::new();
        site.take(transactions).unwrap();
        site
    }

    fn verify(&self, block: &Block, withheld: &Withheld) -> Result<Verified, BlockFault> {
        let receiver = Receiver {
            space: self.space,
            chains: &self.chains,
            branches: Some(&self.branches),
            held: &self.held,
            membership: &self.membership,
            withheld,
        };
        verify(block, receiver)
    }

    fn look(&self, transactions: &[Signed]) -> Result<Verified, BlockFault> {
        self.verify(&block(transactions), &Withheld::default())
    }

    fn take(&mut self, transactions: &[Signed]) -> Result<Verified, BlockFault> {
        let verified = self.look(transactions)?;
        for (chain, origin) in &verified.branches {
            self.branches.begin(*chain, *origin).unwrap();
        }
        for incoming in &verified.incoming {
            let header = &incoming.transaction.header;
            self.chains.insert(header.dot.chain(), ChainHead { seq: header.dot.seq, hash: incoming.hash });
            self.held.insert(header.dot, incoming.hash);
            for op in &incoming.transaction.ops {
                if let Op::Member(op) = op {
                    self.membership.apply(header.write_id(), op).unwrap();
                }
            }
        }
        Ok(verified)
    }

    fn vector(&self) -> VersionVector {
        VersionVector::of(self.chains.iter().map(|(chain, last)| (*chain, last.head())), &self.branches)
    }
}

fn fault(result: Result<Verified, BlockFault>) -> BranchFault {
    match result {
        Err(BlockFault::Branch { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn branches_come_in_beside_the_trunk_and_one_leaves_another() {
    let trunk = grown(6);
    let outer = fork(&trunk[3], "outer");
    let second = next(&outer, "outer");
    let inner = fork(&second, "inner");
    let last = next(&inner, "inner");
    let mut site = Site::holding(&trunk);
    let verified = site.take(&[outer.clone(), second.clone(), inner.clone(), last.clone()]).unwrap();
    let begun = [(outer.dot.chain(), trunk[3].left()), (inner.dot.chain(), second.left())];
    assert_eq!(verified.branches, begun);
    let dots: Vec<Dot> = verified.incoming.iter().map(|one| one.transaction.header.dot).collect();
    assert_eq!(dots, [outer.dot, second.dot, inner.dot, last.dot]);
    assert_eq!([outer.dot.seq, second.dot.seq, inner.dot.seq, last.dot.seq], [5, 6, 7, 8]);
    assert!(!verified.left_out && verified.forks.is_empty());
    assert_eq!(site.vector().transactions(), 10);
    // Said again, alone or on top, it is the same; a later one needs no first one.
    assert_eq!(site.look(&[second.clone(), last.clone()]).unwrap().incoming.len(), 0);
    assert_eq!(site.look(&[next(&last, "more")]).unwrap().incoming.len(), 1);
    // All of it at once, to who holds nothing.
    let all = [&trunk[..], &[outer, second, inner, last]].concat();
    assert_eq!(Site::holding(&all).vector(), site.vector());
}

#[test]
fn the_last_signature_of_each_chain_travels_and_is_asked_for() {
    let trunk = grown(4);
    let outer = fork(&trunk[2], "outer");
    let other = fork(&trunk[2], "other");
    let all = [outer.clone(), other.clone(), next(&outer, "outer"), next(&other, "other")];
    let signed: Vec<bool> = block(&all).iter().map(|(_, signature)| signature.is_some()).collect();
    assert_eq!(signed, [false, false, true, true]);
    let site = Site::holding(&trunk);
    assert_eq!(site.look(&all).unwrap().incoming.len(), 4);
    let mut builder = BlockBuilder::default();
    builder.push_branch(outer.dot.chain(), outer.origin.unwrap(), &outer.bytes, None);
    builder.push_branch(
        other.dot.chain(),
        other.origin.unwrap(),
        &other.bytes,
        Some(key().sign(&other.hash)),
    );
    let block = Block::decode(&builder.finish()).unwrap();
    let unsigned = site.verify(&block, &Withheld::default()).unwrap_err();
    assert_eq!(unsigned, BlockFault::BadSignature { dot: outer.dot });
}

#[test]
fn a_branch_is_called_by_its_first_transaction_and_leaves_what_is_there() {
    let trunk = grown(6);
    let site = Site::holding(&trunk);
    let outer = fork(&trunk[3], "outer");
    let misnamed = Signed { dot: Dot { branch: [9; 16].into(), ..outer.dot }, ..outer.clone() };
    assert_eq!(fault(site.look(&[misnamed])), BranchFault::Name);
    let misplaced = Signed { origin: Some(trunk[4].left()), ..outer.clone() };
    assert_eq!(fault(site.look(&[misplaced])), BranchFault::Place, "its number is not the next one");
    // The transaction that the trunk goes on with.
    let same = fork(&trunk[3], "trunk");
    assert_eq!(same.hash, trunk[4].hash);
    assert_eq!(fault(site.look(&[same])), BranchFault::Place);
    // Nothing has been heard of what it leaves.
    let second = next(&outer, "outer");
    let inner = fork(&second, "inner");
    assert!(
        matches!(site.look(std::slice::from_ref(&inner)), Err(BlockFault::MissingContext { missing, .. }) if *missing == second.dot)
    );
    let ahead = fork(&grown(8)[6], "ahead");
    assert!(matches!(site.look(&[ahead]), Err(BlockFault::MissingContext { .. })));
    // Its first transaction has not come.
    let gap = BlockFault::Gap { dot: second.dot, expected: outer.dot.seq };
    assert_eq!(site.look(std::slice::from_ref(&second)).unwrap_err(), gap);
    // What it leaves is known to be elsewhere.
    let mut site = site;
    site.take(&[outer.clone(), second.clone()]).unwrap();
    let moved = Signed { origin: Some(trunk[2].left()), ..next(&second, "outer") };
    assert_eq!(fault(site.look(&[moved])), BranchFault::OtherOrigin);
    assert_eq!(site.look(&[inner]).unwrap().branches.len(), 1);
}

/// What it follows is held with another hash: it does not pass, like all that builds on a fork.
#[test]
fn a_branch_of_what_is_not_held_does_not_pass() {
    let mut trunk = grown(3);
    let elsewhere = next(&trunk[2], "elsewhere");
    trunk.push(next(&trunk[2], "here"));
    let site = Site::holding(&trunk);
    let branch = fork(&elsewhere, "of the other");
    let more = next(&branch, "more");
    let verified = site.look(&[branch.clone(), more.clone()]).unwrap();
    assert!(verified.left_out && verified.incoming.is_empty() && verified.branches.is_empty());
    assert_eq!(verified.withheld, Withheld([(branch.dot.chain(), branch.dot.seq)].into()));
    // Who is told so is not asked again.
    let again = site.verify(&block(&[branch, more]), &verified.withheld).unwrap();
    assert!(again.left_out && again.withheld.is_empty());
}

#[test]
fn a_context_that_names_a_branch_is_held_to_it() {
    let trunk = grown(4);
    let outer = fork(&trunk[2], "outer");
    let chain = outer.dot.chain();
    let mut site = Site::holding(&trunk);
    let mut branches = Branches::default();
    branches.begin(chain, trunk[2].left()).unwrap();
    let known = VersionVector::of([(chain, outer.head())], &branches);
    let knows = knowing(&trunk[3], known.clone(), "knows");
    assert!(
        matches!(site.look(std::slice::from_ref(&knows)), Err(BlockFault::MissingContext { missing, .. }) if *missing == outer.dot)
    );
    assert_eq!(site.look(&[outer.clone(), knows.clone()]).unwrap().incoming.len(), 2);
    site.take(std::slice::from_ref(&outer)).unwrap();
    assert_eq!(site.look(&[knows]).unwrap().incoming.len(), 1);
    // Another hash, and another place where it begins.
    let other = VersionVector::of([(chain, Head { prefix: [1; 16], ..outer.head() })], &branches);
    let verified = site.look(&[knowing(&trunk[3], other, "other")]).unwrap();
    assert!(verified.left_out && verified.incoming.is_empty());
    let mut lie = Branches::default();
    lie.begin(chain, trunk[1].left()).unwrap();
    let lie = VersionVector::of([(chain, outer.head())], &lie);
    assert_eq!(fault(site.look(&[knowing(&trunk[3], lie, "lie")])), BranchFault::OtherOrigin);
    // Where something of the trunk does not pass, what comes after it on the branch does not, either.
    assert!(Withheld([(trunk[2].dot.chain(), 3)].into()).reaches_into(&known));
    assert!(!Withheld([(trunk[2].dot.chain(), 4)].into()).reaches_into(&known));
}

#[test]
fn more_branches_than_count_are_left_out_and_listed() {
    let trunk = grown(3);
    let branches: Vec<Signed> =
        (0..=bounds::BRANCHES).map(|number| fork(&trunk[1], &number.to_string())).collect();
    let mut site = Site::holding(&trunk);
    let verified = site.take(&branches).unwrap();
    assert_eq!((verified.incoming.len(), verified.left_out), (bounds::BRANCHES, true));
    let beyond = branches[bounds::BRANCHES].dot.chain();
    assert_eq!(verified.beyond, BTreeSet::from([beyond]));
    assert!(verified.withheld.is_about(beyond), "it is not sent again");
    assert_eq!(site.look(&[next(&trunk[2], "on")]).unwrap().incoming.len(), 1, "all else passes");
}

#[test]
fn the_very_first_transactions_can_differ() {
    // Of somebody else than the founder: its first one follows the space itself.
    let second = AuthorKey::from_secret(&[8; 32]);
    let first = |text: &str| {
        let header = Header {
            dot: Dot::new(second.author(), 1),
            time_ms: 5,
            context: VersionVector::default(),
            basis: None,
            key: None,
            by: None,
            message: Some(text.to_owned()),
        };
        let bytes = Transaction { header, ops: vec![] }.encode();
        let hash = transaction::hash(Previous(founding().hash.0), &bytes);
        (bytes, hash)
    };
    let mut site = Site::holding(&grown(1));
    let id = (site.space, &key().author());
    let candidate = crate::membership::Candidate::new(second.author(), "salle");
    let admission = site.membership.next_admission(id, candidate, crate::membership::Role::Member, None);
    let by = founding_write();
    site.membership.apply(by, &MemberOp::Admit(admission.unwrap())).unwrap();
    let ((one, of_one), (two, of_two)) = (first("one"), first("two"));
    let origin = Origin { parent: Branch::TRUNK, last: Head { seq: 0, prefix: [0; 16] } };
    let chain = Chain::from(second.author()).beside(Branch::named(&of_two));
    let mut builder = BlockBuilder::default();
    builder.push(second.author(), &one, Some(second.sign(&of_one)));
    builder.push_branch(chain, origin, &two, Some(second.sign(&of_two)));
    let block = Block::decode(&builder.finish()).unwrap();
    let verified = site.verify(&block, &Withheld::default()).unwrap();
    assert_eq!((verified.incoming.len(), verified.branches), (2, vec![(chain, origin)]));
}

fn founding_write() -> crate::merge::WriteId {
    crate::merge::WriteId::new(5, founding().dot)
}

#[test]
fn who_keeps_no_branches_says_so_and_uses_nothing_of_the_block() {
    let trunk = grown(4);
    let site = Site::holding(&trunk[..3]);
    let outer = fork(&trunk[1], "outer");
    let nothing = Withheld::default();
    let receiver = Receiver {
        space: site.space,
        chains: &site.chains,
        branches: None,
        held: &site.held,
        membership: &site.membership,
        withheld: &nothing,
    };
    let fault = verify(&block(&[trunk[3].clone(), outer.clone()]), receiver).unwrap_err();
    assert_eq!(fault, BlockFault::NoBranches { dot: outer.dot });
    assert_eq!(verify(&block(&trunk[3..]), receiver).unwrap().incoming.len(), 1);
}
