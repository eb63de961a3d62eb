//! What is wrong with a block.

use crate::chain::BranchFault;
use crate::codec::DecodeError;
use crate::version::Dot;

/// What is wrong with a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// Not a block, or not transactions in it.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// A transaction is missing before one of these.
    #[error("transaction {dot:?} came before number {expected} of its chain")]
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
        missing: Box<Dot>,
    },
    /// A signature is wrong, or missing at the end of a chain's run.
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
    /// What is said of a transaction's branch, or of one that it knew, is not so.
    #[error("the branch of transaction {dot:?}, or one that it names: {fault}")]
    Branch {
        /// The one that came.
        dot: Dot,
        /// What is wrong.
        fault: BranchFault,
    },
    /// A branch, where none are kept yet.
    #[error("transaction {dot:?} is on a branch: this program does not keep branches yet")]
    NoBranches {
        /// The one that came.
        dot: Dot,
    },
    /// The space's first transaction is another one.
    #[error("the transactions belong to another space")]
    OtherSpace,
}
