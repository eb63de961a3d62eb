//! A transaction shown without its log.

use crate::identity::{Author, Signature, SpaceId};
use crate::membership::{MemberOp, Membership};
use crate::op::Op;
use crate::transaction::{self, Previous, Transaction};

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
