//! One space: the handle everybody uses. Writes go to the writer's thread, reads do not wait for
//! it.

mod chunk;
mod conflicts;
mod entries;
mod forks;
mod movements;
mod opening;
mod parts;
mod status;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use rusqlite::OptionalExtension;
use tandem_protocol::cause::Cause;
use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::membership::{Candidate, MemberOp, Membership, Role};
use tandem_protocol::schema::{Schema, TableId};
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;

pub use chunk::{Chunk, ChunkReader};
pub use conflicts::{ConflictPlace, ConflictReader, Referrer, Referrers};
pub use entries::{LogEntry, LogFilter, LogReader, is_key_text};
pub use forks::ForkReader;
pub use movements::{Movement, MovementFilter, MovementKind, MovementReader, Movements, MovementsError};
pub use status::SpaceStatus;
pub use verify::VerifyReport;

use parts::Parts;

use crate::closed::Closed;
use crate::commit::Commit;
use crate::effect::SharedEffect;
use crate::now::now_ms;
use crate::owner::Owner;
use crate::receive::{Blocks, ReceiveError, Received, Trial};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::resolution::Resolution;
use crate::running::RunningStatement;
use crate::view::ViewError;
use crate::view::query::{Answer, Rows};
use crate::write::{Write, WriteError, Written};
use crate::writer::{Command, Job, LocalJob, LocalWork, RemoteJob, TrialJob};

/// A space on this site. Cheap to clone.
#[derive(Clone)]
pub struct Space(Arc<Parts>);

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
        self.0.vector()
    }

    /// What a site shows in its own transactions to have held: they name all that it knew. It may
    /// hold more by now.
    pub fn shown_by(&self, site: &Author) -> VersionVector {
        let snapshot = self.0.published.snapshot();
        let mut held = snapshot.contexts.get(site).map(|known| (**known).clone()).unwrap_or_default();
        let own = snapshot.vector.heads().filter(|(chain, _)| chain.author == *site);
        held.join(&VersionVector::of(own.map(|(chain, head)| (*chain, *head)), snapshot.vector.branches()));
        held
    }

    /// What another site said to hold when it was last heard of, also before this site was opened.
    pub fn acknowledged_by(&self, site: &Author) -> VersionVector {
        self.0.published.acknowledged.by(site)
    }

    /// Notes what another site says to hold.
    pub fn note_acknowledged(&self, site: Author, vector: &VersionVector) {
        let noted = self.0.log.acknowledged(self.0.id);
        let noted = noted.and_then(|tree| self.0.published.acknowledged.note(&tree, site, vector));
        if let Err(error) = noted {
            tracing::warn!(%error, "what a site holds could not be noted; it is said again at the next contact");
        }
    }

    /// Arrival number after the last durable transaction; they count from 0.
    pub fn end(&self) -> u64 {
        self.0.end()
    }

    /// The members.
    pub fn membership(&self) -> Arc<Membership> {
        Arc::clone(&self.0.published.snapshot().membership)
    }

    /// The tables.
    pub fn schema(&self) -> Arc<Schema> {
        self.0.schema()
    }

    /// Why the space has no tables at the moment, if its view could not be opened or built: its log
    /// can be read, verified and exported all the same.
    pub fn without_view(&self) -> Option<Cause> {
        self.0.without_view()
    }

    /// Tables that count but that this program cannot show, by name, and why: a defect of it. Their
    /// rows wait, and their fingerprints are withheld.
    pub fn not_shown(&self) -> Vec<(String, Cause)> {
        let snapshot = self.0.published.snapshot();
        let named = |(id, reason): (&TableId, &Cause)| {
            let name = snapshot.schema.table_by_id(*id).map(|table| table.shown.name.clone());
            (name.unwrap_or_else(|| id.to_string()), reason.clone())
        };
        snapshot.unshown.iter().map(named).collect()
    }

    /// Views, by name, whose query does not do here with the tables as they are, and why.
    pub fn unread_queries(&self) -> BTreeMap<String, Cause> {
        BTreeMap::clone(&self.0.published.snapshot().unread)
    }

    /// Its log, for people.
    pub fn log(&self) -> LogReader<'_> {
        LogReader { parts: &self.0 }
    }

    /// The movements of counters.
    pub fn movements(&self) -> MovementReader<'_> {
        MovementReader { parts: &self.0 }
    }

    /// Its log, for peers.
    pub fn chunks(&self) -> ChunkReader<'_> {
        ChunkReader { parts: &self.0 }
    }

    /// Where what is held here differs from what others hold.
    pub fn forks(&self) -> ForkReader<'_> {
        ForkReader { parts: &self.0 }
    }

    /// Its open conflicts.
    pub fn conflicts(&self) -> ConflictReader<'_> {
        ConflictReader { parts: &self.0 }
    }

    /// Records a local write. `reply` is called on the writer's thread once the write is durable
    /// and visible, or refused; it must not block. One that takes long runs aside, and others asked for
    /// later are recorded before it: whoever needs an order waits for the answer.
    pub fn write(&self, write: Write, reply: impl FnOnce(Result<Written, WriteError>) + Send + 'static) {
        self.local(LocalWork::Sql(Box::new(write)), reply);
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

    fn send_local(&self, work: LocalWork, now_ms: i64, reply: Reply<Result<Written, WriteError>>) {
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
        self.0.query(sql, params)
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
        self.0.query_for(owner, (sql, params), most, answer)
    }

    /// How far a source of edits has come ([`crate::SourceOffset`]): as the last transaction says that
    /// took some in.
    pub fn offset_of(&self, source: &str) -> Result<Option<Vec<u8>>, ViewError> {
        let sql = "SELECT offset FROM _tandem_offsets WHERE source = ?1";
        self.0.readers.read(|connection| {
            Ok(connection.prepare_cached(sql)?.query_row([source], |row| row.get(0)).optional()?)
        })
    }

    /// The statements of users that run now, the oldest first.
    pub fn running(&self) -> Vec<RunningStatement> {
        self.0.published.running.list()
    }

    /// Calls `watcher` after every durable commit, on the writer's thread; it must not block.
    pub fn subscribe(&self, watcher: impl Fn(&Commit) + Send + Sync + 'static) {
        self.0.published.subscribe(Box::new(watcher));
    }

    /// A command that cannot be sent is dropped, and its reply with it: the caller is told that
    /// the store is closing.
    fn send(&self, command: Command) {
        let published = Arc::clone(&self.0.published);
        let command = match command {
            Command::Job(Job::Local(LocalJob { work, home, now_ms, reply })) => {
                if work.is_asked() {
                    published.user_waits();
                }
                Command::Job(Job::Local(LocalJob { work, home, now_ms, reply: published.counted(reply) }))
            }
            Command::Job(Job::Remote(RemoteJob { block, withheld, now_ms, effect, reply, .. })) => {
                let reply = published.counted(reply);
                Command::Job(Job::Remote(RemoteJob::new(block, withheld, now_ms, effect, reply)))
            }
            other => other,
        };
        let _dropped_when_closing = self.0.commands.send(command);
    }
}
