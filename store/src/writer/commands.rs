//! What the writer can be asked.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::membership::{Candidate, MemberOp, Membership, Role};
use tandem_protocol::schema::SchemaOp;

use super::ready::Ready;
use crate::effect::SharedEffect;
use crate::receive::{Blocks, ReceiveError, Received, Trial};
use crate::refusal::Refusal;
use crate::reply::{Done, Reply};
use crate::resolution::Resolution;
use crate::view::ViewError;
use crate::write::{Write, WriteError, Written};

/// A request to the writer.
pub(crate) enum Command {
    /// Record something.
    Job(Job),
    /// Make SQLite refuse tables of more columns: a defect, played.
    #[cfg(test)]
    LimitColumns(i32),
    /// Say what blocks would come to.
    Try(TrialJob),
    /// Build the view anew from the log.
    Rebuild(Reply<Result<(), ViewError>>),
    /// Finish what was asked before, go on under the site's present key, then answer.
    KeyChanged(Done),
    /// Finish what was asked before, close everything, then answer.
    Stop(Done),
}

/// Something to record.
pub(crate) enum Job {
    Local(LocalJob),
    Remote(RemoteJob),
}

impl Job {
    /// When it was asked for.
    pub(crate) fn now_ms(&self) -> i64 {
        match self {
            Self::Local(job) => job.now_ms,
            Self::Remote(job) => job.now_ms,
        }
    }
}

/// A transaction of this site.
pub(crate) struct LocalJob {
    pub work: LocalWork,
    /// Where it comes back to when it ran aside; nowhere: it never does.
    pub home: Option<SyncSender<Command>>,
    pub now_ms: i64,
    pub reply: Reply<Result<Written, WriteError>>,
}

/// Makes a membership op from the membership as it stands, and of who this site is.
pub(crate) type MakeMemberOp = Box<dyn FnMut(&Membership, &Author) -> Result<MemberOp, WriteError> + Send>;

/// What a transaction of this site does.
pub(crate) enum LocalWork {
    Sql(Box<Write>),
    /// A write that has run aside.
    Ready(Box<Ready>),
    /// A write that gives way to nobody, for so long.
    Alone(Box<Write>, Duration),
    /// Its work was taken out.
    Nothing,
    /// SQL DDL, planned against the schema at its turn.
    Schema(String),
    /// A membership op, made from the membership at its turn.
    Member(MakeMemberOp),
    /// The end of a conflict.
    Resolve(Resolution),
    /// Ops as they are (the founding of a space).
    Found(Box<MemberOp>, Vec<SchemaOp>),
    /// Ops as they are (those of another version of the program, in tests).
    #[cfg(any(test, feature = "simulation"))]
    Ops(Vec<tandem_protocol::op::Op>),
}

impl LocalWork {
    /// Whether a user asks for it, for the first time.
    pub(crate) fn is_asked(&self) -> bool {
        matches!(self, Self::Sql(_) | Self::Resolve(_))
    }

    /// The admission of a new member of `space` by this site, which must be an admin.
    pub(crate) fn admit(
        space: SpaceId,
        candidate: Candidate,
        role: Role,
        invitation: Option<[u8; 16]>,
    ) -> Self {
        Self::Member(Box::new(move |membership, me| {
            let admission = membership.next_admission((space, me), candidate.clone(), role, invitation);
            admission.map(MemberOp::Admit).map_err(|void| Refusal::of_membership(void).into())
        }))
    }

    /// Another name for a site, given by this one.
    pub(crate) fn rename(author: Author, name: String) -> Self {
        Self::Member(Box::new(move |membership, me| {
            let rename = membership.next_rename(me, author, name.clone());
            rename.map_err(|void| Refusal::of_membership(void).into())
        }))
    }
}

/// Transactions of others.
pub(crate) struct RemoteJob {
    pub block: Vec<u8>,
    /// What does not pass from where it comes.
    pub withheld: Withheld,
    pub now_ms: i64,
    /// What the blocks before it came to, where somebody wants to know.
    pub effect: Option<SharedEffect>,
    /// What the part of it that is durable already came to.
    pub before: Received,
    /// Whether `block` is what is left of it.
    pub goes_on: bool,
    /// Whether it is taken in at one go, whoever waits.
    pub at_once: bool,
    pub reply: Reply<Result<Received, ReceiveError>>,
}

impl RemoteJob {
    pub(crate) fn new(
        block: Vec<u8>,
        withheld: Withheld,
        now_ms: i64,
        effect: Option<SharedEffect>,
        reply: Reply<Result<Received, ReceiveError>>,
    ) -> Self {
        let (before, goes_on, at_once) = (Received::default(), false, false);
        Self { block, withheld, now_ms, effect, before, goes_on, at_once, reply }
    }
}

/// Blocks to be taken in for the sake of what they would come to, and not kept.
pub(crate) struct TrialJob {
    pub blocks: Blocks,
    pub withheld: Withheld,
    pub now_ms: i64,
    pub reply: Reply<Result<Trial, ReceiveError>>,
}
