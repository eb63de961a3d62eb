//! One space: the handle everybody uses. Writes go to the writer's thread, reads do not wait for
//! it.

mod chunk;
mod conflicts;
mod entries;
mod forks;
mod opening;
mod shared;
mod status;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{SystemTime, UNIX_EPOCH};

use tandem_protocol::cause::Cause;
use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::membership::{Candidate, MemberOp, Membership, Role};
use tandem_protocol::schema::{Schema, TableId};
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;

pub use chunk::{Chunk, ChunkReader};
pub use conflicts::{Choice, ConflictPlace, ConflictReader, Referrer, Referrers, Resolution};
pub use entries::{LogEntry, LogFilter, LogReader};
pub use shared::{Commit, CommittedTransaction, TableStatus};
pub(crate) use shared::{ConflictStats, Recent, Shared};
pub use status::SpaceStatus;
pub use verify::VerifyReport;

use crate::effect::SharedEffect;
use crate::identity::Identity;
use crate::log::SpaceLog;
use crate::owner::{Owner, READ_DEADLINE};
use crate::receive::{Blocks, ReceiveError, Received, Trial};
use crate::refusal::Refusal;
use crate::running::RunningStatement;
use crate::view::ViewError;
use crate::view::guard::{ANSWER_BYTES, Leave};
use crate::view::reader::{Answer, Asked, Readers, Rows};
use crate::write::{Write, WriteError, Written};
use crate::writer::{Command, Job, LocalJob, LocalWork, RemoteJob, TrialJob};

/// The view's file in the space's folder.
pub(crate) const VIEW_FILE: &str = "view.sqlite";

/// A space on this site. Cheap to clone.
#[derive(Clone)]
pub struct Space(Arc<Inner>);

struct Inner {
    id: SpaceId,
    name: String,
    identity: Identity,
    folder: PathBuf,
    log: SpaceLog,
    readers: Readers,
    shared: Arc<Shared>,
    commands: SyncSender<Command>,
}

/// Milliseconds since the Unix epoch by the local clock.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

impl Space {
    /// The space's id.
    pub fn id(&self) -> SpaceId {
        self.0.id
    }

    /// The name by which this site calls the space.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// This site's author.
    pub fn me(&self) -> Author {
        self.0.identity.author()
    }

    /// The folder of the space's view.
    pub fn folder(&self) -> &std::path::Path {
        &self.0.folder
    }

    /// Everything durable here.
    pub fn vector(&self) -> Arc<VersionVector> {
        Arc::clone(&self.0.shared.snapshot().vector)
    }

    /// What a site shows in its own transactions to have held: they name all that it knew. It may
    /// hold more by now.
    pub fn shown_by(&self, site: &Author) -> VersionVector {
        let snapshot = self.0.shared.snapshot();
        let mut held = snapshot.contexts.get(site).map(|known| (**known).clone()).unwrap_or_default();
        let own = snapshot.vector.heads().filter(|(chain, _)| chain.author == *site);
        held.join(&VersionVector::of(own.map(|(chain, head)| (*chain, *head)), snapshot.vector.branches()));
        held
    }

    /// Arrival number after the last durable transaction; they count from 0.
    pub fn end(&self) -> u64 {
        self.0.shared.snapshot().end
    }

    /// The members.
    pub fn membership(&self) -> Arc<Membership> {
        Arc::clone(&self.0.shared.snapshot().membership)
    }

    /// The tables.
    pub fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.0.shared.snapshot().schema)
    }

    /// Why the space has no tables at the moment, if its view could not be opened or built: its log
    /// can be read, verified and exported all the same.
    pub fn without_view(&self) -> Option<Cause> {
        self.0.shared.without_view()
    }

    /// Tables that count but that this program cannot show, by name, and why: a defect of it. Their
    /// rows wait, and their fingerprints are withheld.
    pub fn not_shown(&self) -> Vec<(String, Cause)> {
        let snapshot = self.0.shared.snapshot();
        let named = |(id, reason): (&TableId, &Cause)| {
            let name = snapshot.schema.table_by_id(*id).map(|table| table.shown.name.clone());
            (name.unwrap_or_else(|| id.to_string()), reason.clone())
        };
        snapshot.unshown.iter().map(named).collect()
    }

    /// Its log, for people.
    pub fn log(&self) -> LogReader<'_> {
        LogReader { space: self }
    }

    /// Its log, for peers.
    pub fn chunks(&self) -> ChunkReader<'_> {
        ChunkReader { space: self }
    }

    /// Its open conflicts.
    pub fn conflicts(&self) -> ConflictReader<'_> {
        ConflictReader { space: self }
    }

    /// Records a local write. `reply` is called on the writer's thread once the write is durable
    /// and visible, or refused; it must not block.
    pub fn write(&self, write: Write, reply: impl FnOnce(Result<Written, WriteError>) + Send + 'static) {
        self.local(LocalWork::Sql(write), reply);
    }

    /// Adds what `sql` (DDL) declares and the schema lacks.
    pub fn apply_schema(&self, sql: &str, reply: impl FnOnce(Result<Written, WriteError>) + Send + 'static) {
        self.local(LocalWork::Schema(sql.to_owned()), reply);
    }

    /// What [`Space::apply_schema`] would add.
    pub fn plan_schema(&self, sql: &str) -> Result<Vec<tandem_protocol::schema::SchemaOp>, Refusal> {
        tandem_protocol::schema::ddl::plan(sql, &self.schema()).map_err(|error| Refusal::of_ddl(&error))
    }

    /// Admits a new member, by this site, which must be an admin.
    pub fn admit(
        &self,
        candidate: Candidate,
        role: Role,
        invitation: Option<[u8; 16]>,
        reply: impl FnOnce(Result<Written, WriteError>) + Send + 'static,
    ) {
        self.local(LocalWork::admit(self.0.id, candidate, role, invitation), reply);
    }

    /// Gives a site another name.
    pub fn rename(
        &self,
        author: Author,
        name: String,
        reply: impl FnOnce(Result<Written, WriteError>) + Send + 'static,
    ) {
        self.local(LocalWork::rename(author, name), reply);
    }

    /// Ends a conflict, by an ordinary transaction. `reply` as for [`Space::write`].
    pub fn resolve(
        &self,
        resolution: Resolution,
        reply: impl FnOnce(Result<Written, WriteError>) + Send + 'static,
    ) {
        self.local(LocalWork::Resolve(resolution), reply);
    }

    pub(crate) fn found(
        &self,
        founding: MemberOp,
        schema: Vec<tandem_protocol::schema::SchemaOp>,
        time_ms: i64,
    ) -> Result<Written, WriteError> {
        self.wait(|reply| {
            let work = LocalWork::Found(Box::new(founding), schema);
            self.send_local(work, time_ms, Box::new(reply));
        })
    }

    /// Makes SQLite refuse tables of more columns.
    #[cfg(test)]
    pub(crate) fn limit_columns(&self, most: i32) {
        self.send(Command::LimitColumns(most));
    }

    #[cfg(test)]
    pub(crate) fn send_job(&self, job: LocalJob) {
        self.send(Command::Job(Job::Local(job)));
    }

    pub(crate) fn local(
        &self,
        work: LocalWork,
        reply: impl FnOnce(Result<Written, WriteError>) + Send + 'static,
    ) {
        self.send_local(work, now_ms(), Box::new(reply));
    }

    fn send_local(
        &self,
        work: LocalWork,
        now_ms: i64,
        reply: crate::writer::Reply<Result<Written, WriteError>>,
    ) {
        let home = Some(self.0.commands.clone());
        self.send(Command::Job(Job::Local(LocalJob { work, home, now_ms, reply })));
    }

    /// Takes in a block of another site, from the network or a bundle. It is verified whole, made
    /// durable and merged before `reply` is called (on the writer's thread).
    pub fn receive(
        &self,
        block: Vec<u8>,
        reply: impl FnOnce(Result<Received, ReceiveError>) + Send + 'static,
    ) {
        self.receive_without(block, Withheld::default(), reply);
    }

    /// As [`Space::receive`], from where something is known not to pass because a chain forked.
    pub fn receive_without(
        &self,
        block: Vec<u8>,
        withheld: Withheld,
        reply: impl FnOnce(Result<Received, ReceiveError>) + Send + 'static,
    ) {
        self.remote(block, withheld, None, reply);
    }

    /// As [`Space::receive_without`]; `effect` holds what the blocks before it came to, and then what
    /// they come to with it.
    pub fn receive_counting(
        &self,
        block: Vec<u8>,
        withheld: Withheld,
        effect: SharedEffect,
        reply: impl FnOnce(Result<Received, ReceiveError>) + Send + 'static,
    ) {
        self.remote(block, withheld, Some(effect), reply);
    }

    fn remote(
        &self,
        block: Vec<u8>,
        withheld: Withheld,
        effect: Option<SharedEffect>,
        reply: impl FnOnce(Result<Received, ReceiveError>) + Send + 'static,
    ) {
        let reply = Box::new(reply);
        let job = RemoteJob::new(block, withheld, now_ms(), effect, reply);
        self.send(Command::Job(Job::Remote(job)));
    }

    /// Says what taking in blocks one after the other would come to: it is done, in one transaction
    /// of the view, and taken back. Nothing reaches the log. The writer is at it meanwhile, so
    /// `blocks` comes from memory or from a disk, not from a network.
    pub fn try_blocks(
        &self,
        blocks: Blocks,
        withheld: Withheld,
        reply: impl FnOnce(Result<Trial, ReceiveError>) + Send + 'static,
    ) {
        let reply = Box::new(reply);
        self.send(Command::Try(TrialJob { blocks, withheld, now_ms: now_ms(), reply }));
    }

    /// Builds the view anew from the log.
    pub fn rebuild_view(&self) -> Result<(), ViewError> {
        let (done, wait) = sync_channel(1);
        self.send(Command::Rebuild(Box::new(move |result| {
            let _caller_waits = done.send(result);
        })));
        wait.recv().unwrap_or_else(|_| Err(ViewError::Behind(Cause::new("store_closing"))))
    }

    /// The site's key has changed: returns when nothing is signed with the old one any more.
    pub(crate) fn key_changed(&self) {
        let (done, wait) = sync_channel(1);
        self.send(Command::KeyChanged(Box::new(move || {
            let _caller_waits = done.send(());
        })));
        let _closed_signs_nothing = wait.recv();
    }

    /// Runs one of the methods that take a reply, and waits for it.
    pub fn wait<T: Send + 'static, E: From<Closed> + Send + 'static>(
        &self,
        start: impl FnOnce(Box<dyn FnOnce(Result<T, E>) + Send>),
    ) -> Result<T, E> {
        let (done, wait) = sync_channel(1);
        start(Box::new(move |result| {
            let _caller_waits = done.send(result);
        }));
        wait.recv().unwrap_or_else(|_| Err(Closed.into()))
    }

    /// Runs a query. The version returned is at most what the rows show, so a write that names it
    /// as its basis can only be more careful than needed.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<(Rows, Arc<VersionVector>), Refusal> {
        let mut rows = Rows::default();
        let vector = self.query_for(&Owner::default(), (sql, params), ANSWER_BYTES, &mut rows)?;
        Ok((rows, vector))
    }

    /// As [`Space::query`], for `owner`, the answer given row by row as it is found, up to so many
    /// bytes.
    pub fn query_for(
        &self,
        owner: &Owner,
        (sql, params): (&str, &[Value]),
        most: usize,
        answer: &mut dyn Answer,
    ) -> Result<Arc<VersionVector>, Refusal> {
        if let Some(reason) = self.without_view() {
            return Err(Refusal::without_view(reason));
        }
        let _running = self.0.shared.running.enter(owner, false, sql);
        let leave = Leave {
            owner: owner.clone(),
            deadline: owner.deadline(READ_DEADLINE),
            stopping: Arc::clone(&self.0.shared.stopping),
            gives_way: None,
        };
        let vector = self.vector();
        self.0.readers.query(&self.schema(), &Asked { sql, params, most }, leave, answer)?;
        Ok(vector)
    }

    /// The statements of users that run now, the oldest first.
    pub fn running(&self) -> Vec<RunningStatement> {
        self.0.shared.running.list()
    }

    /// Calls `watcher` after every durable commit, on the writer's thread; it must not block.
    pub fn subscribe(&self, watcher: impl Fn(&Commit) + Send + Sync + 'static) {
        self.0.shared.subscribe(Box::new(watcher));
    }

    /// A command that cannot be sent is dropped, and its reply with it: the caller is told that
    /// the store is closing.
    fn send(&self, command: Command) {
        let shared = Arc::clone(&self.0.shared);
        let command = match command {
            Command::Job(Job::Local(LocalJob { work, home, now_ms, reply })) => {
                if work.is_asked() {
                    shared.user_waits();
                }
                Command::Job(Job::Local(LocalJob { work, home, now_ms, reply: shared.counted(reply) }))
            }
            Command::Job(Job::Remote(RemoteJob { block, withheld, now_ms, effect, reply, .. })) => {
                let reply = shared.counted(reply);
                Command::Job(Job::Remote(RemoteJob::new(block, withheld, now_ms, effect, reply)))
            }
            other => other,
        };
        let _dropped_when_closing = self.0.commands.send(command);
    }
}

/// The writer has gone.
#[derive(Debug, Clone, Copy)]
pub struct Closed;

impl From<Closed> for WriteError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<Closed> for ReceiveError {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}
