//! What a space is made of on this site: its handle and its readers share it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use tandem_protocol::cause::Cause;
use tandem_protocol::identity::SpaceId;
use tandem_protocol::schema::Schema;
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;

use crate::identity::Identity;
use crate::log::SpaceLog;
use crate::owner::{Owner, READ_DEADLINE};
use crate::published::{Published, Snapshot};
use crate::refusal::Refusal;
use crate::view::guard::{ANSWER_BYTES, Leave};
use crate::view::query::{Answer, Query, Rows};
use crate::view::reader::Readers;
use crate::writer::Command;

/// The parts of a space: its log, the connections that read its view, what the writer tells, and the
/// way to the writer.
pub(super) struct Parts {
    pub id: SpaceId,
    pub name: String,
    pub identity: Identity,
    pub folder: PathBuf,
    pub log: SpaceLog,
    pub readers: Readers,
    pub published: Arc<Published>,
    pub commands: SyncSender<Command>,
}

impl Parts {
    /// The newest durable state.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.published.snapshot()
    }

    /// Everything durable here.
    pub fn vector(&self) -> Arc<VersionVector> {
        Arc::clone(&self.snapshot().vector)
    }

    /// Arrival number after the last durable transaction.
    pub fn end(&self) -> u64 {
        self.snapshot().end
    }

    /// The tables.
    pub fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.snapshot().schema)
    }

    /// Why there is no view, if there is none.
    pub fn without_view(&self) -> Option<Cause> {
        self.published.without_view()
    }

    /// Runs a query. The version returned is at most what the rows show.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<(Rows, Arc<VersionVector>), Refusal> {
        let mut rows = Rows::default();
        let vector = self.query_for(&Owner::default(), (sql, params), ANSWER_BYTES, &mut rows)?;
        Ok((rows, vector))
    }

    /// The same for `owner`, the answer given row by row, up to so many bytes.
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
        let _running = self.published.running.enter(owner, false, sql);
        let leave = Leave {
            owner: owner.clone(),
            deadline: owner.deadline(READ_DEADLINE),
            stopping: Arc::clone(&self.published.stopping),
            gives_way: None,
        };
        let vector = self.vector();
        self.readers.query(&self.schema(), &Query { sql, params, most }, leave, answer)?;
        Ok(vector)
    }
}
