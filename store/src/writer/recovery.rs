//! Brings the view to where the log is: after a crash, after a failed commit, or from nothing.

use std::path::Path;
use std::sync::Arc;

use tandem_protocol::clock::Clock;
use tandem_protocol::identity::SpaceId;
use tandem_protocol::schema::Judge;
use tandem_protocol::verify::ChainHead;

use super::Writer;
use super::log_writer::LogWriter;
use super::open_failure::OpenFailure;
use super::replay::{build, replay};
use crate::identity::Identity;
use crate::log::{LogError, SpaceLog};
use crate::published::Published;
use crate::view::{Group, View, ViewError, file};

/// Transactions replayed per SQLite transaction.
const REPLAY_TRANSACTIONS: u64 = 10_000;

impl Writer {
    /// Opens the view beside its log and lets it catch up.
    pub(crate) fn open(
        space: SpaceId,
        identity: Identity,
        log: SpaceLog,
        view_path: &Path,
        published: Arc<Published>,
        judge: Judge,
    ) -> Result<Self, OpenFailure> {
        let (log_end, cut) = log.end()?;
        if cut > 0 {
            tracing::warn!(
                cut,
                "the last records of the log were not completely written and have been cut off; they had not been acknowledged"
            );
        }
        let key = identity.key();
        let me = key.author();
        let view = match View::open(view_path, me, judge) {
            Ok(view) => view,
            Err(error) => {
                tracing::warn!(%error, "the view cannot be used and is built anew from the log");
                file::remove(view_path)?;
                View::open(view_path, me, judge)?
            }
        };
        let sealed = view.state("sealed")?.unwrap_or(0) as u64;
        let clock = Clock::default();
        let (answers, forks) = (log.answers(space)?, log.forks(space)?);
        published.forks.load(&forks)?;
        published.acknowledged.load(&log.acknowledged(space)?)?;
        let log =
            LogWriter { space, key, log, answers, forks, clock, end: log_end, sealed, unsealed_bytes: 0 };
        let mut writer = Self { identity, log, view, published, aside: None, put_off: Vec::new() };
        let altered = writer.view.altered_tables();
        if !altered.is_empty() {
            tracing::warn!(
                tables = altered.join(", "),
                "another program has written into the view, which is built anew from the log; nothing of the log was lost"
            );
            writer.rebuild()?;
            writer.published.set_mended(altered);
        } else if writer.follows_log()? {
            writer.catch_up()?;
        } else {
            tracing::warn!("the view does not match the log and is built anew");
            writer.rebuild()?;
        }
        if writer.view.fold.tables.needs_rebuild {
            writer.rebuild()?;
        }
        writer.log.clock = Clock::resume(writer.view.last_times()?);
        writer.published.set(&writer.view.fold);
        Ok(writer)
    }

    /// Whether the log at the view's position is the one the view was made from.
    fn follows_log(&self) -> Result<bool, LogError> {
        let position = self.view.fold.position.next;
        if position == 0 {
            return Ok(true);
        }
        if position > self.log.end {
            return Ok(false);
        }
        let Some(record) = self.log.log.holding(position - 1)? else { return Ok(false) };
        let opened = record.open()?;
        let at = (position - 1 - record.arrival) as usize;
        Ok(opened.entries.get(at).is_some_and(|(header, _, hash)| {
            let chain = ChainHead { seq: header.dot.seq, hash: *hash };
            self.view.fold.position.chains.get(&header.dot.chain()) == Some(&chain)
        }))
    }

    /// Merges what the log has beyond the view.
    pub(crate) fn catch_up(&mut self) -> Result<(), ViewError> {
        assert!(self.view.fold.position.next <= self.log.end, "a view is never ahead of its log");
        while self.view.fold.position.next < self.log.end {
            let mut group = Group::begin(&mut self.view)?;
            let until = self.log.end.min(group.fold.position.next + REPLAY_TRANSACTIONS);
            replay(&mut group, &self.log.log, self.log.end, until)?;
            group.commit()?;
        }
        Ok(())
    }

    /// Builds the view anew from the log, in one SQLite transaction: readers see the old one until
    /// the new one is complete.
    pub(crate) fn rebuild(&mut self) -> Result<(), ViewError> {
        let sealed = self.log.sealed as i64;
        let log = &self.log;
        build(&mut self.view, &log.log, log.end, |view| view.put_state("sealed", sealed))?;
        assert!(self.view.fold.position.next <= self.log.end, "a view is never ahead of its log");
        self.published.set(&self.view.fold);
        Ok(())
    }
}
