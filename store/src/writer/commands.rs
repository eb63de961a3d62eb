//! What the writer can be asked.

use tandem_protocol::membership::{MemberOp, Membership};
use tandem_protocol::schema::SchemaOp;

use crate::receive::{ReceiveError, Received};
use crate::view::ViewError;
use crate::write::{Write, WriteError, Written};

/// Answers a command, from the writer's thread.
pub(crate) type Reply<T> = Box<dyn FnOnce(T) + Send>;

/// A request to the writer.
pub(crate) enum Command {
    /// Record something.
    Job(Job),
    /// Build the view anew from the log.
    Rebuild(Reply<Result<(), ViewError>>),
    /// Finish what was asked before, close everything, then answer.
    Stop(Box<dyn FnOnce() + Send>),
}

/// Something to record.
pub(crate) enum Job {
    Local(LocalJob),
    Remote(RemoteJob),
}

/// A transaction of this site.
pub(crate) struct LocalJob {
    pub work: LocalWork,
    pub now_ms: i64,
    pub reply: Reply<Result<Written, WriteError>>,
}

/// Makes a membership op from the membership as it stands.
pub(crate) type MakeMemberOp = Box<dyn FnMut(&Membership) -> Result<MemberOp, WriteError> + Send>;

/// What a transaction of this site does.
pub(crate) enum LocalWork {
    Sql(Write),
    /// SQL DDL, planned against the schema at its turn.
    Schema(String),
    /// A membership op, made from the membership at its turn.
    Member(MakeMemberOp),
    /// Ops as they are (the founding of a space).
    Found(Box<MemberOp>, Vec<SchemaOp>),
}

/// Transactions of others.
pub(crate) struct RemoteJob {
    pub block: Vec<u8>,
    pub now_ms: i64,
    pub reply: Reply<Result<Received, ReceiveError>>,
}
