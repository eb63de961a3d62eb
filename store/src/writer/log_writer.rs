//! The log as this site writes to it, with what is kept beside it.

use tandem_protocol::bounds;
use tandem_protocol::clock::Clock;
use tandem_protocol::identity::{AuthorKey, SpaceId};

use super::records::{GivenAnswer, Records};
use crate::answers::Answers;
use crate::log::{LogError, SpaceLog, Tree};
use crate::view::View;

/// Bytes of small records at which they are joined.
const SEAL_AFTER_BYTES: usize = bounds::BLOCK_TARGET_BYTES;

/// The log of a space with what lies beside it, and how far it has been written.
pub(crate) struct LogWriter {
    pub space: SpaceId,
    pub key: AuthorKey,
    pub log: SpaceLog,
    /// What was answered to requests that can come again.
    pub answers: Answers,
    /// Where forks are noted.
    pub forks: Tree,
    pub clock: Clock,
    /// Arrival number after the last durable transaction.
    pub end: u64,
    /// Up to where small records have been joined.
    pub sealed: u64,
    /// Bytes of small records since.
    pub unsealed_bytes: usize,
}

impl LogWriter {
    /// Makes records durable, and with them what is answered.
    pub(super) fn write(&mut self, records: &Records) -> Result<(), LogError> {
        let mut end = self.end;
        for record in records.all() {
            assert_eq!(record.arrival, end, "a record begins where the log ends");
            end += u64::from(record.count);
        }
        records.all().iter().try_for_each(|record| self.log.append(record))?;
        // After the records: an answer is never there without what it tells of.
        let mut answers = records.answers().iter();
        answers
            .try_for_each(|GivenAnswer { key, written, now_ms }| self.answers.put(key, written, *now_ms))?;
        self.log.flush()?;
        let small = records.all().iter().filter(|record| record.is_small());
        self.unsealed_bytes += small.map(|record| record.block.len()).sum::<usize>();
        self.end = end;
        Ok(())
    }

    /// Joins small records once they make a full block together.
    pub(super) fn seal(&mut self, view: &View) {
        if self.unsealed_bytes < SEAL_AFTER_BYTES {
            return;
        }
        self.unsealed_bytes = 0;
        loop {
            match self.log.seal(self.sealed, self.end) {
                Ok(next) if next == self.sealed => break,
                Ok(next) => {
                    debug_assert!(next > self.sealed, "what has been joined is behind");
                    self.sealed = next;
                }
                Err(error) => {
                    tracing::warn!(%error, "records could not be joined");
                    break;
                }
            }
        }
        if let Err(error) = view.put_state("sealed", self.sealed as i64) {
            tracing::warn!(%error, "the view could not be changed");
        }
    }
}
