//! What a group of jobs has recorded so far, not yet durable.

use tandem_protocol::block::BlockBuilder;
use tandem_protocol::identity::Author;
use tandem_protocol::request::RequestKey;
use tandem_protocol::verify::{ChainHead, Chains};

use crate::answers::KeptAnswer;
use crate::commit::CommittedTransaction;
use crate::log::{Offsets, Record};
use crate::recent::Recent;
use crate::write::Written;

/// The records that a group of jobs leaves, and what is to be told of them.
#[derive(Default)]
pub(super) struct Records {
    records: Vec<Record>,
    /// Local transactions that share one record.
    open: Option<OpenRecord>,
    recent: Vec<Recent>,
    committed: Vec<CommittedTransaction>,
    answers: Vec<GivenAnswer>,
}

/// A record that further transactions of this site can join.
struct OpenRecord {
    arrival: u64,
    /// The chains before it.
    before: Chains,
    block: BlockBuilder,
    offsets: Offsets,
}

/// An answer to a request that can come again.
pub(super) struct GivenAnswer {
    pub key: RequestKey,
    pub written: Written,
    pub now_ms: i64,
}

/// What one job records.
pub(super) enum Recorded {
    /// A transaction of this site.
    Own(Box<OwnTransaction>),
    /// A block of others.
    Block { record: Record, recent: Vec<Recent>, committed: Vec<CommittedTransaction> },
}

/// A transaction of this site.
pub(super) struct OwnTransaction {
    pub recent: Recent,
    pub committed: CommittedTransaction,
    /// The chain before it.
    pub before: ChainHead,
    /// How far the source of its edits has come.
    pub offsets: Offsets,
}

impl Records {
    /// Takes in what a job that is kept has recorded.
    pub fn add(&mut self, recorded: Recorded) {
        match recorded {
            Recorded::Own(own) => {
                let OwnTransaction { recent, committed, before, offsets } = *own;
                self.assert_follows(recent.arrival);
                self.join(&recent, before, offsets);
                self.recent.push(recent);
                self.committed.push(committed);
            }
            Recorded::Block { record, recent, committed } => {
                self.assert_follows(record.arrival);
                assert_eq!(record.count as usize, recent.len(), "a record counts its transactions");
                self.close();
                self.records.push(record);
                self.recent.extend(recent);
                self.committed.extend(committed);
            }
        }
    }

    fn assert_follows(&self, arrival: u64) {
        let next = self.recent.last().map_or(arrival, |last| last.arrival + 1);
        assert_eq!(arrival, next, "transactions are recorded in order of arrival");
    }

    /// Takes in what a job that is kept is answered with.
    pub fn add_answer(&mut self, answer: GivenAnswer) {
        debug_assert!(self.answer(&answer.key.key).is_none(), "a request is carried out once");
        self.answers.push(answer);
    }

    fn join(&mut self, recent: &Recent, before: ChainHead, offsets: Offsets) {
        let author: Author = recent.header.dot.author;
        let empty = || OpenRecord {
            arrival: recent.arrival,
            before: Chains::new(),
            block: BlockBuilder::default(),
            offsets: Offsets::new(),
        };
        let open = self.open.get_or_insert_with(empty);
        let next = open.arrival + open.block.len() as u64;
        assert_eq!(recent.arrival, next, "a transaction that joins a record follows its last");
        open.before.entry(author.into()).or_insert(before);
        open.block.push(author, &recent.bytes, recent.signature);
        open.offsets.extend(offsets);
        if open.block.is_full() {
            self.close();
        }
    }

    /// Ends the record that others could still join.
    pub fn close(&mut self) {
        if let Some(OpenRecord { arrival, before, block, offsets }) = self.open.take() {
            let count = block.len() as u32;
            assert!(count > 0, "a record holds a transaction");
            self.records.push(Record { arrival, block: block.finish(), count, before, offsets });
        }
    }

    /// Whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.open.is_none() && self.answers.is_empty()
    }

    /// Those that are closed.
    pub fn all(&self) -> &[Record] {
        assert!(self.open.is_none(), "a record is closed before it is written");
        &self.records
    }

    pub fn answers(&self) -> &[GivenAnswer] {
        &self.answers
    }

    /// What was answered so far to the request of that key.
    pub fn answer(&self, key: &[u8; 32]) -> Option<KeptAnswer> {
        let given = self.answers.iter().find(|given| given.key.key == *key)?;
        let written = Written { repeated: true, ..given.written.clone() };
        Some(KeptAnswer { request: given.key.request, written })
    }

    /// Keeps of the transactions recorded so far only what later ones are compared with.
    pub fn forget_bytes(&mut self) {
        self.records.clear();
        self.committed.clear();
        self.recent.iter_mut().for_each(|recent| recent.bytes = Vec::new());
    }

    /// The transactions recorded so far.
    pub fn recent(&self) -> &[Recent] {
        &self.recent
    }

    /// What readers and watchers are told once it is durable.
    pub fn told(self) -> (Vec<Recent>, Vec<CommittedTransaction>) {
        assert_eq!(
            self.recent.len(),
            self.committed.len(),
            "what is recorded is told, each transaction once"
        );
        (self.recent, self.committed)
    }
}
